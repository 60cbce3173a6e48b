// Conversions (PTX ISA §9.7.9.21 cvt, §9.7.9.22 cvt.pack). Integers go through 64 bits, floats through f64, both exact;
// what attention kernels use in their inner loops has a handler of its own.
#include <cmath>

#include "isa/LevelRows.h"
#include "isa/PackFloat.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// Integer types by number, as they stand in `extra`.
constexpr Type intTypes[] = {Type::U8, Type::S8, Type::U16, Type::S16, Type::U32, Type::S32, Type::U64, Type::S64};
unsigned intCode(Type t) {
  for (unsigned k = 0; k < 8; ++k)
    if (intTypes[k] == t) return k;
  return 0;
}
enum FloatCode : unsigned { CodeF16, CodeBF16, CodeF32, CodeF64 };
unsigned floatCode(Type t) {
  return t == Type::F16 ? CodeF16 : t == Type::BF16 ? CodeBF16 : t == Type::F32 ? CodeF32 : CodeF64;
}

template <class T> SIM_INLINE Lanes<i64> loadAs(const Warp &w, u32 offset, bool wideRegister) {
  if constexpr (sizeof(T) == 8)
    return bits<i64>(get<u64>(w, offset));
  else if (wideRegister)
    return convert<i64>(bits<T>(convert<typename Traits<T>::Unsigned>(get<u64>(w, offset))));
  else
    return convert<i64>(get<T>(w, offset));
}
SIM_INLINE Lanes<i64> loadInt(const Warp &w, u32 offset, unsigned code, bool wideRegister) {
  switch (code) {
  case 0: return loadAs<u8>(w, offset, wideRegister);
  case 1: return loadAs<i8>(w, offset, wideRegister);
  case 2: return loadAs<u16>(w, offset, wideRegister);
  case 3: return loadAs<i16>(w, offset, wideRegister);
  case 4: return loadAs<u32>(w, offset, wideRegister);
  case 5: return loadAs<i32>(w, offset, wideRegister);
  default: return bits<i64>(get<u64>(w, offset));
  }
}
SIM_INLINE Lanes<i64> clamp(Lanes<i64> v, i64 low, i64 high) {
  v = v < low ? Lanes<i64>(low) : v;
  return v > high ? Lanes<i64>(high) : v;
}
struct Range {
  i64 low, high;
};
constexpr Range intRanges[] = {{0, 255},        {-128, 127},       {0, 65535},
                               {-32768, 32767}, {0, 0xffffffffll}, {-0x80000000ll, 0x7fffffffll}};

/// Wraps to the destination type and extends to the register (§9.7.9.21: a wider register is filled by extension).
SIM_INLINE void storeInt(Warp &w, u32 offset, Lanes<i64> v, unsigned code, bool wideRegister) {
  switch (code) {
  case 0: v = v & 0xff; break;
  case 1: v = convert<i64>(convert<i8>(v)); break;
  case 2: v = v & 0xffff; break;
  case 3: v = convert<i64>(convert<i16>(v)); break;
  case 4: v = v & 0xffffffffll; break;
  case 5: v = convert<i64>(convert<i32>(v)); break;
  default: break;
  }
  if (wideRegister)
    put<i64>(w, offset, v);
  else
    put<u32>(w, offset, convert<u32>(v));
}

// `extra`: bits 0–2 source, 3–5 destination, 6 sat, 7 destination register wide, 8 source register wide.
const Inst *intToInt(Warp &w, const Inst *i) {
  const unsigned from = i->extra & 7, to = i->extra >> 3 & 7;
  Lanes<i64> v = loadInt(w, i->o[1], from, i->extra & 256);
  if (i->extra & 64) {
    const bool hugeSource = from == 6; // u64 above the signed range
    if (hugeSource && to != 6) v = v < 0 ? Lanes<i64>(INT64_MAX) : v;
    if (to < 6)
      v = clamp(v, intRanges[to].low, intRanges[to].high);
    else if (to == 6 && !hugeSource)
      v = v < 0 ? Lanes<i64>(0) : v;
  }
  storeInt(w, i->o[0], v, to, i->extra & 128);
  return i + 1;
}
Picked pickIntToInt(const Form &f) {
  return {intToInt, intCode(f.type(1)) | intCode(f.type(0)) << 3 | unsigned(f.has("sat")) << 6 |
                        unsigned(f.registerBits[0] == 64) << 7 | unsigned(f.registerBits[1] == 64) << 8};
}
template <class From, class To> const Inst *extend(Warp &w, const Inst *i) {
  put<To>(w, i->o[0], convert<To>(get<From>(w, i->o[1])));
  return i + 1;
}

