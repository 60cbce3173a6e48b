// wgmma (PTX ISA §9.7.15). Each of the four warps of a group computes its 16 rows of the 64 by itself; A comes from
// registers (the fragment of an m16 mma.sync) or, like B, from shared memory through a descriptor.
//
// Results are kept aside until the wait that the program has to make; meanwhile the accumulators hold poison, so a
// kernel that reads them too early computes nonsense. Sums are as in MatrixRows.cpp: in the order of k, one rounding
// each.
#include <algorithm>

#include "core/AsyncProxy.h"
#include "core/RegisterGuard.h"
#include "isa/Access.h"
#include "isa/Fragments.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"
#include "memory/ClusterRaces.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

constexpr u32 poison = 0x7fb0dead; // a signalling NaN; as an integer far out of the range of sums

enum Flag : unsigned {
  ARegisters = 1 << 8,
  Saturates = 1 << 9,
  HalfSums = 1 << 10,
  IntegerSums = 1 << 11,
  Transposable = 1 << 12,
  Scalable = 1 << 13
};

template <class F> constexpr u32 bytesOf = 4 / F::perRegister;

/// Where the 16-byte pieces of OPERAND lie, with all checks: within bounds, written, ordered behind their writers and
/// visible to the asynchronous proxy. Writers are mostly the same from piece to piece, so one that was right is
/// remembered; SAME_WRITER tells whether it was the only one. False after a fault.
bool findPieces(Warp &w, const Inst *i, SharedOperand &operand, u32 *pieces, bool &sameWriter) {
  const Block &b = *w.block;
  RaceDetector *const races = b.races;
  const u8 *const shadow = b.sharedShadow;
  const u16 *const writers = races ? races->writersAt(0) : nullptr;
  const u32 end = b.sharedBytes < 16 ? 0 : b.sharedBytes - 15;
  u32 low = ~0u, high = 0;
  u16 good = 0;
  bool anyGood = false;
  sameWriter = true;
  const bool ok = SharedOperand(operand).forEach([&](u32 at, u32, u32) __attribute__((always_inline)) {
    *pieces++ = at;
    low = at < low ? at : low;
    high = at > high ? at : high;
    if (__builtin_expect(at >= end, 0)) {
      boundsFault(w, i, 0, at, 16, b.sharedBytes, Space::Shared);
      return false;
    }
    const bool known = !races || (anyGood && allCells(writers + at, 16, good));
    if (__builtin_expect(known && differs(shadow + at, 16) == 0, 1)) return true;
    if (!asyncRead(w, i, 0, at)) return false;
    if (!races) return true;
    sameWriter &= !anyGood && allCells(writers + at, 16, writers[at]);
    good = writers[at], anyGood = true;
    return true;
  });
  operand.low = low;
  operand.high = high + 16;
  return ok;
}

/// The elements of OPERAND, whose pieces are known → to[row * RowStep + k * KStep].
template <class F, u32 RowStep, u32 KStep>
SIM_INLINE void openShared(const Warp &w, const SharedOperand &operand, const u32 *piece, float sign, float *to) {
  constexpr u32 each = 4 * F::perRegister, depth = 2 * each;
  const u8 *const shared = w.block->shared;
  const auto scatter = [&](float *at, u32 step) __attribute__((always_inline)) {
    const auto values = F::piece(shared + *piece++) * sign;
    if (step == 1)
      std::memcpy(at, &values, sizeof values);
    else
      for (u32 e = 0; e < each; ++e) at[e * step] = values[e];
  };
  if (operand.transposed) {
    for (u32 k = 0; k < depth; ++k)
      for (u32 row = 0; row < operand.rows; row += each) scatter(to + k * KStep + row * RowStep, RowStep);
  } else {
    for (u32 row = 0; row < operand.rows; ++row)
      for (u32 k = 0; k < depth; k += each) scatter(to + row * RowStep + k * KStep, KStep);
  }
}

/// The pieces of B. The four warps read the same ones, and until all have come to the operation nobody may write them:
/// for the others it is enough to look at the writer, when there is only one. Null after a fault.
const u32 *findB(Warp &w, const Inst *i, u64 number, SharedOperand &operand) {
  SharedRead &known = proxyOf(*w.block).lastB[w.index / 4];
  if (known.number == number && known.inst == i && known.sameWriter && known.operand.descriptor == operand.descriptor) {
    operand = known.operand;
    return asyncRead(w, i, 0, known.pieces[0]) ? known.pieces.data() : nullptr;
  }
  if (!findPieces(w, i, operand, known.pieces.data(), known.sameWriter)) return nullptr;
  known.number = number;
  known.inst = i;
  known.operand = operand;
  return known.pieces.data();
}

