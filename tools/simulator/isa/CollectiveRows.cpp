// Exchanges between the lanes of a warp (PTX ISA §9.7.9.6 shfl, §9.7.13.10–9.7.13.14 vote, match, activemask, redux,
// elect). Each gathers the lanes of its member mask first.
#include <cmath>
#include <cstdio>

#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

/// The member mask: the same for all lanes that execute together (`grouped` sees to that).
SIM_INLINE u32 members(const Warp &w, u32 offset) {
  return w.active ? const_cast<Warp &>(w).lanes<u32>(offset)[std::countr_zero(w.active)] : 0;
}

/// A lane whose mask does not name itself (PTX ISA: the behaviour is undefined).
const Inst *outsideFault(Warp &w, const Inst *i, u32 lanes) {
  return fault(w, i, ViolationKind::InvalidMask, static_cast<unsigned>(std::countr_zero(lanes)),
               "the member mask does not name the lane that executes the instruction");
}

/// Lanes that came together with different masks, each naming all of its own lanes: one group after the other, as in
/// the tiles of a cooperative group. MASK is the operand with the member mask.
template <Handler Body, unsigned Mask> const Inst *grouped(Warp &w, const Inst *i) {
  const u32 whole = w.active;
  const Lanes<u32> masks = get<u32>(w, i->o[Mask]);
  const u32 outside =
      whole & ~maskOf((masks >> Lanes<u32>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                           16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31} &
                       1u) != 0u);
  if (__builtin_expect(outside != 0 && w.block->checks.on(ViolationKind::InvalidMask), 0))
    return outsideFault(w, i, outside);
  const auto sameAs = [&](u32 lanes) { return maskOf(masks == masks[std::countr_zero(lanes)]) & lanes; };
  if (__builtin_expect(whole == 0 || sameAs(whole) == whole, 1)) return Body(w, i);
  for (u32 rest = whole; rest != 0;) { // a group that waits for lanes elsewhere takes the others with it
    const u32 group = sameAs(rest);
    if ((masks[std::countr_zero(group)] & w.alive & ~group) != 0) return Body(w, i);
    rest &= ~group;
  }
  const Inst *next = i + 1;
  for (u32 rest = whole; rest != 0 && next == i + 1;) {
    const u32 group = sameAs(rest);
    w.narrow(group);
    next = Body(w, i);
    rest &= ~group;
  }
  if (next == i + 1) w.narrow(whole);
  return next;
}
#define SIM_GATHER(operand)                                                                                            \
  const u32 needed = members(w, operand) & w.alive;                                                                    \
  if ((needed & ~w.active) != 0 && !gather(w, i, needed)) return resume(w);                                            \
  orderLanes(w)

// §9.7.9.6: the result is undefined when the source is inactive or not in the mask.
const Inst *sourceFault(Warp &w, const Inst *i, unsigned lane, u32 members) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", members);
  return fault(w, i, ViolationKind::InvalidSource, lane,
               "the shuffle reads a lane that takes no part: those that do are " + std::string(text));
}

enum Direction : unsigned { Up, Down, Butterfly, Index };
// Operands: d, p, source, b, c, members. `extra` is the direction.
const Inst *shuffle(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[5]);
  const u32 *source = w.lanes<u32>(i->o[2]), *bs = w.lanes<u32>(i->o[3]), *cs = w.lanes<u32>(i->o[4]);
  alignas(128) u32 result[32];
  u32 valid = 0, from = 0; // `from`: lanes that read one that takes no part
  for (u32 lane = 0; lane < 32; ++lane) {
    const u32 b = bs[lane] & 31, clamp = cs[lane] & 31, segment = cs[lane] >> 8 & 31;
    const u32 low = lane & segment, limit = low | (clamp & ~segment);
    u32 j = lane;
    bool inside = false;
    switch (i->extra) {
    case Up: j = lane - b, inside = static_cast<i32>(j) >= static_cast<i32>(limit); break;
    case Down: j = lane + b, inside = j <= limit; break;
    case Butterfly: j = lane ^ b, inside = j <= limit; break;
    default: j = low | (b & ~segment), inside = j <= limit; break;
    }
    result[lane] = source[inside ? j & 31 : lane];
    valid |= static_cast<u32>(inside) << lane;
    from |= static_cast<u32>(inside && !(needed >> (j & 31) & 1)) << lane;
  }
  if (const u32 bad = from & w.active;
      __builtin_expect(bad != 0 && w.block->checks.on(ViolationKind::InvalidSource), 0))
    return sourceFault(w, i, static_cast<unsigned>(std::countr_zero(bad)), needed);
  Lanes<u32> r;
  std::memcpy(&r, result, sizeof r);
  put<u32>(w, i->o[0], r);
  putMask(w, i->o[1], valid);
  return i + 1;
}