enum Mode : unsigned { Nearest, Zero, Down, Up };
unsigned modeOf(const Form &f) {
  if (f.has("rz") || f.has("rzi")) return Zero;
  if (f.has("rm") || f.has("rmi")) return Down;
  if (f.has("rp") || f.has("rpi")) return Up;
  return Nearest;
}

/// Writes exact doubles (or doubles rounded to odd) as one of the four float types.
SIM_INLINE void storeFloat(Warp &w, u32 offset, Lanes<double> v, unsigned code, unsigned mode, bool ftz) {
  if (code == CodeF64) return put<double>(w, offset, canonical(v));
  const auto rounding = static_cast<PackRounding>(mode);
  if (code == CodeF32) {
    Lanes<float> r = mode == Nearest ? convert<float>(v)
                                     : each<float>([rounding](double x) { return narrowToFloat(x, rounding); }, v);
    if (ftz) r = flush(r);
    return put<float>(w, offset, canonical(r));
  }
  if (mode == Nearest)
    return put<u32>(w, offset, code == CodeF16 ? floatToHalf(toFloatOdd(v)) : floatToBfloat(toFloatOdd(v)));
  const PackFormat &format = code == CodeF16 ? packF16 : packBF16;
  put<u32>(w, offset, each<u32>([&format, rounding](double x) { return packFloat(x, format, rounding, false); }, v));
}
SIM_INLINE Lanes<double> loadFloat(const Warp &w, u32 offset, unsigned code, bool ftz) {
  switch (code) {
  case CodeF16: return convert<double>(halfToFloat(get<u32>(w, offset) & 0xffffu));
  case CodeBF16: return convert<double>(bfloatToFloat(get<u32>(w, offset) & 0xffffu));
  case CodeF32: return convert<double>(ftz ? flush(get<float>(w, offset)) : get<float>(w, offset));
  default: return get<double>(w, offset);
  }
}

// `extra`: bits 0–2 integer, 3–4 float, 5–6 mode, 7 sat, 8 source register wide.
const Inst *intToFloat(Warp &w, const Inst *i) {
  const unsigned from = i->extra & 7, to = i->extra >> 3 & 3;
  const Lanes<i64> v = loadInt(w, i->o[1], from, i->extra & 256);
  Lanes<double> exact;
  if (from < 6) {
    exact = convert<double>(v);
  } else {
    const Lanes<double> high = (from == 6 ? convert<double>(bits<u64>(v) >> 32) : convert<double>(v >> 32)) * 0x1p32;
    const Lanes<double> low = convert<double>(v & 0xffffffffll);
    if (to == CodeF64 && (i->extra >> 5 & 3) == Nearest)
      exact = high + low;
    else
      exact = addOdd(high, low);
  }
  if (i->extra & 128) {
    exact = saturate<double>(exact);
  } else if (to == CodeF64 && from >= 6 && (i->extra >> 5 & 3) != Nearest) {
    const auto rounding = static_cast<PackRounding>(i->extra >> 5 & 3);
    const bool isUnsigned = from == 6;
    exact = each<double>([rounding, isUnsigned](i64 x) { return intToDouble(x, isUnsigned, rounding); }, v);
  }
  storeFloat(w, i->o[0], exact, to, i->extra >> 5 & 3, false);
  return i + 1;
}
/// .ftz stands beside f32 only (of an integer it flushes nothing), .sat never beside bf16.
bool fitsFloat(const Form &f, Type t) {
  return !(f.has("ftz") && t != Type::F32) && !(f.has("sat") && t == Type::BF16);
}
Picked pickIntToFloat(const Form &f) {
  if (!fitsFloat(f, f.type(0))) return {};
  if (f.type(0) == Type::F32 && f.has("rn") && !f.has("sat") && f.registerBits[0] == 32) {
    if (f.type(1) == Type::S32) return extend<i32, float>;
    if (f.type(1) == Type::U32) return extend<u32, float>;
  }
  return {intToFloat, intCode(f.type(1)) | floatCode(f.type(0)) << 3 | modeOf(f) << 5 | unsigned(f.has("sat")) << 7 |
                          unsigned(f.registerBits[0] == 64) << 8};
}

