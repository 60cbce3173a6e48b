// Slots of the register file. PTX registers are nearly in SSA form, so a kernel names thousands of which few live at a
// time; sharing slots keeps a warp's registers in the first-level cache. The mathematics is that of any linear-scan
// allocator: liveness over basic blocks, one interval a register, slots handed out in the order of the interval's
// start.
//
// Divergence changes nothing, since every lane has its own element of a slot and lives by its own path. A register that
// is written under a predicate keeps its old value in the other lanes, so such a write counts as a read too.
#include <algorithm>
#include <queue>

#include "core/Draft.h"

namespace sage::sim {
namespace {

class BitRows {
public:
  BitRows(std::size_t rows, std::size_t bits) : words((bits + 63) / 64), data(rows * words) {}
  bool test(std::size_t row, std::size_t bit) const { return data[row * words + bit / 64] >> (bit % 64) & 1; }
  void set(std::size_t row, std::size_t bit) { data[row * words + bit / 64] |= std::uint64_t{1} << (bit % 64); }
  /// ROW |= IN & ~WITHOUT of the same row number; true when it changed.
  bool merge(std::size_t row, const BitRows &in, std::size_t inRow, const BitRows *without) {
    bool changed = false;
    for (std::size_t k = 0; k < words; ++k) {
      std::uint64_t add = in.data[inRow * words + k];
      if (without) add &= ~without->data[row * words + k];
      std::uint64_t &to = data[row * words + k];
      changed |= (add & ~to) != 0;
      to |= add;
    }
    return changed;
  }

private:
  std::size_t words;
  std::vector<std::uint64_t> data;
};

struct Interval {
  std::uint32_t first = ~0u, last = 0;
  void extend(std::uint32_t position) {
    first = std::min(first, position);
    last = std::max(last, position);
  }
};

template <class OnRead, class OnWrite> void visit(const DraftInst &inst, OnRead onRead, OnWrite onWrite) {
  const bool partial = inst.predicate >= 0;
  if (partial) onRead(static_cast<std::uint32_t>(inst.predicate));
  for (const Entry &e : inst.entries)
    if (e.kind == Entry::Kind::Register && (!e.isDefinition || partial)) onRead(e.value);
  for (const Entry &e : inst.entries)
    if (e.kind == Entry::Kind::Register && e.isDefinition) onWrite(e.value, partial);
}

// Reads happen at position 2i, writes at 2i + 1, so a result may take the slot of an operand that dies there.
std::vector<Interval> liveIntervals(const Draft &draft) {
  const std::size_t blocks = draft.blocks.size(), registers = draft.registers.size();
  BitRows reads(blocks, registers), writes(blocks, registers), in(blocks, registers), out(blocks, registers);
  std::vector<Interval> intervals(registers);
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t i = draft.blocks[b].first; i < draft.blocks[b].last; ++i)
      visit(
          draft.code[i],
          [&](std::uint32_t r) {
            if (!writes.test(b, r)) reads.set(b, r);
            intervals[r].extend(static_cast<std::uint32_t>(2 * i));
          },
          [&](std::uint32_t r, bool) {
            writes.set(b, r);
            intervals[r].extend(static_cast<std::uint32_t>(2 * i + 1));
          });
  for (std::size_t b = 0; b < blocks; ++b) in.merge(b, reads, b, nullptr);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t b = blocks; b-- > 0;) {
      for (const std::size_t s : draft.blocks[b].successors) out.merge(b, in, s, nullptr);
      changed |= in.merge(b, out, b, &writes);
    }
  }
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t r = 0; r < registers; ++r) {
      if (in.test(b, r)) intervals[r].extend(static_cast<std::uint32_t>(2 * draft.blocks[b].first));
      if (out.test(b, r)) intervals[r].extend(static_cast<std::uint32_t>(2 * draft.blocks[b].last));
    }
  return intervals;
}

