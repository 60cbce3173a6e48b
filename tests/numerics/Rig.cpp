// See Rig.h.
#include "Rig.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "reference/Safetensors.h"

#include <cmath>
#include <cstring>

namespace numerics {

using namespace sage;
using reference::Dtype;

namespace {

std::string deviceSpec = "sim:sm_80";
std::string dataDirectory = SAGE_TEST_DATA;

Buffer uploaded(const HostTensor &tensor) {
  Buffer buffer = must(bench().device->allocate(tensor.bytes.size()));
  must(buffer.upload(tensor.bytes.data(), tensor.bytes.size()));
  return buffer;
}

/// [B, X, Y, D] → [B, Y, X, D].
HostTensor swapped(const HostTensor &tensor) {
  HostTensor result = tensor;
  const std::int64_t batch = tensor.shape[0], x = tensor.shape[1], y = tensor.shape[2];
  const std::size_t row = std::size_t(tensor.shape[3]) * reference::dtypeBytes(tensor.dtype);
  std::swap(result.shape[1], result.shape[2]);
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t i = 0; i < x; ++i)
      for (std::int64_t j = 0; j < y; ++j)
        std::memcpy(result.bytes.data() + std::size_t((b * y + j) * x + i) * row,
                    tensor.bytes.data() + std::size_t((b * x + i) * y + j) * row, row);
  return result;
}

HostTensor inLayout(const HostTensor &tensor, TensorLayout layout) {
  return layout == TensorLayout::Hnd ? tensor : swapped(tensor);
}

AttentionShape shapeOf(const Inputs &inputs) {
  return {inputs.batch(),  inputs.queryHeads(), inputs.keyHeads(), inputs.tokens(),
          inputs.tokens(), inputs.dim(),        DType::F16};
}

HostTensor normalTensor(std::uint64_t seed, std::uint64_t stream, const reference::Shape &shape) {
  const std::int64_t count = must(reference::elementCount(shape));
  return must(reference::fromFloats(reference::normals(seed, stream, count), Dtype::F16, shape));
}

} // namespace

void chooseDevice(const std::string &spec) { deviceSpec = spec; }
void chooseData(const std::string &directory) { dataDirectory = directory; }

Bench &bench() {
  static Bench instance = [] {
    Bench made;
    made.device = must(Device::open(deviceSpec));
    made.cache = std::make_shared<KernelCache>();
    made.stream = must(made.device->createStream());
    return made;
  }();
  return instance;
}

bool deviceIsLost() {
  try {
    return !bench().device->synchronize().ok();
  } catch (const std::runtime_error &) {
    return false; // there never was one
  }
}

Config config(const std::string &name, const std::vector<std::string> &settings) {
  Config result = must(Config::load(name));
  for (const std::string &setting : settings) must(result.set(setting));
  return result;
}

Inputs normalInputs(const Sizes &s, std::uint64_t seed) {
  return {normalTensor(seed, 0, {s.batch, s.queryHeads, s.tokens, s.dim}),
          normalTensor(seed, 1, {s.batch, s.keyHeads, s.tokens, s.dim}),
          normalTensor(seed, 2, {s.batch, s.keyHeads, s.tokens, s.dim})};
}

Inputs bundledLayer(const std::string &file, int layer) {
  auto source = must(reference::SafetensorsFile::open(dataDirectory + "/" + file + "-qkv.safetensors"));
  const std::string prefix = "layer" + std::to_string(layer) + ".";
  return {must(source.read(prefix + "q")), must(source.read(prefix + "k")), must(source.read(prefix + "v"))};
}

std::uint16_t &at(HostTensor &tensor, std::int64_t b, std::int64_t h, std::int64_t n, std::int64_t d) {
  const auto &shape = tensor.shape;
  return tensor.as<std::uint16_t>()[std::size_t(((b * shape[1] + h) * shape[2] + n) * shape[3] + d)];
}

