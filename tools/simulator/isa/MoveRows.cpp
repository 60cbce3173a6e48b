// Moves, packing and unpacking of vectors into scalars, address-space conversions (PTX ISA §9.7.9.1–9.7.9.5,
// §9.7.9.19–20).
#include <ctime>

#include "core/Cluster.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

template <class T> const Inst *move(Warp &w, const Inst *i) {
  put<T>(w, i->o[0], get<T>(w, i->o[1]));
  return i + 1;
}

const Inst *pack2x16(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], (get<u32>(w, i->o[1]) & 0xffffu) | get<u32>(w, i->o[2]) << 16);
  return i + 1;
}
const Inst *unpack2x16(Warp &w, const Inst *i) {
  const Lanes<u32> v = get<u32>(w, i->o[2]);
  put<u32>(w, i->o[0], v & 0xffffu);
  put<u32>(w, i->o[1], v >> 16);
  return i + 1;
}
const Inst *pack4x8(Warp &w, const Inst *i) {
  Lanes<u32> r = 0u;
  for (unsigned k = 0; k < 4; ++k) r |= (get<u32>(w, i->o[k + 1]) & 0xffu) << (8 * k);
  put<u32>(w, i->o[0], r);
  return i + 1;
}
const Inst *unpack4x8(Warp &w, const Inst *i) {
  const Lanes<u32> v = get<u32>(w, i->o[4]);
  for (unsigned k = 0; k < 4; ++k) put<u32>(w, i->o[k], v >> (8 * k) & 0xffu);
  return i + 1;
}
const Inst *pack2x32(Warp &w, const Inst *i) {
  put<u64>(w, i->o[0], convert<u64>(get<u32>(w, i->o[1])) | convert<u64>(get<u32>(w, i->o[2])) << 32);
  return i + 1;
}
const Inst *unpack2x32(Warp &w, const Inst *i) {
  const Lanes<u64> v = get<u64>(w, i->o[2]);
  put<u32>(w, i->o[0], convert<u32>(v));
  put<u32>(w, i->o[1], convert<u32>(v >> 32));
  return i + 1;
}
const Inst *pack4x16(Warp &w, const Inst *i) {
  Lanes<u64> r = u64(0);
  for (unsigned k = 0; k < 4; ++k) r |= convert<u64>(get<u32>(w, i->o[k + 1]) & 0xffffu) << (16 * k);
  put<u64>(w, i->o[0], r);
  return i + 1;
}
const Inst *unpack4x16(Warp &w, const Inst *i) {
  const Lanes<u64> v = get<u64>(w, i->o[4]);
  for (unsigned k = 0; k < 4; ++k) put<u32>(w, i->o[k], convert<u32>(v >> (16 * k)) & 0xffffu);
  return i + 1;
}

// The clocks count nanoseconds of the host.
u64 nanoseconds() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<u64>(t.tv_sec) * 1000000000u + static_cast<u64>(t.tv_nsec);
}
// The operand behind the destination is 32 for the upper half.
const Inst *clock32(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], Lanes<u32>(static_cast<u32>(nanoseconds() >> i->o[1])));
  return i + 1;
}
const Inst *clock64(Warp &w, const Inst *i) {
  put<u64>(w, i->o[0], Lanes<u64>(nanoseconds()));
  return i + 1;
}

// cvta (§9.7.9.20): `extra` is the window; to generic adds its base, from generic takes it off.
constexpr u64 windowOf(unsigned window) {
  return window == 1 ? sharedWindow : window == 2 ? localWindow : window == 3 ? paramWindow : 0;
}
template <bool To> const Inst *convertAddress(Warp &w, const Inst *i) {
  const Lanes<u64> a = get<u64>(w, i->o[1]);
  const u64 base = windowOf(i->extra);
  put<u64>(w, i->o[0], To ? a - base : a + base);
  return i + 1;
}
// Through 32-bit registers (a shared address fits; the result of a 32-bit cvta is only good for its own space).
Picked pickCvta(const Form &f) {
  const unsigned window = f.has("shared") || f.has("shared::cta") || f.has("shared::cluster") ? 1
                          : f.has("local")                                                    ? 2
                          : f.has("param") || f.has("param::entry")                           ? 3
                                                                                              : 0;
  if (typeBits(f.type()) == 32) return move<u32>;
  return {f.has("to") ? convertAddress<true> : convertAddress<false>, window};
}

/// The active lanes whose address is one of a constant.
u32 constants(const Warp &w, Lanes<u64> address) {
  const Allocation *last = nullptr;
  u32 found = 0;
  for (u32 m = maskOf(address < sharedWindow) & w.active; m != 0; m &= m - 1) {
    const u64 at = address[std::countr_zero(m)];
    if (!last || !last->contains(at, 1)) last = w.block->memory->findLive(at);
    if (last && last->contains(at, 1) && last->kind == Allocation::Kind::ConstVariable) found |= m & -m;
  }
  return found;
}

