// Where a wgmma finds its matrices in shared memory (PTX ISA §9.7.15.5.1): the 64-bit descriptor, and the 16-byte
// pieces that one warp reads of an operand. Included by files of several vector levels, so that everything is inlined.
#pragma once

#include <cstdint>

namespace sage::sim {

/// §9.7.15.5.1.2: start address, leading and stride byte offset in units of 16 bytes, base offset, swizzle mode.
struct MatrixDescriptor {
  using u32 = std::uint32_t;
  u32 start, leading, stride, base, mode;
  [[gnu::always_inline]] explicit MatrixDescriptor(std::uint64_t d)
      : start(static_cast<u32>(d & 0x3fff) << 4), leading(static_cast<u32>(d >> 16 & 0x3fff) << 4),
        stride(static_cast<u32>(d >> 32 & 0x3fff) << 4), base(static_cast<u32>(d >> 49 & 7)),
        mode(static_cast<u32>(d >> 62)) {}

  /// Bytes of a line of the swizzle: 16 without.
  [[gnu::always_inline]] u32 line() const { return mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 16; }
  [[gnu::always_inline]] u32 swizzled(u32 at) const {
    const u32 row = (at >> 7) - base, bits = mode == 1 ? 7 : mode == 2 ? 3 : mode == 3 ? 1 : 0;
    return at ^ (row & bits) << 4;
  }
  /// K-major: where the 16 bytes with element (row, byte KBYTE of k) begin.
  [[gnu::always_inline]] u32 alongK(u32 row, u32 kByte) const {
    const u32 at = mode == 0 ? start + row / 8 * stride + row % 8 * 16 + kByte / 16 * leading
                             : start + row / 8 * stride + row % 8 * line() + kByte;
    return swizzled(at & ~15u);
  }
  /// MN-major: the 16 bytes that hold k and the rows from ROW_BYTE on.
  [[gnu::always_inline]] u32 alongRows(u32 rowByte, u32 k) const {
    const u32 l = line();
    const u32 at = mode == 0 ? start + rowByte / 16 * stride + k % 8 * 16 + k / 8 * leading
                             : start + rowByte / l * leading + rowByte % l + k % 8 * l + k / 8 * stride;
    return swizzled(at & ~15u);
  }
};

/// The part of a matrix that one warp reads: ROWS rows from FIRST on, the whole 32 bytes of k.
struct SharedOperand {
  std::uint64_t descriptor = 0;
  std::uint32_t first = 0, rows = 0, elementBytes = 1;
  bool transposed = false;
  std::uint32_t low = 0, high = 0; ///< all of it lies in [low, high); filled in when it is read

  /// BODY(address, outer, inner) for every 16 bytes: outer counts rows and inner is the element of k, or the other way
  /// round when transposed. False stops.
  template <class Body> [[gnu::always_inline]] bool forEach(Body body) const {
    const MatrixDescriptor d(descriptor);
    const std::uint32_t each = 16 / elementBytes, depth = 2 * each;
    const std::uint32_t outer = transposed ? depth : rows, inner = transposed ? rows : depth;
    for (std::uint32_t x = 0; x < outer; ++x)
      for (std::uint32_t y = 0; y < inner; y += each)
        if (!body(transposed ? d.alongRows((first + y) * elementBytes, x) : d.alongK(first + x, y * elementBytes), x,
                  y))
          return false;
    return true;
  }
};

} // namespace sage::sim
