// The arithmetic of layouts; see Layout.h for the theory.
#include "Layout.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <sstream>

namespace sage {
namespace {

void addInto(Coordinates &sum, const Coordinates &basis) {
  for (size_t axis = 0; axis < sum.size(); ++axis) sum[axis] ^= basis[axis];
}

bool isZero(const Coordinates &basis) {
  return std::all_of(basis.begin(), basis.end(), [](int64_t c) { return c == 0; });
}

Coordinates unit(int rank, int axis, int64_t value) {
  Coordinates basis(rank, 0);
  basis[axis] = value;
  return basis;
}

// Bases value, 2 value, ... along one axis until `extent` is covered or `maxBits` are used; returns the first value not
// covered.
int64_t appendBits(std::vector<Coordinates> &bases, int rank, int axis, int64_t value, int64_t extent, int maxBits) {
  for (; maxBits > 0 && value < extent; --maxBits, value *= 2) bases.push_back(unit(rank, axis, value));
  return value;
}

void padWithZeros(std::vector<Coordinates> &bases, int rank, size_t count) {
  while (bases.size() < count) bases.push_back(Coordinates(rank, 0));
}

constexpr int laneBits = 5;
int log2(int64_t value) { return std::countr_zero(uint64_t(value)); }

} // namespace

int64_t RowGroups::group(int64_t row) const {
  int64_t packed = 0;
  for (size_t i = 0; i < bits.size(); ++i) packed |= ((row >> bits[i]) & 1) << i;
  return ((row / slab) << bits.size()) + packed;
}

std::vector<int64_t> Layout::atom() const {
  std::vector<int64_t> used(rank(), 0);
  for (auto *bases : {&registers, &lanes, &warps})
    for (const Coordinates &basis : *bases)
      for (int axis = 0; axis < rank(); ++axis) used[axis] |= basis[axis];
  for (int64_t &bits : used) bits = int64_t(std::bit_ceil(uint64_t(bits) + 1));
  return used;
}

int64_t Layout::registerCount() const {
  int64_t count = int64_t(1) << registers.size();
  for (int64_t repeat : repeats) count *= repeat;
  return count;
}

std::vector<int64_t> Layout::shape() const {
  std::vector<int64_t> extents = atom();
  for (int axis = 0; axis < rank(); ++axis) extents[axis] *= repeats[axis];
  return extents;
}

Coordinates Layout::at(int64_t reg, int64_t lane, int64_t warp) const {
  Coordinates result(rank(), 0);
  auto add = [&](const std::vector<Coordinates> &bases, int64_t number) {
    for (size_t bit = 0; bit < bases.size(); ++bit)
      if (number >> bit & 1) addInto(result, bases[bit]);
  };
  add(registers, reg);
  add(lanes, lane);
  add(warps, warp);
  int64_t repeat = reg >> registers.size();
  std::vector<int64_t> extents = atom();
  for (int axis = rank() - 1; axis >= 0; --axis) {
    result[axis] += repeat % repeats[axis] * extents[axis];
    repeat /= repeats[axis];
  }
  return result;
}

std::optional<int64_t> Layout::registerAt(const Coordinates &coordinates) const {
  for (int64_t reg = 0, count = registerCount(); reg < count; ++reg)
    if (at(reg) == coordinates) return reg;
  return std::nullopt;
}

void Layout::canonicalize() {
  std::vector<int64_t> extents = atom();
  for (int axis = rank() - 1; axis >= 0; --axis)
    for (; repeats[axis] % 2 == 0; repeats[axis] /= 2, extents[axis] *= 2)
      registers.push_back(unit(rank(), axis, extents[axis]));
}

Layout Layout::blocked(const std::vector<int64_t> &shape, int64_t vector, int64_t warps) {
  Layout layout;
  int rank = int(shape.size()), last = rank - 1;
  layout.repeats.assign(rank, 1);
  // Only the power-of-two part of an extent can be dealt out to lanes; the rest is repeated.
  std::vector<int64_t> part(rank), next(rank, 1);
  for (int axis = 0; axis < rank; ++axis) part[axis] = shape[axis] & -shape[axis];
  next[last] = appendBits(layout.registers, rank, last, 1, std::min(vector, part[last]), 64);
  for (int axis = last; axis >= 0; --axis)
    next[axis] = appendBits(layout.lanes, rank, axis, next[axis], part[axis], laneBits - int(layout.lanes.size()));
  padWithZeros(layout.lanes, rank, laneBits);
  for (int axis = 0; axis < rank; ++axis)
    next[axis] = appendBits(layout.warps, rank, axis, next[axis], part[axis], log2(warps) - int(layout.warps.size()));
  padWithZeros(layout.warps, rank, log2(warps));
  for (int axis = 0; axis < rank; ++axis) layout.repeats[axis] = shape[axis] / next[axis];
  layout.canonicalize();
  return layout;
}

Layout Layout::mmaAccumulator(int64_t rows, int64_t columns, int64_t warps) {
  Layout layout;
  layout.registers = {{0, 1}, {8, 0}};
  layout.lanes = {{0, 2}, {0, 4}, {1, 0}, {2, 0}, {4, 0}};
  int64_t next = appendBits(layout.registers, 2, 0, 16, rows / warps, 64);
  appendBits(layout.warps, 2, 0, next, rows, log2(warps));
  layout.repeats = {1, columns / 8};
  layout.canonicalize();
  return layout;
}

Layout Layout::mmaOperandA(int64_t rows, int64_t inner, int64_t elementBits, int64_t warps) {
  Layout layout;
  int64_t perWord = 32 / elementBits;
  appendBits(layout.registers, 2, 1, 1, perWord, 64);
  layout.registers.push_back({8, 0});
  layout.registers.push_back({0, 4 * perWord});
  layout.lanes = {{0, perWord}, {0, 2 * perWord}, {1, 0}, {2, 0}, {4, 0}};
  int64_t next = appendBits(layout.registers, 2, 0, 16, rows / warps, 64);
  appendBits(layout.warps, 2, 0, next, rows, log2(warps));
  layout.repeats = {1, inner / (8 * perWord)};
  layout.canonicalize();
  return layout;
}

Layout Layout::mmaOperandB(int64_t inner, int64_t columns, int64_t elementBits, int64_t warps) {
  Layout layout;
  int64_t perWord = 32 / elementBits;
  appendBits(layout.registers, 2, 0, 1, perWord, 64);
  layout.registers.push_back({4 * perWord, 0});
  layout.lanes = {{perWord, 0}, {2 * perWord, 0}, {0, 1}, {0, 2}, {0, 4}};
  padWithZeros(layout.warps, 2, log2(warps));
  layout.repeats = {inner / (8 * perWord), columns / 8};
  layout.canonicalize();
  return layout;
}

// Applies a linear map to every basis, merges registers that it makes equal, and keeps lane and warp bits that it sends
// to zero.
template <typename Map> Layout Layout::mapped(int newRank, Map map) const {
  Layout result;
  for (const Coordinates &basis : registers)
    if (Coordinates image = map(basis); !isZero(image)) result.registers.push_back(image);
  for (const Coordinates &basis : lanes) result.lanes.push_back(map(basis));
  for (const Coordinates &basis : warps) result.warps.push_back(map(basis));
  result.repeats.assign(newRank, 1);
  return result;
}

Layout Layout::slice(int axis) const {
  auto drop = [axis](Coordinates c) {
    c.erase(c.begin() + axis);
    return c;
  };
  Layout result = mapped(rank() - 1, drop);
  result.repeats = drop(repeats);
  return result;
}

Layout Layout::project(const RowGroups &groups) const {
  Layout result = mapped(1, [&](const Coordinates &c) { return Coordinates{groups.group(c[0])}; });
  result.repeats = repeats;
  return result;
}

Layout Layout::transposed() const {
  auto swap = [](const Coordinates &c) { return Coordinates{c[1], c[0]}; };
  Layout result = mapped(2, swap);
  result.repeats = {repeats[1], repeats[0]};
  return result;
}

namespace {

std::string join(const std::vector<Coordinates> &bases) {
  std::string text;
  for (const Coordinates &basis : bases) {
    if (!text.empty()) text += '|';
    for (size_t axis = 0; axis < basis.size(); ++axis) text += (axis ? "," : "") + std::to_string(basis[axis]);
  }
  return text;
}

std::optional<std::vector<Coordinates>> parseBases(std::string_view text) {
  std::vector<Coordinates> bases;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find('|'));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    Coordinates &basis = bases.emplace_back();
    while (!item.empty()) {
      std::string_view number = item.substr(0, item.find(','));
      item.remove_prefix(std::min(item.size(), number.size() + 1));
      int64_t value = 0;
      auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
      if (error != std::errc() || end != number.data() + number.size() || value < 0 || value > (1 << 20))
        return std::nullopt;
      basis.push_back(value);
    }
  }
  return bases;
}

} // namespace

