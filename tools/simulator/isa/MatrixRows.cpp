// Matrix instructions of a warp: mma.sync (PTX ISA §9.7.14.5), ldmatrix (§9.7.14.5.15), stmatrix (§9.7.14.5.16).
//
// Fragments. Lane = 4·g + t. With e elements of A or B in a register (2 halves, 4 bytes, 1 tf32):
//   A register r:  row g + 8·(r & 1),  k = e·t + j + 4e·(r >> 1)     for its element j
//   B register r:  column g,           k = e·t + j + 4e·r
//   C, D element i: row g + 8·(i >> 1), column 2·t + (i & 1)
// So the lanes of equal t, in the order of g, are eight consecutive rows (or columns) at one k: a stride-4 shuffle.
//
// Arithmetic. Products are exact. Floating-point sums start with C and add the products in the order of k, each sum
// rounded to f32; an f16 result is rounded once at the end. Integer sums are exact and wrap (or saturate) once.
// A GPU adds groups of products with truncation, so the last bits may differ there.
#include "isa/Access.h"
#include "isa/Fragments.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// A transposed (a vector over the 16 rows for each k) and B (eight columns for each k).
template <unsigned K> struct Tiles {
  alignas(64) Row16 a[K];
  alignas(64) float b[K][8];
};

template <class F, unsigned J, unsigned K>
SIM_INLINE void openElement(const Warp &w, const u32 *aRegisters, const u32 *bRegisters, Tiles<K> &t, bool isA) {
  constexpr unsigned e = F::perRegister, halves = K / (4 * e);
  for (unsigned h = 0; h < halves; ++h) {
    const unsigned k = 4 * e * h + J;
    if (isA) {
      const Lanes<float> low = F::template element<J>(get<u32>(w, aRegisters[2 * h])),
                         high = F::template element<J>(get<u32>(w, aRegisters[2 * h + 1]));
      t.a[k] = column<0>(low, high), t.a[k + e] = column<1>(low, high), t.a[k + 2 * e] = column<2>(low, high),
      t.a[k + 3 * e] = column<3>(low, high);
    } else {
      const Lanes<float> v = F::template element<J>(get<u32>(w, bRegisters[h]));
      const Row8 r[4] = {columns<0>(v), columns<1>(v), columns<2>(v), columns<3>(v)};
      for (unsigned q = 0; q < 4; ++q) std::memcpy(t.b[k + q * e], &r[q], sizeof r[q]);
    }
  }
}
template <class F, unsigned K>
SIM_INLINE void openOperand(const Warp &w, const u32 *a, const u32 *b, Tiles<K> &t, bool isA) {
  openElement<F, 0>(w, a, b, t, isA);
  if constexpr (F::perRegister > 1) openElement<F, 1>(w, a, b, t, isA);
  if constexpr (F::perRegister > 2) openElement<F, 2>(w, a, b, t, isA), openElement<F, 3>(w, a, b, t, isA);
}

// Eight columns of sums; as many at a time as the registers hold.
template <bool Exact, unsigned K> SIM_INLINE void multiply(const Tiles<K> &t, Row16 (&sum)[8]) {
#if defined(__AVX512F__)
  constexpr unsigned together = 8;
#else
  constexpr unsigned together = 4;
#endif
  for (unsigned first = 0; first < 8; first += together) {
    Row16 s[together];
    for (unsigned n = 0; n < together; ++n) s[n] = sum[first + n];
    for (unsigned k = 0; k < K; ++k)
      for (unsigned n = 0; n < together; ++n) s[n] = multiplyAdd<Exact>(t.a[k], Row16(t.b[k][first + n]), s[n]);
    for (unsigned n = 0; n < together; ++n) sum[first + n] = s[n];
  }
}

template <class E, class V> SIM_INLINE void openSums(const Warp &w, const u32 *c, V (&sum)[8]) {
  for (unsigned j = 0; j < 2; ++j) {
    const Lanes<E> low = get<E>(w, c[j]), high = get<E>(w, c[j + 2]);
    sum[j] = column<0>(low, high), sum[2 + j] = column<1>(low, high), sum[4 + j] = column<2>(low, high),
    sum[6 + j] = column<3>(low, high);
  }
}

SIM_INLINE void countMma(Warp &w, u64 k) {
  ++w.stats->mmaInstructions;
  w.stats->mmaOps += 2 * 16 * 8 * k;
}

