// Atomic operations (PTX ISA §9.7.13.15 atom, §9.7.13.16 red). Lanes take their turn in lane order; blocks that run on
// different host threads are ordered by the host's own atomics. Every operation is relaxed-or-stronger: sequentially
// consistent here.
#include <mutex>
#include <type_traits>

#include "core/Floats.h"
#include "isa/Access.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// Each operation computes the new value from the old one and one or two operands.
struct OpAdd {
  template <class T> static T of(T old, T b, T) { return static_cast<T>(old + b); }
};
struct OpMin {
  template <class T> static T of(T old, T b, T) { return b < old ? b : old; }
};
struct OpMax {
  template <class T> static T of(T old, T b, T) { return b > old ? b : old; }
};
struct OpAnd {
  template <class T> static T of(T old, T b, T) { return old & b; }
};
struct OpOr {
  template <class T> static T of(T old, T b, T) { return old | b; }
};
struct OpXor {
  template <class T> static T of(T old, T b, T) { return old ^ b; }
};
struct OpExch {
  template <class T> static T of(T, T b, T) { return b; }
};
struct OpCas {
  template <class T> static T of(T old, T b, T c) { return old == b ? c : old; }
};
struct OpInc {
  template <class T> static T of(T old, T b, T) { return old >= b ? T(0) : static_cast<T>(old + 1); }
};
struct OpDec {
  template <class T> static T of(T old, T b, T) { return old == 0 || old > b ? b : static_cast<T>(old - 1); }
};

template <class T> T fromBits(typename Traits<T>::Unsigned x) { return __builtin_bit_cast(T, x); }
template <class T> typename Traits<T>::Unsigned toBits(T x) {
  return __builtin_bit_cast(typename Traits<T>::Unsigned, x);
}

