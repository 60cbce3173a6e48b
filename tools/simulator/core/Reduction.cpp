// See Reduction.h. Every element is one atomic update, as other blocks may reduce into the same place.
#include "core/Reduction.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sage::sim {
namespace {

using Op = Reduction::Op;

struct Bfloat {
  std::uint16_t bits;
};
float open(_Float16 v) { return static_cast<float>(v); }
float open(Bfloat v) { return __builtin_bit_cast(float, std::uint32_t{v.bits} << 16); }
// A sum of two halves is rounded to f32 and then to 11 or 8 bits: f32 has more than twice as many, so once is enough.
template <class T> T close(float v);
template <> _Float16 close<_Float16>(float v) {
  return v != v ? __builtin_bit_cast(_Float16, std::uint16_t{0x7fff}) : static_cast<_Float16>(v);
}
template <> Bfloat close<Bfloat>(float v) {
  if (v != v) return {0x7fff};
  const auto x = __builtin_bit_cast(std::uint32_t, v);
  return {static_cast<std::uint16_t>((x + 0x7fff + (x >> 16 & 1)) >> 16)};
}

// §9.7.3.11: a number goes before a NaN, and −0 before +0.
float minimum(float a, float b) { return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b; }
float maximum(float a, float b) { return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b; }

template <class T> T half(Op op, T old, T value) {
  const float a = open(old), b = open(value);
  return close<T>(op == Op::Add ? a + b : op == Op::Min ? minimum(a, b) : maximum(a, b));
}
// On bits, as the compiler takes all NaNs for the same.
float flushed(float v) {
  const auto x = __builtin_bit_cast(std::uint32_t, v);
  return (x & 0x7f800000u) == 0 ? __builtin_bit_cast(float, x & 0x80000000u) : v;
}
template <bool Flush> std::uint32_t sum32(Op, std::uint32_t old, std::uint32_t value) {
  float a = __builtin_bit_cast(float, old), b = __builtin_bit_cast(float, value);
  if (Flush) a = flushed(a), b = flushed(b);
  const float sum = a + b;
  return sum != sum ? 0x7fffffffu : __builtin_bit_cast(std::uint32_t, Flush ? flushed(sum) : sum);
}
std::uint64_t sum64(Op, std::uint64_t old, std::uint64_t value) {
  const double sum = __builtin_bit_cast(double, old) + __builtin_bit_cast(double, value);
  return sum != sum ? 0x7ff8000000000000ull : __builtin_bit_cast(std::uint64_t, sum);
}

template <class T> T integer(Op op, T old, T value) {
  using U = std::make_unsigned_t<T>;
  const U a = static_cast<U>(old), b = static_cast<U>(value);
  switch (op) {
  case Op::Add: return static_cast<T>(a + b);
  case Op::Min: return std::min(old, value);
  case Op::Max: return std::max(old, value);
  case Op::Inc: return static_cast<T>(a >= b ? 0 : a + 1);
  case Op::Dec: return static_cast<T>(a == 0 || a > b ? b : a - 1);
  case Op::And: return static_cast<T>(a & b);
  case Op::Or: return static_cast<T>(a | b);
  case Op::Xor: return static_cast<T>(a ^ b);
  case Op::None: break;
  }
  return value;
}

template <class T, class U, T (*Apply)(Op, T, T)>
void run(Op op, std::uint8_t *to, const std::uint8_t *from, std::uint32_t bytes) {
  for (std::uint32_t k = 0; k + sizeof(T) <= bytes; k += sizeof(T)) {
    auto *target = reinterpret_cast<U *>(to + k);
    T value;
    std::memcpy(&value, from + k, sizeof value);
    U old = __atomic_load_n(target, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(target, &old,
                                        __builtin_bit_cast(U, Apply(op, __builtin_bit_cast(T, old), value)), true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
  }
}

} // namespace

bool isReduction(Reduction r) {
  const bool bitwise = r.op == Op::And || r.op == Op::Or || r.op == Op::Xor;
  switch (r.type) {
  case Type::U32: return !bitwise;
  case Type::S32:
  case Type::U64:
  case Type::S64: return r.op == Op::Add || r.op == Op::Min || r.op == Op::Max;
  case Type::F16:
  case Type::BF16: return r.op == Op::Add || r.op == Op::Min || r.op == Op::Max;
  case Type::F32:
  case Type::F64: return r.op == Op::Add;
  case Type::B32:
  case Type::B64: return bitwise;
  default: return false;
  }
}

void reduceElements(Reduction r, std::uint8_t *to, const std::uint8_t *from, std::uint32_t bytes) {
  using std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t, std::int64_t;
  switch (r.type) {
  case Type::S32: return run<int32_t, uint32_t, integer<int32_t>>(r.op, to, from, bytes);
  case Type::S64: return run<int64_t, uint64_t, integer<int64_t>>(r.op, to, from, bytes);
  case Type::U64:
  case Type::B64: return run<uint64_t, uint64_t, integer<uint64_t>>(r.op, to, from, bytes);
  case Type::F16: return run<_Float16, uint16_t, half<_Float16>>(r.op, to, from, bytes);
  case Type::BF16: return run<Bfloat, uint16_t, half<Bfloat>>(r.op, to, from, bytes);
  case Type::F32:
    if (r.keepsSubnormals) return run<uint32_t, uint32_t, sum32<false>>(r.op, to, from, bytes);
    return run<uint32_t, uint32_t, sum32<true>>(r.op, to, from, bytes);
  case Type::F64: return run<uint64_t, uint64_t, sum64>(r.op, to, from, bytes);
  default: return run<uint32_t, uint32_t, integer<uint32_t>>(r.op, to, from, bytes);
  }
}

} // namespace sage::sim
