// Checks of shared-memory accesses against the race detector (memory/RaceDetector.h has the model), and of lanes that
// store different values to one place. Included only by files that are compiled per vector level.
#pragma once

#include "core/Faults.h"
#include "isa/Access.h"
#include "memory/RaceDetector.h"

namespace sage::sim::SAGESIM_LEVEL {

/// What a row's `extra` says of a memory access beside its space.
enum Strength : unsigned { spaceBits = 15, strongAccess = 16, fencedAccess = 32 };

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

/// The first byte of N whose last writer this warp is not ordered behind; N when there is none. ATOMIC accesses do not
/// race with each other; a write of the value that is there already (FRESH) does no harm.
SIM_INLINE u32 unorderedWrite(const u8 *known, u32 warp, const u16 *cells, u32 n, bool atomic, const u8 *held,
                              const u8 *fresh) {
  if (__builtin_expect(behind(known, warp, cells[0]) && allCells(cells, n, cells[0]), 1)) return n;
  for (u32 k = 0; k < n; ++k)
    if (!behind(known, warp, cells[k]) && !(atomic && (cells[k] & RaceDetector::atomicFlag)) &&
        !(fresh && held[k] == fresh[k]))
      return k;
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
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, perLane, lane, false, false, nullptr)) return false;
  if (isForeign(w, r)) return true;
  const u8 *known = d->known(w.index);
  std::memset(d->readersAt(w.index, offset), known[w.index], size);
  std::memset(d->readGenerationAt(offset), d->generation(), size);
  const u16 *cells = d->writersAt(offset);
  const u32 bad = unorderedWrite(known, w.index, cells, size, false, nullptr, nullptr);
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
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, perLane, lane, true, false, fresh)) return false;
  if (isForeign(w, r)) return true;
  u16 *cells = d->writersAt(offset);
  const u32 bad = unorderedWrite(d->known(w.index), w.index, cells, size, false, r.data + offset, fresh);
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
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared) return true;
  if (!orderedInCluster(w, i, r, offset, size, size, lane, write, true, nullptr)) return false;
  if (isForeign(w, r)) return true;
  u16 *cells = d->writersAt(offset);
  const u32 bad = unorderedWrite(d->known(w.index), w.index, cells, size, true, nullptr, nullptr);
  if (__builtin_expect(bad != size, 0)) {
    raceFault(w, i, lane, offset + bad, RaceDetector::cellWarp(cells[bad]), true, write);
    return false;
  }
  if (!write) return true;
  if (!behindReaders(w, i, *d, offset, size, size, lane)) return false;
  fillCells(cells, size, d->cell(w.index) | RaceDetector::atomicFlag);
  return true;
}

/// For the other side of a later race.
SIM_INLINE void rememberAccess(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask, u32 size,
                               bool write) {
  RaceDetector *d = w.block->races;
  if (!d || r.space != Space::Shared || isForeign(w, r)) return;
  const Lanes<u64> some = offset[std::countr_zero(mask)];
  const Lanes<u64> at = choose<u64>(mask, offset, some);
  d->remember(w.index, i, __builtin_reduce_min(at), __builtin_reduce_max(at) + size, write);
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
  w.block->races->strongWrite(w.index, key);
  if (isForeign(w, r) && r.owner->races) r.owner->races->signalled(key);
}

} // namespace sage::sim::SAGESIM_LEVEL