/// A from registers, as in mma.sync: to[k * 16 + row].
template <class F, unsigned J> SIM_INLINE void openElement(const Warp &w, const u32 *o, float sign, Row16 *to) {
  constexpr u32 e = F::perRegister;
  for (u32 h = 0; h < 2; ++h) {
    const Lanes<float> low = F::template element<J>(get<u32>(w, o[2 * h])) * sign,
                       high = F::template element<J>(get<u32>(w, o[2 * h + 1])) * sign;
    Row16 *at = to + 4 * e * h + J;
    at[0] = column<0>(low, high), at[e] = column<1>(low, high), at[2 * e] = column<2>(low, high),
    at[3 * e] = column<3>(low, high);
  }
}
template <class F> SIM_INLINE void openRegisters(const Warp &w, const u32 *o, float sign, Row16 *to) {
  openElement<F, 0>(w, o, sign, to);
  if constexpr (F::perRegister > 1) openElement<F, 1>(w, o, sign, to);
  if constexpr (F::perRegister > 2) openElement<F, 2>(w, o, sign, to), openElement<F, 3>(w, o, sign, to);
}

PendingTile &tileOf(Warp &w, AsyncProxy::WarpTiles &mine, const u32 *offsets, u32 count) {
  for (PendingTile &t : mine.tiles)
    if (t.offsets.size() == count && std::equal(t.offsets.begin(), t.offsets.end(), offsets)) {
      t.committed = false; // now part of the group that is being formed
      return t;
    }
  PendingTile &t = mine.tiles.emplace_back();
  t.offsets.assign(offsets, offsets + count);
  t.values.resize(count);
  for (u32 r = 0; r < count; ++r) {
    std::memcpy(t.values[r].data(), w.lanes<u32>(offsets[r]), 128);
    for (u32 lane = 0; lane < 32; ++lane) w.lanes<u32>(offsets[r])[lane] = poison;
  }
  return t;
}

/// What the operation reads is in use from now on.
void keepReads(Warp &w, AsyncProxy::WarpTiles &mine, PendingReads reads, const Inst *i) {
  reads.inst = i;
  reads.number = mine.issued;
  for (const SharedOperand &o : reads.operands) {
    if (o.rows == 0) continue;
    countReaders(*w.block, o, 1);
    if (w.block->races) w.block->races->remember(w.index, i, o.low, o.high, false);
  }
  mine.reads.push_back(reads);
}

/// It is read no more: for the race detector the reads happened just now. False when that was known.
/// KNOWN_B: those of B have been noted for another warp.
bool endReads(Warp &w, PendingReads &reads, bool knownB) {
  RaceDetector *races = w.block->races;
  if (reads.operands[1].rows == 0) return false;
  for (SharedOperand &o : reads.operands) {
    if (o.rows == 0) continue;
    countReaders(*w.block, o, -1);
    if (!races || (knownB && &o == &reads.operands[1])) {
      o.rows = 0;
      continue;
    }
    u8 *readers = races->readersAt(w.index, 0), *generations = races->readGenerationAt(0);
    const u8 clock = races->own(w.index), generation = races->generation();
    o.forEach([&](u32 at, u32, u32) {
      std::memset(readers + at, clock, 16);
      std::memset(generations + at, generation, 16);
      if (ClusterRaces *wider = w.block->cluster->races.get())
        wider->wasRead(w.block->rank, wider->number(w.block->rank, w.index), at, 16);
      return true;
    });
    o.rows = 0;
  }
  return true;
}

struct Sums {
  Row16 a[32];                  ///< for each k, the 16 rows
  alignas(64) float b[256][32]; ///< for each column, its k
  Row16 d[256];
};

