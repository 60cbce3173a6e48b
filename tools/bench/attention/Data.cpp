// See Data.h.
#include "attention/Data.h"

#include "reference/Half.h"
#include "reference/Random.h"
#include "reference/Safetensors.h"

#include <cstring>

namespace sage::bench {

using reference::Dtype;
using reference::HostTensor;

namespace {

constexpr std::uint64_t seed = 20;
constexpr std::int64_t outlierEvery = 16;

Result<HostTensor> normal(std::uint64_t stream, const reference::Shape &shape) {
  SAGE_ASSIGN(const std::int64_t count, reference::elementCount(shape));
  return reference::fromFloats(reference::normals(seed, stream, count), Dtype::F16, shape);
}

void addOutliers(HostTensor &k) {
  const std::int64_t heads = k.shape[0], tokens = k.shape[1], dim = k.shape[2];
  auto values = k.as<std::uint16_t>();
  for (std::int64_t h = 0; h < heads; ++h)
    for (std::int64_t d = h % outlierEvery; d < dim; d += outlierEvery) {
      const auto channel = std::uint64_t(h * dim + d);
      const float offset = reference::randomSign(seed, 3, channel) * (4.0f + float(channel * 7 % 5));
      for (std::int64_t n = 0; n < tokens; ++n) {
        std::uint16_t &value = values[std::size_t((h * tokens + n) * dim + d)];
        value = reference::halfBits(reference::halfValue(value) + offset);
      }
    }
}

} // namespace

Result<Data> Data::create(std::int64_t heads, std::int64_t tokens, std::int64_t headDim) {
  Data data;
  const reference::Shape shape{heads, tokens, headDim};
  SAGE_ASSIGN(data.q, normal(0, shape));
  SAGE_ASSIGN(data.k, normal(1, shape));
  SAGE_ASSIGN(data.v, normal(2, shape));
  addOutliers(data.k);
  return data;
}

Status Data::save(const std::string &path) const {
  return reference::writeSafetensors(path, {{"q", &q}, {"k", &k}, {"v", &v}});
}

Result<Buffer> Data::upload(const DeviceRef &device, Role role, std::int64_t heads, std::int64_t tokens) const {
  const HostTensor &source = tensor(role);
  const std::size_t row = std::size_t(source.shape[2]) * 2, stride = std::size_t(source.shape[1]) * row,
                    bytes = std::size_t(tokens) * row;
  SAGE_ASSIGN(Buffer buffer, device->allocate(std::size_t(heads) * bytes));
  for (std::int64_t h = 0; h < heads; ++h)
    SAGE_TRY(
        buffer.upload(source.bytes.data() + std::size_t(h % source.shape[0]) * stride, bytes, std::size_t(h) * bytes));
  return buffer;
}

Result<HostTensor> Data::rows(Role role, std::int64_t head, std::int64_t first, std::int64_t count) const {
  const HostTensor &source = tensor(role);
  const std::size_t row = std::size_t(source.shape[2]) * 2;
  SAGE_ASSIGN(HostTensor part, HostTensor::allocate(Dtype::F16, {1, 1, count, source.shape[2]}));
  const std::size_t from = std::size_t(head % source.shape[0] * source.shape[1] + first) * row;
  std::memcpy(part.bytes.data(), source.bytes.data() + from, part.bytes.size());
  return part;
}

} // namespace sage::bench
