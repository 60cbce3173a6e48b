// wgmma (PTX ISA §9.7.15). Each of the four warps of a group computes its 16 rows of the 64 by itself; A comes from
// registers (the fragment of an m16 mma.sync) or, like B, from shared memory through a descriptor.
//
// Results are kept aside until the wait that the program has to make; meanwhile the accumulators hold poison, so a
// kernel that reads them too early computes nonsense. Sums are as in MatrixRows.cpp: in the order of k, one rounding
// each.
#include "core/AsyncProxy.h"
#include <algorithm>

#include "isa/Access.h"
#include "isa/Fragments.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"

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

/// §9.7.15.5.1.2: a matrix in shared memory. ROW is along M or N, K along k, both in bytes or elements as named.
struct Descriptor {
  u32 start, leading, stride, base, mode;
  explicit Descriptor(u64 d)
      : start(static_cast<u32>(d & 0x3fff) << 4), leading(static_cast<u32>(d >> 16 & 0x3fff) << 4),
        stride(static_cast<u32>(d >> 32 & 0x3fff) << 4), base(static_cast<u32>(d >> 49 & 7)),
        mode(static_cast<u32>(d >> 62)) {}
  /// Bytes of a line of the swizzle: 16 without.
  u32 line() const { return mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 16; }
  u32 swizzled(u32 at) const {
    const u32 row = (at >> 7) - base, bits = mode == 1 ? 7 : mode == 2 ? 3 : mode == 3 ? 1 : 0;
    return at ^ (row & bits) << 4;
  }
  /// K-major: where the 16 bytes with element (row, byte KBYTE of k) begin.
  u32 alongK(u32 row, u32 kByte) const {
    const u32 at = mode == 0 ? start + row / 8 * stride + row % 8 * 16 + kByte / 16 * leading
                             : start + row / 8 * stride + row % 8 * line() + kByte;
    return swizzled(at & ~15u);
  }
  /// MN-major: the 16 bytes that hold k and the rows from ROWBYTE on.
  u32 alongRows(u32 rowByte, u32 k) const {
    const u32 l = line();
    const u32 at = mode == 0 ? start + rowByte / 16 * stride + k % 8 * 16 + k / 8 * leading
                             : start + rowByte / l * leading + rowByte % l + k % 8 * l + k / 8 * stride;
    return swizzled(at & ~15u);
  }
};

/// Reads 16 bytes of shared memory with all checks.
SIM_INLINE const u8 *piece(Warp &w, const Inst *i, u32 at) {
  const Block &b = *w.block;
  if (at > b.sharedBytes || b.sharedBytes - at < 16) {
    boundsFault(w, i, static_cast<unsigned>(std::countr_zero(w.active)), at, 16, b.sharedBytes, Space::Shared);
    return nullptr;
  }
  const Region r{b.shared, b.sharedShadow, Space::Shared, 0};
  return readable(w, i, r, at, 16, static_cast<unsigned>(std::countr_zero(w.active))) ? b.shared + at : nullptr;
}

template <class F> constexpr u32 bytesOf = 4 / F::perRegister;

/// ROWS × DEPTH elements from row FIRST on → to[row * rowStep + k * kStep]. False after a fault.
template <class F>
SIM_INLINE bool openShared(Warp &w, const Inst *i, u64 descriptor, bool transposed, u32 first, u32 rows, float sign,
                           float *to, u32 rowStep, u32 kStep) {
  const Descriptor d(descriptor);
  constexpr u32 each = 4 * F::perRegister, depth = 2 * each;
  const u32 along = transposed ? rowStep : kStep;
  const u32 outer = transposed ? depth : rows, inner = transposed ? rows : depth;
  for (u32 x = 0; x < outer; ++x)
    for (u32 y = 0; y < inner; y += each) {
      const u8 *from =
          piece(w, i, transposed ? d.alongRows((first + y) * bytesOf<F>, x) : d.alongK(first + x, y * bytesOf<F>));
      if (!from) return false;
      const auto values = F::piece(from) * sign;
      float *at = transposed ? to + x * kStep + y * rowStep : to + x * rowStep + y * kStep;
      if (along == 1)
        std::memcpy(at, &values, sizeof values);
      else
        for (u32 e = 0; e < each; ++e) at[e * along] = values[e];
    }
  return true;
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

PendingTile &tileOf(Warp &w, const u32 *offsets, u32 count) {
  auto &mine = proxyOf(*w.block).tiles[w.index];
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
  if (w.active != allLanes || w.block->warps.size() < 4)
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
  if (fromRegisters)
    openRegisters<FA>(w, a, signA, s.a);
  else if (!openShared<FA>(w, i, w.lanes<u64>(*a)[0], transA, 16 * (w.index % 4), 16, signA,
                           reinterpret_cast<float *>(s.a), 1, 16))
    return nullptr;
  if (!openShared<FB>(w, i, w.lanes<u64>(*b)[0], transB, 0, n, signB, s.b[0], 32, 1)) return nullptr;
  const bool add = sourceMask(w, scale) & 1;
  PendingTile &tile = tileOf(w, i->o, count);
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

const Inst *fence(Warp &w, const Inst *i) { return gatherAll(w, i) ? i + 1 : resume(w); }
const Inst *commit(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  auto &mine = proxyOf(*w.block).tiles[w.index];
  ++mine.groups;
  for (PendingTile &t : mine.tiles)
    if (!t.committed) t.committed = true, t.group = mine.groups;
  return i + 1;
}
const Inst *waitGroup(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  auto &mine = proxyOf(*w.block).tiles[w.index];
  std::erase_if(mine.tiles, [&](const PendingTile &t) {
    if (!t.committed || mine.groups - t.group < i->o[0]) return false;
    for (std::size_t r = 0; r < t.offsets.size(); ++r) std::memcpy(w.lanes<u32>(t.offsets[r]), t.values[r].data(), 128);
    return true;
  });
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
