// wide.cu, bits.cu and simd.cu: integers are exact.
#include <algorithm>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

std::vector<std::uint32_t> randomWords(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> v(count);
  for (auto &x : v) x = static_cast<std::uint32_t>(random());
  return v;
}
std::vector<std::uint64_t> randomLongs(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> v(count);
  for (auto &x : v) x = random() >> random() % 64;
  return v;
}

/// OPERATION on each element of BITS bits of two words.
template <class Operation>
std::uint32_t lanewise(std::uint32_t a, std::uint32_t b, unsigned bits, bool isSigned, Operation operation) {
  std::uint32_t result = 0;
  const std::uint32_t mask = (1u << bits) - 1;
  for (unsigned at = 0; at < 32; at += bits) {
    const auto open = [&](std::uint32_t v) {
      const auto x = static_cast<int>(v >> at & mask);
      return isSigned && x >> (bits - 1) ? x - (1 << bits) : x;
    };
    result |= (static_cast<std::uint32_t>(operation(open(a), open(b))) & mask) << at;
  }
  return result;
}

} // namespace

TEST_CASE("nvcc: integers of 128 bits") {
  onEachArch("wide", [](const Foreign &cu) {
    const auto in = randomLongs(4 * 64, 121);
    const Array<std::uint64_t> x(in), y(20 * 64);
    cu.kernel("arithmetic128")({1, 1, 1, 64}, x.address(), y.address());
    const auto got = y.get();
    for (std::size_t t = 0; t < 64; ++t) {
      const UInt128 a = static_cast<UInt128>(in[4 * t]) << 64 | in[4 * t + 1];
      const UInt128 b = static_cast<UInt128>(in[4 * t + 2]) << 64 | in[4 * t + 3];
      const auto negated = static_cast<Int128>(-a);
      const UInt128 want[] = {a + b,
                              a - b,
                              a * b,
                              a / (b | 1),
                              a % (b | 1),
                              a >> (t % 128),
                              a << t % 128,
                              a ^ (b & ~a),
                              static_cast<UInt128>(negated / 7),
                              static_cast<UInt128>(static_cast<Int128>(a) >> 100)};
      for (std::size_t k = 0; k < 10; ++k) {
        INFO("operation " << k << " of thread " << t);
        REQUIRE(got[20 * t + 2 * k] == static_cast<std::uint64_t>(want[k]));
        REQUIRE(got[20 * t + 2 * k + 1] == static_cast<std::uint64_t>(want[k] >> 64));
      }
    }
  });
}

TEST_CASE("nvcc: carries over many words") {
  onEachArch("wide", [](const Foreign &cu) {
    auto a = randomWords(8 * 32, 122), b = randomWords(8 * 32, 123);
    std::fill(a.begin(), a.begin() + 8, ~0u); // a carry through all words
    b[0] = 1;
    const Array<std::uint32_t> da(a), db(b), sum(256), product(256);
    cu.kernel("carries")({}, da.address(), db.address(), sum.address(), product.address());
    for (std::size_t t = 0; t < 256; t += 8) {
      std::uint64_t carry = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        carry += std::uint64_t{a[t + k]} + b[t + k];
        REQUIRE(sum.get()[t + k] == static_cast<std::uint32_t>(carry));
        carry >>= 32;
      }
      UInt128 column = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        for (std::size_t i = 0; i < 4; ++i)
          if (k >= i && k - i < 4) column += static_cast<UInt128>(std::uint64_t{a[t + i]} * b[t + k - i]);
        REQUIRE(product.get()[t + k] == static_cast<std::uint32_t>(column));
        column >>= 32;
      }
    }
  });
}

