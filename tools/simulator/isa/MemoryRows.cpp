// Loads and stores (PTX ISA §9.7.9.8–9.7.9.12). Cache operators and scopes change nothing here: every access is as
// strong as the strongest.
#include "isa/Access.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// Strong accesses (volatile, relaxed, acquire, release) one lane after the other, as far as races are concerned. What
// others released is looked for behind the read, and what is released is told before the write: then nobody finds a
// value without its order.

/// One lane where all read the same flag, as those that poll do.
u32 distinct(Lanes<u64> offset, u32 mask) {
  const u32 first = mask & -mask;
  return (maskOf(offset == offset[std::countr_zero(mask)]) & mask) == mask ? first : mask;
}
bool strongRead(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask, u32 size) {
  for (u32 m = w.block->order ? distinct(offset, mask) : 0; m != 0; m &= m - 1) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
    if (!raceFreeStrong(w, i, r, offset[lane], size, lane, false)) return false;
  }
  return true;
}
void acquireAfter(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask) {
  RaceDetector *d = w.block->order;
  if (!d) return;
  for (u32 m = distinct(offset, mask); m != 0; m &= m - 1)
    d->strongRead(w.index, placeOf(w, r, offset[std::countr_zero(m)]));
  if (!(i->extra & acquires)) return;
  d->acquireFence(w.index, i->extra & deviceWide);
  orderLanes(w);
}
bool strongWrite(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask, u32 size) {
  RaceDetector *d = w.block->order;
  if (!d) return true;
  if (i->extra & releases) d->fence(w.index, i->extra & deviceWide), orderLanes(w);
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
    if (!raceFreeStrong(w, i, r, offset[lane], size, lane, true)) return false;
    signal(w, r, offset[lane]);
  }
  return true;
}

// M is the type in memory, R the width of a register. `extra` is the space and the Strength.
template <class M, class R> SIM_INLINE void loadContiguous(Warp &w, const Inst *i, const u8 *from) {
  const unsigned n = i->vector;
  if (n == 1) {
    Lanes<M> v;
    std::memcpy(&v, from, sizeof v);
    *w.lanes<Lanes<R>>(i->o[0]) = convert<R>(v);
    return;
  }
  for (unsigned e = 0; e < n; ++e) {
    R *to = w.lanes<R>(i->o[e]);
    for (unsigned l = 0; l < 32; ++l) {
      M v;
      std::memcpy(&v, from + (l * n + e) * sizeof(M), sizeof v);
      to[l] = static_cast<R>(v);
    }
  }
}
template <class M, class R>
SIM_INLINE bool loadScattered(Warp &w, const Inst *i, const Region &r, Lanes<u64> offset, u32 mask) {
  const unsigned n = i->vector;
  alignas(128) u64 at[32];
  std::memcpy(at, &offset, sizeof at);
  const bool weak = !(i->extra & strongAccess),
             watchesLanes = weak && r.space == Space::Shared && w.block->lanes && !isForeign(w, r);
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
    if (!readable(w, i, r, at[lane], n * sizeof(M), lane)) return false;
    if (weak && !raceFreeRead(w, i, r, at[lane], n * sizeof(M), n * sizeof(M), lane)) return false;
    if (watchesLanes && !laneFree(w, i, r, at[lane], n * sizeof(M), lane, nullptr)) return false;
    for (unsigned e = 0; e < n; ++e) {
      M v;
      std::memcpy(&v, r.data + at[lane] + e * sizeof(M), sizeof v);
      w.lanes<R>(i->o[e])[lane] = static_cast<R>(v);
    }
  }
  return true;
}

/// Races of lanes in an access that all of them make, one behind the other.
bool contiguousLanesFree(Warp &w, const Inst *i, const Region &r, u64 offset, u32 size, const u8 *fresh) {
  if (r.space != Space::Shared || !w.block->lanes || isForeign(w, r)) return true;
  if (size == 4) return lanesFree(w, i, r, offset, fresh);
  for (unsigned lane = 0; lane < 32; ++lane)
    if (!laneFree(w, i, r, offset + lane * size, size, lane, fresh ? fresh + lane * size : nullptr)) return false;
  return true;
}