// f32 accumulators: operands D0–3, A, B, C0–3.
template <class FA, class FB, unsigned K> const Inst *mmaF32(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  constexpr unsigned regsB = K / (4 * FA::perRegister), regsA = 2 * regsB;
  const u32 *a = i->o + 4, *b = a + regsA, *c = b + regsB;
  Tiles<K> t;
  openOperand<FA, K>(w, a, b, t, true);
  openOperand<FB, K>(w, a, b, t, false);
  Row16 sum[8];
  openSums<float>(w, c, sum);
  multiply<FA::exactInF32 && FB::exactInF32>(t, sum);
  for (unsigned j = 0; j < 2; ++j) {
    put<float>(w, i->o[j], canonical(interleave<false>(sum[j], sum[2 + j], sum[4 + j], sum[6 + j])));
    put<float>(w, i->o[j + 2], canonical(interleave<true>(sum[j], sum[2 + j], sum[4 + j], sum[6 + j])));
  }
  countMma(w, K);
  return i + 1;
}

// f16 accumulators: operands D0–1, A, B, C0–1; register h holds rows 8h + g, its halves the two columns.
template <class FA, class FB, unsigned K> const Inst *mmaF16(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  constexpr unsigned regsB = K / (4 * FA::perRegister), regsA = 2 * regsB;
  const u32 *a = i->o + 2, *b = a + regsA, *c = b + regsB;
  Tiles<K> t;
  openOperand<FA, K>(w, a, b, t, true);
  openOperand<FB, K>(w, a, b, t, false);
  Row16 sum[8];
  const Lanes<u32> c0 = get<u32>(w, c[0]), c1 = get<u32>(w, c[1]);
  for (unsigned j = 0; j < 2; ++j) {
    const Lanes<float> low = halfToFloat(j ? c0 >> 16 : c0 & 0xffffu), high = halfToFloat(j ? c1 >> 16 : c1 & 0xffffu);
    sum[j] = column<0>(low, high), sum[2 + j] = column<1>(low, high), sum[4 + j] = column<2>(low, high),
    sum[6 + j] = column<3>(low, high);
  }
  multiply<FA::exactInF32 && FB::exactInF32>(t, sum);
  put<u32>(w, i->o[0],
           floatToHalf(interleave<false>(sum[0], sum[2], sum[4], sum[6])) |
               floatToHalf(interleave<false>(sum[1], sum[3], sum[5], sum[7])) << 16);
  put<u32>(w, i->o[1],
           floatToHalf(interleave<true>(sum[0], sum[2], sum[4], sum[6])) |
               floatToHalf(interleave<true>(sum[1], sum[3], sum[5], sum[7])) << 16);
  countMma(w, K);
  return i + 1;
}

// s32 accumulators. Sums of at most 32 products of bytes are below 2^24, so f32 holds them exactly. `extra` 1:
// saturate.
template <class FA, class FB, unsigned K> const Inst *mmaS32(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  constexpr unsigned regsB = K / 16, regsA = 2 * regsB;
  const u32 *a = i->o + 4, *b = a + regsA, *c = b + regsB;
  Tiles<K> t;
  openOperand<FA, K>(w, a, b, t, true);
  openOperand<FB, K>(w, a, b, t, false);
  Row16 sum[8];
  for (Row16 &s : sum) s = 0.0f;
  multiply<true>(t, sum);
  const bool limit = i->extra;
  // All of C before any of D: they may share registers.
  const Lanes<i32> before[4] = {get<i32>(w, c[0]), get<i32>(w, c[1]), get<i32>(w, c[2]), get<i32>(w, c[3])};
  const auto finish = [&](unsigned element, Lanes<float> products) {
    const Lanes<i32> p = convert<i32>(products);
    const Lanes<i32> wrapped = bits<i32>(bits<u32>(p) + bits<u32>(before[element]));
    put<i32>(w, i->o[element], limit ? __builtin_elementwise_add_sat(p, before[element]) : wrapped);
  };
  for (unsigned j = 0; j < 2; ++j) {
    finish(j, interleave<false>(sum[j], sum[2 + j], sum[4 + j], sum[6 + j]));
    finish(j + 2, interleave<true>(sum[j], sum[2 + j], sum[4 + j], sum[6 + j]));
  }
  countMma(w, K);
  return i + 1;
}