// vote. Operands: P, p, members; for ballot d, p, members. `extra`: 0 all, 1 any, 2 uni.
const Inst *vote(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[4]);
  const u32 yes = sourceMask(w, i->o + 2) & needed;
  const bool result = i->extra == 0 ? yes == needed : i->extra == 1 ? yes != 0 : yes == 0 || yes == needed;
  putMask(w, i->o[0], result ? allLanes : 0);
  return i + 1;
}
const Inst *ballot(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[3]);
  put<u32>(w, i->o[0], Lanes<u32>(sourceMask(w, i->o + 1) & needed));
  return i + 1;
}

template <class T> const Inst *matchAny(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[2]);
  const Lanes<T> v = get<T>(w, i->o[1]);
  alignas(128) u32 result[32] = {};
  for (u32 m = needed; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    result[lane] = maskOf(v == v[lane]) & needed;
  }
  Lanes<u32> r;
  std::memcpy(&r, result, sizeof r);
  put<u32>(w, i->o[0], r);
  return i + 1;
}
template <class T> const Inst *matchAll(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[3]);
  const Lanes<T> v = get<T>(w, i->o[2]);
  const bool same = needed != 0 && (maskOf(v == v[std::countr_zero(needed)]) & needed) == needed;
  put<u32>(w, i->o[0], Lanes<u32>(same ? needed : 0u));
  putMask(w, i->o[1], same ? allLanes : 0);
  return i + 1;
}

enum Reduction : unsigned { RedAdd, RedMin, RedMax, RedAnd, RedOr, RedXor };
template <class T> const Inst *reduce(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[2]);
  const T *v = w.lanes<T>(i->o[1]);
  const int first = std::countr_zero(needed ? needed : 1u);
  T r = v[first];
  for (u32 m = needed & (needed - 1); m != 0; m &= m - 1) {
    const T x = v[std::countr_zero(m)];
    switch (i->extra) {
    case RedAdd: r = static_cast<T>(static_cast<u32>(r) + static_cast<u32>(x)); break;
    case RedMin: r = x < r ? x : r; break;
    case RedMax: r = x > r ? x : r; break;
    case RedAnd: r &= x; break;
    case RedOr: r |= x; break;
    default: r ^= x; break;
    }
  }
  put<T>(w, i->o[0], Lanes<T>(r));
  return i + 1;
}
// f32 minimum and maximum (sm_100a); +0 is greater than -0. `extra`: bit 0 max, 1 abs, 2 NaN.
const Inst *reduceFloat(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[2]);
  const float *v = w.lanes<float>(i->o[1]);
  float r = __builtin_nanf("");
  bool sawNan = false;
  for (u32 m = needed; m != 0; m &= m - 1) {
    const float x = (i->extra & 2) ? __builtin_fabsf(v[std::countr_zero(m)]) : v[std::countr_zero(m)];
    sawNan |= x != x;
    const bool low = x < r || (x == r && std::signbit(x)); // before r in the order of values and zeros
    if (x == x && (r != r || low != ((i->extra & 1) != 0))) r = x;
  }
  if ((i->extra & 4) && sawNan) r = __builtin_nanf("");
  put<float>(w, i->o[0], canonical(Lanes<float>(r)));
  return i + 1;
}
Picked pickReduce(const Form &f) {
  unsigned op = 0;
  for (const char *name : {"add", "min", "max", "and", "or", "xor"}) {
    if (f.has(name)) break;
    ++op;
  }
  return {f.type() == Type::S32 ? grouped<reduce<i32>, 2> : grouped<reduce<u32>, 2>, op};
}