template <class M, class R> const Inst *load(Warp &w, const Inst *i) {
  const u32 size = i->vector * sizeof(M);
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    countBytes(w, r.space, mask, size, Use::Read);
    countSectors(w, r, offset, mask, size);
    rememberAccess(w, i, r, offset, mask, size, false);
    const bool strong = i->extra & strongAccess;
    if (strong && !strongRead(w, i, r, offset, mask, size)) return false;
    bool ok = true;
    if (isContiguous(offset, mask, size)) {
      if (!rangeReadable(w, i, r, offset[0], size)) return false;
      if (!strong && !raceFreeRead(w, i, r, offset[0], 32 * size, size, 0)) return false;
      if (!strong && !contiguousLanesFree(w, i, r, offset[0], size, nullptr)) return false;
      loadContiguous<M, R>(w, i, r.data + offset[0]);
    } else {
      if (r.space == Space::Shared) w.stats->bankConflicts += bankConflicts(offset, mask, size);
      ok = loadScattered<M, R>(w, i, r, offset, mask);
    }
    if (strong && ok) acquireAfter(w, i, r, offset, mask);
    return ok;
  };
  const auto space = static_cast<Space>(i->extra & spaceBits);
  if (!access(w, i, space, addresses(w, i->o + i->vector), w.active, size, Use::Read, body)) return nullptr;
  if (i->extra & strongAccess) {
    u64 found = 0;
    for (unsigned e = 0; e < i->vector; ++e) found = 31 * found + digest<R>(w, i->o[e]);
    notePoll(w, i, found);
  }
  return i + 1;
}

// Kernel parameters at a constant offset: the same value for all lanes.
template <class M, class R> const Inst *loadParam(Warp &w, const Inst *i) {
  const u32 *m = i->o + i->vector;
  const Lanes<u64> address = addresses(w, m);
  const u32 size = i->vector * sizeof(M);
  if (maskOf(address == address[0]) != allLanes) return load<M, R>(w, i);
  const auto body = [&](const Region &r, Lanes<u64> offset, u32) {
    for (unsigned e = 0; e < i->vector; ++e) {
      M v;
      std::memcpy(&v, r.data + offset[0] + e * sizeof(M), sizeof v);
      put<R>(w, i->o[e], Lanes<R>(static_cast<R>(v)));
    }
    return true;
  };
  return paramAccess(w, i, address, w.active, size, body) ? i + 1 : nullptr;
}

/// After a store: every lane finds its value, so no other lane wrote a different one over it.
template <class M, class R>
SIM_INLINE bool lanesAgree(Warp &w, const Inst *i, const Region &r, const u64 *at, u32 mask) {
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
    for (unsigned e = 0; e < i->vector; ++e) {
      const M v = static_cast<M>(w.lanes<R>(i->o[4 + e])[lane]);
      if (__builtin_expect(std::memcmp(r.data + at[lane] + e * sizeof(M), &v, sizeof v) == 0, 1)) continue;
      laneClashFault(w, i, lane, r.base + at[lane] + e * sizeof(M), r.space);
      return false;
    }
  }
  return true;
}

/// What a store of N values a lane puts into consecutive memory.
template <class M, class R> SIM_INLINE void collect(Warp &w, const u32 *values, unsigned n, M *to) {
  if (n == 1) {
    const Lanes<M> v = convert<M>(*w.lanes<Lanes<R>>(values[0]));
    std::memcpy(to, &v, sizeof v);
    return;
  }
  for (unsigned e = 0; e < n; ++e) {
    const R *from = w.lanes<R>(values[e]);
    for (unsigned l = 0; l < 32; ++l) to[l * n + e] = static_cast<M>(from[l]);
  }
}

