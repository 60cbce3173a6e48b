// The cells of global memory: who touched it last, and whether the next one comes behind; see GlobalRaces.h.
#include "core/GlobalRaces.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/Faults.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

constexpr std::uint64_t pageBytes = 4 * CellStates::pageWords; // of cells, and so of memory: what one lock guards
constexpr std::uint32_t laneMask = 31;                         // of a cell: the writer's lane; the reader's lies above
constexpr unsigned readerShift = 5;

/// The segment that INST of W makes its accesses in; 0 when there are no numbers left.
std::uint32_t segmentOf(Warp &w, const Inst *inst, Touch touch) {
  const RaceDetector &d = *w.block->order;
  LookupCache &cache = w.lookups[inst->id];
  const std::uint32_t tick = d.ticks(w.index);
  if (cache.tick == tick && cache.section == w.section && cache.inFlight == touch.inFlight) return cache.segment;
  cache.tick = tick, cache.section = w.section, cache.inFlight = touch.inFlight;
  cache.after = 0;
  Segment s;
  s.block = d.block();
  s.section = w.section;
  s.instruction = static_cast<std::uint32_t>(inst - w.block->program->code.data()) & 0xffffff;
  s.warp = w.index & 31;
  s.swaps = touch.swaps;
  s.async = touch.async;
  s.inFlight = touch.inFlight;
  s.era = static_cast<std::uint16_t>(d.era());
  s.clock = d.own(w.index);
  s.strong = touch.strong;
  return cache.segment = w.block->memory->segments().add(s);
}

/// What an access meets.
struct Conflict {
  enum class Kind : std::uint8_t { None, Warps, Lanes, Fence, Flight } kind = Kind::None;
  // Of what it meets, when there is one:
  const Segment *other;
  bool otherWrites;
  bool laneKnown;      ///< the lane in the cell did it
  std::uint32_t bytes; ///< what it touched
};

/// What an access makes of a cell, for all cells of the same state that relate to its lane in the same way.
struct Step {
  static constexpr std::uint32_t noState = ~0u;
  std::uint32_t state = noState;    ///< of the cell before
  std::uint32_t mask;               ///< the bytes touched
  std::uint32_t bits, keep, factor; ///< the cell after: bits, old bits that stay, lane × factor
  std::uint32_t lanes;              ///< bits of the cell that must tell the lane that touches it
  bool repeats;                     ///< further cells of this state, with these lanes, may be treated alike at once
  Conflict conflict;
};

/// An access, four bytes at a time.
class Toucher {
public:
  Toucher(Warp &warp, LookupCache &lookup, Touch t, std::uint32_t seg, bool lanesShareWords)
      : w(warp), d(*warp.block->order), table(warp.block->memory->segments()), states(table.states()), cache(lookup),
        touch(t), id(seg), mixed(lanesShareWords) {}

  /// The cells of a page, which is locked.
  void enter(std::uint32_t *cells, std::uint64_t page) {
    firstOfPage = cells + page * CellStates::pageWords;
    const std::uint32_t now = CellStates::epochOf(cells, page);
    epoch = &CellStates::epochOf(cells, page);
    if (now != stepsEpoch) forgetSteps();
  }

  /// The step for CELL, where the bytes of MASK are touched by LANE.
  const Step &stepFor(std::uint32_t cell, std::uint32_t mask, std::uint32_t lane) {
    const bool otherWriter = (cell & laneMask) != lane, otherReader = (cell >> readerShift & laneMask) != lane;
    Step &step = steps[otherWriter + 2 * otherReader];
    if (step.state != cell >> CellStates::laneBits || step.mask != mask)
      make(step, cell, mask, !otherWriter, !otherReader);
    return step;
  }

private:
  void forgetSteps() {
    for (Step &s : steps) s.state = Step::noState;
    stepsEpoch = *epoch;
  }

