// Which thread of a block holds which element of a tile. Pure arithmetic: knows neither MLIR nor any GPU instruction
// but by its published fragment shape.
//
// A layout is a map from a place (register number, lane, warp) to an element's coordinates. The map is *bit-linear*:
// each bit of the register number, of the lane and of the warp adds (by XOR) a fixed coordinate vector, its basis. The
// coordinates of a place are the XOR of the bases of its set bits. Where a tile's extent is no power of two, the linear
// atom is repeated whole along an axis, with further registers.
//
// Worked example: the accumulator of `mma.sync.m16n8` (PTX ISA 9.7.14.5, figures "m16n8k16 C/D"), rows x columns:
//
//     register bit 0 -> (0,1)      two neighbours in a row           c0 c1
//     register bit 1 -> (8,0)      the same, eight rows below        c2 c3
//     lane bits 0,1  -> (0,2) (0,4)      four lanes fill a row of eight columns
//     lane bits 2..4 -> (1,0) (2,0) (4,0)  eight rows
//
//     lane 5 = 0b00101, register 2 = 0b10:  (0,2) ^ (1,0) ^ (8,0) = row 9, column 2
//
// A basis of zeros means that the bit does not matter: all its lanes (or warps) hold the same element. So the layout of
// a row maximum is the tile's layout with the column coordinate dropped (`slice`), the layout of one scale a group is
// the row layout with only the group's bits kept
// (`project`): reductions, broadcasts and granularities are projections of one map, and what a warp must exchange is
// read off the bases that a projection sends to zero.
//
// Why place -> element and not the inverse: several places may hold one element, never the reverse. Triton's
// LinearLayout goes the same way; CuTe composes strided shapes instead, where broadcasts are stride 0 and swizzles a
// separate object.
//
// Canonical form: a power of two in a repeat count is always expressed as register bits (last axis first), so equal
// maps compare equal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

using Coordinates = std::vector<int64_t>;

// Rows to scale groups: inside a slab of `slab` rows the bits `bits` of the row number select the group; slabs follow
// each other.
struct RowGroups {
  int64_t slab = 1;
  std::vector<int64_t> bits;
  int64_t group(int64_t row) const;
};

class Layout {
public:
  std::vector<Coordinates> registers, lanes, warps; // one basis a bit, lowest bit first
  std::vector<int64_t> repeats;                     // one count an axis, each odd

  int rank() const { return int(repeats.size()); }
  int64_t registerCount() const;
  int64_t warpCount() const { return int64_t(1) << warps.size(); }
  // The extents of the tile that the layout covers.
  std::vector<int64_t> shape() const;
  // The coordinates of what register `reg` of lane `lane` in warp `warp` holds.
  Coordinates at(int64_t reg, int64_t lane = 0, int64_t warp = 0) const;
  // The register of lane 0, warp 0 that holds `coordinates`.
  std::optional<int64_t> registerAt(const Coordinates &coordinates) const;
  bool operator==(const Layout &) const = default;

  // Threads side by side along the last axis, `vector` neighbouring elements each, then rows; warps split rows.
  static Layout blocked(const std::vector<int64_t> &shape, int64_t vector, int64_t warps);
  // Accumulator of mma.sync m16n8 (PTX ISA 9.7.14.5): rows x columns, warps split rows into contiguous bands.
  static Layout mmaAccumulator(int64_t rows, int64_t columns, int64_t warps);
  // Operand A of mma.sync m16n8kK, K = 32 bytes: rows x inner, banded as the accumulator; elements of `elementBits`.
  static Layout mmaOperandA(int64_t rows, int64_t inner, int64_t elementBits, int64_t warps);
  // Operand B of mma.sync m16n8kK: inner x columns; every warp holds all of it.
  static Layout mmaOperandB(int64_t inner, int64_t columns, int64_t elementBits, int64_t warps);

  // The layout of a reduction over `axis`: that coordinate dropped, registers that only differed in it merged.
  Layout slice(int axis) const;
  // The layout of one element a group, from the layout of the rows (rank 1).
  Layout project(const RowGroups &groups) const;
  // Rank 2 with the axes exchanged.
  Layout transposed() const;

  std::string str() const;
  static std::optional<Layout> parse(std::string_view text);

private:
  // Moves powers of two from the repeat counts into register bits.
  void canonicalize();
  std::vector<int64_t> atom() const;
  template <typename Map> Layout mapped(int newRank, Map map) const;
};

} // namespace sage