template <bool Exact, u32 Depth> SIM_INLINE void multiply(Sums &s, u32 n) {
  for (u32 first = 0; first < n; first += 8) {
    Row16 sum[8];
    for (u32 j = 0; j < 8; ++j) sum[j] = s.d[first + j];
    for (u32 k = 0; k < Depth; ++k)
      for (u32 j = 0; j < 8; ++j) sum[j] = multiplyAdd<Exact>(s.a[k], Row16(s.b[first + j][k]), sum[j]);
    for (u32 j = 0; j < 8; ++j) s.d[first + j] = sum[j];
  }
}

// Registers and columns. f32 and s32: register 4q + e of lane 4g + t is row g + 8 (e >> 1), column 8q + 2t + (e & 1);
// f16: register 2q + h has row g + 8h of two columns.
SIM_INLINE Lanes<float> element(const Row16 *d, u32 e) {
  const Row16 *c = d + (e & 1);
  return e >> 1 ? interleave<true>(c[0], c[2], c[4], c[6]) : interleave<false>(c[0], c[2], c[4], c[6]);
}
SIM_INLINE void setColumns(Row16 *d, u32 odd, Lanes<float> low, Lanes<float> high) {
  d[odd] = column<0>(low, high), d[2 + odd] = column<1>(low, high), d[4 + odd] = column<2>(low, high),
  d[6 + odd] = column<3>(low, high);
}
template <class E> SIM_INLINE Lanes<E> kept(const PendingTile &t, u32 r) {
  return load<Lanes<E>>(reinterpret_cast<const u8 *>(t.values[r].data()));
}
template <class E> SIM_INLINE void keep(PendingTile &t, u32 r, Lanes<E> v) {
  std::memcpy(t.values[r].data(), &v, sizeof v);
}

SIM_INLINE void openSums(const PendingTile &t, Sums &s, u32 n, bool half) {
  for (u32 q = 0; q < n / 8; ++q)
    for (u32 odd = 0; odd < 2; ++odd)
      if (half)
        setColumns(s.d + 8 * q, odd, halfToFloat(kept<u32>(t, 2 * q) >> 16 * odd & 0xffffu),
                   halfToFloat(kept<u32>(t, 2 * q + 1) >> 16 * odd & 0xffffu));
      else
        setColumns(s.d + 8 * q, odd, kept<float>(t, 4 * q + odd), kept<float>(t, 4 * q + 2 + odd));
}
SIM_INLINE void closeFloat(PendingTile &t, const Sums &s, u32 n) {
  for (u32 r = 0; r < n / 2; ++r) keep<float>(t, r, canonical(element(s.d + r / 4 * 8, r % 4)));
}
SIM_INLINE void closeHalf(PendingTile &t, const Sums &s, u32 n) {
  for (u32 r = 0; r < n / 4; ++r) {
    const Row16 *d = s.d + r / 2 * 8;
    keep<u32>(t, r, floatToHalf(element(d, r % 2 * 2)) | floatToHalf(element(d, r % 2 * 2 + 1)) << 16);
  }
}
SIM_INLINE void closeInteger(PendingTile &t, const Sums &s, u32 n, bool add, bool limit) {
  for (u32 r = 0; r < n / 2; ++r) {
    const Lanes<i32> sum = convert<i32>(element(s.d + r / 4 * 8, r % 4));
    const Lanes<i32> before = add ? kept<i32>(t, r) : Lanes<i32>(0);
    const Lanes<i32> wrapped = bits<i32>(bits<u32>(sum) + bits<u32>(before));
    keep<i32>(t, r, limit ? __builtin_elementwise_add_sat(sum, before) : wrapped);
  }
}