template <class T, class Op>
SIM_INLINE typename Traits<T>::Unsigned update(u8 *where, typename Traits<T>::Unsigned b,
                                               typename Traits<T>::Unsigned c) {
  using U = typename Traits<T>::Unsigned;
  auto *target = reinterpret_cast<U *>(where);
  U old = __atomic_load_n(target, __ATOMIC_RELAXED);
  for (;;) {
    const U fresh = toBits<T>(Op::template of<T>(fromBits<T>(old), fromBits<T>(b), fromBits<T>(c)));
    if (__atomic_compare_exchange_n(target, &old, fresh, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return old;
  }
}

// Sums of floating-point numbers, on their bits: a NaN is the canonical one. Those of f32 in global memory flush
// subnormal numbers (§9.7.13.15).
template <bool Flush> struct OpAddFloat {
  template <class T> static u32 of(u32 old, u32 b, u32) {
    const float sum = flushed(old) + flushed(b);
    return sum != sum ? canonicalNan32 : toBits(flushed(toBits(sum)));
  }
  static float flushed(u32 x) { return fromBits<float>(Flush && (x & 0x7f800000u) == 0 ? x & 0x80000000u : x); }
};
struct OpAddDouble {
  template <class T> static u64 of(u64 old, u64 b, u64) {
    const double sum = fromBits<double>(old) + fromBits<double>(b);
    return sum != sum ? canonicalNan64 : toBits(sum);
  }
};
/// What an operation is where the address turns out to be global.
template <class Op> struct InGlobal {
  using Type = Op;
};
template <> struct InGlobal<OpAddFloat<false>> {
  using Type = OpAddFloat<true>;
};

template <class T, class Op>
SIM_INLINE typename Traits<T>::Unsigned updateIn(const Region &r, u64 at, typename Traits<T>::Unsigned b,
                                                 typename Traits<T>::Unsigned c) {
  using Global = typename InGlobal<Op>::Type;
  if constexpr (!std::is_same_v<Op, Global>)
    if (r.space == Space::Global) return update<T, Global>(r.data + at, b, c);
  return update<T, Op>(r.data + at, b, c);
}

// Pairs of halves, each half on its own.
template <bool Bfloat> struct OpAddPair {
  template <class T> static u32 of(u32 old, u32 b, u32) {
    const Lanes<u32> x = old, y = b;
    const auto open = [](Lanes<u32> v) { return Bfloat ? bfloatToFloat(v & 0xffffu) : halfToFloat(v & 0xffffu); };
    const auto close = [](Lanes<float> v) { return Bfloat ? floatToBfloat(v) : floatToHalf(v); };
    const Lanes<u32> r = close(open(x) + open(y)) | close(open(x >> 16) + open(y >> 16)) << 16;
    return r[0];
  }
};
template <bool Bfloat> struct OpAddHalf {
  template <class T> static u16 of(u16 old, u16 b, u16) {
    return static_cast<u16>(OpAddPair<Bfloat>::template of<u32>(old, b, 0));
  }
};

// `extra`: bits 0–2 the space, bit 3 no result (red), and the Strength. Operands: [d] m b [c].
template <class T, class Op, class R> const Inst *atomic(Warp &w, const Inst *i) {
  using U = typename Traits<T>::Unsigned;
  const bool hasResult = !(i->extra & 8);
  const u32 *m = i->o + (hasResult ? 1 : 0);
  const R *b = w.lanes<R>(m[4]);
  const R *c = i->operandCount > (hasResult ? 6u : 5u) ? w.lanes<R>(m[5]) : b;
  R *d = hasResult ? w.lanes<R>(i->o[0]) : nullptr;
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    RaceDetector *races = w.block->order;
    rememberAccess(w, i, r, offset, mask, sizeof(T), true);
    countSectors(w, r, offset, mask, sizeof(T));
    if (races && (i->extra & releases)) races->fence(w.index, i->extra & deviceWide);
    w.stats->atomics += static_cast<u64>(__builtin_popcount(mask));
    for (u32 rest = mask; rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
      const u64 at = offset[lane];
      if (!readable(w, i, r, at, sizeof(T), lane)) return false;
      if ((w.block->asyncReaders || r.owner) && !notRead(w, i, r, at, sizeof(T), lane)) return false;
      if (races && !raceFreeStrong(w, i, r, at, sizeof(T), lane, true)) return false;
      // Told before the value is there, looked for behind it: nobody finds a value without its order.
      if (races) signal(w, r, at);
      const U old = updateIn<T, Op>(r, at, static_cast<U>(b[lane]), static_cast<U>(c[lane]));
      if (races) races->strongRead(w.index, placeOf(w, r, at));
      if (d) d[lane] = old;
    }
    if (i->extra & (acquires | releases)) orderLanes(w);
    if (races && (i->extra & acquires)) races->acquireFence(w.index, i->extra & deviceWide);
    return true;
  };
  if (!access(w, i, static_cast<Space>(i->extra & 7), addresses(w, m), w.active, sizeof(T), Use::Write, body))
    return nullptr;
  if (hasResult) notePoll(w, i, digest<R>(w, i->o[0]));
  return i + 1;
}

// 128 bits (sm_90): one at a time in the whole process. Operands: d (two entries), m, b (two) [, c (two)].
template <bool Compare> const Inst *atomic128(Warp &w, const Inst *i) {
  const u32 *m = i->o + 2;
  const auto value = [&](unsigned k, unsigned lane) {
    return static_cast<unsigned __int128>(w.lanes<u64>(m[k + 1])[lane]) << 64 | w.lanes<u64>(m[k])[lane];
  };
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    static std::mutex turn;
    RaceDetector *races = w.block->order;
    rememberAccess(w, i, r, offset, mask, 16, true);
    countSectors(w, r, offset, mask, 16);
    if (races && (i->extra & releases)) races->fence(w.index, i->extra & deviceWide);
    w.stats->atomics += static_cast<u64>(__builtin_popcount(mask));
    for (u32 rest = mask; rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
      const u64 at = offset[lane];
      if (!readable(w, i, r, at, 16, lane)) return false;
      if ((w.block->asyncReaders || r.owner) && !notRead(w, i, r, at, 16, lane)) return false;
      if (races && !raceFreeStrong(w, i, r, at, 16, lane, true)) return false;
      if (races) signal(w, r, at);
      const std::lock_guard lock(turn);
      unsigned __int128 old, fresh = value(Compare ? 6 : 4, lane);
      std::memcpy(&old, r.data + at, sizeof old);
      if (!Compare || old == value(4, lane)) std::memcpy(r.data + at, &fresh, sizeof fresh);
      if (races) races->strongRead(w.index, placeOf(w, r, at));
      w.lanes<u64>(i->o[0])[lane] = static_cast<u64>(old);
      w.lanes<u64>(i->o[1])[lane] = static_cast<u64>(old >> 64);
    }
    if (i->extra & (acquires | releases)) orderLanes(w);
    if (races && (i->extra & acquires)) races->acquireFence(w.index, i->extra & deviceWide);
    return true;
  };
  const auto space = static_cast<Space>(i->extra & 7);
  return access(w, i, space, addresses(w, m), w.active, 16, Use::Write, body) ? i + 1 : nullptr;
}

unsigned extraOf(const Form &f) {
  const Space space = f.has("global")                           ? Space::Global
                      : f.has("shared") || f.has("shared::cta") ? Space::Shared
                      : f.has("shared::cluster")                ? Space::SharedCluster
                                                                : Space::Generic;
  const bool both = f.has("acq_rel");
  return static_cast<unsigned>(space) | unsigned(f.row->pattern.starts_with("red")) << 3 | strongAccess |
         (both || f.has("acquire") ? acquires : 0u) | (both || f.has("release") ? releases : 0u) |
         (f.has("cta") ? 0u : deviceWide) |
         (f.row->pattern.find(" cas ") != std::string_view::npos ? comparesAndSwaps : 0u);
}