SIM_INLINE Lanes<double> roundToInt(Lanes<double> v, unsigned mode) {
  switch (mode) {
  case Zero: return __builtin_elementwise_trunc(v);
  case Down: return __builtin_elementwise_floor(v);
  case Up: return __builtin_elementwise_ceil(v);
  default: return __builtin_elementwise_roundeven(v);
  }
}

// Out-of-range values clamp; NaN gives 0, or the highest bit when either side has 64 bits (§9.7.9.21).
// `extra`: bits 0–2 integer, 3–4 float, 5–6 mode, 7 ftz, 8 destination register wide.
const Inst *floatToInt(Warp &w, const Inst *i) {
  const unsigned to = i->extra & 7, from = i->extra >> 3 & 3;
  const Lanes<double> v = roundToInt(loadFloat(w, i->o[1], from, i->extra & 128), i->extra >> 5 & 3);
  Lanes<i64> r;
  if (to < 6) {
    const double low = static_cast<double>(intRanges[to].low), high = static_cast<double>(intRanges[to].high);
    Lanes<double> c = v < low ? Lanes<double>(low) : v > high ? Lanes<double>(high) : v;
    c = v == v ? c : Lanes<double>(0.0);
    r = to == 4 ? convert<i64>(c) : convert<i64>(convert<i32>(c));
    if (from == CodeF64) r = v == v ? r : Lanes<i64>(i64{1} << (typeBits(intTypes[to]) - 1));
  } else if (to == 6) {
    r = each<i64>(
        [](double x) -> i64 {
          if (x != x) return INT64_MIN;
          return static_cast<i64>(x <= 0 ? 0 : x >= 0x1p64 ? UINT64_MAX : static_cast<u64>(x));
        },
        v);
  } else {
    r = each<i64>(
        [](double x) -> i64 {
          if (x != x || x < -0x1p63) return INT64_MIN;
          return x >= 0x1p63 ? INT64_MAX : static_cast<i64>(x);
        },
        v);
  }
  storeInt(w, i->o[0], r, to, i->extra & 256);
  return i + 1;
}
// f32 to s32 within a register: in f32 all the way.
template <unsigned M, bool Ftz> const Inst *floatToS32(Warp &w, const Inst *i) {
  const Lanes<float> x = maybeFlush<Ftz>(get<float>(w, i->o[1]));
  const Lanes<float> v = M == Zero   ? __builtin_elementwise_trunc(x)
                         : M == Down ? __builtin_elementwise_floor(x)
                         : M == Up   ? __builtin_elementwise_ceil(x)
                                     : __builtin_elementwise_roundeven(x);
  const Lanes<float> inRange = ((v >= -0x1p31f) & (v < 0x1p31f)) ? v : Lanes<float>(0.0f);
  const Lanes<i32> limit = v >= 0x1p31f ? Lanes<i32>(INT32_MAX) : v < -0x1p31f ? Lanes<i32>(INT32_MIN) : Lanes<i32>(0);
  put<i32>(w, i->o[0], convert<i32>(inRange) + limit);
  return i + 1;
}
Picked pickFloatToInt(const Form &f) {
  if (!fitsFloat(f, f.type(1))) return {};
  const bool ftz = f.has("ftz");
  if (f.type(0) == Type::S32 && f.type(1) == Type::F32 && f.registerBits[0] == 32) {
    switch (modeOf(f)) {
    case Nearest: return ftz ? floatToS32<Nearest, true> : floatToS32<Nearest, false>;
    case Zero: return ftz ? floatToS32<Zero, true> : floatToS32<Zero, false>;
    case Down: return ftz ? floatToS32<Down, true> : floatToS32<Down, false>;
    default: return ftz ? floatToS32<Up, true> : floatToS32<Up, false>;
    }
  }
  return {floatToInt, intCode(f.type(0)) | floatCode(f.type(1)) << 3 | modeOf(f) << 5 | unsigned(ftz) << 7 |
                          unsigned(f.registerBits[0] == 64) << 8};
}

