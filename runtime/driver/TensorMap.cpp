// See TensorMap.h. The driver refuses what it does not like with one code for everything, so each of its rules is
// checked here first, by name. Element strides other than 1 and interleaved layouts are not offered.
#include "sage/runtime/TensorMap.h"

#include "runtime/driver/Driver.h"

#include <cstring>

namespace sage {
namespace {

constexpr int maxRank = 5;
constexpr std::int64_t unitBytes = 16, maxExtent = std::int64_t(1) << 32, maxStrideBytes = std::int64_t(1) << 40;
constexpr int maxBox = 256;

// 8-bit floating-point types move as bytes.
cuda::TensorMapDataType dataType(DType type) {
  switch (type) {
  case DType::F16: return cuda::TensorMapDataType::Float16;
  case DType::BF16: return cuda::TensorMapDataType::BFloat16;
  case DType::F32: return cuda::TensorMapDataType::Float32;
  case DType::I32: return cuda::TensorMapDataType::Int32;
  case DType::I8:
  case DType::E4M3:
  case DType::E5M2: break;
  }
  return cuda::TensorMapDataType::UInt8;
}

// 0: any row.
std::int64_t spanBytes(Swizzle swizzle) { return swizzle == Swizzle::None ? 0 : 16 << int(swizzle); }

Status checkAxis(const TensorView &tensor, int axis, int box) {
  const std::int64_t extent = tensor.shape[axis], stride = tensor.strides[axis],
                     bytes = std::int64_t(byteSize(tensor.dtype));
  const auto refuse = [&](const std::string &why) { return invalidInput("axis " + std::to_string(axis) + ": " + why); };
  if (extent < 1 || extent > maxExtent) return refuse("its extent must be 1 to 2^32");
  if (box < 1 || box > maxBox) return refuse("a box of " + std::to_string(box) + " elements; 1 to 256 are possible");
  if (axis + 1 == tensor.rank) return stride == 1 ? Status() : refuse("the last axis must be contiguous");
  if (stride < 0 || stride >= maxStrideBytes / bytes)
    return refuse("its stride of " + std::to_string(stride) + " elements must be 0 to 2^40 bytes");
  if (stride * bytes % unitBytes != 0)
    return refuse("its stride of " + std::to_string(stride * bytes) + " bytes must be a multiple of 16");
  return {};
}

Status checkRow(std::int64_t bytes, Swizzle swizzle) {
  if (bytes % unitBytes != 0)
    return invalidInput("a row of the box has " + std::to_string(bytes) + " bytes; it must be a multiple of 16");
  if (const std::int64_t span = spanBytes(swizzle); span > 0 && bytes > span)
    return invalidInput("a row of the box has " + std::to_string(bytes) + " bytes; the swizzle spans " +
                        std::to_string(span));
  return {};
}

Status checkTensor(const TensorView &tensor, std::span<const int> box, Swizzle swizzle) {
  if (box.size() != std::size_t(tensor.rank))
    return invalidInput("the box has " + std::to_string(box.size()) + " axes, the tensor " +
                        std::to_string(tensor.rank));
  if (tensor.pointer == 0 || tensor.pointer % unitBytes != 0)
    return invalidInput("its address must be a multiple of 16, not 0");
  for (int axis = 0; axis < tensor.rank; ++axis) SAGE_TRY(checkAxis(tensor, axis, box[std::size_t(axis)]));
  return checkRow(box.back() * std::int64_t(byteSize(tensor.dtype)), swizzle);
}

} // namespace

Result<TensorMap> encodeTensorMap(const Device &device, const TensorView &tensor, std::span<const int> box,
                                  Swizzle swizzle) {
  if (tensor.rank < 1 || tensor.rank > maxRank) return invalidInput("a tensor map takes a tensor of 1 to 5 axes");
  const std::string what = "the tensor map of " + tensor.describe();
  if (!device.runs("sm_90"))
    return invalidInput(what + ": needs sm_90 or later; " + device.spec() + " is " + device.arch());
  SAGE_TRY(checkTensor(tensor, box, swizzle).context(what));
  if (!device.driver().api().cuTensorMapEncodeTiled)
    return deviceError(what + ": " + device.driver().path() +
                       " lacks the entry point cuTensorMapEncodeTiled; install a driver of CUDA 12.0 (525) or later");
  // The driver counts axes from the one that is contiguous, which has no stride.
  std::array<std::uint64_t, maxRank> extents{}, strides{};
  std::array<unsigned, maxRank> boxes{}, steps{};
  for (int k = 0; k < tensor.rank; ++k) {
    const int axis = tensor.rank - 1 - k;
    extents[k] = std::uint64_t(tensor.shape[axis]);
    boxes[k] = unsigned(box[std::size_t(axis)]);
    steps[k] = 1;
    if (k > 0) strides[k - 1] = std::uint64_t(tensor.strides[axis]) * byteSize(tensor.dtype);
  }
  ContextScope scope(device);
  SAGE_TRY(scope.take());
  cuda::TensorMap encoded;
  SAGE_TRY(SAGE_DRIVER_CALL(device.driver(), cuTensorMapEncodeTiled, &encoded, dataType(tensor.dtype),
                            unsigned(tensor.rank), reinterpret_cast<void *>(tensor.pointer), extents.data(),
                            strides.data(), boxes.data(), steps.data(), cuda::TensorMapInterleave::None,
                            cuda::TensorMapSwizzle(swizzle), cuda::TensorMapL2Promotion::Bytes128,
                            cuda::TensorMapOobFill::Zeros)
               .context(what));
  TensorMap map;
  static_assert(sizeof map == sizeof encoded);
  std::memcpy(&map, &encoded, sizeof map);
  return map;
}

} // namespace sage