template <class M, class R> const Inst *store(Warp &w, const Inst *i) {
  const unsigned n = i->vector;
  const u32 size = n * sizeof(M);
  const u32 *values = i->o + 4;
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    countBytes(w, r.space, mask, size, Use::Write);
    countSectors(w, r, offset, mask, size);
    rememberAccess(w, i, r, offset, mask, size, true);
    const bool strong = i->extra & strongAccess;
    if (strong && !strongWrite(w, i, r, offset, mask, size)) return false;
    alignas(128) u64 at[32];
    std::memcpy(at, &offset, sizeof at);
    if (r.space == Space::Shared && (n > 1 || !isContiguous(offset, mask, size)))
      w.stats->bankConflicts += bankConflicts(offset, mask, size);
    if (isContiguous(offset, mask, size)) {
      alignas(128) M fresh[8 * 32];
      collect<M, R>(w, values, n, fresh);
      const auto *bytes = reinterpret_cast<const u8 *>(fresh);
      if (!markWritten(w, i, r, at[0], 32 * size, 0)) return false;
      if (!strong && !raceFreeWrite(w, i, r, at[0], 32 * size, size, 0, bytes)) return false;
      if (!strong && !contiguousLanesFree(w, i, r, at[0], size, bytes)) return false;
      std::memcpy(r.data + at[0], fresh, 32 * size);
      return true;
    }
    const bool watchesLanes = !strong && r.space == Space::Shared && w.block->lanes && !isForeign(w, r);
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
      if (!markWritten(w, i, r, at[lane], size, lane)) return false;
      M piece[8];
      for (unsigned e = 0; e < n; ++e) piece[e] = static_cast<M>(w.lanes<R>(values[e])[lane]);
      const auto *fresh = reinterpret_cast<const u8 *>(piece);
      if (!strong && !raceFreeWrite(w, i, r, at[lane], size, size, lane, fresh)) return false;
      if (watchesLanes && !laneFree(w, i, r, at[lane], size, lane, fresh)) return false;
      std::memcpy(r.data + at[lane], piece, size);
    }
    const bool compares = !strong && (r.space == Space::Shared || r.space == Space::Global) &&
                          w.block->checks.on(ViolationKind::LaneRace);
    return !compares || lanesAgree<M, R>(w, i, r, at, mask);
  };
  const auto space = static_cast<Space>(i->extra & spaceBits);
  return access(w, i, space, addresses(w, i->o), w.active, size, Use::Write, body) ? i + 1 : nullptr;
}

Space spaceOf(const Form &f) {
  if (f.has("global")) return Space::Global;
  if (f.has("shared") || f.has("shared::cta")) return Space::Shared;
  if (f.has("shared::cluster")) return Space::SharedCluster;
  if (f.has("local")) return Space::Local;
  if (f.has("const")) return Space::Const;
  if (f.has("param") || f.has("param::entry")) return Space::Param;
  return Space::Generic;
}

unsigned strengthOf(const Form &f) {
  const bool acquire = f.has("acquire"), release = f.has("release");
  const bool strong = acquire || release || f.has("volatile") || f.has("relaxed");
  return (strong ? strongAccess : 0u) | (acquire ? acquires : 0u) | (release ? releases : 0u) |
         (f.has("cta") ? 0u : deviceWide);
}

struct Load {
  template <class M, class R> static constexpr Handler of = load<M, R>;
};
struct LoadParam {
  template <class M, class R> static constexpr Handler of = loadParam<M, R>;
};
struct Store {
  template <class M, class R> static constexpr Handler of = store<M, R>;
};

