// Copies and fills: boxes of bytes, checked against the allocation table before a byte moves.
#include <cstring>

#include "driver/Graph.h"

namespace sage::sim {
namespace {

using cuda::Result;

/// Bytes from the first one of a box to behind its last one; nothing when that overflows.
bool spanOf(const CopySide &side, const CopyWork &w, std::uint64_t &span) {
  const auto product = static_cast<unsigned __int128>(w.depth - 1) * side.slice +
                       static_cast<unsigned __int128>(w.height - 1) * side.pitch + w.width;
  span = static_cast<std::uint64_t>(product);
  return product <= INT64_MAX;
}

struct Located {
  std::uint8_t *data = nullptr;
  std::uint8_t *shadow = nullptr; ///< null on the host
};

Result locate(cuda::ContextHandle &c, const CopySide &side, const CopyWork &w, Located &to) {
  std::uint64_t span = 0;
  if (!spanOf(side, w, span) || side.address == 0) return Result::InvalidValue;
  if ((w.height > 1 && side.pitch < w.width) || (w.depth > 1 && side.slice < side.pitch)) return Result::InvalidValue;
  // Unified addressing: what lies in no allocation of the device is the host's.
  cuda::ContextHandle *owner = ownerOf(state(), c, side.address);
  const bool onDevice =
      side.where == CopySide::Where::Device || (side.where == CopySide::Where::ByAddress && owner != nullptr);
  if (!onDevice) {
    to.data = reinterpret_cast<std::uint8_t *>(static_cast<std::uintptr_t>(side.address));
    // A range that the device knows, seen from the host, still has its end.
    return Result::Success;
  }
  Allocation *a = owner ? owner->memory->findLive(side.address) : nullptr;
  if (!a || !a->contains(side.address, span)) return Result::InvalidValue;
  to.data = a->data + (side.address - a->base);
  if (a->shadow) to.shadow = a->shadow + (side.address - a->base);
  return Result::Success;
}

} // namespace

// What was never written stays so in the copy.
Result performCopy(cuda::ContextHandle &c, const CopyWork &w) {
  if (w.width == 0 || w.height == 0 || w.depth == 0) return Result::Success;
  Located from, to;
  if (const Result r = locate(c, w.from, w, from); r != Result::Success) return r;
  if (const Result r = locate(c, w.to, w, to); r != Result::Success) return r;
  for (std::uint64_t z = 0; z < w.depth; ++z)
    for (std::uint64_t y = 0; y < w.height; ++y) {
      const std::uint64_t source = z * w.from.slice + y * w.from.pitch, target = z * w.to.slice + y * w.to.pitch;
      std::memmove(to.data + target, from.data + source, w.width);
      if (!to.shadow) continue;
      if (from.shadow)
        std::memmove(to.shadow + target, from.shadow + source, w.width);
      else
        std::memset(to.shadow + target, shadowSet, w.width);
    }
  return Result::Success;
}

Result performFill(cuda::ContextHandle &c, const FillWork &w) {
  if (w.width == 0 || w.height == 0) return Result::Success;
  if (w.to % w.elementBytes != 0 || w.width > INT64_MAX / 4) return Result::InvalidValue;
  CopyWork box;
  box.width = w.width * w.elementBytes;
  box.height = w.height;
  CopySide side;
  side.where = CopySide::Where::Device;
  side.address = w.to;
  side.pitch = w.pitch;
  if (w.height > 1 && w.pitch % w.elementBytes != 0) return Result::InvalidValue;
  Located to;
  if (const Result r = locate(c, side, box, to); r != Result::Success) return r;
  for (std::uint64_t y = 0; y < w.height; ++y) {
    std::uint8_t *row = to.data + y * w.pitch;
    for (std::uint64_t x = 0; x < w.width; ++x) std::memcpy(row + x * w.elementBytes, &w.value, w.elementBytes);
    if (to.shadow) std::memset(to.shadow + y * w.pitch, shadowSet, box.width);
  }
  return Result::Success;
}

} // namespace sage::sim