  void make(Step &step, std::uint32_t cell, std::uint32_t mask, bool sameWriter, bool sameReader) {
    step.mask = mask, step.bits = 0, step.keep = ~0u, step.factor = 0;
    step.conflict.kind = Conflict::Kind::None;
    CellState before = states.find(numberOf(cell));
    const Segment *writer = find(before.writer, before.written), *reader = find(before.reader, before.read);
    if (!writer) before.writer = before.written = 0, before.writerKnown = false;
    if (!reader) before.reader = before.read = before.several = 0, before.readerKnown = false;
    if (touch.checks) judge(step.conflict, before, mask, writer, reader, sameWriter, sameReader);
    step.lanes = 0;
    if (writer && isOwn(*writer)) step.lanes |= laneMask;
    if (reader && isOwn(*reader)) step.lanes |= laneMask << readerShift;
    const std::uint32_t same = (sameWriter ? laneMask : 0) | (sameReader ? laneMask << readerShift : 0);
    step.repeats = step.conflict.kind == Conflict::Kind::None && (step.lanes & ~same) == 0;
    // A reader that this one is not behind stays: a later write must be behind both, and only one can be kept.
    bool samePage = true;
    if (touch.notes && (touch.write || !reader || isBehind(*reader)))
      samePage = advance(step, before, mask, writer, reader, sameWriter, sameReader);
    step.state = samePage ? cell >> CellStates::laneBits : Step::noState;
    step.repeats &= samePage;
  }

  std::uint64_t numberOf(std::uint32_t cell) const {
    const std::uint32_t low = cell >> CellStates::laneBits;
    return low == 0 ? 0 : std::uint64_t{*epoch} << CellStates::numberBits | low;
  }
  const Segment *find(std::uint32_t segment, std::uint32_t bytes) const {
    return bytes == 0 || segment == 0 ? nullptr : table.find(segment);
  }

  bool isOwn(const Segment &s) const { return s.block == d.block() && s.warp == w.index; }
  bool isBehind(const Segment &s) const { return d.isBehind(w.index, s); }
  /// S stands for the same stretch of this warp's time, and for accesses of the same nature.
  bool isAlike(const Segment &s) const {
    return s.id == id || (isOwn(s) && s.clock == d.own(w.index) && s.era == static_cast<std::uint16_t>(d.era()) &&
                          s.strong == touch.strong && s.swaps == touch.swaps && s.async == touch.async &&
                          s.inFlight == touch.inFlight);
  }

  void judge(Conflict &c, const CellState &before, std::uint32_t mask, const Segment *writer, const Segment *reader,
             bool sameWriter, bool sameReader) const {
    if (writer && (before.written & mask) != 0) {
      const bool otherLane = before.writerKnown && (mixed || !sameWriter);
      c.kind = against(*writer, true, otherLane);
      if (c.kind != Conflict::Kind::None) {
        c.other = writer, c.otherWrites = true, c.laneKnown = before.writerKnown, c.bytes = before.written;
        return;
      }
    }
    if (!touch.write || !reader || (before.read & mask) == 0) return;
    const bool bySeveral = (before.several & mask) != 0;
    c.kind = against(*reader, false, bySeveral || (before.readerKnown && (mixed || !sameReader)));
    c.other = reader, c.otherWrites = false;
    c.laneKnown = before.readerKnown && !bySeveral, c.bytes = before.read;
  }

  Conflict::Kind against(const Segment &s, bool writes, bool otherLane) const {
    using Kind = Conflict::Kind;
    const Checks &checks = w.block->checks;
    if (startsSwap(s, writes)) return Kind::None;
    const bool bothStrong = s.strong && touch.strong;
    if (!isBehind(s)) return bothStrong || !checks.on(ViolationKind::GlobalRace) ? Kind::None : Kind::Warps;
    if (s.inFlight && !touch.async && !bothStrong && checks.on(ViolationKind::InFlightAccess)) return Kind::Flight;
    if (touch.async && !s.async && writes && !bothStrong && !d.isProxied(w.index, s) &&
        checks.on(ViolationKind::MissingProxyFence))
      return Kind::Fence;
    const bool together = otherLane && isOwn(s) && s.section == w.section;
    return together && !bothStrong && checks.on(ViolationKind::LaneRace) ? Kind::Lanes : Kind::None;
  }

  /// A plain read and a compare-and-swap: the usual loop begins with such a look, and the swap finds out what it
  /// missed.
  bool startsSwap(const Segment &s, bool writes) const {
    return writes ? s.swaps && !touch.write && !touch.async : touch.swaps && !s.async;
  }

