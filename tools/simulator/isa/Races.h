// Checks of accesses against the race detectors: warps in shared memory (memory/RaceDetector.h has the model), global
// memory (core/GlobalRaces.h), lanes of a warp in shared memory (memory/LaneWatch.h). Included only by files that are
// compiled per vector level.
#pragma once

#include "core/Faults.h"
#include "core/GlobalRaces.h"
#include "isa/Access.h"
#include "memory/LaneWatch.h"
#include "memory/RaceDetector.h"

namespace sage::sim::SAGESIM_LEVEL {

/// What a row's `extra` says of a memory access beside its space: volatile, relaxed or stronger; with the fence of an
/// acquire or a release; of a scope beyond the block; a compare-and-swap.
enum Strength : unsigned {
  spaceBits = 15,
  strongAccess = 16,
  acquires = 32,
  releases = 64,
  deviceWide = 128,
  comparesAndSwaps = 256
};

SIM_INLINE bool allCells(const u16 *cells, u32 n, u16 value) {
  const u64 wide = value * 0x0001000100010001ull;
  u64 difference = 0;
  u32 k = 0;
  for (; k + 4 <= n; k += 4) {
    u64 x;
    std::memcpy(&x, cells + k, 8);
    difference |= x ^ wide;
  }
  for (; k < n; ++k) difference |= static_cast<u64>(cells[k] ^ value);
  return difference == 0;
}
SIM_INLINE void fillCells(u16 *cells, u32 n, u16 value) {
  for (u32 k = 0; k < n; ++k) cells[k] = value;
}
SIM_INLINE bool anyAbove(const u8 *values, u32 n, u8 limit) {
  u32 above = 0;
  for (u32 k = 0; k < n; ++k) above |= values[k] > limit;
  return above != 0;
}

/// True when warp W is ordered behind the write that CELL tells of.
SIM_INLINE bool behind(const u8 *known, u32 warp, u16 cell) {
  return RaceDetector::cellWarp(cell) == warp || RaceDetector::cellClock(cell) <= known[RaceDetector::cellWarp(cell)];
}

/// The first byte of N whose last writer this warp is not ordered behind; N when there is none. Writes with the flag
/// PARDONED are left out; a write of the value that is there already (FRESH) does no harm.
SIM_INLINE u32 unorderedWrite(const u8 *known, u32 warp, const u16 *cells, u32 n, u16 pardoned, const u8 *held,
                              const u8 *fresh) {
  if (__builtin_expect(behind(known, warp, cells[0]) && allCells(cells, n, cells[0]), 1)) return n;
  for (u32 k = 0; k < n; ++k)
    if (!behind(known, warp, cells[k]) && (cells[k] & pardoned) == 0 && !(fresh && held[k] == fresh[k])) return k;
  return n;
}

/// The access is to another block's memory, of which only ClusterRaces knows.
SIM_INLINE bool isForeign(const Warp &w, const Region &r) { return r.owner && r.owner != w.block; }

/// Against warps of other blocks of the cluster. FRESH: the bytes about to be written, or null.
SIM_INLINE bool orderedInCluster(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, u32 perLane,
                                 unsigned lane, bool write, bool strong, const u8 *fresh) {
  if (__builtin_expect(!w.block->hasPeers, 1)) return true;
  const Block *owner = r.owner ? r.owner : w.block;
  return noteInCluster(w, i, {owner, offset, size, perLane, lane, write, strong, false, r.data + offset, fresh});
}

SIM_INLINE bool raceFreeRead(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, u32 perLane,
                             unsigned lane) {
  if (r.races) return orderedInGrid(w, i, Touch{}, {r.data, r.races, r.base}, offset, size, perLane, lane, nullptr);
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, perLane, lane, false, false, nullptr)) return false;
  if (isForeign(w, r)) return true;
  const u8 *known = d->known(w.index);
  std::memset(d->readersAt(w.index, offset), known[w.index], size);
  std::memset(d->readGenerationAt(offset), d->generation(), size);
  const u16 *cells = d->writersAt(offset);
  // The usual loop around a compare-and-swap begins with a plain look; the swap finds out what it missed.
  const u32 bad = unorderedWrite(known, w.index, cells, size, RaceDetector::swapFlag, nullptr, nullptr);
  if (__builtin_expect(bad == size, 1)) return true;
  raceFault(w, i, lane + bad / perLane, offset + bad, RaceDetector::cellWarp(cells[bad]), true, false);
  return false;
}