Inputs withKeyOffset(Inputs inputs) {
  HostTensor &k = inputs.k;
  const std::int64_t tokens = k.shape[2];
  for (std::int64_t b = 0; b < k.shape[0]; ++b)
    for (std::int64_t h = 0; h < k.shape[1]; ++h)
      for (std::int64_t d = 0; d < k.shape[3]; ++d) {
        double sum = 0, squares = 0;
        for (std::int64_t n = 0; n < tokens; ++n) {
          const double value = reference::halfValue(at(k, b, h, n, d));
          sum += value;
          squares += value * value;
        }
        const double mean = sum / double(tokens), deviation = std::sqrt(squares / double(tokens) - mean * mean);
        const std::uint64_t channel = std::uint64_t((b * k.shape[1] + h) * k.shape[3] + d);
        const float offset = float(8 * deviation) * reference::randomSign(7, 0, channel);
        for (std::int64_t n = 0; n < tokens; ++n) {
          std::uint16_t &element = at(k, b, h, n, d);
          element = reference::halfBits(reference::halfValue(element) + offset);
        }
      }
  return inputs;
}

Execution::Execution(const Config &config, const Inputs &inputs, TensorLayout order)
    : given(inputs), layout(order),
      attention(must(Attention::create(bench().device, config, shapeOf(inputs), bench().cache))),
      q(uploaded(inLayout(inputs.q, order))), k(uploaded(inLayout(inputs.k, order))),
      v(uploaded(inLayout(inputs.v, order))), outputO(must(bench().device->allocate(inputs.q.bytes.size()))),
      outputLse(
          must(bench().device->allocate(std::size_t(inputs.batch() * inputs.queryHeads() * inputs.tokens()) * 4))),
      workspace(must(bench().device->allocate(attention.workspaceBytes()))) {}

TensorView Execution::tensor(const std::string &name) const {
  const std::optional<TensorView> view = attention.workspaceTensor(name, workspace.pointer());
  if (!view) throw std::runtime_error("the plan has no tensor " + name);
  return *view;
}

AttentionArguments Execution::arguments() const {
  const AttentionShape &s = attention.shape();
  auto view = [&](const Buffer &buffer, std::int64_t heads) {
    return attentionTensor(buffer.pointer(), DType::F16, layout, s.batch, heads, s.queries, s.headDim);
  };
  AttentionArguments result{.q = view(q, s.queryHeads),
                            .k = view(k, s.keyHeads),
                            .v = view(v, s.keyHeads),
                            .o = view(outputO, s.queryHeads),
                            .workspace = workspace.pointer()};
  if (attention.config().lse)
    result.lse = TensorView::contiguous(outputLse.pointer(), DType::F32, {s.batch, s.queryHeads, s.queries});
  return result;
}

void Execution::run(Stream &stream) {
  must(attention.run(stream, arguments()));
  must(stream.synchronize());
}

void Execution::runStep(const std::string &role) {
  must(attention.runStep(role, bench().stream, arguments()));
  must(bench().stream.synchronize());
}

HostTensor Execution::o() const {
  HostTensor result = inLayout(given.q, layout);
  must(outputO.download(result.bytes.data(), result.bytes.size()));
  return inLayout(result, layout); // swapping twice is the identity
}

std::vector<float> Execution::lse() const {
  std::vector<float> values(outputLse.size() / sizeof(float));
  must(outputLse.download(values.data(), outputLse.size()));
  return values;
}

void Execution::writeV(const HostTensor &tensor) {
  const HostTensor ordered = inLayout(tensor, layout);
  must(v.upload(ordered.bytes.data(), ordered.bytes.size()));
}

bool Execution::inputsAreUnchanged() const {
  auto same = [&](const Buffer &buffer, const HostTensor &tensor) {
    std::vector<std::byte> bytes(buffer.size());
    must(buffer.download(bytes.data(), bytes.size()));
    return bytes == inLayout(tensor, layout).bytes;
  };
  return same(q, given.q) && same(k, given.k) && same(v, given.v);
}

} // namespace numerics
