// Conversions to and from the narrow formats that are not in the inner loops of kernels: saturating f16 and bf16, 6-
// and 4-bit floats, scales of eight exponent bits, packed small integers (PTX ISA §9.7.9.21 cvt, §9.7.9.22 cvt.pack).
// One value at a time, by isa/PackFloat.h.
#include <cmath>

#include "isa/LevelRows.h"
#include "isa/PackFloat.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

enum Target : unsigned { ToF16, ToBF16, ToE4M3, ToE5M2, ToE2M3, ToE3M2, ToE2M1 };
constexpr const PackFormat *formats[] = {&packF16, &packBF16, &packE4M3, &packE5M2, &packE2M3, &packE3M2, &packE2M1};
constexpr std::string_view targetNames[] = {"f16", "bf16", "e4m3x2", "e5m2x2", "e2m3x2", "e3m2x2", "e2m1x2"};

// `extra`: bits 0–2 the narrow format, 3 rz, 4 relu, 5 a pair of halves is the source, 6 they are bf16.
enum Flag : unsigned { TowardsZero = 8, Relu = 16, FromHalves = 32, Bfloats = 64 };
const PackFormat &formatOf(const Inst *i) { return *formats[i->extra & 7]; }

SIM_INLINE Lanes<u32> narrow(const Inst *i, Lanes<float> v) {
  const PackFormat &format = formatOf(i);
  const auto rounding = (i->extra & TowardsZero) ? PackRounding::Zero : PackRounding::Nearest;
  const bool relu = i->extra & Relu;
  return each<u32>(
      [&](float x) -> u32 { return packFloat(relu && std::signbit(x) && x == x ? 0.0f : x, format, rounding, true); },
      v);
}
SIM_INLINE Lanes<float> half(const Inst *i, Lanes<u32> v) {
  return (i->extra & Bfloats) ? bfloatToFloat(v & 0xffffu) : halfToFloat(v & 0xffffu);
}

const Inst *saturateOne(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], narrow(i, get<float>(w, i->o[1])));
  return i + 1;
}
// Two values; the first one goes to the upper part. 4-bit floats share a byte, halves have 16 bits each.
const Inst *narrowTwo(Warp &w, const Inst *i) {
  Lanes<float> high, low;
  if (i->extra & FromHalves) {
    const Lanes<u32> v = get<u32>(w, i->o[1]);
    high = half(i, v >> 16), low = half(i, v);
  } else {
    high = get<float>(w, i->o[1]), low = get<float>(w, i->o[2]);
  }
  const unsigned target = i->extra & 7, shift = target <= ToBF16 ? 16 : target == ToE2M1 ? 4 : 8;
  put<u32>(w, i->o[0], narrow(i, high) << shift | narrow(i, low));
  return i + 1;
}
const Inst *widenTwo(Warp &w, const Inst *i) {
  const PackFormat &format = formatOf(i);
  const bool relu = i->extra & Relu;
  const unsigned shift = (i->extra & 7) == ToE2M1 ? 4 : 8;
  const u32 mask = (1u << (1 + format.exponentBits + format.mantissaBits)) - 1;
  const auto one = [&](u32 x) -> float {
    const float v = unpackFloat(x & mask, format);
    return relu && v <= 0 ? 0.0f : v;
  };
  const Lanes<u32> v = get<u32>(w, i->o[1]);
  put<u32>(w, i->o[0], floatToHalf(each<float>(one, v >> shift)) << 16 | floatToHalf(each<float>(one, v)));
  return i + 1;
}
Picked pickNarrow(const Form &f, Handler handler) {
  unsigned target = 0;
  for (unsigned k = 0; k < std::size(targetNames); ++k)
    if (f.has(targetNames[k])) target = k;
  if (f.has("bf16x2") && target == ToF16) target = ToBF16;
  const bool halves = f.modifiers.back() == "f16x2" || f.modifiers.back() == "bf16x2";
  return {handler, target | (f.has("rz") ? TowardsZero : 0u) | (f.has("relu") ? Relu : 0u) |
                       (halves ? FromHalves : 0u) | (f.modifiers.back() == "bf16x2" ? Bfloats : 0u)};
}

