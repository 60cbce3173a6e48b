// cp.reduce.async.bulk in every operation and type of the PTX ISA (§9.7.9.25.5.2), into global and into shared memory,
// against plain C++.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <functional>

#include "Async.h"

namespace sage::simtest {
namespace {

constexpr unsigned bytes = 128;

/// s = q; p op= s, or in shared memory: a second copy of p at s+1024 op= s, then back to p.
std::string reduceKernel(const std::string &suffix, bool inShared, bool hinted = false) {
  const std::string load =
      "mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], 256;\n"
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%rd2], 128, [s+4096];\n"
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s+1024], [%rd1], 128, "
      "[s+4096];\n" +
      waitFor("s+4096", "0");
  const std::string global =
      "createpolicy.fractional.L2::evict_last.b64 %rd3; cp.reduce.async.bulk.global.shared::cta.bulk_group" +
      std::string(hinted ? ".L2::cache_hint." : ".") + suffix + " [%rd1], [s], 128" + (hinted ? ", %rd3;\n" : ";\n");
  const std::string shared = "mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], 128;\n"
                             "cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes." +
                             suffix + " [s+1024], [s], 128, [s+4096];\n" + waitFor("s+4096", "1") +
                             "cp.async.bulk.global.shared::cta.bulk_group [%rd1], [s+1024], 128;\n";
  return kernel90(".param .u64 p, .param .u64 q",
                  "ld.param.u64 %rd1, [p]; ld.param.u64 %rd2, [q]; mbarrier.init.shared.b64 [s+4096], 1;\n" + load +
                      (inShared ? shared : global) + "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n");
}

template <class T>
void check(const std::string &suffix, bool inShared, const std::vector<T> &a, const std::vector<T> &b,
           const std::function<T(T, T)> &op) {
  INFO(suffix << (inShared ? " in shared memory" : ""));
  for (const bool hinted : {false, true}) {
    if (hinted && inShared) continue; // no cache there
    const Array<T> to(a), from(b);
    Kernel kernel(reduceKernel(suffix, inShared, hinted));
    kernel({.blockX = 1, .sharedBytes = 4104}, to.address(), from.address());
    const auto got = to.get();
    for (std::size_t k = 0; k < a.size(); ++k) {
      const T expected = op(a[k], b[k]);
      REQUIRE(std::memcmp(&got[k], &expected, sizeof expected) == 0);
    }
  }
}

template <class T> std::vector<T> numbers(unsigned factor, unsigned add) {
  std::vector<T> values(bytes / sizeof(T));
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = static_cast<T>((k * factor + add) * 0x01234567u * (k % 3 ? 1u : 7u));
  return values;
}
template <class T> std::vector<T> floats(double factor, double add) {
  std::vector<T> values(bytes / sizeof(T));
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = static_cast<T>((static_cast<double>(k) * factor + add) * (k % 2 ? 1 : -1));
  return values;
}

template <class T> void integers(const std::string &type, bool inShared) {
  const auto a = numbers<T>(3, 5), b = numbers<T>(7, 1);
  check<T>("add." + type, inShared, a, b, [](T x, T y) { return static_cast<T>(x + y); });
  if (inShared && sizeof(T) == 8) return;
  check<T>("min." + type, inShared, a, b, [](T x, T y) { return std::min(x, y); });
  check<T>("max." + type, inShared, a, b, [](T x, T y) { return std::max(x, y); });
}
template <class T> void bitwise(const std::string &type, bool inShared) {
  const auto a = numbers<T>(3, 5), b = numbers<T>(7, 1);
  check<T>("and." + type, inShared, a, b, [](T x, T y) { return x & y; });
  check<T>("or." + type, inShared, a, b, [](T x, T y) { return x | y; });
  check<T>("xor." + type, inShared, a, b, [](T x, T y) { return x ^ y; });
}

} // namespace

TEST_CASE("bulk reductions of integers") {
  using std::uint32_t, std::uint64_t, std::int32_t, std::int64_t;
  const Device device("sm_90a");
  for (const bool inShared : {false, true}) {
    integers<uint32_t>("u32", inShared);
    bitwise<uint32_t>("b32", inShared);
    // Counters that wrap at the operand.
    std::vector<uint32_t> counters(32), limits(32, 5);
    for (uint32_t k = 0; k < 32; ++k) counters[k] = k % 8;
    check<uint32_t>("inc.u32", inShared, counters, limits, [](uint32_t x, uint32_t y) { return x >= y ? 0 : x + 1; });
    check<uint32_t>("dec.u32", inShared, counters, limits,
                    [](uint32_t x, uint32_t y) { return x == 0 || x > y ? y : x - 1; });
    integers<uint64_t>("u64", inShared);
  }
  // Signed sums wrap; plain C++ may not.
  const auto a = numbers<int32_t>(3, 5), b = numbers<int32_t>(7, 1);
  for (const bool inShared : {false, true}) {
    check<int32_t>("min.s32", inShared, a, b, [](int32_t x, int32_t y) { return std::min(x, y); });
    check<int32_t>("add.s32", inShared, a, b, [](int32_t x, int32_t y) {
      return static_cast<int32_t>(static_cast<uint32_t>(x) + static_cast<uint32_t>(y));
    });
  }
  const auto wideA = numbers<int64_t>(3, 5), wideB = numbers<int64_t>(7, 1);
  check<int64_t>("max.s64", false, wideA, wideB, [](int64_t x, int64_t y) { return std::max(x, y); });
  check<int64_t>("min.s64", false, wideA, wideB, [](int64_t x, int64_t y) { return std::min(x, y); });
  bitwise<uint64_t>("b64", false);
}