TEST_CASE("nvcc: divisions and high products") {
  onEachArch("wide", [](const Foreign &cu) {
    const auto ua = randomLongs(64, 124), ub = randomLongs(64, 125);
    std::vector<long long> a(64), b(64);
    for (std::size_t i = 0; i < 64; ++i) {
      a[i] = static_cast<long long>(ua[i]) * (i % 2 ? -1 : 1);
      b[i] = static_cast<long long>(ub[i] | 1) * (i % 3 ? 1 : -1);
    }
    const Array<long long> da(a), db(b), out(512);
    cu.kernel("divisions")({1, 1, 1, 64}, da.address(), db.address(), out.address());
    const auto got = out.get();
    for (std::size_t i = 0; i < 64; ++i) {
      const auto x = static_cast<std::uint64_t>(a[i]), y = static_cast<std::uint64_t>(b[i]);
      const std::vector<long long> want{a[i] / b[i],
                                        a[i] % b[i],
                                        static_cast<long long>(x / y),
                                        static_cast<long long>(x % 1000003),
                                        static_cast<long long>(static_cast<Int128>(a[i]) * b[i] >> 64),
                                        static_cast<long long>(static_cast<UInt128>(x) * y >> 64),
                                        static_cast<int>(a[i]) / (static_cast<int>(b[i]) | 1),
                                        static_cast<std::int16_t>(a[i]) % (static_cast<std::int16_t>(b[i]) | 1)};
      INFO(a[i] << " and " << b[i]);
      REQUIRE(std::vector<long long>(got.begin() + static_cast<long>(8 * i),
                                     got.begin() + static_cast<long>(8 * i + 8)) == want);
    }

    const Array<std::uint64_t> base(ua), exponent(ub), powers(64);
    cu.kernel("powers")({1, 1, 1, 64}, base.address(), exponent.address(), powers.address());
    constexpr std::uint64_t prime = (std::uint64_t{1} << 61) - 1;
    for (std::size_t i = 0; i < 64; ++i) {
      UInt128 r = 1;
      for (int bit = 63; bit >= 0; --bit) {
        r = r * r % prime;
        if (ub[i] >> bit & 1) r = r * (ua[i] % prime) % prime;
      }
      REQUIRE(powers.get()[i] == static_cast<std::uint64_t>(r));
    }
  });
}

TEST_CASE("nvcc: bits of words") {
  onEachArch("bits", [](const Foreign &cu) {
    auto in = randomWords(64, 126);
    in[3] = 0;
    const Array<std::uint32_t> x(in), y(1024);
    cu.kernel("words")({1, 1, 1, 64}, x.address(), y.address());
    const auto all = y.get();
    for (std::uint32_t t = 0; t < 64; ++t) {
      const std::uint32_t a = in[t], b = in[(t + 1) % 64], s = t % 32;
      const std::uint64_t both = static_cast<std::uint64_t>(b) << 32 | a;
      std::uint32_t reversed = 0, picked = 0;
      for (unsigned k = 0; k < 32; ++k) reversed |= (a >> k & 1) << (31 - k);
      for (unsigned k = 0; k < 4; ++k) {
        const std::uint32_t selector = (t * 0x1111u + 0x0246u) >> 4 * k & 7;
        picked |= static_cast<std::uint32_t>(both >> 8 * selector & 255) << 8 * k;
      }
      const std::uint32_t clamped = std::min(t, 32u);
      const std::vector<std::uint32_t> want{static_cast<std::uint32_t>(std::popcount(a)),
                                            reversed,
                                            static_cast<std::uint32_t>(std::countl_zero(a)),
                                            a == 0 ? 0u : static_cast<std::uint32_t>(std::countr_zero(a)) + 1,
                                            picked,
                                            static_cast<std::uint32_t>(both << s >> 32),
                                            static_cast<std::uint32_t>(both >> s),
                                            clamped == 32 ? a : static_cast<std::uint32_t>(both << clamped >> 32),
                                            clamped == 32 ? b : static_cast<std::uint32_t>(both >> clamped),
                                            (a & b) | (~a & b >> 3),
                                            a ^ a >> 1,
                                            __builtin_bswap32(a),
                                            std::rotl(a, static_cast<int>(s)),
                                            static_cast<std::uint32_t>((std::uint64_t{a} + b) / 2),
                                            static_cast<std::uint32_t>((std::uint64_t{a} + b + 1) / 2),
                                            std::max(a, b) - std::min(a, b) + 5};
      INFO("thread " << t);
      REQUIRE(std::vector<std::uint32_t>(all.begin() + 16 * t, all.begin() + 16 * (t + 1)) == want);
    }
  });
}