// `extra`: bits 0–1 source, 2–3 destination, 4–5 mode, 6 round to an integer, 7 ftz, 8 sat, 9 relu.
const Inst *floatToFloat(Warp &w, const Inst *i) {
  const unsigned mode = i->extra >> 4 & 3;
  const bool ftz = i->extra & 128;
  Lanes<double> v = loadFloat(w, i->o[1], i->extra & 3, ftz);
  if (i->extra & 64) v = roundToInt(v, mode);
  if (i->extra & 256) v = saturate<double>(v);
  if (i->extra & 512) v = v > 0.0 ? v : (v != v ? v : Lanes<double>(0.0));
  storeFloat(w, i->o[0], v, i->extra >> 2 & 3, i->extra & 64 ? Nearest : mode, ftz);
  return i + 1;
}
const Inst *halfToF32(Warp &w, const Inst *i) {
  put<float>(w, i->o[0], canonical(halfToFloat(get<u32>(w, i->o[1]) & 0xffffu)));
  return i + 1;
}
const Inst *f32ToHalf(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], floatToHalf(get<float>(w, i->o[1])));
  return i + 1;
}
/// Whether the two types have the modifiers (§9.7.9.21): a rounding where digits may be lost and to whole numbers
/// within a type, .ftz beside f32, .sat without bf16, .relu from f32 to a half.
bool canConvert(const Form &f, Type to, Type from, bool toInt) {
  const bool bfloat = to == Type::BF16 || from == Type::BF16, narrows = typeBits(to) < typeBits(from);
  const bool rounds = f.has("rn") || f.has("rz") || f.has("rm") || f.has("rp");
  if (toInt && to != from) return false;
  if (rounds && !narrows && (!bfloat || to == from)) return false;
  if (narrows && !rounds) return false;
  if (f.has("ftz") && to != Type::F32 && from != Type::F32) return false;
  if (f.has("sat") && bfloat) return false;
  const bool canRectify = narrows && from == Type::F32 && !f.has("rm") && !f.has("rp");
  return !f.has("relu") || (canRectify && !f.has("ftz") && !f.has("sat"));
}
Picked pickFloatToFloat(const Form &f) {
  const bool toInt = f.has("rni") || f.has("rzi") || f.has("rmi") || f.has("rpi");
  if (!canConvert(f, f.type(0), f.type(1), toInt)) return {};
  const bool plain = !f.has("ftz") && !f.has("sat") && !f.has("relu");
  if (plain && f.type(0) == Type::F32 && f.type(1) == Type::F16) return halfToF32;
  if (plain && f.type(0) == Type::F16 && f.type(1) == Type::F32 && f.has("rn")) return f32ToHalf;
  return {floatToFloat, floatCode(f.type(1)) | floatCode(f.type(0)) << 2 | modeOf(f) << 4 | unsigned(toInt) << 6 |
                            unsigned(f.has("ftz")) << 7 | unsigned(f.has("sat")) << 8 | unsigned(f.has("relu")) << 9};
}