/// Slot numbers for the registers of one width; returns how many slots there are. Functions share none, as a caller's
/// registers live on while the callee runs.
std::uint32_t scan(Draft &draft, const std::vector<Interval> &intervals, Width width,
                   std::vector<std::uint32_t> &slot) {
  std::uint32_t count = 0;
  for (DraftFunction &f : draft.functions) {
    std::vector<std::uint32_t> order;
    for (auto r = static_cast<std::uint32_t>(f.firstRegister); r < f.endRegister; ++r)
      if (draft.registers[r] == width && intervals[r].first != ~0u) order.push_back(r);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return intervals[a].first < intervals[b].first; });
    using Busy = std::pair<std::uint32_t, std::uint32_t>; // end, slot
    std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy;
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> free;
    const std::uint32_t first = count;
    for (const std::uint32_t r : order) {
      while (!busy.empty() && busy.top().first < intervals[r].first) {
        free.push(busy.top().second);
        busy.pop();
      }
      if (free.empty()) free.push(count++);
      slot[r] = free.top();
      free.pop();
      busy.push({intervals[r].last, slot[r]});
    }
    f.slots[static_cast<std::size_t>(width == Width::Wide ? 0 : width == Width::Narrow ? 1 : 2)] = {first, count};
  }
  return count;
}

// Liveness needs blocks × registers bits four times; an absurd kernel gets a slot for every register instead.
constexpr std::uint64_t maxLivenessBits = std::uint64_t{1} << 31;

std::vector<Interval> intervalsOf(const Draft &draft) {
  if (draft.blocks.size() * draft.registers.size() <= maxLivenessBits) return liveIntervals(draft);
  return std::vector<Interval>(draft.registers.size(), Interval{0, ~0u});
}

} // namespace

std::unordered_set<std::uint32_t> wgmmaRegisters(const Draft &draft) {
  std::unordered_set<std::uint32_t> found;
  for (const DraftInst &inst : draft.code)
    if (inst.row->pattern.starts_with("wgmma mma_async"))
      for (const Entry &e : inst.entries)
        if (e.kind == Entry::Kind::Register && draft.registers[e.value] == Width::Narrow) found.insert(e.value);
  return found;
}

SlotMap assignSlots(Draft &draft, Program &program) {
  std::vector<Interval> intervals = intervalsOf(draft);
  for (const DraftFunction &f : draft.functions) // a frame's address lives as long as the function runs
    if (f.frameRegister >= 0) intervals[static_cast<std::size_t>(f.frameRegister)] = {0, ~0u};
  // The results of a wgmma arrive at a wait, and its A must stay until then: nobody else may have their slots
  // meanwhile.
  for (const std::uint32_t r : wgmmaRegisters(draft)) intervals[r] = {0, ~0u};
  SlotMap map;
  map.registers.assign(draft.registers.size(), 0);
  const std::uint32_t wide = scan(draft, intervals, Width::Wide, map.registers);
  const std::uint32_t narrow = scan(draft, intervals, Width::Narrow, map.registers);
  const std::uint32_t masks = scan(draft, intervals, Width::Predicate, map.registers);
  const std::uint32_t narrowBase = wide * 256, constantBase = narrowBase + narrow * 128;
  std::uint32_t at = constantBase;
  const auto take = [&](Width width) {
    if (width == Width::Wide) at = (at + 255) / 256 * 256; // the natural alignment of 32 times 64 bits
    const std::uint32_t offset = at;
    at += width == Width::Wide ? 256 : 128;
    return offset;
  };
  for (const ConstantKey &c : draft.constants) {
    const std::uint32_t offset = take(c.width);
    map.constants.push_back(offset);
    program.constants.push_back({offset, static_cast<std::uint8_t>(c.width == Width::Wide ? 8 : 4), c.value});
  }
  for (const Draft::SpecialUse &s : draft.specials) {
    const std::uint32_t offset = take(s.wide ? Width::Wide : Width::Narrow);
    map.specials.push_back(offset);
    program.specials.push_back({offset, s.special, s.wide});
  }
  for (std::size_t r = 0; r < draft.registers.size(); ++r) {
    std::uint32_t &slot = map.registers[r];
    switch (draft.registers[r]) {
    case Width::Wide: slot = slot * 256; break;
    case Width::Narrow: slot = narrowBase + slot * 128; break;
    case Width::Predicate: slot = at + slot * 4; break;
    }
  }
  for (DraftFunction &f : draft.functions) // numbers of slots → offsets
    for (std::size_t width = 0; width < 3; ++width) {
      const std::uint32_t bytes = width == 0 ? 256 : width == 1 ? 128 : 4;
      const std::uint32_t base = width == 0 ? 0 : width == 1 ? narrowBase : at;
      f.slots[width] = {base + f.slots[width].first * bytes, base + f.slots[width].second * bytes};
    }
  program.fileBytes = (at + masks * 4 + 255) / 256 * 256;
  program.registersPerThread = std::min<std::uint32_t>(255, std::max<std::uint32_t>(16, narrow + 2 * wide + 4));
  return map;
}

} // namespace sage::sim