/// Readers of other warps that this one is not ordered behind.
SIM_INLINE bool behindReaders(Warp &w, const Inst *i, RaceDetector &d, u64 offset, u32 size, u32 perLane,
                              unsigned lane) {
  if (__builtin_expect(!anyAbove(d.readGenerationAt(offset), size, static_cast<u8>(d.generation() - 1)), 1))
    return true;
  const u8 *known = d.known(w.index);
  for (u32 u = 0; u < d.warpCount(); ++u) {
    if (u == w.index || !anyAbove(d.readersAt(u, offset), size, known[u])) continue;
    u32 bad = 0;
    while (d.readersAt(u, offset)[bad] <= known[u]) ++bad;
    raceFault(w, i, lane + bad / perLane, offset + bad, u, false, true);
    return false;
  }
  return true;
}

/// FRESH: the bytes about to be written.
SIM_INLINE bool raceFreeWrite(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, u32 perLane, unsigned lane,
                              const u8 *fresh) {
  if (r.races)
    return orderedInGrid(w, i, Touch{.write = true}, {r.data, r.races, r.base}, offset, size, perLane, lane, fresh);
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, perLane, lane, true, false, fresh)) return false;
  if (isForeign(w, r)) return true;
  u16 *cells = d->writersAt(offset);
  const u32 bad = unorderedWrite(d->known(w.index), w.index, cells, size, 0, r.data + offset, fresh);
  if (__builtin_expect(bad != size, 0)) {
    raceFault(w, i, lane + bad / perLane, offset + bad, RaceDetector::cellWarp(cells[bad]), true, true);
    return false;
  }
  if (!behindReaders(w, i, *d, offset, size, perLane, lane)) return false;
  fillCells(cells, size, d->cell(w.index));
  return true;
}

/// Atomic, volatile, relaxed: races only with plain accesses.
SIM_INLINE bool raceFreeStrong(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, unsigned lane,
                               bool write) {
  const bool swaps = i->extra & comparesAndSwaps;
  if (r.races)
    return orderedInGrid(w, i, Touch{.write = write, .strong = true, .swaps = swaps}, {r.data, r.races, r.base}, offset,
                         size, size, lane, nullptr);
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, size, lane, write, true, nullptr)) return false;
  if (isForeign(w, r)) return true;
  u16 *cells = d->writersAt(offset);
  const u32 bad = unorderedWrite(d->known(w.index), w.index, cells, size, RaceDetector::atomicFlag, nullptr, nullptr);
  if (__builtin_expect(bad != size, 0)) {
    raceFault(w, i, lane, offset + bad, RaceDetector::cellWarp(cells[bad]), true, write);
    return false;
  }
  if (!write) return true;
  if (!swaps && !behindReaders(w, i, *d, offset, size, size, lane)) return false;
  fillCells(cells, size, d->cell(w.index) | RaceDetector::atomicFlag | (swaps ? RaceDetector::swapFlag : 0));
  return true;
}

/// For the other side of a later race.
SIM_INLINE void rememberAccess(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask, u32 size,
                               bool write) {
  RaceDetector *d = w.block->order;
  if (!d || r.space != Space::Shared || isForeign(w, r)) return;
  const Lanes<u64> some = offset[std::countr_zero(mask)];
  const Lanes<u64> at = choose<u64>(mask, offset, some);
  d->remember(w.index, i, __builtin_reduce_min(at), __builtin_reduce_max(at) + size, write);
}

