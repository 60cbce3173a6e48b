// See Execution.h.
#include "Execution.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "sage/runtime/Sources.h"

namespace sage::conformance {

using reference::Dtype;
using reference::HostTensor;

namespace {

Result<HostTensor> normalTensor(std::uint64_t stream, const reference::Shape &shape, bool outliers) {
  SAGE_ASSIGN(const std::int64_t count, reference::elementCount(shape));
  std::vector<float> values = reference::normals(22, stream, count);
  const auto dim = std::size_t(shape.back());
  for (std::size_t i = 0; outliers && i < values.size(); ++i)
    if (i % dim % 8 == 3) values[i] += reference::randomSign(22, 9, i % dim) * 6.0f;
  return reference::fromFloats(values, Dtype::F16, shape);
}

Result<Buffer> uploaded(const DeviceRef &device, const HostTensor &tensor) {
  SAGE_ASSIGN(Buffer buffer, device->allocate(tensor.bytes.size()));
  SAGE_TRY(buffer.upload(tensor.bytes.data(), tensor.bytes.size()));
  return buffer;
}

Result<KernelRef> productKernel(Target &target, std::int64_t dim) {
  SAGE_ASSIGN(const SourceText source, kernelSource("product.tile"));
  CompileRequest request;
  request.programName = source.file;
  request.programText = source.text;
  request.arch = target.arch;
  request.parameters = {{"D", std::to_string(dim)}, {"T", "\"i8\""}, {"C", "\"i32\""}};
  request.schedule = {{"block_q", "64"}, {"block_k", "64"}, {"block_n", std::to_string(dim)}, {"warps", "4"}};
  return target.cache->kernel(target.device, request);
}

// Q Kᵀ of every query head.
Status multiply(Target &target, const AttentionShape &shape, const TensorView &q, const TensorView &k,
                std::vector<Bytes> &products) {
  SAGE_ASSIGN(const KernelRef kernel, productKernel(target, shape.headDim));
  const std::int64_t n = shape.queries, head = n * shape.headDim;
  SAGE_ASSIGN(Buffer y, target.device->allocate(std::size_t(n * n) * 4));
  for (std::int64_t h = 0; h < shape.queryHeads; ++h) {
    const std::int64_t g = h / (shape.queryHeads / shape.keyHeads);
    const NamedView views[] = {
        {"A", TensorView::contiguous(q.pointer + DevicePointer(h * head), DType::I8, {1, n, shape.headDim})},
        {"B", TensorView::contiguous(k.pointer + DevicePointer(g * head), DType::I8, {1, n, shape.headDim})},
        {"Y", TensorView::contiguous(y.pointer(), DType::I32, {n, n})}};
    const NamedExtent extents[] = {{"K", shape.headDim}};
    SAGE_TRY(kernel->launch(target.stream, {.views = views, .scalars = {}, .extents = extents}));
    SAGE_TRY(target.stream.synchronize());
    Bytes bytes(std::size_t(n * n) * 4);
    SAGE_TRY(y.download(bytes.data(), bytes.size()));
    products.push_back(std::move(bytes));
  }
  return {};
}

} // namespace

Result<Target> Target::open(const std::string &spec, const std::string &arch) {
  Target target;
  SAGE_ASSIGN(target.device, Device::open(spec));
  SAGE_ASSIGN(target.stream, target.device->createStream());
  target.cache = std::make_shared<KernelCache>();
  target.arch = arch.empty() ? target.device->arch() : arch;
  return target;
}

Result<Inputs> Inputs::normal(std::int64_t queryHeads, std::int64_t keyHeads, std::int64_t tokens,
                              std::int64_t headDim) {
  Inputs inputs;
  SAGE_ASSIGN(inputs.q, normalTensor(0, {1, queryHeads, tokens, headDim}, false));
  SAGE_ASSIGN(inputs.k, normalTensor(1, {1, keyHeads, tokens, headDim}, true));
  SAGE_ASSIGN(inputs.v, normalTensor(2, {1, keyHeads, tokens, headDim}, false));
  return inputs;
}

Result<Outcome> execute(Target &target, const Config &config, const Inputs &inputs) {
  const auto &qs = inputs.q.shape, &ks = inputs.k.shape;
  const AttentionShape shape{qs[0], qs[1], ks[1], qs[2], ks[2], qs[3]};
  AttentionOptions options;
  options.arch = target.arch;
  SAGE_ASSIGN(const Attention plan, Attention::create(target.device, config, shape, target.cache, options));
  SAGE_ASSIGN(const Buffer q, uploaded(target.device, inputs.q));
  SAGE_ASSIGN(const Buffer k, uploaded(target.device, inputs.k));
  SAGE_ASSIGN(const Buffer v, uploaded(target.device, inputs.v));
  SAGE_ASSIGN(Buffer o, target.device->allocate(inputs.q.bytes.size()));
  SAGE_ASSIGN(Buffer workspace, target.device->allocate(plan.workspaceBytes()));
  // What a kernel does not write is NaN, and differs from what it should be.
  SAGE_TRY(o.fill(0xff));
  SAGE_TRY(workspace.fill(0xff));
  const auto view = [](const Buffer &b, const reference::Shape &s) {
    return TensorView::contiguous(b.pointer(), DType::F16, {s[0], s[1], s[2], s[3]});
  };
  SAGE_TRY(plan.run(
      target.stream,
      {.q = view(q, qs), .k = view(k, ks), .v = view(v, ks), .o = view(o, qs), .workspace = workspace.pointer()}));
  SAGE_TRY(target.stream.synchronize());

  Outcome outcome;
  outcome.o = inputs.q;
  SAGE_TRY(o.download(outcome.o.bytes.data(), outcome.o.bytes.size()));
  for (const WorkspaceTensor &tensor : plan.workspace()) {
    Bytes bytes(std::size_t(tensor.view.spanBytes()));
    SAGE_TRY(workspace.download(bytes.data(), bytes.size(), tensor.offset));
    outcome.workspace[tensor.name] = std::move(bytes);
  }
  const auto quantizedQ = plan.workspaceTensor("q_quantized", workspace.pointer()),
             quantizedK = plan.workspaceTensor("k_quantized", workspace.pointer());
  if (quantizedQ && quantizedK) SAGE_TRY(multiply(target, shape, *quantizedQ, *quantizedK, outcome.products));
  return outcome;
}

} // namespace sage::conformance
