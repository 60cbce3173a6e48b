// wmma.load and wmma.store (PTX ISA §9.7.14.4.3–4): the elements of a matrix in global or shared memory, to and from a
// fragment. Which element stands in which register is up to the machine; isa/MatrixPlaces.h says what is chosen here.
#include "isa/Access.h"
#include "isa/MatrixPlaces.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

struct Extent {
  std::string_view name;
  u16 m, n, k;
};
constexpr Extent extents[] = {
    {"m16n16k16", 16, 16, 16}, {"m8n32k16", 8, 32, 16}, {"m32n8k16", 32, 8, 16}, {"m16n16k8", 16, 16, 8},
    {"m8n8k4", 8, 8, 4},       {"m8n8k32", 8, 8, 32},   {"m8n8k128", 8, 8, 128},
};
enum Operand : unsigned { OperandA, OperandB, OperandC };

// `extra`: bits 0–3 the space, 4–6 the shape, 7–8 the operand, 9 stored in columns, 10–11 bytes of an element as a
// power of two, 12 elements of 4 bits (eight of them are moved as one word), 13 single bits (32 as one word).
struct Fragment {
  explicit Fragment(const Inst *i)
      : e(extents[i->extra >> 4 & 7]), operand(static_cast<Operand>(i->extra >> 7 & 3)), columns(i->extra & 512),
        bytes(1u << (i->extra >> 10 & 3)), perWord((i->extra & 0x1000)   ? 8
                                                   : (i->extra & 0x2000) ? 32
                                                                         : 1) {}

  unsigned perRegister() const { return bytes == 8 ? 1 : 4 / bytes; }
  Place place(unsigned lane, unsigned element) const {
    switch (operand) {
    case OperandA: return placeInA(e.m, e.k / perWord, perRegister(), lane, element);
    case OperandB: return placeInB(e.k / perWord, e.n, perRegister(), lane, element);
    default: return placeInC(e.m, lane, element);
    }
  }
  unsigned leading() const { // the stride when none is given: the matrix is packed (§9.7.14.4.3)
    const unsigned rows = operand == OperandB ? e.k : e.m, wide = operand == OperandA ? e.k : e.n;
    return columns ? rows : wide;
  }
  /// Where ELEMENT of every lane lies behind the address, in bytes; the stride counts elements.
  Lanes<u64> offsets(unsigned element, Lanes<u64> stride) const {
    Lanes<u64> at = u64(0), across = u64(0);
    for (unsigned lane = 0; lane < 32; ++lane) {
      const Place p = place(lane, element);
      at[lane] = columns ? p.column : p.row;
      across[lane] = columns ? p.row : p.column;
    }
    return at * (stride * u64(bytes) / u64(perWord)) + across * u64(bytes);
  }

  Extent e;
  Operand operand;
  bool columns;
  unsigned bytes, perWord;
};

SIM_INLINE Lanes<u64> strides(const Warp &w, const Inst *i, const Fragment &f, unsigned registers) {
  if (i->operandCount <= registers + 4) return Lanes<u64>(u64(f.leading()));
  return convert<u64>(get<u32>(w, i->o[registers + 4]));
}

const Inst *loadFragment(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Fragment f(i);
  const unsigned e = f.perRegister(), registers = i->vector;
  const Lanes<u64> base = addresses(w, i->o + registers), stride = strides(w, i, f, registers);
  const auto space = static_cast<Space>(i->extra & 15);
  for (unsigned n = 0; n < registers * e; ++n) {
    alignas(128) u64 value[32] = {};
    const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
      rememberAccess(w, i, r, offset, mask, f.bytes, false);
      for (u32 m = mask; m != 0; m &= m - 1) {
        const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
        if (!readable(w, i, r, offset[lane], f.bytes, lane)) return false;
        if (!raceFreeRead(w, i, r, offset[lane], f.bytes, f.bytes, lane)) return false;
        std::memcpy(&value[lane], r.data + offset[lane], f.bytes);
      }
      countBytes(w, r.space, mask, f.bytes, Use::Read);
      return true;
    };
    if (!access(w, i, space, base + f.offsets(n, stride), w.active, f.bytes, Use::Read, body)) return nullptr;
    Lanes<u64> v;
    std::memcpy(&v, value, sizeof v);
    const u32 to = i->o[n / e], shift = 8 * f.bytes * (n % e);
    if (f.bytes == 8)
      put<u64>(w, to, v);
    else
      put<u32>(w, to, (shift ? get<u32>(w, to) : Lanes<u32>(0u)) | convert<u32>(v) << shift);
  }
  return i + 1;
}

const Inst *storeFragment(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const Fragment f(i);
  const unsigned e = f.perRegister(), registers = i->vector;
  const Lanes<u64> base = addresses(w, i->o), stride = strides(w, i, f, registers);
  const auto space = static_cast<Space>(i->extra & 15);
  for (unsigned n = 0; n < registers * e; ++n) {
    const u32 from = i->o[4 + n / e], shift = 8 * f.bytes * (n % e);
    const Lanes<u64> v = f.bytes == 8 ? get<u64>(w, from) : convert<u64>(get<u32>(w, from) >> shift);
    const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
      rememberAccess(w, i, r, offset, mask, f.bytes, true);
      for (u32 m = mask; m != 0; m &= m - 1) {
        const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
        const u64 one = v[lane];
        if (!markWritten(w, i, r, offset[lane], f.bytes, lane)) return false;
        const auto *fresh = reinterpret_cast<const u8 *>(&one);
        if (!raceFreeWrite(w, i, r, offset[lane], f.bytes, f.bytes, lane, fresh)) return false;
        std::memcpy(r.data + offset[lane], fresh, f.bytes);
      }
      countBytes(w, r.space, mask, f.bytes, Use::Write);
      return true;
    };
    if (!access(w, i, space, base + f.offsets(n, stride), w.active, f.bytes, Use::Write, body)) return nullptr;
  }
  return i + 1;
}