// ue8m0: 2^(code − 127), 255 is NaN; the sign of the source is not looked at. `extra`: 1 rp, 2 satfinite, 4 from
// bf16x2.
u32 exponentOf(float value, bool up, bool limit) {
  const u32 x = __builtin_bit_cast(u32, value) & 0x7fffffffu;
  if (x > 0x7f800000u) return 0xff;
  if (x == 0x7f800000u) return limit ? 0xfeu : 0xffu;
  // 2^-127 is the subnormal with the highest bit set only; below the normal numbers there is no other code.
  u32 e = x >> 23;
  if (up && (e == 0 ? x > 0x400000u : (x & 0x7fffffu) != 0)) ++e;
  return limit && e > 0xfe ? 0xfe : e;
}
const Inst *toExponents(Warp &w, const Inst *i) {
  const bool up = i->extra & 1, limit = i->extra & 2;
  const auto one = [up, limit](float x) { return exponentOf(x, up, limit); };
  Lanes<float> high, low;
  if (i->extra & 4) {
    const Lanes<u32> v = get<u32>(w, i->o[1]);
    high = bits<float>(v & 0xffff0000u), low = bits<float>(v << 16);
  } else {
    high = get<float>(w, i->o[1]), low = get<float>(w, i->o[2]);
  }
  put<u32>(w, i->o[0], each<u32>(one, high) << 8 | each<u32>(one, low));
  return i + 1;
}
const Inst *fromExponents(Warp &w, const Inst *i) {
  const auto one = [](u32 code) -> u32 { return code == 0xff ? 0x7fffu : code == 0 ? 0x40u : code << 7; };
  const Lanes<u32> v = get<u32>(w, i->o[1]);
  put<u32>(w, i->o[0], each<u32>(one, v >> 8 & 0xffu) << 16 | each<u32>(one, v & 0xffu));
  return i + 1;
}
Picked pickExponents(const Form &f) {
  return {toExponents,
          unsigned(f.has("rp")) | unsigned(f.has("satfinite")) << 1 | unsigned(f.modifiers.back() == "bf16x2") << 2};
}

// cvt.pack of 2- and 4-bit integers: two saturated values below what c holds. `extra`: the width, bit 3 signed.
const Inst *packSmall(Warp &w, const Inst *i) {
  const unsigned width = i->extra & 7;
  const bool isSigned = i->extra & 8;
  const i32 high = (1 << (isSigned ? width - 1 : width)) - 1, low = isSigned ? -high - 1 : 0;
  const auto one = [&](u32 offset) {
    Lanes<i32> v = get<i32>(w, offset);
    v = v < low ? Lanes<i32>(low) : v > high ? Lanes<i32>(high) : v;
    return bits<u32>(v) & ((1u << width) - 1);
  };
  put<u32>(w, i->o[0], get<u32>(w, i->o[3]) << (2 * width) | one(i->o[1]) << width | one(i->o[2]));
  return i + 1;
}

#define SIM_SIXES "e2m3x2|e3m2x2"
const Row rows[] = {
    {"cvt rn|rz [relu] satfinite f16|bf16 f32", "d:0 a:f32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, saturateOne); }, 80},
    {"cvt rn|rz [relu] satfinite f16x2|bf16x2 f32", "d:b32 a:f32 b:f32", UnitClass::Convert,
     [](const Form &f) {
       Picked picked = pickNarrow(f, narrowTwo);
       picked.extra = static_cast<u16>((picked.extra & ~7u) | (f.has("bf16x2") ? ToBF16 : ToF16));
       return picked;
     },
     80},
    {"cvt rn satfinite [relu] " SIM_SIXES " f32", "d:b16 a:f32 b:f32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, narrowTwo); }, 100},
    {"cvt rn satfinite [relu] " SIM_SIXES " f16x2|bf16x2", "d:b16 a:b32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, narrowTwo); }, 100},
    {"cvt rn satfinite [relu] e4m3x2|e5m2x2 bf16x2", "d:b16 a:b32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, narrowTwo); }, 100},
    {"cvt rn satfinite [relu] e2m1x2 f32", "d:b8 a:f32 b:f32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, narrowTwo); }, 100},
    {"cvt rn satfinite [relu] e2m1x2 f16x2|bf16x2", "d:b8 a:b32", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, narrowTwo); }, 100},
    {"cvt rn [relu] f16x2 " SIM_SIXES, "d:b32 a:b16", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, widenTwo); }, 100},
    {"cvt rn [relu] f16x2 e2m1x2", "d:b32 a:b8", UnitClass::Convert,
     [](const Form &f) { return pickNarrow(f, widenTwo); }, 100},
    {"cvt rz|rp [satfinite] ue8m0x2 f32", "d:b16 a:f32 b:f32", UnitClass::Convert, pickExponents, 100},
    {"cvt rz|rp [satfinite] ue8m0x2 bf16x2", "d:b16 a:b32", UnitClass::Convert, pickExponents, 100},
    {"cvt rn bf16x2 ue8m0x2", "d:b32 a:b16", UnitClass::Convert, always<fromExponents>, 100},
    {"cvt pack sat u4|s4|u2|s2 s32 b32", "d:b32 a:s32 b:s32 c:b32", UnitClass::Convert,
     [](const Form &f) -> Picked {
       const unsigned width = f.has("u4") || f.has("s4") ? 4 : 2;
       return {packSmall, width | (f.has("s4") || f.has("s2") ? 8u : 0u)};
     },
     75},
};

} // namespace

std::span<const Row> narrowConvertRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