template <unsigned K> Picked pickS32(const Form &f) {
  const bool a = f.type(1) == Type::S8, b = f.type(2) == Type::S8;
  const unsigned limit = f.has("satfinite");
  if (a) return {b ? mmaS32<Signed8, Signed8, K> : mmaS32<Signed8, Unsigned8, K>, limit};
  return {b ? mmaS32<Unsigned8, Signed8, K> : mmaS32<Unsigned8, Unsigned8, K>, limit};
}
template <unsigned K> Picked pickFp8(const Form &f) {
  const bool a = f.type(1) == Type::E4M3, b = f.type(2) == Type::E4M3;
  if (f.type(0) == Type::F16) {
    if (a) return b ? mmaF16<E4M3, E4M3, K> : mmaF16<E4M3, E5M2, K>;
    return b ? mmaF16<E5M2, E4M3, K> : mmaF16<E5M2, E5M2, K>;
  }
  if (a) return b ? mmaF32<E4M3, E4M3, K> : mmaF32<E4M3, E5M2, K>;
  return b ? mmaF32<E5M2, E4M3, K> : mmaF32<E5M2, E5M2, K>;
}

// ldmatrix: lane 8m + r has the address of row r of matrix m. A row's 16 bytes go to lanes 4r … 4r+3, so the eight rows
// one after the other are the register; transposed, element (r, c) goes where (c, r) would.
using Matrix16 = u16 __attribute__((ext_vector_type(64)));
SIM_INLINE Matrix16 transpose(Matrix16 m) {
#define SIM_COLUMN(c) c, c + 8, c + 16, c + 24, c + 32, c + 40, c + 48, c + 56
  return __builtin_shufflevector(m, m, SIM_COLUMN(0), SIM_COLUMN(1), SIM_COLUMN(2), SIM_COLUMN(3), SIM_COLUMN(4),
                                 SIM_COLUMN(5), SIM_COLUMN(6), SIM_COLUMN(7));
#undef SIM_COLUMN
}

/// Rows of a matrix in one phase: distinct 16-byte columns of the 128-byte bank line mean no conflict.
SIM_INLINE u32 rowConflicts(const u64 *row) {
  u32 lines = 0;
  for (unsigned r = 0; r < 8; ++r) lines |= 1u << (row[r] >> 4 & 7);
  return lines == 0xff ? 0 : 8 - static_cast<u32>(__builtin_popcount(lines));
}

template <bool Transposed> const Inst *loadMatrix(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const unsigned count = i->vector;
  const u32 rows = count == 4 ? allLanes : (1u << (8 * count)) - 1;
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    alignas(128) u64 at[32];
    std::memcpy(at, &offset, sizeof at);
    rememberAccess(w, i, r, offset, mask, 16, false);
    for (unsigned m = 0; m < count; ++m) {
      Matrix16 value;
      auto *to = reinterpret_cast<u8 *>(&value);
      for (unsigned row = 0; row < 8; ++row) {
        const u64 from = at[8 * m + row];
        if (!(mask >> (8 * m + row) & 1)) { // elsewhere, or left out
          std::memset(to + 16 * row, 0, 16);
          continue;
        }
        if (!readable(w, i, r, from, 16, 8 * m + row)) return false;
        if (!raceFreeRead(w, i, r, from, 16, 16, 8 * m + row)) return false;
        std::memcpy(to + 16 * row, r.data + from, 16);
      }
      w.stats->bankConflicts += rowConflicts(at + 8 * m);
      put<u32>(w, i->o[m], __builtin_bit_cast(Lanes<u32>, Transposed ? transpose(value) : value));
    }
    countBytes(w, Space::Shared, rows, 16, Use::Read);
    return true;
  };
  const u32 *address = i->o + count;
  const auto space = static_cast<Space>(i->extra);
  return access(w, i, space, addresses(w, address), rows, 16, Use::Read, body) ? i + 1 : nullptr;
}

template <bool Transposed> const Inst *storeMatrix(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const unsigned count = i->vector;
  const u32 rows = count == 4 ? allLanes : (1u << (8 * count)) - 1;
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    rememberAccess(w, i, r, offset, mask, 16, true);
    for (unsigned m = 0; m < count; ++m) {
      Matrix16 value = __builtin_bit_cast(Matrix16, get<u32>(w, i->o[4 + m]));
      if (Transposed) value = transpose(value);
      for (unsigned row = 0; row < 8; ++row) {
        const u64 to = offset[8 * m + row];
        if (!(mask >> (8 * m + row) & 1)) continue;
        if (!markWritten(w, i, r, to, 16, 8 * m + row)) return false;
        const u8 *fresh = reinterpret_cast<const u8 *>(&value) + 16 * row;
        if (!raceFreeWrite(w, i, r, to, 16, 16, 8 * m + row, fresh)) return false;
        std::memcpy(r.data + to, fresh, 16);
      }
    }
    countBytes(w, Space::Shared, rows, 16, Use::Write);
    return true;
  };
  const auto space = static_cast<Space>(i->extra);
  return access(w, i, space, addresses(w, i->o), rows, 16, Use::Write, body) ? i + 1 : nullptr;
}

