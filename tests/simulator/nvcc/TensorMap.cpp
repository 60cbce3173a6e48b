// See TensorMap.h.
#include "TensorMap.h"

#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {
namespace {

/// TYPE is the driver's number: 0 bytes, 3 32-bit integers, 6 halves.
TensorMap encode(int type, unsigned elementBytes, std::uint64_t address, const std::vector<std::uint64_t> &size,
                 const std::vector<unsigned> &box, int swizzle) {
  std::vector<std::uint64_t> strides;
  std::uint64_t stride = elementBytes;
  for (const std::uint64_t s : size) strides.push_back(stride *= s);
  const std::vector<unsigned> steps(size.size(), 1);
  TensorMap map;
  REQUIRE(cuda::cuTensorMapEncodeTiled(map.content.data(), type, static_cast<unsigned>(size.size()),
                                       reinterpret_cast<void *>(address), size.data(), strides.data(), box.data(),
                                       steps.data(), 0, swizzle, 0, 0) == Result::Success);
  return map;
}

} // namespace

TensorMap TensorMap::bytes(std::uint64_t address, std::uint64_t width, std::uint64_t height, unsigned boxWidth,
                           unsigned boxHeight) {
  return encode(0, 1, address, {width, height}, {boxWidth, boxHeight}, 3);
}
TensorMap TensorMap::halves(std::uint64_t address, std::uint64_t width, std::uint64_t height, unsigned boxWidth,
                            unsigned boxHeight, int swizzle) {
  return encode(6, 2, address, {width, height}, {boxWidth, boxHeight}, swizzle);
}
TensorMap TensorMap::words(std::uint64_t address, const std::vector<std::uint64_t> &size,
                           const std::vector<unsigned> &box) {
  return encode(3, 4, address, size, box, 0);
}

} // namespace sage::simtest
