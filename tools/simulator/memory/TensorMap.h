// What a CUtensorMap holds in this simulator. The type is opaque to programs (128 bytes, aligned to 64): the driver
// side (cuTensorMapEncodeTiled) fills this structure after having checked it, cp.async.bulk.tensor reads it. Knows
// nothing else. Values are those of the driver API's enumerations, so that encoding is a copy.
#pragma once

#include <array>
#include <cstdint>

namespace sage::sim {

/// CUtensorMapDataType.
enum class TensorElement : std::uint8_t { U8, U16, U32, S32, U64, S64, F16, F32, F64, BF16, F32Ftz, TF32, TF32Ftz };
/// CUtensorMapSwizzle: which bits of the shared address are mixed (PTX ISA §5.5.6).
enum class TensorSwizzle : std::uint8_t { None, B32, B64, B128, B128Atom32, B128Atom32Flip8, B128Atom64 };
/// CUtensorMapInterleave.
enum class TensorInterleave : std::uint8_t { None, B16, B32 };

struct TensorMap {
  static constexpr std::uint32_t magicValue = 0x53544d31; ///< "STM1": anything else is no tensor map
  std::uint32_t magic = 0;
  TensorElement element = TensorElement::U8;
  TensorSwizzle swizzle = TensorSwizzle::None;
  TensorInterleave interleave = TensorInterleave::None;
  std::uint8_t rank = 0;        ///< 1 … 5; dimension 0 is the innermost
  std::uint8_t nanFill = 0;     ///< 1: elements out of bounds read as NaN, else as zero
  std::uint8_t l2Promotion = 0; ///< changes nothing here
  std::uint16_t reserved = 0;
  std::uint32_t reservedWord = 0;
  std::uint64_t address = 0;                   ///< of element (0, …, 0)
  std::array<std::uint32_t, 5> size{};         ///< elements in each dimension, minus one (so that 2^32 fits)
  std::array<std::uint16_t, 5> box{};          ///< elements of a tile, 1 … 256
  std::array<std::uint8_t, 5> elementStride{}; ///< 1 … 8
  std::array<std::uint8_t, 1> padding{};
  std::array<std::uint64_t, 4> stride{}; ///< bytes, of dimensions 1 … 4
};
static_assert(sizeof(TensorMap) <= 128 && alignof(TensorMap) <= 64);

inline constexpr std::uint32_t tensorElementBytes(TensorElement e) {
  constexpr std::uint8_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return static_cast<std::uint8_t>(e) < sizeof bytes ? bytes[static_cast<std::uint8_t>(e)] : 0;
}

} // namespace sage::sim
