// How instructions reach memory: from an address operand to host pointers, with every check on the way.
//
// An access is done region by region: a region is an allocation, the block's shared memory, a thread's local memory or
// the parameters; nearly always one region holds all lanes. The caller's body gets the region, the lanes' offsets in it
// and the mask of lanes; it returns false when it reported a violation.
// Included only by files that are compiled per vector level.
#pragma once

#include "core/Cluster.h"
#include "core/Faults.h"
#include "core/Lanes.h"
#include "core/ProxyAccess.h"

namespace sage::sim::SAGESIM_LEVEL {

struct Region {
  u8 *data = nullptr;
  u8 *shadow = nullptr; ///< null: everything counts as written
  Space space = Space::Global;
  u64 base = 0; ///< address of data[0], for reports
  /// Of shared memory, when the address names a block of the cluster: whose it is. Null: the own.
  Block *owner = nullptr;
  bool reachesCluster = false; ///< addresses may name other blocks
  u32 *races = nullptr;        ///< cells of the race detector, global memory only
};

enum class Use : unsigned { Read, Write };

/// The lanes' addresses from an `m` operand: register, width, displacement.
SIM_INLINE Lanes<u64> addresses(const Warp &w, const u32 *m) {
  const u64 displacement = m[2] | static_cast<u64>(m[3]) << 32;
  if (m[1]) return get<u64>(w, m[0]) + displacement;
  return convert<u64>(get<u32>(w, m[0]) + static_cast<u32>(displacement));
}

SIM_INLINE Lanes<u64> laneNumbers() {
  return Lanes<u64>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
}

/// Of what the running lanes hold in a register.
template <class R> SIM_INLINE u64 digest(Warp &w, u32 offset) {
  u64 sum = w.active;
  for (u32 m = w.active; m != 0; m &= m - 1)
    sum = sum * 0x9e3779b97f4a7c15u + static_cast<u64>(w.lanes<R>(offset)[std::countr_zero(m)]);
  return sum;
}

/// All 32 lanes touch consecutive pieces of SIZE bytes.
SIM_INLINE bool isContiguous(Lanes<u64> offset, u32 mask, u32 size) {
  return mask == allLanes && maskOf(offset == laneNumbers() * size + offset[0]) == allLanes;
}

/// Lanes whose access is wrong when nobody looks for KIND: it is not done, and a load leaves its register as it was.
SIM_INLINE u32 leftOut(const Warp &w, ViolationKind kind, u32 lanes) { return w.block->checks.on(kind) ? 0 : lanes; }

/// Takes lanes off MASK when the check is off.
SIM_INLINE bool checkAligned(Warp &w, const Inst *i, Lanes<u64> address, u32 size, u32 &mask, Space space) {
  const u32 bad = maskOf((address & u64(size - 1)) != 0ull) & mask;
  if (__builtin_expect(bad == 0, 1)) return true;
  if (leftOut(w, ViolationKind::Misaligned, bad) != 0) return mask &= ~bad, true;
  const unsigned lane = static_cast<unsigned>(std::countr_zero(bad));
  misalignedFault(w, i, lane, address[lane], size, space);
  return false;
}

SIM_INLINE Region globalRegion(const Allocation &a) {
  Region r{a.data, a.shadow, Space::Global, a.base};
  r.races = a.races;
  return r;
}

template <class Body>
SIM_INLINE bool globalAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, Use use, Body body) {
  if (!checkAligned(w, i, address, size, mask, Space::Global)) return false;
  Allocation *&cached = w.lookups[i->id].allocation;
  while (mask != 0) {
    const u64 first = address[std::countr_zero(mask)];
    if (__builtin_expect(!cached || !cached->contains(first, size), 0)) {
      cached = w.block->memory->findLive(first);
      if (!cached || !cached->contains(first, size)) {
        cached = nullptr;
        const Allocation *freed = w.block->memory->find(first);
        const auto kind = freed && freed->freed ? ViolationKind::UseAfterFree : ViolationKind::OutOfBounds;
        if (leftOut(w, kind, mask) != 0) {
          mask &= mask - 1;
          continue;
        }
        globalFault(w, i, static_cast<unsigned>(std::countr_zero(mask)), first, size, use == Use::Write);
        return false;
      }
    }
    Allocation &a = *cached;
    if (use == Use::Write && a.kind == Allocation::Kind::ConstVariable) {
      if (leftOut(w, ViolationKind::ReadOnlyWrite, mask) != 0) {
        mask &= mask - 1;
        continue;
      }
      readOnlyFault(w, i, static_cast<unsigned>(std::countr_zero(mask)), first);
      return false;
    }
    const Lanes<u64> offset = address - a.base;
    const u32 inside = maskOf(offset <= a.bytes - size) & mask;
    if (__builtin_expect(a.isHeap, 0)) {
      u32 allowed = inside;
      if (!checkHeap(w, i, a, reinterpret_cast<const u64 *>(&offset), allowed, size, use == Use::Write)) return false;
      mask &= ~(inside & ~allowed);
      if (allowed == 0) continue;
      if (!body(globalRegion(a), offset, allowed)) return false;
      mask &= ~allowed;
      continue;
    }
    if (!body(globalRegion(a), offset, inside)) return false;
    mask &= ~inside;
  }
  return true;
}