TEST_CASE("nvcc: bits of long words, fields") {
  onEachArch("bits", [](const Foreign &cu) {
    auto in = randomLongs(64, 127);
    in[5] = 0;
    const Array<std::uint64_t> x(in), y(384);
    cu.kernel("longWords")({1, 1, 1, 64}, x.address(), y.address());
    const auto all = y.get();
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint64_t a = in[t];
      std::uint64_t reversed = 0;
      for (unsigned k = 0; k < 64; ++k) reversed |= (a >> k & 1) << (63 - k);
      const std::vector<std::uint64_t> want{static_cast<std::uint64_t>(std::popcount(a)),
                                            reversed,
                                            static_cast<std::uint64_t>(std::countl_zero(a)),
                                            a == 0 ? 0 : static_cast<std::uint64_t>(std::countr_zero(a)) + 1,
                                            std::rotr(a, static_cast<int>(t)),
                                            a};
      REQUIRE(std::vector<std::uint64_t>(all.begin() + static_cast<long>(6 * t),
                                         all.begin() + static_cast<long>(6 * t + 6)) == want);
    }

    const auto words = randomWords(128, 128);
    const Array<std::uint32_t> w(words);
    const Array<int> f(512);
    cu.kernel("fields")({1, 1, 1, 128}, w.address(), f.address());
    for (std::uint32_t t = 0; t < 128; ++t) {
      const std::uint32_t v = words[t], at = t % 40, length = t % 35;
      // Bit by bit: beyond the word there are zeros, or its sign.
      std::uint32_t field = 0, inserted = v;
      for (std::uint32_t k = 0; k < std::min(length, 32u); ++k) {
        if (at + k >= 32) break;
        field |= (v >> (at + k) & 1) << k;
        inserted = (inserted & ~(1u << (at + k))) | (0x5a5a5a5au >> k & 1) << (at + k);
      }
      std::uint32_t extended = field;
      if (length > 0) {
        const std::uint32_t sign = v >> std::min(at + length - 1, 31u) & 1;
        for (std::uint32_t k = 0; k < 32; ++k)
          if ((k >= length || at + k >= 32) && sign) extended |= 1u << k;
      }
      const auto s = static_cast<std::int32_t>(v);
      const int found = 31 - std::countl_zero(s < 0 ? ~v : v);
      INFO("thread " << t);
      REQUIRE(f.get()[4 * t] == static_cast<int>(field));
      REQUIRE(f.get()[4 * t + 1] == static_cast<int>(extended));
      REQUIRE(f.get()[4 * t + 2] == static_cast<int>(inserted));
      REQUIRE(f.get()[4 * t + 3] == found);
    }
  });
}

TEST_CASE("nvcc: Morton codes and a sieve") {
  onEachArch("bits", [](const Foreign &cu) {
    const auto in = integers<std::uint32_t>(96, 0, 1023, 129);
    const Array<std::uint32_t> x(in), codes(32), back(96);
    cu.kernel("morton")({}, x.address(), codes.address(), back.address());
    CHECK(back.get() == in);
    for (std::size_t t = 0; t < 32; ++t) {
      std::uint32_t code = 0;
      for (unsigned k = 0; k < 30; ++k) code |= (in[3 * t + k % 3] >> k / 3 & 1) << k;
      REQUIRE(codes.get()[t] == code);
    }

    const Array<std::uint32_t> primes(60);
    cu.kernel("sieve")({1, 1, 1, 128, 1, 1, 240}, primes.address(), 60);
    for (std::uint32_t n = 0; n < 1920; ++n) {
      bool prime = n > 1;
      for (std::uint32_t d = 2; d * d <= n; ++d) prime &= n % d != 0;
      REQUIRE((primes.get()[n / 32] >> n % 32 & 1) == prime);
    }
  });
}

TEST_CASE("nvcc: four bytes in a word") {
  onEachArch("simd", [](const Foreign &cu) {
    auto a = randomWords(64, 130), b = randomWords(64, 131);
    a[0] = 0x80807f7f, b[0] = 0x807f7f80, b[1] = a[1];
    const Array<std::uint32_t> da(a), db(b), out(1280);
    cu.kernel("bytes")({1, 1, 1, 64}, da.address(), db.address(), out.address());
    const auto all = out.get();
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint32_t x = a[t], y = b[t];
      const auto s = [&](auto f) { return lanewise(x, y, 8, true, f); };
      const auto u = [&](auto f) { return lanewise(x, y, 8, false, f); };
      int distance = 0;
      for (unsigned k = 0; k < 32; k += 8) distance += std::abs(int(x >> k & 255) - int(y >> k & 255));
      const std::vector<std::uint32_t> want{
          u([](int p, int q) { return p + q; }),
          u([](int p, int q) { return p - q; }),
          s([](int p, int q) { return std::clamp(p + q, -128, 127); }),
          u([](int p, int q) { return std::min(p + q, 255); }),
          s([](int p, int q) { return std::clamp(p - q, -128, 127); }),
          u([](int p, int q) { return std::max(p - q, 0); }),
          s([](int p, int q) { return p + q < 0 ? (p + q - 1) / 2 : (p + q + 1) / 2; }),
          u([](int p, int q) { return (p + q + 1) / 2; }),
          s([](int p, int) { return std::abs(p); }),
          u([](int p, int q) { return std::abs(p - q); }),
          s([](int p, int q) { return std::max(p, q); }),
          u([](int p, int q) { return std::max(p, q); }),
          s([](int p, int q) { return std::min(p, q); }),
          u([](int p, int q) { return std::min(p, q); }),
          s([](int p, int) { return -p; }),
          lanewise(x, y & 0xffffff00u, 8, false, [](int p, int q) { return p == q ? 255 : 0; }),
          u([](int p, int q) { return p > q ? 255 : 0; }),
          s([](int p, int q) { return p < q ? 255 : 0; }),
          static_cast<std::uint32_t>(distance),
          u([](int p, int q) { return (p + q) / 2; })};
      for (std::size_t k = 0; k < 20; ++k) {
        INFO("operation " << k << " of " << std::hex << x << ", " << y);
        REQUIRE(all[20 * t + k] == want[k]);
      }
    }
  });
}