template <class Family, class M> Handler byRegister(bool wide) {
  return wide ? Family::template of<M, u64> : Family::template of<M, u32>;
}
bool is32Bytes(const Form &f) { return f.has("v8") || (f.has("v4") && typeBits(f.type()) == 64); }
bool hasPriorityInL2(const Form &f) {
  return f.has("L2::evict_normal") || f.has("L2::evict_first") || f.has("L2::evict_last");
}
template <class Family> Picked byMemory(const Form &f) {
  const unsigned space = static_cast<unsigned>(spaceOf(f)) | strengthOf(f);
  const bool wide = f.registerBits[0] == 64;
  const Type t = f.type();
  // 32 bytes at once, and eviction priorities in L2, came with sm_100.
  const unsigned arch = is32Bytes(f) || hasPriorityInL2(f) ? 100 : 0;
  if (f.has("v8") && !(typeBits(t) == 32 && t != Type::F16x2 && t != Type::BF16x2)) return {};
  switch (typeBits(t)) {
  case 8: return {t == Type::S8 ? byRegister<Family, i8>(wide) : byRegister<Family, u8>(wide), space, arch};
  case 16: return {t == Type::S16 ? byRegister<Family, i16>(wide) : byRegister<Family, u16>(wide), space, arch};
  case 32: return {t == Type::S32 ? byRegister<Family, i32>(wide) : byRegister<Family, u32>(wide), space, arch};
  default: return {wide ? Family::template of<u64, u64> : nullptr, space, arch};
  }
}
Picked pickLoad(const Form &f) { return spaceOf(f) == Space::Param ? byMemory<LoadParam>(f) : byMemory<Load>(f); }
Picked pickStore(const Form &f) { return byMemory<Store>(f); }

// 128-bit registers are pairs of 64-bit ones.
Picked pickLoad128(const Form &f) { return {load<u64, u64>, static_cast<unsigned>(spaceOf(f)) | strengthOf(f)}; }
Picked pickStore128(const Form &f) { return {store<u64, u64>, static_cast<unsigned>(spaceOf(f)) | strengthOf(f)}; }

// Policies for caches, which are not simulated: any value will do.
const Inst *createPolicy(Warp &w, const Inst *i) {
  put<u64>(w, i->o[0], Lanes<u64>(u64(1)));
  return i + 1;
}

// discard (§9.7.9.18): the bytes hold nothing any more until they are written again.
const Inst *discard(Warp &w, const Inst *i) {
  const Lanes<u64> address = addresses(w, i->o);
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    for (u32 m = mask; r.shadow && m != 0; m &= m - 1)
      std::memset(r.shadow + offset[static_cast<unsigned>(std::countr_zero(m))], shadowUnset, 128);
    return true;
  };
  return access(w, i, static_cast<Space>(i->extra), address, w.active, 128, Use::Write, body) ? i + 1 : nullptr;
}
Picked pickDiscard(const Form &f) { return {discard, static_cast<unsigned>(spaceOf(f))}; }

const Inst *nothing(Warp &, const Inst *i) { return i + 1; }

#define SIM_SPACES "[global|shared|shared::cta|local|const|param|param::entry]"
#define SIM_WRITABLE "[global|shared|shared::cta|local]"
#define SIM_STRONG "[global|shared|shared::cta]"
#define SIM_SCOPE "cta|cluster|gpu|sys"
#define SIM_EVICT                                                                                                      \
  "[L1::evict_normal|L1::evict_unchanged|L1::evict_first|L1::evict_last|L1::no_allocate] "                             \
  "[L2::evict_normal|L2::evict_first|L2::evict_last] [L2::64B|L2::128B|L2::256B]"
#define SIM_PRIORITY                                                                                                   \
  "L2::evict_last|L2::evict_normal|L2::evict_first|L2::evict_unchanged [L2::evict_first|L2::evict_unchanged] b64"