// `extra`: N / 8, and flags. Operands: the accumulators, A (a descriptor or four registers), B, scale-d (two entries),
// then the immediates that the type has.
template <class FA, class FB> const Inst *mma(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  if (w.active != allLanes || w.index / 4 * 4 + 4 > w.block->warps.size())
    return fault(w, i, ViolationKind::IllegalInstruction, 0, "wgmma needs four whole warps");
  const u32 n = 8 * (i->extra & 63);
  constexpr u32 depth = 8 * FA::perRegister;
  const bool half = i->extra & HalfSums, integer = i->extra & IntegerSums;
  const u32 count = half ? n / 4 : n / 2;
  const u32 *a = i->o + count, *b = a + ((i->extra & ARegisters) ? 4 : 1), *scale = b + 1, *immediate = scale + 2;
  const auto minus = [&](u32 value) { return static_cast<i32>(value) < 0 ? -1.0f : 1.0f; };
  const bool scalable = i->extra & Scalable, transposable = i->extra & Transposable;
  const float signA = scalable ? minus(immediate[0]) : 1.0f, signB = scalable ? minus(immediate[1]) : 1.0f;
  const bool fromRegisters = i->extra & ARegisters;
  const bool transA = transposable && !fromRegisters && immediate[2] == 1;
  const bool transB = transposable && immediate[fromRegisters ? 2 : 3] == 1;
  static thread_local Sums s;
  AsyncProxy::WarpTiles &mine = proxyOf(*w.block).tiles[w.index];
  if (!enterWgmma(w, i, mine, count, fromRegisters ? a : nullptr)) return nullptr;
  PendingReads reads;
  reads.fromRegisters = fromRegisters;
  reads.operands[1] = {w.lanes<u64>(*b)[0], 0, n, bytesOf<FB>, transB};
  if (fromRegisters) {
    std::copy_n(a, 4, reads.a.begin());
    openRegisters<FA>(w, a, signA, s.a);
  } else {
    reads.operands[0] = {w.lanes<u64>(*a)[0], 16 * (w.index % 4), 16, bytesOf<FA>, transA};
    u32 pieces[512];
    bool sameWriter = false;
    if (!findPieces(w, i, reads.operands[0], pieces, sameWriter)) return nullptr;
    openShared<FA, 1, 16>(w, reads.operands[0], pieces, signA, reinterpret_cast<float *>(s.a));
  }
  const u32 *piecesB = findB(w, i, mine.issued, reads.operands[1]);
  if (!piecesB) return nullptr;
  openShared<FB, 32, 1>(w, reads.operands[1], piecesB, signB, s.b[0]);
  keepReads(w, mine, reads, i);
  const bool add = sourceMask(w, scale) & 1;
  PendingTile &tile = tileOf(w, mine, i->o, count);
  if (add && !integer)
    openSums(tile, s, n, half);
  else
    for (u32 k = 0; k < n; ++k) s.d[k] = 0.0f;
  multiply<FA::exactInF32 && FB::exactInF32, depth>(s, n);
  if (integer)
    closeInteger(tile, s, n, add, i->extra & Saturates);
  else if (half)
    closeHalf(tile, s, n);
  else
    closeFloat(tile, s, n);
  ++w.stats->mmaInstructions;
  w.stats->mmaOps += u64{2} * 16 * n * depth;
  return i + 1;
}

const Inst *fence(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  fenceRegisters(w);
  return i + 1;
}
const Inst *commit(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  auto &mine = proxyOf(*w.block).tiles[w.index];
  ++mine.groups;
  for (PendingTile &t : mine.tiles)
    if (!t.committed) t.committed = true, t.group = mine.groups;
  for (PendingReads &r : mine.reads)
    if (!r.committed) r.committed = true, r.group = mine.groups;
  return i + 1;
}

/// The operation is one of all four warps: it completes when each of them has come to it. Returns one that has not, or
/// the number of warps.
u32 missingWarp(Warp &w, u64 number) {
  const auto &tiles = proxyOf(*w.block).tiles;
  const u32 first = w.index / 4 * 4;
  for (u32 v = first; v < first + 4; ++v)
    if (tiles[v].issued < number) return v;
  return static_cast<u32>(tiles.size());
}

// What the four warps read up to operation NUMBER is read to its end. The first that finds it so tells the others.
void endGroupReads(Warp &w, u64 number) {
  AsyncProxy &proxy = proxyOf(*w.block);
  const u32 first = w.index / 4 * 4;
  bool isFirst = false;
  // The four warps read the same B: noting it once is enough.
  const auto &leading = proxy.tiles[first].reads;
  const auto isKnown = [&](const PendingReads &r) {
    return std::any_of(leading.begin(), leading.end(), [&](const PendingReads &l) {
      return &l != &r && l.number == r.number && l.inst == r.inst &&
             l.operands[1].descriptor == r.operands[1].descriptor;
    });
  };
  for (u32 v = first; v < first + 4; ++v)
    for (PendingReads &r : proxy.tiles[v].reads)
      if (r.number <= number) isFirst |= endReads(w, r, isKnown(r));
  if (!w.block->races) return;
  w.block->races->wait(proxy.groupReads[w.index / 4], w.index, false);
  if (isFirst) w.block->races->publish(proxy.groupReads[w.index / 4], w.index);
}

