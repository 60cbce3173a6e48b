// The element types of the language and the granularity of scales: plain values, shared by checker and lowering.
//
//   type   max      unit   scaled
//   f32    3.4e38   1      no        `unit` is what 1.0 becomes when a number in [0, 1] is stored in the type: the
//   f16    65504    1      no        largest value of a type that is scaled anyway, 1 otherwise.
//   bf16   3.39e38  1      no
//   e4m3   448      448    yes       `scaled` says that a tensor of the type comes with scales.
//   e5m2   57344    57344  yes
//   i8     127      127    yes
//   i32    2^31-1   1      no
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sage::dsl {

enum class DataType : uint8_t { F32, F16, BF16, E4M3, E5M2, I8, I32, Bool };

struct DataTypeInfo {
  const char *name;
  unsigned bits;
  bool isFloat;
  double max, unit;
  bool scaled;
};
const DataTypeInfo &info(DataType type);
inline const char *nameOf(DataType type) { return info(type).name; }
std::optional<DataType> dataTypeNamed(std::string_view name);
/// Those that a program may name, "bool" not among them.
const std::vector<std::string> &dataTypeNames();

/// 16-bit or f32: what arithmetic may be done on, besides i32.
inline bool isWideFloat(DataType type) { return info(type).isFloat && info(type).bits >= 16; }
inline bool isEightBit(DataType type) { return info(type).bits == 8; }

/// Which rows share a scale. Rows come in slabs (a power of two); inside a slab the chosen bits of the row number,
/// ascending, select the group:
///   group(r) = (r / slab) * 2^|bits| + the chosen bits of r
/// slab 64, no bits: one scale a block of 64. slab 128, bits 5 6: one a warp of 32 rows.
/// slab 64, bits 1 2: rows {8i+2t, 8i+2t+1} together. `whole`: one scale for all rows of a head.
struct Granularity {
  bool whole = false;
  int64_t slab = 1;
  std::vector<int64_t> bits;

  int64_t groupsPerSlab() const { return int64_t(1) << bits.size(); }
  bool operator==(const Granularity &) const = default;
};

} // namespace sage::dsl
