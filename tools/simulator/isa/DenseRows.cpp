// mma.sync in the shapes and types that MatrixRows.cpp has no vector form for, and wmma.mma (PTX ISA §9.7.14.5.14,
// §9.7.14.4.5): the fragments are opened into whole matrices, multiplied, and the result is put back into registers.
// Arithmetic as in MatrixRows.cpp: sums start with C and add the products in the order of k, each rounded once.
// isa/MatrixPlaces.h says which element stands where.
#include <xmmintrin.h>

#include "isa/MatrixPlaces.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct Shape {
  std::string_view name;
  u16 m, n, k;
};
constexpr Shape shapes[] = {
    {"m8n8k4", 8, 8, 4},     {"m8n8k16", 8, 8, 16},     {"m8n8k32", 8, 8, 32},     {"m8n8k128", 8, 8, 128},
    {"m16n8k4", 16, 8, 4},   {"m16n8k8", 16, 8, 8},     {"m16n8k16", 16, 8, 16},   {"m16n8k32", 16, 8, 32},
    {"m16n8k64", 16, 8, 64}, {"m16n8k128", 16, 8, 128}, {"m16n8k256", 16, 8, 256}, {"m16n16k16", 16, 16, 16},
    {"m8n32k16", 8, 32, 16}, {"m32n8k16", 32, 8, 16},   {"m16n16k8", 16, 16, 8},
};
enum Element : unsigned { F16, BF16, TF32, F64, E4M3, E5M2, E2M3, E3M2, E2M1, S8, U8, S4, U4, B1 };
constexpr std::string_view elementNames[] = {"f16",  "bf16", "tf32", "f64", "e4m3", "e5m2", "e2m3",
                                             "e3m2", "e2m1", "s8",   "u8",  "s4",   "u4",   "b1"};

// `extra` of the handlers: bits 0–3 shape, 4–7 type of A, 8–11 of B, 12 satfinite, 13 D is f16, 14 C is f16, 15 the
// operands have the eight registers of wmma's f16 fragments. With f64: bits 13–14 are the rounding as in MXCSR.
enum Flag : unsigned { Limit = 1 << 12, HalfD = 1 << 13, HalfC = 1 << 14, WideFragments = 1 << 15 };
const Shape &shapeOf(const Inst *i) { return shapes[i->extra & 15]; }

constexpr unsigned perRegister(unsigned type) {
  switch (type) {
  case TF32:
  case F64: return 1;
  case F16:
  case BF16: return 2;
  case S4:
  case U4: return 8;
  case B1: return 32;
  default: return 4;
  }
}

/// A float of few bits without infinities, anywhere in the low bits of a register.
template <unsigned ExponentBits, unsigned MantissaBits> SIM_INLINE Lanes<float> smallFloat(Lanes<u32> x) {
  constexpr u32 magnitudeBits = ExponentBits + MantissaBits;
  constexpr u32 bias = (1u << (ExponentBits - 1)) - 1;
  const Lanes<u32> magnitude = x & ((1u << magnitudeBits) - 1);
  const Lanes<float> value =
      bits<float>(magnitude << (23 - MantissaBits)) * bits<float>(Lanes<u32>((254 - bias) << 23));
  return bits<float>(bits<u32>(value) | (x >> magnitudeBits & 1u) << 31);
}

/// Element J of the registers V, exactly. Integers fit as well. 4- and 6-bit floats have a byte each (§9.7.14.5.14).
SIM_INLINE Lanes<float> decode(unsigned type, Lanes<u32> v, unsigned j) {
  switch (type) {
  case F16: return halfToFloat(v >> (16 * j) & 0xffffu);
  case BF16: return bits<float>(v >> (16 * j) << 16);
  case TF32: return bits<float>(v & 0xffffe000u);
  case E4M3: {
    const Lanes<u32> x = v >> (8 * j);
    return (x & 0x7fu) == 0x7fu ? bits<float>(Lanes<u32>(canonicalNan32)) : smallFloat<4, 3>(x);
  }
  case E5M2: return halfToFloat((v >> (8 * j) & 0xffu) << 8);
  case E2M3: return smallFloat<2, 3>(v >> (8 * j));
  case E3M2: return smallFloat<3, 2>(v >> (8 * j));
  case E2M1: return smallFloat<2, 1>(v >> (8 * j + 2));
  case S8: return convert<float>(bits<i32>(v << (24 - 8 * j)) >> 24);
  case U8: return convert<float>(bits<i32>(v >> (8 * j) & 0xffu));
  case S4: return convert<float>(bits<i32>(v << (28 - 4 * j)) >> 28);
  default: return convert<float>(bits<i32>(v >> (4 * j) & 0xfu));
  }
}