TEST_CASE("bulk reductions of floating-point numbers") {
  const Device device("sm_90a");
  check<float>("add.f32", false, floats<float>(0.37, 1), floats<float>(1.01, -3),
               [](float x, float y) { return x + y; });
  check<double>("add.f64", false, floats<double>(0.37, 1), floats<double>(1.01, -3),
                [](double x, double y) { return x + y; });
  const auto a = floats<_Float16>(0.37, 1), b = floats<_Float16>(11.3, -3);
  check<_Float16>("add.noftz.f16", false, a, b, [](_Float16 x, _Float16 y) {
    return static_cast<_Float16>(static_cast<double>(x) + static_cast<double>(y));
  });
  check<_Float16>("min.f16", false, a, b, [](_Float16 x, _Float16 y) { return x < y ? x : y; });
  // bf16 as the upper half of f32: these sums need no rounding.
  std::vector<std::uint16_t> x(64), y(64);
  for (unsigned k = 0; k < 64; ++k) {
    x[k] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(k)) >> 16);
    y[k] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(64 - 3 * static_cast<int>(k))) >>
                                      16);
  }
  const auto open = [](std::uint16_t v) { return std::bit_cast<float>(std::uint32_t{v} << 16); };
  const auto close = [](float v) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16); };
  check<std::uint16_t>("add.noftz.bf16", false, x, y, [&](auto p, auto q) { return close(open(p) + open(q)); });
  check<std::uint16_t>("max.bf16", false, x, y, [&](auto p, auto q) { return close(std::max(open(p), open(q))); });
}

TEST_CASE("bulk reductions of zeros, NaNs, subnormal and large numbers") {
  const Device device("sm_90a");
  // On bits: NaN results are canonical; a number goes before a NaN; −0 is less than +0; sums of f32 flush.
  const auto pairs = []<class T>(std::vector<T> edges, bool first) {
    std::vector<T> values(bytes / sizeof(T));
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = edges[(first ? k : k / edges.size()) % edges.size()];
    return values;
  };
  using std::uint16_t, std::uint32_t, std::uint64_t;
  const std::vector<uint16_t> halves = {0, 0x8000, 0x7e01, 0xfc00, 1, 0x83ff, 0x7bff, 0x3c00};
  const auto less = [](uint16_t x, uint16_t y) {
    const auto key = [](uint16_t v) { return v & 0x8000 ? -1 - (v & 0x7fff) : v; };
    return key(x) < key(y);
  };
  const auto isNan = [](uint16_t v) { return (v & 0x7fff) > 0x7c00; };
  const auto chosen = [=](uint16_t x, uint16_t y, bool wantsLess) -> uint16_t {
    if (isNan(x) || isNan(y)) return isNan(x) && isNan(y) ? 0x7fff : isNan(x) ? y : x;
    return less(x, y) == wantsLess ? x : y;
  };
  const auto x = pairs(halves, true), y = pairs(halves, false);
  check<uint16_t>("min.f16", false, x, y, [&](uint16_t p, uint16_t q) { return chosen(p, q, true); });
  check<uint16_t>("max.f16", false, x, y, [&](uint16_t p, uint16_t q) { return chosen(p, q, false); });
  check<uint16_t>("add.noftz.f16", false, x, y, [&](uint16_t p, uint16_t q) -> uint16_t {
    const double sum =
        static_cast<double>(std::bit_cast<_Float16>(p)) + static_cast<double>(std::bit_cast<_Float16>(q));
    return std::isnan(sum) ? 0x7fff : std::bit_cast<uint16_t>(static_cast<_Float16>(sum));
  });
  for (const bool second : {false, true}) {
    const std::vector<uint32_t> singles =
        second ? std::vector<uint32_t>{0x00800000, 0x80800001, 0x00c00000, 0x80c00000}
               : std::vector<uint32_t>{1, 0x80000001, 0x7fc12345, 0xff800000, 0x7f800000};
    check<uint32_t>("add.f32", false, pairs(singles, true), pairs(singles, false), [](uint32_t p, uint32_t q) {
      const auto flush = [](double v) { return std::abs(v) < 0x1p-126 ? std::copysign(0.0, v) : v; };
      const double sum =
          flush(static_cast<double>(std::bit_cast<float>(p))) + flush(static_cast<double>(std::bit_cast<float>(q)));
      return std::isnan(sum) ? 0x7fffffffu : std::bit_cast<uint32_t>(static_cast<float>(flush(sum)));
    });
  }
  const std::vector<uint64_t> doubles = {1, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000123};
  check<uint64_t>("add.f64", false, pairs(doubles, true), pairs(doubles, false), [](uint64_t p, uint64_t q) {
    const double sum = std::bit_cast<double>(p) + std::bit_cast<double>(q);
    return std::isnan(sum) ? 0x7ff8000000000000ull : std::bit_cast<uint64_t>(sum);
  });
}

TEST_CASE("bulk reductions that the ISA does not have are refused") {
  const Device device("sm_90a");
  for (const auto &[suffix, inShared] :
       {std::pair{"add.f16", false}, std::pair{"inc.u64", false}, std::pair{"and.u32", false},
        std::pair{"min.f32", false}, std::pair{"add.noftz.f32", false}, std::pair{"add.f32", true},
        std::pair{"min.u64", true}}) {
    const LoadResult loaded = tryLoad(reduceKernel(suffix, inShared));
    INFO(suffix);
    REQUIRE(loaded.result == Result::InvalidPtx);
    REQUIRE(loaded.log.find("cp.reduce.async.bulk") != std::string::npos);
  }
}

} // namespace sage::simtest