TEST_CASE("nvcc: two halfwords in a word") {
  onEachArch("simd", [](const Foreign &cu) {
    auto a = randomWords(64, 132), b = randomWords(64, 133);
    a[0] = 0x80007fff, b[0] = 0x80008000;
    const Array<std::uint32_t> da(a), db(b), out(768);
    cu.kernel("halfwords")({1, 1, 1, 64}, da.address(), db.address(), out.address());
    const auto all = out.get();
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint32_t x = a[t], y = b[t];
      const auto s = [&](auto f) { return lanewise(x, y, 16, true, f); };
      const auto u = [&](auto f) { return lanewise(x, y, 16, false, f); };
      std::uint32_t distance = 0;
      for (unsigned k = 0; k < 32; k += 16)
        distance +=
            static_cast<std::uint32_t>(std::abs(static_cast<std::int16_t>(x >> k) - static_cast<std::int16_t>(y >> k)));
      const std::vector<std::uint32_t> want{
          u([](int p, int q) { return p + q; }),
          u([](int p, int q) { return p - q; }),
          s([](int p, int q) { return std::clamp(p + q, -32768, 32767); }),
          u([](int p, int q) { return std::max(p - q, 0); }),
          s([](int p, int q) { return std::max(p, q); }),
          u([](int p, int q) { return std::min(p, q); }),
          s([](int p, int q) { return std::abs(p - q); }),
          s([](int p, int q) { return p >= q ? 65535 : 0; }),
          distance,
          s([](int p, int) { return std::min(std::abs(p), 32767); }),
          s([](int p, int q) { return p + q < 0 ? (p + q - 1) / 2 : (p + q + 1) / 2; }),
          s([](int p, int) { return std::min(-p, 32767); })};
      for (std::size_t k = 0; k < 12; ++k) {
        INFO("operation " << k << " of " << std::hex << x << ", " << y);
        REQUIRE(all[12 * t + k] == want[k]);
      }
    }
  });
}

TEST_CASE("nvcc: dot products of bytes and halfwords") {
  onEachArch("simd", [](const Foreign &cu) {
    const auto a = randomWords(64, 134), b = randomWords(64, 135);
    const Array<std::uint32_t> da(a), db(b);
    const Array<int> out(384);
    cu.kernel("dots")({1, 1, 1, 64}, da.address(), db.address(), out.address());
    for (std::size_t t = 0; t < 64; ++t) {
      const auto x = a[t], y = b[t];
      int s4 = 7, u4 = 7, low = -3, high = -3, unsignedLow = 1;
      for (unsigned k = 0; k < 4; ++k) {
        s4 += static_cast<std::int8_t>(x >> 8 * k) * static_cast<std::int8_t>(y >> 8 * k);
        u4 += static_cast<std::uint8_t>(x >> 8 * k) * static_cast<std::uint8_t>(y >> 8 * k);
      }
      for (unsigned k = 0; k < 2; ++k) {
        low += static_cast<std::int16_t>(x >> 16 * k) * static_cast<std::int8_t>(y >> 8 * k);
        high += static_cast<std::int16_t>(x >> 16 * k) * static_cast<std::int8_t>(y >> (16 + 8 * k));
        unsignedLow += static_cast<std::uint16_t>(x >> 16 * k) * static_cast<std::uint8_t>(y >> 8 * k);
      }
      const auto open24 = [](std::uint32_t v) {
        return static_cast<std::int64_t>(static_cast<std::int32_t>(v << 8) >> 8);
      };
      const std::int64_t product =
          static_cast<std::int64_t>(static_cast<std::int32_t>(x)) * static_cast<std::int32_t>(y);
      const auto mixed = static_cast<std::uint32_t>(open24(x) * open24(y)) + static_cast<std::uint32_t>(product >> 32);
      const auto all = out.get();
      REQUIRE(std::vector<int>(all.begin() + static_cast<long>(6 * t), all.begin() + static_cast<long>(6 * t + 6)) ==
              std::vector<int>{s4, u4, low, high, unsignedLow, static_cast<int>(mixed)});
    }

    const auto p = integers<std::int8_t>(32 * 128, -128, 127, 136), q = integers<std::int8_t>(16 * 128, -128, 127, 137);
    const Array<std::int8_t> dp(p), dq(q);
    const Array<int> dr(512);
    cu.kernel("productDp4a")({1, 2, 1, 16, 16}, dp.address(), dq.address(), dr.address(), 32, 16);
    checkClose(dr.get(), productByColumns(p, q, 32, 16, 128), 0, 1e-300);
  });
}

} // namespace sage::simtest