const Inst *waitGroup(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  auto &mine = proxyOf(*w.block).tiles[w.index];
  const auto isDone = [&](bool committed, u32 group) { return committed && mine.groups - group >= i->o[0]; };
  u64 last = 0;
  for (const PendingReads &r : mine.reads)
    if (isDone(r.committed, r.group)) last = r.number;
  if (last == 0) return i + 1;
  if (const u32 missing = missingWarp(w, last); missing < w.block->warps.size()) {
    if (waitsInVain(w, i, 0) && w.block->checks.on(ViolationKind::Divergence))
      return fault(w, i, ViolationKind::Divergence, 0,
                   "warp " + std::to_string(missing) + " does not execute a wgmma of its group");
    return letOthersRun(w, i);
  }
  endGroupReads(w, last);
  std::erase_if(mine.tiles, [&](const PendingTile &t) {
    if (!isDone(t.committed, t.group)) return false;
    for (std::size_t r = 0; r < t.offsets.size(); ++r) std::memcpy(w.lanes<u32>(t.offsets[r]), t.values[r].data(), 128);
    return true;
  });
  std::erase_if(mine.reads, [&](const PendingReads &r) { return isDone(r.committed, r.group); });
  leaveWgmma(mine);
  return i + 1;
}

template <class FA, class FB, unsigned Flags> Picked pick(const Form &f) {
  for (const std::string_view m : f.modifiers) {
    if (!m.starts_with("m64n")) continue;
    unsigned n = 0;
    for (std::size_t k = 4; m[k] != 'k'; ++k) n = 10 * n + static_cast<unsigned>(m[k] - '0');
    const bool fits = n >= 8 && n <= 256 && n % 8 == 0 && (!(Flags & IntegerSums) || n <= 32 || n % 16 == 0);
    if (!fits) return {};
    return {mma<FA, FB>, n / 8 | Flags | (f.type(0) == Type::F16 ? unsigned(HalfSums) : 0u) |
                             (f.has("satfinite") ? unsigned(Saturates) : 0u)};
  }
  return {};
}

// Each type with A in shared memory, then in registers.
#define SIM_WGMMA(shape, sums, accumulators, types, FA, FB, flags, sharedTail, registerTail)                           \
  {"wgmma mma_async sync aligned " shape " " sums " " types, "DW" accumulators " a:b64 b:b64 p" sharedTail,            \
   UnitClass::Matrix, pick<FA, FB, (flags)>, 90},                                                                      \
      {"wgmma mma_async sync aligned " shape " " sums " " types, "DW" accumulators " A4:b32 b:b64 p" registerTail,     \
       UnitClass::Matrix, pick<FA, FB, (flags) | ARegisters>, 90}
#define SIM_BYTES(types, FA, FB) SIM_WGMMA("m64n*k32", "[satfinite] s32", ":b32", types, FA, FB, IntegerSums, "", "")
const Row rows[] = {
    SIM_WGMMA("m64n*k16", "f32|f16", ":b32", "f16 f16", Half, Half, Scalable | Transposable, " i i i i", " i i i"),
    SIM_WGMMA("m64n*k16", "f32", ":b32", "bf16 bf16", Bfloat, Bfloat, Scalable | Transposable, " i i i i", " i i i"),
    SIM_WGMMA("m64n*k8", "f32", ":b32", "tf32 tf32", Tf32, Tf32, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e4m3 e4m3", E4M3, E4M3, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e4m3 e5m2", E4M3, E5M2, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e5m2 e4m3", E5M2, E4M3, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e5m2 e5m2", E5M2, E5M2, Scalable, " i i", " i i"),
    SIM_BYTES("s8 s8", Signed8, Signed8),
    SIM_BYTES("s8 u8", Signed8, Unsigned8),
    SIM_BYTES("u8 s8", Unsigned8, Signed8),
    SIM_BYTES("u8 u8", Unsigned8, Unsigned8),
    {"wgmma fence sync aligned", "", UnitClass::Matrix, always<fence>, 90},
    {"wgmma commit_group sync aligned", "", UnitClass::Matrix, always<commit>, 90},
    {"wgmma wait_group sync aligned", "i", UnitClass::Matrix, always<waitGroup>, 90},
};

} // namespace

std::span<const Row> warpgroupRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