template <class T> struct Matrices {
  alignas(64) T a[32][64]; // M × K
  alignas(64) T b[64][32]; // K × N
  alignas(64) T c[32][32]; // M × N
};

/// Element J of register R of every lane, by the type of the sums.
template <class T> SIM_INLINE void openElement(const Warp &w, u32 offset, unsigned type, unsigned j, T (&out)[32]) {
  if constexpr (sizeof(T) == 8) {
    const Lanes<T> x = get<T>(w, offset);
    std::memcpy(out, &x, sizeof out);
  } else {
    const Lanes<T> x = decode(type, get<u32>(w, offset), j);
    std::memcpy(out, &x, sizeof out);
  }
}
template <class T> void openFactors(const Warp &w, const Inst *i, const u32 *a, const u32 *b, Matrices<T> &m) {
  const Shape &s = shapeOf(i);
  const unsigned typeA = i->extra >> 4 & 15, typeB = i->extra >> 8 & 15, e = perRegister(typeA);
  alignas(128) T x[32];
  for (unsigned n = 0; n < s.m * s.k / 32u; ++n) {
    openElement<T>(w, a[n / e], typeA, n % e, x);
    for (unsigned l = 0; l < 32; ++l) {
      const Place p = placeInA(s.m, s.k, e, l, n);
      m.a[p.row][p.column] = x[l];
    }
  }
  for (unsigned n = 0; n < s.k * s.n / 32u; ++n) {
    openElement<T>(w, b[n / e], typeB, n % e, x);
    for (unsigned l = 0; l < 32; ++l) {
      const Place p = placeInB(s.k, s.n, e, l, n);
      m.b[p.row][p.column] = x[l];
    }
  }
}

template <class T> void multiply(const Shape &s, Matrices<T> &m) {
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned k = 0; k < s.k; ++k)
      for (unsigned column = 0; column < s.n; ++column)
        m.c[row][column] = __builtin_elementwise_fma(m.a[row][k], m.b[k][column], m.c[row][column]);
}