unsigned matrixSpace(const Form &f) {
  return static_cast<unsigned>(f.has("shared") || f.has("shared::cta") ? Space::Shared : Space::Generic);
}
Picked pickLoad(const Form &f) { return {f.has("trans") ? loadMatrix<true> : loadMatrix<false>, matrixSpace(f)}; }
Picked pickStore(const Form &f) { return {f.has("trans") ? storeMatrix<true> : storeMatrix<false>, matrixSpace(f)}; }

const Row rows[] = {
    {"mma sync aligned m16n8k16 row col f32 f16 f16 f32", "D4:f32 A4:b32 A2:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Half, Half, 16>>, 80},
    {"mma sync aligned m16n8k16 row col f32 bf16 bf16 f32", "D4:f32 A4:b32 A2:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Bfloat, Bfloat, 16>>, 80},
    {"mma sync aligned m16n8k16 row col f16 f16 f16 f16", "D2:b32 A4:b32 A2:b32 A2:b32", UnitClass::Matrix,
     always<mmaF16<Half, Half, 16>>, 80},
    {"mma sync aligned m16n8k8 row col f32 f16 f16 f32", "D4:f32 A2:b32 A1:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Half, Half, 8>>, 75},
    {"mma sync aligned m16n8k8 row col f32 bf16 bf16 f32", "D4:f32 A2:b32 A1:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Bfloat, Bfloat, 8>>, 80},
    {"mma sync aligned m16n8k8 row col f16 f16 f16 f16", "D2:b32 A2:b32 A1:b32 A2:b32", UnitClass::Matrix,
     always<mmaF16<Half, Half, 8>>, 75},
    {"mma sync aligned m16n8k8 row col f32 tf32 tf32 f32", "D4:f32 A4:b32 A2:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Tf32, Tf32, 8>>, 80},
    {"mma sync aligned m16n8k4 row col f32 tf32 tf32 f32", "D4:f32 A2:b32 A1:b32 A4:f32", UnitClass::Matrix,
     always<mmaF32<Tf32, Tf32, 4>>, 80},
    {"mma sync aligned m16n8k32 row col [satfinite] s32 s8|u8 s8|u8 s32", "D4:s32 A4:b32 A2:b32 A4:s32",
     UnitClass::Matrix, pickS32<32>, 80},
    {"mma sync aligned m16n8k16 row col [satfinite] s32 s8|u8 s8|u8 s32", "D4:s32 A2:b32 A1:b32 A4:s32",
     UnitClass::Matrix, pickS32<16>, 80},
    {"mma sync aligned m16n8k32 row col f32 e4m3|e5m2 e4m3|e5m2 f32", "D4:f32 A4:b32 A2:b32 A4:f32", UnitClass::Matrix,
     pickFp8<32>, 89},
    {"mma sync aligned m16n8k32 row col kind::f8f6f4 f32 e4m3|e5m2 e4m3|e5m2 f32", "D4:f32 A4:b32 A2:b32 A4:f32",
     UnitClass::Matrix, pickFp8<32>, 120},
    {"mma sync aligned m16n8k16 row col f16 e4m3|e5m2 e4m3|e5m2 f16", "D2:b32 A2:b32 A1:b32 A2:b32", UnitClass::Matrix,
     pickFp8<16>, 89},
    {"mma sync aligned m16n8k16 row col f32 e4m3|e5m2 e4m3|e5m2 f32", "D4:f32 A2:b32 A1:b32 A4:f32", UnitClass::Matrix,
     pickFp8<16>, 89},
    {"mma sync aligned m16n8k32 row col f16 e4m3|e5m2 e4m3|e5m2 f16", "D2:b32 A4:b32 A2:b32 A2:b32", UnitClass::Matrix,
     pickFp8<32>, 89},
    {"mma sync aligned m16n8k32 row col kind::f8f6f4 f16 e4m3|e5m2 e4m3|e5m2 f16", "D2:b32 A4:b32 A2:b32 A2:b32",
     UnitClass::Matrix, pickFp8<32>, 120},
    {"ldmatrix sync aligned m8n8 x1|x2|x4 [trans] [shared|shared::cta] b16", "DM m", UnitClass::Matrix, pickLoad, 75},
    {"stmatrix sync aligned m8n8 x1|x2|x4 [trans] [shared|shared::cta] b16", "m AM", UnitClass::Matrix, pickStore, 90},
};

} // namespace

std::span<const Row> matrixRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