Picked pickFragment(const Form &f) {
  const unsigned space = static_cast<unsigned>(f.has("global")                           ? Space::Global
                                               : f.has("shared") || f.has("shared::cta") ? Space::Shared
                                                                                         : Space::Generic);
  unsigned shape = 0;
  while (!f.has(extents[shape].name)) ++shape;
  const unsigned operand = f.has("a") ? OperandA : f.has("b") ? OperandB : OperandC;
  const std::string_view type = f.modifiers.back();
  const unsigned size = type == "f64" ? 3 : type == "f16" || type == "bf16" ? 1 : type == "s8" || type == "u8" ? 0 : 2;
  const unsigned packed = type == "s4" || type == "u4" ? 0x1000u : type == "b1" ? 0x2000u : 0u;
  const bool isLoad = f.row->pattern.starts_with("wmma load");
  return {isLoad ? loadFragment : storeFragment,
          space | shape << 4 | operand << 7 | unsigned(f.has("col")) << 9 | size << 10 | packed};
}

// The number of registers, by shape and type; those of A and B of f16 hold everything more than once.
#define SIM_LOAD(operand, layout) "wmma load " operand " sync aligned " layout " "
#define SIM_STORE "wmma store d sync aligned row|col "
#define SIM_SPACE " [global|shared|shared::cta] "
#define SIM_16 "m16n16k16|m8n32k16|m32n8k16"
const Row rows[] = {
    {SIM_LOAD("a|b", "row|col") SIM_16 SIM_SPACE "f16", "D8:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 70},
    {SIM_LOAD("a|b", "row|col") "m16n16k16" SIM_SPACE "bf16", "D4:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("a", "row|col") "m8n32k16" SIM_SPACE "bf16", "D2:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("b", "row|col") "m8n32k16" SIM_SPACE "bf16", "D8:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("a", "row|col") "m32n8k16" SIM_SPACE "bf16", "D8:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("b", "row|col") "m32n8k16" SIM_SPACE "bf16", "D2:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("a|b", "row|col") "m16n16k16" SIM_SPACE "s8|u8", "D2:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 72},
    {SIM_LOAD("a", "row|col") "m8n32k16" SIM_SPACE "s8|u8", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 72},
    {SIM_LOAD("b", "row|col") "m8n32k16" SIM_SPACE "s8|u8", "D4:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 72},
    {SIM_LOAD("a", "row|col") "m32n8k16" SIM_SPACE "s8|u8", "D4:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 72},
    {SIM_LOAD("b", "row|col") "m32n8k16" SIM_SPACE "s8|u8", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 72},
    {SIM_LOAD("a|b", "row|col") "m16n16k8" SIM_SPACE "tf32", "D4:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("a|b", "row|col") "m8n8k4" SIM_SPACE "f64", "D1:f64 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_LOAD("a", "row") "m8n8k32" SIM_SPACE "s4|u4", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 75},
    {SIM_LOAD("b", "col") "m8n8k32" SIM_SPACE "s4|u4", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 75},
    {SIM_LOAD("a", "row") "m8n8k128" SIM_SPACE "b1", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 75},
    {SIM_LOAD("b", "col") "m8n8k128" SIM_SPACE "b1", "D1:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 75},
    {SIM_LOAD("c", "row|col") SIM_16 SIM_SPACE "f16", "D4:b32 m ?a:u32", UnitClass::Matrix, pickFragment, 70},
    {SIM_LOAD("c", "row|col") SIM_16 "|m16n16k8" SIM_SPACE "f32|s32", "D8:b32 m ?a:u32", UnitClass::Matrix,
     pickFragment, 70},
    {SIM_LOAD("c", "row|col") "m8n8k32|m8n8k128" SIM_SPACE "s32", "D2:s32 m ?a:u32", UnitClass::Matrix, pickFragment,
     75},
    {SIM_LOAD("c", "row|col") "m8n8k4" SIM_SPACE "f64", "D2:f64 m ?a:u32", UnitClass::Matrix, pickFragment, 80},
    {SIM_STORE SIM_16 SIM_SPACE "f16", "m A4:b32 ?a:u32", UnitClass::Matrix, pickFragment, 70},
    {SIM_STORE SIM_16 "|m16n16k8" SIM_SPACE "f32|s32", "m A8:b32 ?a:u32", UnitClass::Matrix, pickFragment, 70},
    {SIM_STORE "m8n8k32|m8n8k128" SIM_SPACE "s32", "m A2:s32 ?a:u32", UnitClass::Matrix, pickFragment, 75},
    {SIM_STORE "m8n8k4" SIM_SPACE "f64", "m A2:f64 ?a:u32", UnitClass::Matrix, pickFragment, 80},
};

} // namespace

std::span<const Row> wmmaRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