// Two f32 to a pair of halves: the first operand goes to the upper half. `extra`: 1 rz, 2 relu.
template <bool Bfloat> SIM_INLINE Lanes<u32> narrowHalf(Lanes<float> v, unsigned flags) {
  if (flags & 2) v = v > 0.0f ? v : (v != v ? v : Lanes<float>(0.0f));
  if (!(flags & 1)) return Bfloat ? floatToBfloat(v) : floatToHalf(v);
  return each<u32>([](float x) { return packFloat(x, Bfloat ? packBF16 : packF16, PackRounding::Zero, false); }, v);
}
template <bool Bfloat> const Inst *pairFromF32(Warp &w, const Inst *i) {
  const Lanes<u32> high = narrowHalf<Bfloat>(get<float>(w, i->o[1]), i->extra),
                   low = narrowHalf<Bfloat>(get<float>(w, i->o[2]), i->extra);
  put<u32>(w, i->o[0], high << 16 | low);
  return i + 1;
}
template <bool Bfloat> Picked pickPair(const Form &f) {
  return {pairFromF32<Bfloat>, unsigned(f.has("rz")) | unsigned(f.has("relu")) << 1};
}

// e4m3 and e5m2 in pairs. `extra`: 1 e5m2, 2 relu.
const Inst *fp8FromF32(Warp &w, const Inst *i) {
  const PackFormat &format = i->extra & 1 ? packE5M2 : packE4M3;
  const bool relu = i->extra & 2;
  const auto one = [&format, relu](float x) -> u32 {
    return packFloat(relu && x <= 0 ? 0.0 : x, format, PackRounding::Nearest, true);
  };
  put<u32>(w, i->o[0], each<u32>(one, get<float>(w, i->o[1])) << 8 | each<u32>(one, get<float>(w, i->o[2])));
  return i + 1;
}
const Inst *fp8FromHalf(Warp &w, const Inst *i) {
  const PackFormat &format = i->extra & 1 ? packE5M2 : packE4M3;
  const bool relu = i->extra & 2;
  const auto one = [&format, relu](float x) -> u32 {
    return packFloat(relu && x <= 0 ? 0.0 : x, format, PackRounding::Nearest, true);
  };
  const Lanes<u32> v = get<u32>(w, i->o[1]);
  put<u32>(w, i->o[0], each<u32>(one, halfToFloat(v >> 16)) << 8 | each<u32>(one, halfToFloat(v & 0xffffu)));
  return i + 1;
}
const Inst *halfFromFp8(Warp &w, const Inst *i) {
  const PackFormat &format = i->extra & 1 ? packE5M2 : packE4M3;
  const bool relu = i->extra & 2;
  const auto one = [&format, relu](u32 x) -> float {
    const float v = unpackFloat(x & 0xff, format);
    return relu && v <= 0 ? 0.0f : v;
  };
  const Lanes<u32> v = get<u32>(w, i->o[1]);
  put<u32>(w, i->o[0], floatToHalf(each<float>(one, v >> 8 & 0xffu)) << 16 | floatToHalf(each<float>(one, v & 0xffu)));
  return i + 1;
}
Picked pickFp8(const Form &f, Handler h) {
  const bool e5 = f.has("e5m2x2");
  return {h, unsigned(e5) | unsigned(f.has("relu")) << 1};
}

// `extra` is the rounding: 0 nearest even, 1 towards zero, 4 nearest away.
const Inst *tf32FromF32(Warp &w, const Inst *i) {
  const auto rounding = static_cast<PackRounding>(i->extra & 7);
  const bool relu = i->extra & 8, limit = i->extra & 16;
  put<u32>(w, i->o[0],
           each<u32>([rounding, relu, limit](float x)
                         -> u32 { return packFloat(relu && x <= 0 ? 0.0 : x, packTF32, rounding, limit) << 13; },
                     get<float>(w, i->o[1])));
  return i + 1;
}