template <class Body>
bool clusterAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, bool ownOnly, Body body);

/// A region of LIMIT bytes that all lanes must stay in.
template <class Body>
SIM_INLINE bool boundedAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, u64 limit, Region region,
                              Body body) {
  if (!checkAligned(w, i, address, size, mask, region.space)) return false;
  if (mask == 0) return true;
  const u32 outside = mask & (limit < size ? mask : maskOf(address > limit - size));
  if (__builtin_expect(outside != 0, 0)) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(outside));
    if (region.space == Space::Shared && !region.owner && namesBlock(address[lane]))
      return clusterAccess(w, i, address, mask, size, !region.reachesCluster, body);
    if (leftOut(w, ViolationKind::OutOfBounds, outside) != 0)
      return (mask & ~outside) == 0 || body(region, address, mask & ~outside);
    boundsFault(w, i, lane, address[lane], size, limit, region.space);
    return false;
  }
  return body(region, address, mask);
}

/// The cluster's shared memory (§5.1.7), a block at a time. Rare: not inlined.
template <class Body>
[[gnu::noinline]] bool clusterAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, bool ownOnly,
                                     Body body) {
  const Lanes<u64> offset = address & clusterOffsets, block = address >> u64(clusterShift);
  while (mask != 0) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(mask));
    const u32 same = maskOf(block == block[lane]) & mask;
    mask &= ~same;
    if (const auto why = isBarred(*w.block, address[lane], ownOnly); why && leftOut(w, *why, same) != 0) continue;
    Block *owner = reachBlock(w, i, lane, address[lane], size, ownOnly);
    if (!owner) return false;
    const Region r{owner->shared, owner->sharedShadow, Space::Shared, 0, owner, true};
    if (!boundedAccess(w, i, offset, same, size, owner->sharedBytes, r, body)) return nameOwner(w, *owner), false;
  }
  return true;
}

template <class Body>
SIM_INLINE bool sharedAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, Body body,
                             bool reachesCluster = false) {
  const Block &b = *w.block;
  return boundedAccess(w, i, address, mask, size, b.sharedBytes,
                       Region{b.shared, b.sharedShadow, Space::Shared, 0, nullptr, reachesCluster}, body);
}
template <class Body>
SIM_INLINE bool localAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, Body body) {
  const u64 each = w.block->program->localBytes;
  return boundedAccess(
      w, i, address, mask, size, each, Region{w.local, w.localShadow, Space::Local, 0},
      [&](Region r, Lanes<u64> offset, u32 lanes) { return body(r, offset + laneNumbers() * each, lanes); });
}
template <class Body>
SIM_INLINE bool paramAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, Body body) {
  const Block &b = *w.block;
  return boundedAccess(w, i, address, mask, size, b.program->parameterBytes,
                       Region{const_cast<u8 *>(b.parameters), nullptr, Space::Param, 0}, body);
}

/// Generic addresses: each window's lanes by themselves.
template <class Body>
SIM_INLINE bool genericAccess(Warp &w, const Inst *i, Lanes<u64> address, u32 mask, u32 size, Use use, Body body) {
  const u32 global = maskOf(address < sharedWindow) & mask;
  if (__builtin_expect(global == mask, 1)) return globalAccess(w, i, address, mask, size, use, body);
  if (global != 0 && !globalAccess(w, i, address, global, size, use, body)) return false;
  const u32 shared = maskOf(address - sharedWindow < windowBytes) & mask;
  if (shared != 0 && !sharedAccess(w, i, address - sharedWindow, shared, size, body, true)) return false;
  const u32 local = maskOf(address - localWindow < windowBytes) & mask;
  if (local != 0 && !localAccess(w, i, address - localWindow, local, size, body)) return false;
  const u32 param = use == Use::Read ? maskOf(address - paramWindow < windowBytes) & mask : 0;
  if (param != 0 && !paramAccess(w, i, address - paramWindow, param, size, body)) return false;
  const u32 nowhere = mask & ~(global | shared | local | param);
  if (nowhere == 0 || leftOut(w, ViolationKind::OutOfBounds, nowhere) != 0) return true;
  const unsigned lane = static_cast<unsigned>(std::countr_zero(nowhere));
  globalFault(w, i, lane, address[lane], size, use == Use::Write);
  return false;
}

template <class Body>
SIM_INLINE bool access(Warp &w, const Inst *i, Space space, Lanes<u64> address, u32 mask, u32 size, Use use,
                       Body body) {
  switch (space) {
  case Space::Shared: return sharedAccess(w, i, address, mask, size, body);
  case Space::SharedCluster: return sharedAccess(w, i, address, mask, size, body, true);
  case Space::Local: return localAccess(w, i, address, mask, size, body);
  case Space::Param: return paramAccess(w, i, address, mask, size, body);
  case Space::Generic: return genericAccess(w, i, address, mask, size, use, body);
  default: return globalAccess(w, i, address, mask, size, use, body);
  }
}