// isspacep (§9.7.9.21). Constants are no part of the global window, parameters are (§6.4.1.1). `extra` 4: the
// shared::cta window, which is a part of shared::cluster: the addresses that do not name another block; 5: constants.
const Inst *isSpace(Warp &w, const Inst *i) {
  const Lanes<u64> a = get<u64>(w, i->o[2]);
  if (i->extra == 4) {
    const Lanes<u64> block = (a - sharedWindow) >> u64(clusterShift);
    putMask(w, i->o[0], maskOf(block == 0ull) | maskOf(block == u64(w.block->rank + 1)));
    return i + 1;
  }
  if (i->extra == 0 || i->extra == 5) {
    const u32 constant = constants(w, a), parameters = maskOf(a - paramWindow < windowBytes);
    putMask(w, i->o[0], i->extra == 5 ? constant : (maskOf(a < sharedWindow) & ~constant) | parameters);
    return i + 1;
  }
  const u32 inside = maskOf(a - windowOf(i->extra) < windowBytes);
  putMask(w, i->o[0], inside);
  return i + 1;
}

const Inst *move128(Warp &w, const Inst *i) {
  const Lanes<u64> low = get<u64>(w, i->o[2]), high = get<u64>(w, i->o[3]);
  put<u64>(w, i->o[0], low);
  put<u64>(w, i->o[1], high);
  return i + 1;
}
const Inst *pack4x32(Warp &w, const Inst *i) {
  const Lanes<u64> low = convert<u64>(get<u32>(w, i->o[2])) | convert<u64>(get<u32>(w, i->o[3])) << 32;
  const Lanes<u64> high = convert<u64>(get<u32>(w, i->o[4])) | convert<u64>(get<u32>(w, i->o[5])) << 32;
  put<u64>(w, i->o[0], low);
  put<u64>(w, i->o[1], high);
  return i + 1;
}
const Inst *unpack4x32(Warp &w, const Inst *i) {
  const Lanes<u64> low = get<u64>(w, i->o[4]), high = get<u64>(w, i->o[5]);
  put<u32>(w, i->o[0], convert<u32>(low));
  put<u32>(w, i->o[1], convert<u32>(low >> 32));
  put<u32>(w, i->o[2], convert<u32>(high));
  put<u32>(w, i->o[3], convert<u32>(high >> 32));
  return i + 1;
}
const Inst *pack2x8(Warp &w, const Inst *i) {
  put<u32>(w, i->o[0], (get<u32>(w, i->o[1]) & 0xffu) | (get<u32>(w, i->o[2]) & 0xffu) << 8);
  return i + 1;
}
const Inst *unpack2x8(Warp &w, const Inst *i) {
  const Lanes<u32> v = get<u32>(w, i->o[2]);
  put<u32>(w, i->o[0], v & 0xffu);
  put<u32>(w, i->o[1], v >> 8 & 0xffu);
  return i + 1;
}

const Row rows[] = {
    {"mov b128", "X Y", UnitClass::Move, always<move128>, 70},
    {"mov b128", "X A2:b64", UnitClass::Move, always<move128>, 70},
    {"mov b128", "D2:b64 Y", UnitClass::Move, always<move128>, 70},
    {"mov b128", "X A4:b32", UnitClass::Move, always<pack4x32>, 70},
    {"mov b128", "D4:b32 Y", UnitClass::Move, always<unpack4x32>, 70},
    {"mov b16", "d A2:b8", UnitClass::Move, always<pack2x8>},
    {"mov b16", "D2:b8 a", UnitClass::Move, always<unpack2x8>},
    {"mov b32", "d A2:b16", UnitClass::Move, always<pack2x16>},
    {"mov b32", "D2:b16 a", UnitClass::Move, always<unpack2x16>},
    {"mov b32", "d A4:b8", UnitClass::Move, always<pack4x8>},
    {"mov b32", "D4:b8 a", UnitClass::Move, always<unpack4x8>},
    {"mov b64", "d A2:b32", UnitClass::Move, always<pack2x32>},
    {"mov b64", "D2:b32 a", UnitClass::Move, always<unpack2x32>},
    {"mov b64", "d A4:b16", UnitClass::Move, always<pack4x16>},
    {"mov b64", "D4:b16 a", UnitClass::Move, always<unpack4x16>},
    {"mov u32|b32|s32", "d C", UnitClass::Move, always<clock32>},
    {"mov u64|b64", "d C", UnitClass::Move, always<clock64>},
    {"mov b16|u16|s16|f16|bf16|b32|u32|s32|f32|f16x2", "d a", UnitClass::Move, always<move<u32>>},
    {"mov b64|u64|s64|f64", "d a", UnitClass::Move, always<move<u64>>},
    {"cvta [to] global|shared|shared::cta|local|const|param|param::entry u32|u64", "d a", UnitClass::Move, pickCvta},
    {"cvta [to] shared::cluster u32|u64", "d a", UnitClass::Move, pickCvta, 90},
    {"isspacep global|shared|shared::cta|local|const|param|param::entry", "P a:u64", UnitClass::Predicate,
     [](const Form &f) -> Picked {
       const unsigned window = f.has("shared") || f.has("shared::cta")   ? 4
                               : f.has("local")                          ? 2
                               : f.has("param") || f.has("param::entry") ? 3
                               : f.has("const")                          ? 5
                                                                         : 0;
       return {isSpace, window};
     }},
    {"isspacep shared::cluster", "P a:u64", UnitClass::Predicate, [](const Form &) -> Picked { return {isSpace, 1}; },
     90},
};

} // namespace

std::span<const Row> moveRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