std::string Layout::str() const {
  return "reg=" + join(registers) + " lane=" + join(lanes) + " warp=" + join(warps) + " repeats=" + join({repeats});
}

std::optional<Layout> Layout::parse(std::string_view text) {
  Layout layout;
  std::vector<Coordinates> repeats;
  std::istringstream words{std::string(text)};
  for (auto [name, into] : {std::pair{"reg=", &layout.registers},
                            {"lane=", &layout.lanes},
                            {"warp=", &layout.warps},
                            {"repeats=", &repeats}}) {
    std::string word;
    if (!(words >> word) || !word.starts_with(name)) return std::nullopt;
    auto bases = parseBases(std::string_view(word).substr(std::string_view(name).size()));
    if (!bases) return std::nullopt;
    *into = *bases;
  }
  if (repeats.size() != 1 || layout.lanes.size() != size_t(laneBits) || layout.registers.size() > 20 ||
      layout.warps.size() > 5)
    return std::nullopt;
  layout.repeats = repeats[0];
  for (int64_t repeat : layout.repeats)
    if (repeat < 1 || repeat % 2 == 0 || repeat > 1024) return std::nullopt;
  for (auto *bases : {&layout.registers, &layout.lanes, &layout.warps})
    for (const Coordinates &basis : *bases)
      if (int(basis.size()) != layout.rank()) return std::nullopt;
  return layout;
}

} // namespace sage
