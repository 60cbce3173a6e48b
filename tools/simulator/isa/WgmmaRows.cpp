// wgmma (PTX ISA §9.7.15). Each of the four warps of a group computes its 16 rows of the 64 by itself; A comes from
// registers (the fragment of an m16 mma.sync) or, like B, from shared memory through a descriptor.
//
// Results are kept aside until the wait that the program has to make; meanwhile the accumulators hold poison, so a
// kernel that reads them too early computes nonsense. Sums are as in MatrixRows.cpp: in the order of k, one rounding
// each.
#include "core/AsyncProxy.h"
#include <algorithm>

#include "isa/Access.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

using Row16 = float __attribute__((ext_vector_type(16)));
constexpr u32 poison = 0x7fb0dead; // a signalling NaN; as an integer far out of the range of sums

enum Flag : unsigned {
  ARegisters = 1 << 8,
  Saturates = 1 << 9,
  HalfSums = 1 << 10,
  IntegerSums = 1 << 11,
  Transposable = 1 << 12,
  Scalable = 1 << 13
};

// Element formats: bytes, and the value of one element.
struct F16 {
  static constexpr u32 bytes = 2;
  static float value(const u8 *p) {
    _Float16 h;
    std::memcpy(&h, p, 2);
    return static_cast<float>(h);
  }
};
struct BF16 {
  static constexpr u32 bytes = 2;
  static float value(const u8 *p) {
    u16 h;
    std::memcpy(&h, p, 2);
    return __builtin_bit_cast(float, u32{h} << 16);
  }
};
struct TF32 {
  static constexpr u32 bytes = 4;
  static float value(const u8 *p) {
    u32 v;
    std::memcpy(&v, p, 4);
    return __builtin_bit_cast(float, v & 0xffffe000u);
  }
};
struct S8 {
  static constexpr u32 bytes = 1;
  static float value(const u8 *p) { return static_cast<float>(static_cast<i8>(*p)); }
};
struct U8 {
  static constexpr u32 bytes = 1;
  static float value(const u8 *p) { return static_cast<float>(*p); }
};
struct E4 {
  static constexpr u32 bytes = 1;
  static float value(const u8 *p) {
    const u32 magnitude = *p & 0x7fu;
    const u32 v = magnitude == 0x7f ? 0x7fffffffu
                                    : __builtin_bit_cast(u32, __builtin_bit_cast(float, magnitude << 20) * 0x1p120f);
    return __builtin_bit_cast(float, v | (*p & 0x80u) << 24);
  }
};
struct E5 {
  static constexpr u32 bytes = 1;
  static float value(const u8 *p) {
    const u16 h = static_cast<u16>(*p << 8);
    return F16::value(reinterpret_cast<const u8 *>(&h));
  }
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

/// ROWS × K elements at FIRST rows on → to[k * pitch + row]. False after a fault.
template <class F>
bool openShared(Warp &w, const Inst *i, u64 descriptor, bool transposed, u32 first, u32 rows, u32 depth, float sign,
                float *to, u32 pitch) {
  const Descriptor d(descriptor);
  constexpr u32 each = 16 / F::bytes;
  if (!transposed) {
    for (u32 row = 0; row < rows; ++row)
      for (u32 k = 0; k < depth; k += each) {
        const u8 *from = piece(w, i, d.alongK(first + row, k * F::bytes));
        if (!from) return false;
        for (u32 e = 0; e < each; ++e) to[(k + e) * pitch + row] = sign * F::value(from + e * F::bytes);
      }
    return true;
  }
  for (u32 k = 0; k < depth; ++k)
    for (u32 row = 0; row < rows; row += each) {
      const u8 *from = piece(w, i, d.alongRows((first + row) * F::bytes, k));
      if (!from) return false;
      for (u32 e = 0; e < each; ++e) to[k * pitch + row + e] = sign * F::value(from + e * F::bytes);
    }
  return true;
}

/// A from registers: register r of lane 4g + t has row g + 8 (r & 1) and k = e·t + j + 4e (r >> 1).
template <class F> void openRegisters(Warp &w, const u32 *o, float sign, float *to) {
  constexpr u32 e = 4 / F::bytes;
  for (u32 r = 0; r < 4; ++r)
    for (u32 lane = 0; lane < 32; ++lane) {
      const u32 value = w.lanes<u32>(o[r])[lane];
      u8 bytes[4];
      std::memcpy(bytes, &value, 4);
      for (u32 j = 0; j < e; ++j)
        to[(e * (lane % 4) + j + 4 * e * (r >> 1)) * 16 + lane / 4 + 8 * (r & 1)] =
            sign * F::value(bytes + j * F::bytes);
    }
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
  alignas(64) float a[32 * 16];
  alignas(64) float b[32 * 256];
  alignas(64) Row16 d[256];
};

SIM_INLINE void multiply(Sums &s, u32 depth, u32 n) {
  for (u32 first = 0; first < n; first += 8) {
    Row16 sum[8];
    for (u32 j = 0; j < 8; ++j) sum[j] = s.d[first + j];
    for (u32 k = 0; k < depth; ++k) {
      const Row16 a = *reinterpret_cast<const Row16 *>(s.a + 16 * k);
      for (u32 j = 0; j < 8; ++j) sum[j] = __builtin_elementwise_fma(a, Row16(s.b[k * n + first + j]), sum[j]);
    }
    for (u32 j = 0; j < 8; ++j) s.d[first + j] = sum[j];
  }
}

// f32: register 4q + i of lane 4g + t is row g + 8 (i >> 1), column 8q + 2t + (i & 1); f16: two columns in one.
SIM_INLINE void finishFloat(PendingTile &t, Sums &s, u32 n, bool half, bool load) {
  for (u32 q = 0; q < n / 8; ++q)
    for (u32 lane = 0; lane < 32; ++lane)
      for (u32 e = 0; e < 4; ++e) {
        float *at = reinterpret_cast<float *>(&s.d[8 * q + 2 * (lane % 4) + (e & 1)]) + lane / 4 + 8 * (e >> 1);
        u32 &to = t.values[half ? 2 * q + (e >> 1) : 4 * q + e][lane];
        if (load) {
          *at = half ? F16::value(reinterpret_cast<const u8 *>(&to) + 2 * (e & 1)) : __builtin_bit_cast(float, to);
        } else if (half) {
          const u16 h = *at != *at ? u16{0x7fff} : __builtin_bit_cast(u16, static_cast<_Float16>(*at));
          std::memcpy(reinterpret_cast<u8 *>(&to) + 2 * (e & 1), &h, 2);
        } else {
          to = *at != *at ? 0x7fffffffu : __builtin_bit_cast(u32, *at);
        }
      }
}
SIM_INLINE void finishInteger(PendingTile &t, Sums &s, u32 n, bool keep, bool saturate) {
  for (u32 q = 0; q < n / 8; ++q)
    for (u32 lane = 0; lane < 32; ++lane)
      for (u32 e = 0; e < 4; ++e) {
        const float sum = (reinterpret_cast<float *>(&s.d[8 * q + 2 * (lane % 4) + (e & 1)]))[lane / 4 + 8 * (e >> 1)];
        u32 &to = t.values[4 * q + e][lane];
        const i64 exact = static_cast<i64>(sum) + (keep ? static_cast<i32>(to) : 0);
        const i64 limited = exact > 0x7fffffff ? 0x7fffffff : exact < -0x7fffffff - 1 ? -0x7fffffff - 1 : exact;
        to = static_cast<u32>(saturate ? limited : exact);
      }
}

// `extra`: N / 8, and flags. Operands: the accumulators, A (a descriptor or four registers), B, scale-d (two entries),
// then the immediates that the type has.
template <class FA, class FB> const Inst *mma(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  if (w.active != allLanes || w.block->warps.size() < 4)
    return fault(w, i, ViolationKind::IllegalInstruction, 0, "wgmma needs four whole warps");
  const u32 n = 8 * (i->extra & 63), depth = 32 / FA::bytes;
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
  else if (!openShared<FA>(w, i, w.lanes<u64>(*a)[0], transA, 16 * (w.index % 4), 16, depth, signA, s.a, 16))
    return nullptr;
  if (!openShared<FB>(w, i, w.lanes<u64>(*b)[0], transB, 0, n, depth, signB, s.b, n)) return nullptr;
  const bool keep = sourceMask(w, scale) & 1;
  PendingTile &tile = tileOf(w, i->o, count);
  if (keep && !integer)
    finishFloat(tile, s, n, half, true);
  else
    for (u32 k = 0; k < n; ++k) s.d[k] = 0.0f;
  multiply(s, depth, n);
  if (integer)
    finishInteger(tile, s, n, keep, i->extra & Saturates);
  else
    finishFloat(tile, s, n, half, false);
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
    SIM_WGMMA("m64n*k16", "f32|f16", ":b32", "f16 f16", F16, F16, Scalable | Transposable, " i i i i", " i i i"),
    SIM_WGMMA("m64n*k16", "f32", ":b32", "bf16 bf16", BF16, BF16, Scalable | Transposable, " i i i i", " i i i"),
    SIM_WGMMA("m64n*k8", "f32", ":b32", "tf32 tf32", TF32, TF32, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e4m3 e4m3", E4, E4, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e4m3 e5m2", E4, E5, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e5m2 e4m3", E5, E4, Scalable, " i i", " i i"),
    SIM_WGMMA("m64n*k32", "f32|f16", ":b32", "e5m2 e5m2", E5, E5, Scalable, " i i", " i i"),
    SIM_BYTES("s8 s8", S8, S8),
    SIM_BYTES("s8 u8", S8, U8),
    SIM_BYTES("u8 s8", U8, S8),
    SIM_BYTES("u8 u8", U8, U8),
    {"wgmma fence sync aligned", "", UnitClass::Matrix, always<fence>, 90},
    {"wgmma commit_group sync aligned", "", UnitClass::Matrix, always<commit>, 90},
    {"wgmma wait_group sync aligned", "i", UnitClass::Matrix, always<waitGroup>, 90},
};

} // namespace

std::span<const Row> warpgroupRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