/// An access of one lane to SIZE bytes of shared memory, against other lanes of its warp. FRESH as above, null for
/// reads.
SIM_INLINE bool laneFree(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, unsigned lane,
                         const u8 *fresh) {
  LaneWatch &watch = *w.block->lanes;
  u32 *writer = watch.writersAt(offset), *reader = watch.readersAt(offset);
  for (u64 at = offset; at < offset + size; ++writer, ++reader) {
    const u64 word = at & ~u64{3}, next = word + 4 < offset + size ? word + 4 : offset + size;
    const u32 bytes = ((1u << (next - at)) - 1) << (at - word);
    const u32 mine = LaneWatch::cell(w.stretch, lane, bytes), wrote = *writer, read = *reader;
    const bool readHere = LaneWatch::isOf(read, w.stretch), readBySeveral = read & LaneWatch::several,
               readByOthers = readBySeveral || LaneWatch::laneOf(read) != lane;
    if (LaneWatch::isOf(wrote, w.stretch) && LaneWatch::laneOf(wrote) != lane && (wrote & bytes) != 0 &&
        !(fresh && std::memcmp(r.data + at, fresh + (at - offset), next - at) == 0)) {
      laneRaceFault(w, i, lane, at, fresh != nullptr, LaneWatch::laneOf(wrote), true);
      return false;
    }
    if (!fresh) {
      // Of several readers only the bytes that they share are kept.
      if (!readHere || !readByOthers)
        *reader = readHere ? read | bytes : mine;
      else if (!readBySeveral)
        *reader = (read & bytes) == 0 ? mine : (read & ~15u) | (read & bytes) | LaneWatch::several;
    } else {
      if (readHere && readByOthers && (read & bytes) != 0) {
        laneRaceFault(w, i, lane, at, true, LaneWatch::laneOf(read), false);
        return false;
      }
      *writer = LaneWatch::isOf(wrote, w.stretch) && LaneWatch::laneOf(wrote) == lane ? wrote | bytes : mine;
    }
    at = next;
  }
  return true;
}
/// 32 lanes, each a word of its own: no conflict when no cell of this stretch belongs to another lane.
SIM_INLINE bool lanesFree(Warp &w, const Inst *i, const Region &r, u64 offset, const u8 *fresh) {
  LaneWatch &watch = *w.block->lanes;
  using Cells = Lanes<u32>;
  Cells wrote, read;
  std::memcpy(&wrote, watch.writersAt(offset), sizeof wrote);
  std::memcpy(&read, watch.readersAt(offset), sizeof read);
  const Cells mine = convert<u32>(laneNumbers()) << LaneWatch::laneShift | LaneWatch::cell(w.stretch, 0, 15);
  const auto others = [&](Cells cells, u32 flag) { // of this stretch, but with another lane or with FLAG
    const Cells difference = cells ^ mine;
    return maskOf((difference >> LaneWatch::stretchShift == 0u) &
                  (((difference >> LaneWatch::laneShift & 31u) | (cells & flag)) != 0u));
  };
  const u32 bad = others(wrote, 0) | (fresh ? others(read, LaneWatch::several) : 0);
  const u32 again = fresh ? 0 : others(read, LaneWatch::several);
  if (__builtin_expect((bad | again) == 0, 1)) {
    std::memcpy(fresh ? watch.writersAt(offset) : watch.readersAt(offset), &mine, sizeof mine);
    return true;
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    if (!laneFree(w, i, r, offset + 4 * lane, 4, lane, fresh ? fresh + 4 * lane : nullptr)) return false;
  return true;
}

/// The detectors' key of a place in memory, the same for all blocks of a cluster.
SIM_INLINE u64 placeOf(const Warp &w, const Region &r, u64 offset) {
  if (r.space != Space::Shared) return r.base + offset;
  if (!w.block->hasPeers) return sharedWindow + offset;
  return sharedWindow + clusterAddress((r.owner ? r.owner : w.block)->rank, offset);
}
/// A strong write to it.
SIM_INLINE void signal(Warp &w, const Region &r, u64 offset) {
  const u64 key = placeOf(w, r, offset);
  w.block->order->strongWrite(w.index, key);
  if (isForeign(w, r) && r.owner->order) r.owner->order->signalled(key);
}

} // namespace sage::sim::SAGESIM_LEVEL