  /// False when the page was emptied for it.
  bool advance(Step &step, const CellState &before, std::uint32_t mask, const Segment *writer, const Segment *reader,
               bool sameWriter, bool sameReader) {
    CellState after = before;
    if (touch.write) {
      noteWrite(after, mask, writer, sameWriter);
      step.keep = laneMask << readerShift, step.factor = 1;
    } else {
      noteRead(after, mask, reader, sameReader);
      step.keep = laneMask, step.factor = 1u << readerShift;
    }
    const std::uint64_t number = numberFor(after);
    step.bits = static_cast<std::uint32_t>(number) << CellStates::laneBits;
    const auto itsEpoch = static_cast<std::uint32_t>(number >> CellStates::numberBits);
    if (itsEpoch == *epoch) return true;
    std::memset(firstOfPage, 0, CellStates::pageWords * sizeof *firstOfPage);
    *epoch = itsEpoch;
    forgetSteps();
    return false;
  }

  void noteWrite(CellState &s, std::uint32_t mask, const Segment *writer, bool sameWriter) const {
    const bool others = (s.written & ~mask) != 0;
    if (others && isAlike(*writer)) {
      s.writerKnown = s.writerKnown && sameWriter && !mixed && writer->section == w.section;
      s.written |= mask;
    } else {
      s.writerKnown = !mixed;
      s.written = mask;
    }
    s.writer = id;
    s.read &= ~mask;
    s.several &= ~mask;
    if (s.read == 0) s.reader = 0, s.readerKnown = false;
  }

  void noteRead(CellState &s, std::uint32_t mask, const Segment *reader, bool sameReader) const {
    s.reader = id;
    if (!reader || !isAlike(*reader)) {
      s.read = mask, s.several = 0, s.readerKnown = !mixed;
      return;
    }
    const std::uint32_t old = s.read;
    s.read |= mask;
    if (reader->section != w.section) {
      s.several = 0;
      s.readerKnown = !mixed && (old & ~mask) == 0;
    } else if (!s.readerKnown || mixed || !sameReader) {
      if (s.readerKnown && !mixed) s.several |= mask & old;
      s.readerKnown = !mixed && (s.read & ~s.several & ~mask) == 0;
    }
  }

  /// A number for STATE; neighbours, and what the instruction touches next, mostly have the same one.
  std::uint64_t numberFor(const CellState &state) {
    if (cache.after != 0 && cache.after >> CellStates::numberBits >= *epoch && states.find(cache.after) == state)
      return cache.after;
    return cache.after = states.add(state);
  }

  Warp &w;
  const RaceDetector &d;
  SegmentTable &table;
  CellStates &states;
  LookupCache &cache;
  Touch touch;
  std::uint32_t id;
  bool mixed;
  std::uint32_t *firstOfPage = nullptr, *epoch = nullptr;
  std::uint32_t stepsEpoch = ~0u;
  Step steps[4];
};

/// The lane that touches the bytes from AT on.
class LaneOf {
public:
  LaneOf(unsigned firstLane, std::uint64_t start, std::uint32_t size, std::uint32_t perLane)
      : first(firstLane), from(start), shift(perLane == size ? 63 : static_cast<unsigned>(std::countr_zero(perLane))) {}
  unsigned operator()(std::uint64_t at) const { return first + static_cast<unsigned>((at - from) >> shift); }
  std::uint64_t start() const { return from; }
  bool isOne() const { return shift == 63; }
  unsigned wordsEach() const { return isOne() ? 1 : (1u << shift) / 4; } ///< of four bytes

private:
  unsigned first;
  std::uint64_t from;
  unsigned shift;
};

struct Piece {
  std::uint64_t at, next;
};

constexpr unsigned wordsAtOnce = 32;

/// As many of the words from AT on as STEP, made for the first of them, treats alike: 0 or all of `wordsAtOnce`.
unsigned repeat(std::uint32_t *cells, const Step &step, LaneOf laneOf, std::uint64_t at) {
  std::uint32_t lane[wordsAtOnce], different = 0;
  const unsigned each = static_cast<unsigned>(std::countr_zero(laneOf.wordsEach()));
  if (laneOf.isOne())
    std::fill_n(lane, wordsAtOnce, laneOf(at));
  else if (at % (4u << each) == laneOf.start() % (4u << each))
    for (unsigned k = 0; k < wordsAtOnce; ++k) lane[k] = laneOf(at) + (k >> each);
  else
    return 0;
  const std::uint32_t state = step.state << CellStates::laneBits, lanes = step.lanes, keep = step.keep;
  for (unsigned k = 0; k < wordsAtOnce; ++k)
    different |= ((cells[k] ^ state) >> CellStates::laneBits) | ((cells[k] ^ lane[k] * 33) & lanes);
  if (different != 0) return 0;
  for (unsigned k = 0; k < wordsAtOnce; ++k) cells[k] = step.bits | (cells[k] & keep) | step.factor * lane[k];
  return wordsAtOnce;
}

