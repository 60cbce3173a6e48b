// The cells of global memory: who touched it last, and whether the next one comes behind; see GlobalRaces.h.
#include "core/GlobalRaces.h"

#include <cstring>

#include "core/Faults.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

constexpr std::uint64_t pageBytes = 4096; // of cells, and so of memory: what one lock guards

using Half = std::uint32_t; ///< of a cell: a segment's number over a mask of bytes

std::uint32_t idOf(Half h) { return h >> 8; }
Half writerOf(std::uint64_t cell) { return static_cast<Half>(cell); }
Half readerOf(std::uint64_t cell) { return static_cast<Half>(cell >> 32); }
std::uint64_t cellOf(Half writer, Half reader) { return std::uint64_t{reader} << 32 | writer; }

bool isWrite(Touch t) { return t == Touch::Write || t == Touch::StrongWrite; }
bool isStrong(Touch t) { return t == Touch::StrongRead || t == Touch::StrongWrite; }

/// The segment that INST of W makes its accesses in; 0 when there are no numbers left.
std::uint32_t segmentOf(Warp &w, const Inst *inst, bool strong) {
  RaceDetector &d = *w.block->order;
  LookupCache &cache = w.lookups[inst->id];
  if (cache.tick == d.ticks(w.index)) return cache.segment;
  cache.tick = d.ticks(w.index);
  Segment s;
  s.block = d.block();
  s.instruction = static_cast<std::uint32_t>(inst - w.block->program->code.data());
  s.era = static_cast<std::uint16_t>(d.era());
  s.clock = d.own(w.index);
  s.warp = static_cast<std::uint8_t>(w.index & 31);
  s.strong = strong;
  return cache.segment = w.block->memory->segments().add(s);
}

/// An access, piece by piece of eight bytes.
class Toucher {
public:
  Toucher(Warp &warp, Touch t, std::uint32_t seg) : w(warp), table(warp.block->memory->segments()), touch(t), id(seg) {}

  /// The cell after an access to the bytes of MASK. A conflict is left in `other`.
  std::uint64_t next(std::uint64_t cell, std::uint32_t mask) {
    const Half writer = writerOf(cell), reader = readerOf(cell);
    other = nullptr;
    if (const Segment *s = opponent(writer, mask, true)) other = s, otherWrites = true;
    if (isWrite(touch)) {
      if (const Segment *s = other ? nullptr : opponent(reader, mask, false)) other = s, otherWrites = false;
      const Half left = reader & ~mask;
      return cellOf(mine(writer, mask), (left & 0xff) != 0 ? left : 0);
    }
    // A reader that this one is not behind stays: a later write must be behind both, and only one can be kept.
    const Segment *before = table.find(idOf(reader));
    if (before && (reader & 0xff) != 0 && !isBehind(*before)) return cell;
    return cellOf(writer, mine(reader, mask));
  }

  const Segment *other = nullptr;
  bool otherWrites = false;

private:
  bool isBehind(const Segment &s) const { return w.block->order->isBehind(w.index, s); }

  const Segment *opponent(Half half, std::uint32_t mask, bool writes) const {
    if ((half & mask) == 0 || idOf(half) == id) return nullptr;
    const Segment *s = table.find(idOf(half));
    return s && !(s->strong && isStrong(touch)) && !startsSwap(*s, writes) && !isBehind(*s) ? s : nullptr;
  }

  /// A plain read and a strong write, where the read may be the first of a compare-and-swap loop.
  bool startsSwap(const Segment &s, bool writes) const {
    if (!w.block->program->comparesAndSwaps) return false;
    return writes ? s.strong && touch == Touch::Read : !s.strong && touch == Touch::StrongWrite;
  }

  /// The half with this access. Bytes of an earlier one stay in the mask where they mean the same stretch of this warp.
  Half mine(Half half, std::uint32_t mask) const {
    if (idOf(half) == id) return half | mask;
    const Segment *s = (half & 0xff & ~mask) != 0 ? table.find(idOf(half)) : nullptr;
    const RaceDetector &d = *w.block->order;
    const bool same = s && s->block == d.block() && s->warp == w.index && s->clock == d.own(w.index) &&
                      s->era == static_cast<std::uint16_t>(d.era()) && s->strong == isStrong(touch);
    return id << 8 | (same ? (half & 0xff) | mask : mask);
  }

  Warp &w;
  const SegmentTable &table;
  Touch touch;
  std::uint32_t id;
};

} // namespace

bool orderedInGrid(Warp &w, const Inst *inst, Touch touch, const WatchedMemory &memory, std::uint64_t offset,
                   std::uint32_t size, std::uint32_t perLane, unsigned lane, const std::uint8_t *fresh) {
  const std::uint32_t id = segmentOf(w, inst, isStrong(touch));
  if (id == 0) return true;
  Toucher toucher(w, touch, id);
  const std::uint64_t end = offset + size;
  std::uint64_t known = 0, after = 0; // the last cell looked at, as neighbours mostly are alike
  std::uint32_t knownMask = 0;
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t stop = std::min((at / pageBytes + 1) * pageBytes, end);
    const SegmentTable::Lock lock(w.block->memory->segments(), memory.cells + at / 8);
    while (at < stop) {
      const std::uint64_t piece = at & ~std::uint64_t{7}, next = std::min(piece + 8, stop);
      const std::uint32_t mask = ((1u << (next - at)) - 1) << (at - piece);
      std::uint64_t &cell = memory.cells[piece / 8];
      if (cell != known || mask != knownMask) {
        known = cell, knownMask = mask;
        after = toucher.next(cell, mask);
        if (toucher.other) {
          knownMask = 0;
          const std::uint8_t *mine = fresh ? fresh + (at - offset) : nullptr;
          if (!mine || !toucher.otherWrites || std::memcmp(memory.data + at, mine, next - at) != 0) {
            const auto where = lane + static_cast<unsigned>((at - offset) / perLane);
            globalRaceFault(w, inst, where, memory.base + at, isWrite(touch), *toucher.other, toucher.otherWrites);
            return false;
          }
        }
      }
      cell = after;
      at = next;
    }
  }
  return true;
}

} // namespace sage::sim