// Shadow checks. A byte is readable when it is `shadowSet`; in shared memory it must not be in flight to be written.
inline constexpr u64 allSet = 0x0101010101010101ull * shadowSet;

SIM_INLINE u64 differs(const u8 *shadow, u32 size) {
  u64 difference = 0;
  u32 k = 0;
  for (; k + 8 <= size; k += 8) {
    u64 x;
    std::memcpy(&x, shadow + k, 8);
    difference |= x ^ allSet;
  }
  if (size & 4) {
    u32 x;
    std::memcpy(&x, shadow + k, 4);
    difference |= x ^ static_cast<u32>(allSet);
    k += 4;
  }
  for (; k < size; ++k) difference |= static_cast<u64>(shadow[k] ^ shadowSet);
  return difference;
}
SIM_INLINE bool readable(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, unsigned lane) {
  if (!r.shadow || __builtin_expect(differs(r.shadow + offset, size) == 0, 1)) return true;
  shadowFault(w, i, lane, r.base + offset, r.shadow + offset, size, r.space, false);
  return false;
}
SIM_INLINE bool rangeReadable(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size) {
  if (!r.shadow || __builtin_expect(differs(r.shadow + offset, 32 * size) == 0, 1)) return true;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (!readable(w, i, r, offset + lane * size, size, lane)) return false;
  return true;
}
/// Nothing in flight reads what is about to be written.
SIM_INLINE bool notRead(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, unsigned lane) {
  if (r.space != Space::Shared) return true;
  const Block &block = r.owner ? *r.owner : *w.block;
  return !block.asyncReaders || isUnread(block, offset, size) || isReadNowhere(w, i, lane, block, offset, size);
}
/// Marks SIZE bytes as written; false when an asynchronous operation that writes or reads them is in flight.
SIM_INLINE bool markWritten(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, unsigned lane) {
  if (!r.shadow) return true;
  if (r.space == Space::Shared)
    for (u32 k = 0; k < size; ++k)
      if (__builtin_expect(r.shadow[offset + k] > shadowSet, 0)) {
        shadowFault(w, i, lane, r.base + offset, r.shadow + offset, size, r.space, true);
        return false;
      }
  if (__builtin_expect(w.block->asyncReaders || r.owner, 0) && !notRead(w, i, r, offset, size, lane)) return false;
  std::memset(r.shadow + offset, shadowSet, size);
  return true;
}

/// Cycles that a shared-memory access takes beyond a conflict-free one: 32 banks of 4 bytes, 128 bytes a cycle.
SIM_INLINE u32 bankConflicts(Lanes<u64> offset, u32 mask, u32 size) {
  const u32 unit = size < 4 ? 4 : size;
  const u32 groups = 128 / unit;
  u32 extra = 0;
  for (u32 first = 0; first < 32; first += groups) {
    u32 count[32] = {}, worst = 0;
    u64 seen[32][4];
    for (u32 lane = first; lane < first + groups; ++lane) {
      if (!(mask >> lane & 1)) continue;
      const u64 piece = offset[lane] / unit;
      const u32 group = static_cast<u32>(piece % groups);
      bool known = false;
      for (u32 k = 0; k < count[group] && k < 4; ++k) known |= seen[group][k] == piece;
      if (known) continue;
      if (count[group] < 4) seen[group][count[group]] = piece;
      worst = ++count[group] > worst ? count[group] : worst;
    }
    extra += worst > 1 ? worst - 1 : 0;
  }
  return extra;
}

/// Sectors of 32 bytes that the lanes of MASK touch; an access of SIZE bytes lies within one.
SIM_INLINE u32 sectorsOf(Lanes<u64> address, u32 mask) {
  const Lanes<u64> sector = address >> 5;
  u64 seen[32];
  u32 count = 0;
  for (u32 m = mask; m != 0; m &= m - 1) { // neighbours first: they mostly agree
    const u64 mine = sector[std::countr_zero(m)];
    u32 k = count;
    while (k > 0 && seen[k - 1] != mine) --k;
    if (k == 0) seen[count++] = mine;
  }
  return count;
}
SIM_INLINE void countSectors(Warp &w, const Region &r, Lanes<u64> offset, u32 mask, u32 size) {
  if (r.space != Space::Global) return;
  ++w.stats->globalRequests;
  w.stats->globalSectors += isContiguous(offset, mask, size)
                                ? ((r.base + offset[0] + 32 * size - 1) >> 5) - ((r.base + offset[0]) >> 5) + 1
                                : sectorsOf(offset + r.base, mask);
}

SIM_INLINE void countBytes(Warp &w, Space space, u32 mask, u32 size, Use use) {
  const u64 n = static_cast<u64>(__builtin_popcount(mask)) * size;
  Counters &c = *w.stats;
  if (space == Space::Shared)
    (use == Use::Read ? c.sharedReadBytes : c.sharedWrittenBytes) += n;
  else if (space == Space::Local)
    (use == Use::Read ? c.localReadBytes : c.localWrittenBytes) += n;
  else if (space == Space::Global)
    (use == Use::Read ? c.globalReadBytes : c.globalWrittenBytes) += n;
}

} // namespace sage::sim::SAGESIM_LEVEL