template <class Op> Picked bitwise(const Form &f) {
  switch (typeBits(f.type())) {
  case 16: return {atomic<u16, Op, u32>, extraOf(f)};
  case 32: return {atomic<u32, Op, u32>, extraOf(f)};
  default: return {atomic<u64, Op, u64>, extraOf(f)};
  }
}
template <class Op> Picked ordered(const Form &f) {
  switch (f.type()) {
  case Type::U32: return {atomic<u32, Op, u32>, extraOf(f)};
  case Type::S32: return {atomic<i32, Op, u32>, extraOf(f)};
  case Type::U64: return {atomic<u64, Op, u64>, extraOf(f)};
  default: return {atomic<i64, Op, u64>, extraOf(f)};
  }
}
Picked pickAdd(const Form &f) {
  switch (f.type()) {
  case Type::F32: return {atomic<u32, OpAddFloat<false>, u32>, extraOf(f)};
  case Type::F64: return {atomic<u64, OpAddDouble, u64>, extraOf(f)};
  case Type::F16: return {atomic<u16, OpAddHalf<false>, u32>, extraOf(f)};
  case Type::BF16: return {atomic<u16, OpAddHalf<true>, u32>, extraOf(f)};
  case Type::F16x2: return {atomic<u32, OpAddPair<false>, u32>, extraOf(f)};
  case Type::BF16x2: return {atomic<u32, OpAddPair<true>, u32>, extraOf(f)};
  default: return bitwise<OpAdd>(f);
  }
}

// Every operation for an address in the block or anywhere, and since sm_90 for one in the cluster.
#define SIM_SEM " [relaxed|acquire|release|acq_rel] [cta|cluster|gpu|sys] "
#define SIM_HEAD SIM_SEM "[global|shared|shared::cta] "
#define SIM_CLUSTER SIM_SEM "shared::cluster "
#define SIM_ANYWHERE SIM_SEM "[global|shared|shared::cta|shared::cluster] "
#define SIM_ATOMICS(head, arch)                                                                                        \
  {"atom" head "add u32|s32|u64|s64|f32|f64", "d m b", UnitClass::Memory, pickAdd, arch},                              \
      {"atom" head "add noftz f16|bf16|f16x2|bf16x2", "d m b", UnitClass::Memory, pickAdd, arch},                      \
      {"atom" head "min u32|s32|u64|s64", "d m b", UnitClass::Memory, ordered<OpMin>, arch},                           \
      {"atom" head "max u32|s32|u64|s64", "d m b", UnitClass::Memory, ordered<OpMax>, arch},                           \
      {"atom" head "and b32|b64", "d m b", UnitClass::Memory, bitwise<OpAnd>, arch},                                   \
      {"atom" head "or b32|b64", "d m b", UnitClass::Memory, bitwise<OpOr>, arch},                                     \
      {"atom" head "xor b32|b64", "d m b", UnitClass::Memory, bitwise<OpXor>, arch},                                   \
      {"atom" head "exch b32|b64", "d m b", UnitClass::Memory, bitwise<OpExch>, arch},                                 \
      {"atom" head "cas b16|b32|b64", "d m b c", UnitClass::Memory, bitwise<OpCas>, arch},                             \
      {"atom" head "inc u32", "d m b", UnitClass::Memory, bitwise<OpInc>, arch},                                       \
      {"atom" head "dec u32", "d m b", UnitClass::Memory, bitwise<OpDec>, arch},                                       \
      {"red" head "add u32|s32|u64|s64|f32|f64", "m b", UnitClass::Memory, pickAdd, arch},                             \
      {"red" head "add noftz f16|bf16|f16x2|bf16x2", "m b", UnitClass::Memory, pickAdd, arch},                         \
      {"red" head "min u32|s32|u64|s64", "m b", UnitClass::Memory, ordered<OpMin>, arch},                              \
      {"red" head "max u32|s32|u64|s64", "m b", UnitClass::Memory, ordered<OpMax>, arch},                              \
      {"red" head "and b32|b64", "m b", UnitClass::Memory, bitwise<OpAnd>, arch},                                      \
      {"red" head "or b32|b64", "m b", UnitClass::Memory, bitwise<OpOr>, arch},                                        \
      {"red" head "xor b32|b64", "m b", UnitClass::Memory, bitwise<OpXor>, arch},                                      \
      {"red" head "inc u32", "m b", UnitClass::Memory, bitwise<OpInc>, arch}, {                                        \
    "red" head "dec u32", "m b", UnitClass::Memory, bitwise<OpDec>, arch                                               \
  }
const Row rows[] = {
    SIM_ATOMICS(SIM_HEAD, 0),
    SIM_ATOMICS(SIM_CLUSTER, 90),
    {"atom" SIM_ANYWHERE "exch b128", "X m Y", UnitClass::Memory,
     [](const Form &f) -> Picked { return {atomic128<false>, extraOf(f)}; }, 90},
    {"atom" SIM_ANYWHERE "cas b128", "X m Y Y", UnitClass::Memory,
     [](const Form &f) -> Picked { return {atomic128<true>, extraOf(f)}; }, 90},
};

} // namespace

std::span<const Row> atomicRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
