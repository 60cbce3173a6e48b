// Export: descriptions of tensors for bulk copies, refused where the driver's documentation says so.
#include <cstring>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "memory/TensorMap.h"

namespace sage::cuda {
namespace {

using Encoded = sim::TensorMap;
using namespace sim;

struct Request {
  int type;
  unsigned rank;
  std::uint64_t address;
  const std::uint64_t *size, *strides;
  const unsigned *box, *elementStrides;
  int interleave, swizzle, promotion, fill;
};

bool enumeratorsKnown(const Request &r) {
  return r.type >= 0 && r.type <= 12 && r.interleave >= 0 && r.interleave <= 2 && r.swizzle >= 0 && r.swizzle <= 6 &&
         r.promotion >= 0 && r.promotion <= 3 && r.fill >= 0 && r.fill <= 1;
}

bool isFloating(TensorElement e) { return e >= TensorElement::F16; }

/// The bytes that the swizzle repeats after; a tile's row may not be longer.
std::uint64_t swizzleSpan(int swizzle) { return swizzle == 0 ? UINT64_MAX : swizzle >= 3 ? 128 : 16u << swizzle; }

bool valid(const Request &r) {
  if (!enumeratorsKnown(r) || r.rank < 1 || r.rank > 5 || (r.interleave != 0 && r.rank < 3)) return false;
  const auto element = static_cast<TensorElement>(r.type);
  if (r.fill == 1 && !isFloating(element)) return false;
  const std::uint64_t unit = r.interleave == 2 ? 32 : 16;
  if (r.address % unit != 0 || !r.size || !r.box || !r.elementStrides || (r.rank > 1 && !r.strides)) return false;
  if (r.interleave == 2 && r.swizzle != 1) return false;
  for (unsigned i = 0; i < r.rank; ++i) {
    if (r.size[i] == 0 || r.size[i] > std::uint64_t{1} << 32 || r.box[i] == 0 || r.box[i] > 256) return false;
    if (r.elementStrides[i] == 0 || r.elementStrides[i] > 8) return false;
    if (i + 1 < r.rank && (r.strides[i] % unit != 0 || r.strides[i] >= std::uint64_t{1} << 40)) return false;
  }
  const std::uint64_t row = std::uint64_t{r.box[0]} * tensorElementBytes(element);
  return r.interleave != 0 || (row % 16 == 0 && row <= swizzleSpan(r.swizzle));
}

Encoded encode(const Request &r) {
  Encoded e;
  e.magic = Encoded::magicValue;
  e.element = static_cast<TensorElement>(r.type);
  e.swizzle = static_cast<TensorSwizzle>(r.swizzle);
  e.interleave = static_cast<TensorInterleave>(r.interleave);
  e.rank = static_cast<std::uint8_t>(r.rank);
  e.nanFill = static_cast<std::uint8_t>(r.fill);
  e.l2Promotion = static_cast<std::uint8_t>(r.promotion);
  e.address = r.address;
  for (unsigned i = 0; i < r.rank; ++i) {
    e.size[i] = static_cast<std::uint32_t>(r.size[i] - 1);
    e.box[i] = static_cast<std::uint16_t>(r.box[i]);
    e.elementStride[i] = static_cast<std::uint8_t>(r.elementStrides[i]);
    if (i + 1 < r.rank) e.stride[i] = r.strides[i];
  }
  return e;
}

} // namespace

extern "C" {

Result cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address, const std::uint64_t *size,
                              const std::uint64_t *strides, const unsigned *box, const unsigned *elementStrides,
                              int interleave, int swizzle, int promotion, int fill) {
  return initialisedCall("cuTensorMapEncodeTiled", [&](DriverState &) {
    const Request request{type,           rank,       reinterpret_cast<std::uintptr_t>(address),
                          size,           strides,    box,
                          elementStrides, interleave, swizzle,
                          promotion,      fill};
    const ContextHandle *context = currentContext();
    if (context && context->spec->major < 9) return Result::NotSupported;
    if (!map || reinterpret_cast<std::uintptr_t>(map) % 64 != 0 || !valid(request)) return Result::InvalidValue;
    const Encoded encoded = encode(request);
    std::memset(map, 0, 128);
    std::memcpy(map, &encoded, sizeof encoded);
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