// cvt.pack: two saturated values below what c holds. `extra` is the destination's code.
const Inst *packSaturated(Warp &w, const Inst *i) {
  const unsigned code = i->extra & 7;
  const unsigned width = code < 2 ? 8 : 16;
  const Range range = intRanges[code];
  const auto narrow = [&](u32 offset) {
    return convert<u32>(clamp(convert<i64>(get<i32>(w, offset)), range.low, range.high)) & ((1u << width) - 1);
  };
  Lanes<u32> r = narrow(i->o[1]) << width | narrow(i->o[2]);
  if (width == 8) r |= (i->operandCount > 3 ? get<u32>(w, i->o[3]) : Lanes<u32>(0u)) << 16;
  put<u32>(w, i->o[0], r);
  return i + 1;
}

#define SIM_INTS "u8|s8|u16|s16|u32|s32|u64|s64"
#define SIM_FLOATS "f16|bf16|f32|f64"
const Row rows[] = {
    {"cvt s64 s32", "d:0 a:1", UnitClass::Convert, always<extend<i32, i64>>},
    {"cvt u64 u32", "d:0 a:1", UnitClass::Convert, always<extend<u32, u64>>},
    {"cvt u32 u64", "d:0 a:1", UnitClass::Convert, always<extend<u64, u32>>},
    {"cvt [sat] " SIM_INTS " " SIM_INTS, "d~:0 a~:1", UnitClass::Convert, pickIntToInt},
    {"cvt rn|rz|rm|rp [ftz] [sat] " SIM_FLOATS " " SIM_INTS, "d:0 a~:1", UnitClass::Convert, pickIntToFloat},
    {"cvt rni|rzi|rmi|rpi [ftz] [sat] " SIM_INTS " " SIM_FLOATS, "d~:0 a:1", UnitClass::Convert, pickFloatToInt},
    {"cvt [rn|rz|rm|rp|rni|rzi|rmi|rpi] [ftz] [relu] [sat] " SIM_FLOATS " " SIM_FLOATS, "d:0 a:1", UnitClass::Convert,
     pickFloatToFloat},
    {"cvt rn|rz [relu] f16x2 f32", "d:b32 a:f32 b:f32", UnitClass::Convert, pickPair<false>, 80},
    {"cvt rn|rz [relu] bf16x2 f32", "d:b32 a:f32 b:f32", UnitClass::Convert, pickPair<true>, 80},
    {"cvt rn satfinite [relu] e4m3x2|e5m2x2 f32", "d:b16 a:f32 b:f32", UnitClass::Convert,
     [](const Form &f) { return pickFp8(f, fp8FromF32); }, 89},
    {"cvt rn satfinite [relu] e4m3x2|e5m2x2 f16x2", "d:b16 a:b32", UnitClass::Convert,
     [](const Form &f) { return pickFp8(f, fp8FromHalf); }, 89},
    {"cvt rn [relu] f16x2 e4m3x2|e5m2x2", "d:b32 a:b16", UnitClass::Convert,
     [](const Form &f) { return pickFp8(f, halfFromFp8); }, 89},
    {"cvt rna [satfinite] tf32 f32", "d:b32 a:f32", UnitClass::Convert,
     [](const Form &f) -> Picked { return {tf32FromF32, 4u | unsigned(f.has("satfinite")) << 4}; }, 80},
    {"cvt rn|rz [satfinite] [relu] tf32 f32", "d:b32 a:f32", UnitClass::Convert,
     [](const Form &f) -> Picked {
       return {tf32FromF32, unsigned(f.has("rz")) | unsigned(f.has("relu")) << 3 | unsigned(f.has("satfinite")) << 4};
     },
     90},
    {"cvt pack sat u16|s16 s32", "d:b32 a:s32 b:s32", UnitClass::Convert,
     [](const Form &f) -> Picked { return {packSaturated, intCode(f.type(0))}; }},
    {"cvt pack sat u8|s8 s32 b32", "d:b32 a:s32 b:s32 c:b32", UnitClass::Convert,
     [](const Form &f) -> Picked { return {packSaturated, intCode(f.type(0))}; }},
};

} // namespace

std::span<const Row> convertRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