#define SIM_TYPES "b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64|f16|bf16|f16x2|bf16x2"
const Row rows[] = {
    {"ld [weak] " SIM_SPACES " [ca|cg|cs|lu|cv] [nc] " SIM_EVICT " b128", "X m", UnitClass::Memory, pickLoad128, 70},
    {"ld relaxed|acquire " SIM_SCOPE " " SIM_STRONG " " SIM_EVICT " b128", "X m", UnitClass::Memory, pickLoad128, 70},
    {"ldu [global] b128", "X m", UnitClass::Memory, pickLoad128, 70},
    {"st [weak] " SIM_WRITABLE " [wb|cg|cs|wt] " SIM_EVICT " b128", "m Y", UnitClass::Memory, pickStore128, 70},
    {"st relaxed|release " SIM_SCOPE " " SIM_STRONG " " SIM_EVICT " b128", "m Y", UnitClass::Memory, pickStore128, 70},
    {"ld global [ca|cg|cs] nc " SIM_EVICT " [v2|v4|v8] " SIM_TYPES, "DV~ m", UnitClass::Memory, pickLoad},
    {"ld [weak] " SIM_SPACES " [ca|cg|cs|lu|cv] " SIM_EVICT " [v2|v4|v8] " SIM_TYPES, "DV~ m", UnitClass::Memory,
     pickLoad},
    {"ld volatile " SIM_WRITABLE " [L2::64B|L2::128B|L2::256B] [v2|v4] " SIM_TYPES, "DV~ m", UnitClass::Memory,
     pickLoad},
    {"ld relaxed|acquire " SIM_SCOPE " " SIM_STRONG " " SIM_EVICT " [v2|v4] " SIM_TYPES, "DV~ m", UnitClass::Memory,
     pickLoad},
    {"ld mmio relaxed sys [global] " SIM_TYPES, "DV~ m", UnitClass::Memory, pickLoad},
    {"ldu [global] [v2|v4] " SIM_TYPES, "DV~ m", UnitClass::Memory, pickLoad},
    {"st [weak] " SIM_WRITABLE " [wb|cg|cs|wt] " SIM_EVICT " [v2|v4|v8] " SIM_TYPES, "m AV~", UnitClass::Memory,
     pickStore},
    {"st volatile " SIM_WRITABLE " [v2|v4] " SIM_TYPES, "m AV~", UnitClass::Memory, pickStore},
    {"st relaxed|release " SIM_SCOPE " " SIM_STRONG " " SIM_EVICT " [v2|v4] " SIM_TYPES, "m AV~", UnitClass::Memory,
     pickStore},
    {"st mmio relaxed sys [global] " SIM_TYPES, "m AV~", UnitClass::Memory, pickStore},
    {"ld [weak] shared::cluster [ca|cg|cs|lu|cv] " SIM_EVICT " [v2|v4|v8] " SIM_TYPES, "DV~ m", UnitClass::Memory,
     pickLoad, 90},
    {"ld volatile shared::cluster [v2|v4] " SIM_TYPES, "DV~ m", UnitClass::Memory, pickLoad, 90},
    {"ld relaxed|acquire " SIM_SCOPE " shared::cluster " SIM_EVICT " [v2|v4] " SIM_TYPES, "DV~ m", UnitClass::Memory,
     pickLoad, 90},
    {"st [weak] shared::cluster [wb|cg|cs|wt] " SIM_EVICT " [v2|v4|v8] " SIM_TYPES, "m AV~", UnitClass::Memory,
     pickStore, 90},
    {"st volatile shared::cluster [v2|v4] " SIM_TYPES, "m AV~", UnitClass::Memory, pickStore, 90},
    {"st relaxed|release " SIM_SCOPE " shared::cluster " SIM_EVICT " [v2|v4] " SIM_TYPES, "m AV~", UnitClass::Memory,
     pickStore, 90},
    {"prefetch [global|local] L1|L2", "m", UnitClass::Memory, always<nothing>},
    {"prefetch global L2::evict_last|L2::evict_normal", "m", UnitClass::Memory, always<nothing>},
    {"prefetch [param|const] tensormap", "m", UnitClass::Memory, always<nothing>, 90},
    {"discard [global] L2", "m i", UnitClass::Memory, pickDiscard, 80},
    {"applypriority [global] L2::evict_normal", "m i", UnitClass::Memory, always<nothing>, 80},
    {"createpolicy range [global] " SIM_PRIORITY, "d:b64 m a:u32 b:u32", UnitClass::Memory, always<createPolicy>, 80},
    {"createpolicy fractional " SIM_PRIORITY, "d:b64 ?a:f32", UnitClass::Memory, always<createPolicy>, 80},
    {"createpolicy cvt L2 b64", "d:b64 a:b64", UnitClass::Memory, always<createPolicy>, 80},
    {"prefetchu L1", "m", UnitClass::Memory, always<nothing>},
};

} // namespace

std::span<const Row> memoryRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