/// Calls F(element, its lanes in M.c) for each element of a C fragment; F may read or write the values.
template <class T, class F> SIM_INLINE void eachOfC(const Shape &s, Matrices<T> &m, F f) {
  for (unsigned n = 0; n < s.m * s.n / 32u; ++n) {
    T *at[32];
    for (unsigned l = 0; l < 32; ++l) {
      const Place p = placeInC(s.m, l, n);
      at[l] = &m.c[p.row][p.column];
    }
    f(n, at);
  }
}
template <class T> SIM_INLINE Lanes<T> gatherFrom(T *const (&at)[32]) {
  alignas(128) T x[32];
  for (unsigned l = 0; l < 32; ++l) x[l] = *at[l];
  Lanes<T> v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
template <class T> SIM_INLINE void scatterTo(T *const (&at)[32], Lanes<T> v) {
  for (unsigned l = 0; l < 32; ++l) *at[l] = v[l];
}

struct Operands {
  const u32 *d, *a, *b, *c;
};
SIM_INLINE Operands operandsOf(const Inst *i) {
  const Shape &s = shapeOf(i);
  const unsigned type = i->extra >> 4 & 15, e = perRegister(type), sums = s.m * s.n / 32u;
  const bool wide = i->extra & WideFragments, isDouble = type == F64;
  const unsigned d = !isDouble && (i->extra & HalfD) ? sums / 2 : sums;
  const unsigned a = wide ? 8 : s.m * s.k / 32u / e, b = wide ? 8 : s.k * s.n / 32u / e;
  return {i->o, i->o + d, i->o + d + a, i->o + d + a + b};
}
SIM_INLINE void countMma(Warp &w, const Shape &s) {
  ++w.stats->mmaInstructions;
  w.stats->mmaOps += 2ull * s.m * s.n * s.k;
}

// f16, bf16, tf32 and smaller floats. `.satfinite` of wmma (CUDA C++ Programming Guide, mma_sync with satf): infinities
// become the largest numbers, NaN becomes +0.
SIM_INLINE Lanes<u32> finite(Lanes<u32> v, u32 infinity) {
  const Lanes<u32> magnitude = v & (infinity | (infinity - 1));
  return magnitude > infinity ? Lanes<u32>(0u) : magnitude == infinity ? v - 1u : v;
}
const Inst *denseFloat(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Shape &s = shapeOf(i);
  const Operands o = operandsOf(i);
  Matrices<float> m;
  openFactors(w, i, o.a, o.b, m);
  eachOfC(s, m, [&](unsigned n, float *const(&at)[32]) {
    if (i->extra & HalfC)
      scatterTo(at, halfToFloat(get<u32>(w, o.c[n / 2]) >> (16 * (n & 1)) & 0xffffu));
    else
      scatterTo(at, get<float>(w, o.c[n]));
  });
  multiply(s, m);
  Lanes<u32> low = 0u;
  eachOfC(s, m, [&](unsigned n, float *const(&at)[32]) {
    const Lanes<float> v = gatherFrom(at);
    const bool limit = i->extra & Limit;
    if (!(i->extra & HalfD)) {
      const Lanes<u32> x = bits<u32>(canonical(v));
      return put<u32>(w, o.d[n], limit ? finite(x, 0x7f800000u) : x);
    }
    Lanes<u32> h = floatToHalf(v);
    if (limit) h = finite(h, 0x7c00u);
    if (n & 1)
      put<u32>(w, o.d[n / 2], low | h << 16);
    else
      low = h;
  });
  countMma(w, s);
  return i + 1;
}

// 8- and 4-bit integers. Sums of products stay below 2^24, so f32 holds them exactly; C is added at the end.
const Inst *denseInteger(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Shape &s = shapeOf(i);
  const Operands o = operandsOf(i);
  Matrices<float> m;
  openFactors(w, i, o.a, o.b, m);
  std::memset(m.c, 0, sizeof m.c);
  multiply(s, m);
  const unsigned sums = s.m * s.n / 32u;
  Lanes<i32> before[8];
  for (unsigned n = 0; n < sums; ++n) before[n] = get<i32>(w, o.c[n]);
  eachOfC(s, m, [&](unsigned n, float *const(&at)[32]) {
    const Lanes<i32> p = convert<i32>(gatherFrom(at));
    const Lanes<i32> wrapped = bits<i32>(bits<u32>(p) + bits<u32>(before[n]));
    put<i32>(w, o.d[n], (i->extra & Limit) ? __builtin_elementwise_add_sat(p, before[n]) : wrapped);
  });
  countMma(w, s);
  return i + 1;
}

// Single bits: the bits of a row and of a column are combined and counted. `Limit` stands for and, else xor.
const Inst *denseBits(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Shape &s = shapeOf(i);
  const Operands o = operandsOf(i);
  const unsigned words = s.k / 32u, rows = s.m / 8u;
  u32 a[16][8], b[8][8], c[16][8];
  for (unsigned l = 0; l < 32; ++l) {
    for (unsigned r = 0; r < rows * words / 4; ++r) {
      const Place p = placeInA(s.m, words, 1, l, r);
      a[p.row][p.column] = w.lanes<u32>(o.a[r])[l];
    }
    for (unsigned r = 0; r < words / 4; ++r) b[l >> 2][placeInB(words, 8, 1, l, r).row] = w.lanes<u32>(o.b[r])[l];
    for (unsigned n = 0; n < s.m * 8u / 32; ++n) {
      const Place p = placeInC(s.m, l, n);
      c[p.row][p.column] = w.lanes<u32>(o.c[n])[l];
    }
  }
  for (unsigned row = 0; row < s.m; ++row)
    for (unsigned column = 0; column < 8; ++column)
      for (unsigned k = 0; k < words; ++k)
        c[row][column] += static_cast<u32>(
            __builtin_popcount((i->extra & Limit) ? a[row][k] & b[column][k] : a[row][k] ^ b[column][k]));
  for (unsigned n = 0; n < s.m * 8u / 32; ++n) {
    Lanes<u32> v = 0u;
    for (unsigned l = 0; l < 32; ++l) v[l] = c[placeInC(s.m, l, n).row][placeInC(s.m, l, n).column];
    put<u32>(w, o.d[n], v);
  }
  countMma(w, s);
  return i + 1;
}

// f64: each step is one fma in the rounding mode of the instruction.
template <class T> [[gnu::noinline]] void multiplyRounded(const Shape &s, Matrices<T> &m, unsigned mode) {
  const unsigned saved = _mm_getcsr();
  _mm_setcsr((saved & ~0x6000u) | mode << 13);
  asm volatile("" ::: "memory");
  multiply(s, m);
  asm volatile("" ::: "memory");
  _mm_setcsr(saved);
}
const Inst *denseDouble(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Shape &s = shapeOf(i);
  const Operands o = operandsOf(i);
  Matrices<double> m;
  openFactors(w, i, o.a, o.b, m);
  eachOfC(s, m, [&](unsigned n, double *const(&at)[32]) { scatterTo(at, get<double>(w, o.c[n])); });
  multiplyRounded(s, m, i->extra >> 13 & 3);
  eachOfC(s, m, [&](unsigned n, double *const(&at)[32]) { put<double>(w, o.d[n], canonical(gatherFrom(at))); });
  countMma(w, s);
  return i + 1;
}

// mma.m8n8k4 of f16 (§9.7.14.5.1): four products, one for the eight lanes 4q … 4q+3 and 16+4q … 16+4q+3 each.
// `extra`: bit 0 A in columns, 1 B in columns, 2 D is f16, 3 C is f16.
Place quadC(unsigned l, unsigned n, bool half) {
  const unsigned upper = l >= 16 ? 4 : 0;
  if (half) return {(l & 3) + upper, n};
  return {(l & 1) + (n & 2) + upper, (n & 4) + (l & 2) + (n & 1)};
}
const Inst *quadPairs(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const bool columnsA = i->extra & 1, columnsB = i->extra & 2, halfD = i->extra & 4, halfC = i->extra & 8;
  const u32 *a = i->o + (halfD ? 4 : 8), *b = a + 2, *c = b + 2;
  float A[4][8][4], B[4][4][8], C[4][8][8];
  alignas(128) float x[32];
  for (unsigned n = 0; n < 4; ++n) {
    openElement<float>(w, a[n / 2], F16, n % 2, x);
    for (unsigned l = 0; l < 32; ++l) {
      const unsigned q = l >> 2 & 3, t = l & 3, upper = l >= 16 ? 4 : 0;
      (columnsA ? A[q][n + upper][t] : A[q][t + upper][n]) = x[l];
    }
    openElement<float>(w, b[n / 2], F16, n % 2, x);
    for (unsigned l = 0; l < 32; ++l) {
      const unsigned q = l >> 2 & 3, t = l & 3, upper = l >= 16 ? 4 : 0;
      (columnsB ? B[q][n][t + upper] : B[q][t][n + upper]) = x[l];
    }
  }
  for (unsigned n = 0; n < 8; ++n) {
    const Lanes<float> v = halfC ? halfToFloat(get<u32>(w, c[n / 2]) >> (16 * (n & 1)) & 0xffffu) : get<float>(w, c[n]);
    for (unsigned l = 0; l < 32; ++l) C[l >> 2 & 3][quadC(l, n, halfC).row][quadC(l, n, halfC).column] = v[l];
  }
  for (unsigned q = 0; q < 4; ++q)
    for (unsigned row = 0; row < 8; ++row)
      for (unsigned k = 0; k < 4; ++k)
        for (unsigned column = 0; column < 8; ++column)
          C[q][row][column] = __builtin_elementwise_fma(A[q][row][k], B[q][k][column], C[q][row][column]);
  Lanes<u32> low = 0u;
  for (unsigned n = 0; n < 8; ++n) {
    Lanes<float> v = 0.0f;
    for (unsigned l = 0; l < 32; ++l) v[l] = C[l >> 2 & 3][quadC(l, n, halfD).row][quadC(l, n, halfD).column];
    if (!halfD)
      put<float>(w, i->o[n], canonical(v));
    else if (n & 1)
      put<u32>(w, i->o[n / 2], low | floatToHalf(v) << 16);
    else
      low = floatToHalf(v);
  }
  ++w.stats->mmaInstructions;
  w.stats->mmaOps += 4 * 2 * 8 * 8 * 4;
  return i + 1;
}

// What the opcode says: the types of D, A, B and C in this order.
constexpr unsigned unknownElement = 15;
unsigned elementOf(std::string_view name) {
  for (unsigned k = 0; k < std::size(elementNames); ++k)
    if (elementNames[k] == name) return k;
  return unknownElement;
}
unsigned shapeCode(const Form &f) {
  for (unsigned k = 0; k < std::size(shapes); ++k)
    if (f.has(shapes[k].name)) return k;
  return unknownElement;
}
std::vector<std::string_view> typesOf(const Form &f) {
  std::vector<std::string_view> result;
  for (const std::string_view m : f.modifiers)
    if (m == "f32" || m == "s32" || elementOf(m) != unknownElement) result.push_back(m);
  return result;
}
unsigned roundingOf(const Form &f) { return f.has("rm") ? 1 : f.has("rp") ? 2 : f.has("rz") ? 3 : 0; }

Picked pickDense(const Form &f) {
  std::vector<std::string_view> t = typesOf(f);
  const bool isWmma = f.row->pattern.starts_with("wmma");
  if (t.size() == 2) t = {t[0], "f16", "f16", t[1]};
  const unsigned a = elementOf(t[1]), b = elementOf(t[2]);
  const unsigned extra = shapeCode(f) | a << 4 | b << 8 | (f.has("satfinite") ? Limit : 0u);
  if (a == F64) return {denseDouble, extra | roundingOf(f) << 13};
  if (a == B1) return {denseBits, extra | (f.has("and") ? Limit : 0u)};
  if (a >= S8) return {denseInteger, extra};
  return {denseFloat, extra | (t[0] == "f16" ? HalfD : 0u) | (t[3] == "f16" ? HalfC : 0u) |
                          (isWmma && a == F16 ? WideFragments : 0u)};
}
Picked pickQuad(const Form &f) {
  const std::vector<std::string_view> t = typesOf(f);
  return {quadPairs, unsigned(f.modifiers[3] == "col") | unsigned(f.modifiers[4] == "col") << 1 |
                         unsigned(t[0] == "f16") << 2 | unsigned(t[3] == "f16") << 3};
}

#define SIM_QUAD "mma sync aligned m8n8k4 row|col row|col "
#define SIM_SMALL "e4m3|e5m2|e2m3|e3m2|e2m1"
#define SIM_ROUND "[rn|rz|rm|rp]"
#define SIM_WMMA "wmma mma sync aligned row|col row|col "
#define SIM_16 "m16n16k16|m8n32k16|m32n8k16"
const Row rows[] = {
    {SIM_QUAD "f16 f16 f16 f16", "D4:b32 A2:b32 A2:b32 A4:b32", UnitClass::Matrix, pickQuad, 70},
    {SIM_QUAD "f32 f16 f16 f16", "D8:f32 A2:b32 A2:b32 A4:b32", UnitClass::Matrix, pickQuad, 70},
    {SIM_QUAD "f32 f16 f16 f32", "D8:f32 A2:b32 A2:b32 A8:f32", UnitClass::Matrix, pickQuad, 70},
    {"mma sync aligned m8n8k4 row col " SIM_ROUND " f64 f64 f64 f64", "D2 A1 A1 A2", UnitClass::Matrix, pickDense, 80},
    {"mma sync aligned m16n8k4 row col " SIM_ROUND " f64 f64 f64 f64", "D4 A2 A1 A4", UnitClass::Matrix, pickDense, 90},
    {"mma sync aligned m16n8k8 row col " SIM_ROUND " f64 f64 f64 f64", "D4 A4 A2 A4", UnitClass::Matrix, pickDense, 90},
    {"mma sync aligned m16n8k16 row col " SIM_ROUND " f64 f64 f64 f64", "D4 A8 A4 A4", UnitClass::Matrix, pickDense,
     90},
    {"mma sync aligned m8n8k16 row col [satfinite] s32 s8|u8 s8|u8 s32", "D2:s32 A1:b32 A1:b32 A2:s32",
     UnitClass::Matrix, pickDense, 75},
    {"mma sync aligned m8n8k32 row col [satfinite] s32 s4|u4 s4|u4 s32", "D2:s32 A1:b32 A1:b32 A2:s32",
     UnitClass::Matrix, pickDense, 75},
    {"mma sync aligned m16n8k32 row col [satfinite] s32 s4|u4 s4|u4 s32", "D4:s32 A2:b32 A1:b32 A4:s32",
     UnitClass::Matrix, pickDense, 80},
    {"mma sync aligned m16n8k64 row col [satfinite] s32 s4|u4 s4|u4 s32", "D4:s32 A4:b32 A2:b32 A4:s32",
     UnitClass::Matrix, pickDense, 80},
    {"mma sync aligned m8n8k128 row col s32 b1 b1 s32 xor|and popc", "D2:s32 A1:b32 A1:b32 A2:s32", UnitClass::Matrix,
     pickDense, 75},
    {"mma sync aligned m16n8k128 row col s32 b1 b1 s32 xor|and popc", "D4:s32 A2:b32 A1:b32 A4:s32", UnitClass::Matrix,
     pickDense, 80},
    {"mma sync aligned m16n8k256 row col s32 b1 b1 s32 xor|and popc", "D4:s32 A4:b32 A2:b32 A4:s32", UnitClass::Matrix,
     pickDense, 80},
    {"mma sync aligned m16n8k32 row col kind::f8f6f4 f32 " SIM_SMALL " " SIM_SMALL " f32",
     "D4:f32 A4:b32 A2:b32 A4:f32", UnitClass::Matrix, pickDense, 120},
    {"mma sync aligned m16n8k32 row col kind::f8f6f4 f16 " SIM_SMALL " " SIM_SMALL " f16",
     "D2:b32 A4:b32 A2:b32 A2:b32", UnitClass::Matrix, pickDense, 120},
    {SIM_WMMA SIM_16 " f16 f16 [satfinite]", "D4:b32 A8:b32 A8:b32 A4:b32", UnitClass::Matrix, pickDense, 70},
    {SIM_WMMA SIM_16 " f32 f16 [satfinite]", "D8:f32 A8:b32 A8:b32 A4:b32", UnitClass::Matrix, pickDense, 70},
    {SIM_WMMA SIM_16 " f16 f32 [satfinite]", "D4:b32 A8:b32 A8:b32 A8:f32", UnitClass::Matrix, pickDense, 70},
    {SIM_WMMA SIM_16 " f32 f32 [satfinite]", "D8:f32 A8:b32 A8:b32 A8:f32", UnitClass::Matrix, pickDense, 70},
    {SIM_WMMA "m16n16k16 f32 bf16 bf16 f32", "D8:f32 A4:b32 A4:b32 A8:f32", UnitClass::Matrix, pickDense, 80},
    {SIM_WMMA "m8n32k16 f32 bf16 bf16 f32", "D8:f32 A2:b32 A8:b32 A8:f32", UnitClass::Matrix, pickDense, 80},
    {SIM_WMMA "m32n8k16 f32 bf16 bf16 f32", "D8:f32 A8:b32 A2:b32 A8:f32", UnitClass::Matrix, pickDense, 80},
    {SIM_WMMA "m16n16k8 f32 tf32 tf32 f32", "D8:f32 A4:b32 A4:b32 A8:f32", UnitClass::Matrix, pickDense, 80},
    {SIM_WMMA "m8n8k4 " SIM_ROUND " f64 f64 f64 f64", "D2 A1 A1 A2", UnitClass::Matrix, pickDense, 80},
    {SIM_WMMA "m16n16k16 s32 s8|u8 s8|u8 s32 [satfinite]", "D8:s32 A2:b32 A2:b32 A8:s32", UnitClass::Matrix, pickDense,
     72},
    {SIM_WMMA "m8n32k16 s32 s8|u8 s8|u8 s32 [satfinite]", "D8:s32 A1:b32 A4:b32 A8:s32", UnitClass::Matrix, pickDense,
     72},
    {SIM_WMMA "m32n8k16 s32 s8|u8 s8|u8 s32 [satfinite]", "D8:s32 A4:b32 A1:b32 A8:s32", UnitClass::Matrix, pickDense,
     72},
    {"wmma mma sync aligned row col m8n8k32 s32 s4|u4 s4|u4 s32 [satfinite]", "D2:s32 A1:b32 A1:b32 A2:s32",
     UnitClass::Matrix, pickDense, 75},
    {"wmma mma xor|and popc sync aligned row col m8n8k128 s32 b1 b1 s32", "D2:s32 A1:b32 A1:b32 A2:s32",
     UnitClass::Matrix, pickDense, 75},
};

} // namespace

std::span<const Row> denseRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