const Inst *activeMask(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], Lanes<u32>(w.active));
  return i + 1;
}
const Inst *elect(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[2]);
  const u32 leader = static_cast<u32>(std::countr_zero(needed ? needed : 1u));
  put<u32>(w, i->o[0], Lanes<u32>(leader));
  putMask(w, i->o[1], u32{1} << leader);
  return i + 1;
}
const Inst *warpSync(Warp &w, const Inst *i) {
  SIM_GATHER(i->o[0]);
  return i + 1;
}

const Row rows[] = {
    {"shfl sync up b32", "Q a b:u32 c:u32 a:u32", UnitClass::Warp,
     [](const Form &) -> Picked { return {grouped<shuffle, 5>, Up}; }},
    {"shfl sync down b32", "Q a b:u32 c:u32 a:u32", UnitClass::Warp,
     [](const Form &) -> Picked { return {grouped<shuffle, 5>, Down}; }},
    {"shfl sync bfly b32", "Q a b:u32 c:u32 a:u32", UnitClass::Warp,
     [](const Form &) -> Picked { return {grouped<shuffle, 5>, Butterfly}; }},
    {"shfl sync idx b32", "Q a b:u32 c:u32 a:u32", UnitClass::Warp,
     [](const Form &) -> Picked { return {grouped<shuffle, 5>, Index}; }},
    {"vote sync all pred", "N p a:u32", UnitClass::Warp, [](const Form &) -> Picked { return {grouped<vote, 4>, 0}; }},
    {"vote sync any pred", "N p a:u32", UnitClass::Warp, [](const Form &) -> Picked { return {grouped<vote, 4>, 1}; }},
    {"vote sync uni pred", "N p a:u32", UnitClass::Warp, [](const Form &) -> Picked { return {grouped<vote, 4>, 2}; }},
    {"vote sync ballot b32", "d p a:u32", UnitClass::Warp, always<grouped<ballot, 3>>},
    {"match any sync b32|b64", "d:b32 a b:u32", UnitClass::Warp,
     [](const Form &f) -> Picked {
       return f.type() == Type::B32 ? grouped<matchAny<u32>, 2> : grouped<matchAny<u64>, 2>;
     }},
    {"match all sync b32|b64", "Q:b32 a b:u32", UnitClass::Warp,
     [](const Form &f) -> Picked {
       return f.type() == Type::B32 ? grouped<matchAll<u32>, 3> : grouped<matchAll<u64>, 3>;
     }},
    {"redux sync add|min|max u32|s32", "d a b:u32", UnitClass::Warp, pickReduce, 80},
    {"redux sync and|or|xor b32", "d a b:u32", UnitClass::Warp, pickReduce, 80},
    {"redux sync min|max [abs] [NaN] f32", "d a b:u32", UnitClass::Warp,
     [](const Form &f) -> Picked {
       return {grouped<reduceFloat, 2>,
               unsigned(f.has("max")) | unsigned(f.has("abs")) << 1 | unsigned(f.has("NaN")) << 2};
     },
     100},
    {"activemask b32", "d", UnitClass::Warp, always<activeMask>},
    {"elect sync", "Q:b32 a:u32", UnitClass::Warp, always<grouped<elect, 2>>, 90},
    {"bar warp sync", "a:u32", UnitClass::Barrier, always<grouped<warpSync, 0>>},
};

} // namespace

std::span<const Row> collectiveRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