/// Whether a conflict is none after all: a write of the value that is there meets another write, or lanes of its own
/// warp; or each byte is touched by the lane that had it.
bool isHarmless(const Conflict &c, const Piece &piece, std::uint32_t cell, LaneOf laneOf, const std::uint8_t *data,
                const std::uint8_t *fresh) {
  const bool pardons = c.kind == Conflict::Kind::Lanes || (c.kind == Conflict::Kind::Warps && c.otherWrites);
  if (pardons && fresh && std::memcmp(data, fresh, piece.next - piece.at) == 0) return true;
  if (c.kind != Conflict::Kind::Lanes || !c.laneKnown) return false;
  const std::uint32_t other = (c.otherWrites ? cell : cell >> readerShift) & laneMask;
  for (std::uint64_t at = piece.at; at < piece.next; ++at)
    if ((c.bytes >> (at & 3) & 1) != 0 && laneOf(at) != other) return false;
  return true;
}

void report(Warp &w, const Inst *inst, Touch touch, const Conflict &c, unsigned lane, std::uint64_t address,
            std::uint32_t cell) {
  GridSide side{*c.other, c.otherWrites, -1};
  if (c.laneKnown) side.lane = static_cast<int>((c.otherWrites ? cell : cell >> readerShift) & laneMask);
  switch (c.kind) {
  case Conflict::Kind::Fence: return globalProxyFault(w, inst, lane, address, touch.write, side);
  case Conflict::Kind::Flight: return globalFlightFault(w, inst, lane, address, touch.write, side);
  case Conflict::Kind::Lanes: return globalLaneRaceFault(w, inst, lane, address, touch.write, side);
  default: return globalRaceFault(w, inst, lane, address, touch.write, side);
  }
}

} // namespace

bool orderedInGrid(Warp &w, const Inst *inst, Touch touch, const WatchedMemory &memory, std::uint64_t offset,
                   std::uint32_t size, std::uint32_t perLane, unsigned lane, const std::uint8_t *fresh) {
  if (!w.block->order) return true;
  const std::uint32_t id = segmentOf(w, inst, touch);
  if (id == 0) return true;
  Toucher toucher(w, w.lookups[inst->id], touch, id, touch.anyLane || (perLane < 4 && perLane != size));
  const LaneOf laneOf(lane, offset, size, perLane);
  const bool canRepeat = perLane >= 4 && !touch.anyLane;
  const std::uint64_t end = offset + size;
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t page = at / pageBytes, stop = std::min((page + 1) * pageBytes, end);
    const SegmentTable::Lock lock(w.block->memory->segments(), memory.cells + at / 4);
    toucher.enter(memory.cells, page);
    while (at < stop) {
      const std::uint64_t word = at & ~std::uint64_t{3}, next = std::min(word + 4, stop);
      const std::uint32_t mask = ((1u << (next - at)) - 1) << (at - word);
      std::uint32_t &cell = memory.cells[word / 4];
      const std::uint32_t before = cell;
      const unsigned here = laneOf(at);
      const Step &step = toucher.stepFor(before, mask, here);
      if (step.repeats && mask == 15 && stop - at >= 4 * wordsAtOnce && canRepeat) {
        if (const unsigned n = repeat(&cell, step, laneOf, at)) {
          at += 4 * n;
          continue;
        }
      }
      if (step.conflict.kind != Conflict::Kind::None) {
        const std::uint8_t *mine = fresh ? fresh + (at - offset) : nullptr;
        if (!isHarmless(step.conflict, {at, next}, before, laneOf, memory.data + at, mine)) {
          report(w, inst, touch, step.conflict, here, memory.base + at, before);
          return false;
        }
      }
      cell = step.bits | (before & step.keep) | step.factor * here;
      at = next;
    }
  }
  return true;
}

bool orderedBulk(Warp &w, const Inst *inst, Touch touch, std::uint64_t address, std::uint32_t size, unsigned lane,
                 const std::uint8_t *fresh) {
  const Allocation *a = w.block->memory->findLive(address);
  if (!a || !a->races) return true;
  return orderedInGrid(w, inst, touch, {a->data, a->races, a->base}, address - a->base, size, size, lane, fresh);
}

} // namespace sage::sim
