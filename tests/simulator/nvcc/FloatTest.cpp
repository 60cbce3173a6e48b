// fp8.cu and half.cu: the result of every operation is the exact one rounded once, unless something else is said.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

/// The code of an exact value of the format; NaN where it has none.
std::uint8_t encode(double v, Format f) {
  const int fractionBits = f.digits - 1, bias = 1 - f.leastExponent;
  const unsigned sign = std::signbit(v) ? 0x80 : 0;
  v = std::abs(v);
  if (v == 0) return static_cast<std::uint8_t>(sign);
  const int exponent = std::max(std::ilogb(v), f.leastExponent);
  const auto scaled = static_cast<unsigned>(std::ldexp(v, fractionBits - exponent));
  const unsigned code = scaled < 1u << fractionBits
                            ? scaled
                            : static_cast<unsigned>(exponent + bias) << fractionBits | (scaled - (1u << fractionBits));
  return static_cast<std::uint8_t>(sign | code);
}

std::uint8_t toFp8(float v, Format f, bool saturate) {
  const bool e4m3 = f.digits == 4;
  const unsigned sign = std::signbit(v) ? 0x80 : 0;
  if (std::isnan(v)) return 0x7f;
  const double r = roundTo(static_cast<double>(v), f);
  if (!std::isinf(r)) return encode(r, f);
  if (saturate) return encode(std::copysign(f.greatest, static_cast<double>(v)), f);
  return static_cast<std::uint8_t>(sign | (e4m3 ? 0x7f : 0x7c));
}

/// All values that a format of 8 bits has, with ties between and points beside them.
std::vector<float> nearFp8() {
  std::vector<float> v;
  for (int e = -20; e <= 17; ++e)
    for (int m = 0; m < 64; ++m) {
      const float x = std::ldexp(1 + static_cast<float>(m) / 64, e);
      v.insert(v.end(), {x, -x, std::nextafter(x, 0.0f), std::nextafter(-x, -HUGE_VALF)});
    }
  v.insert(v.end(), {0.0f, -0.0f, HUGE_VALF, -HUGE_VALF, NAN});
  return v;
}

double fromFp8(unsigned code, Format f) {
  const int fractionBits = f.digits - 1;
  const unsigned magnitude = code & 0x7f;
  if (f.digits == 4 ? magnitude == 0x7f : magnitude > 0x7c) return NAN;
  const double sign = code & 0x80 ? -1 : 1;
  if (f.digits == 3 && magnitude == 0x7c) return sign * HUGE_VAL;
  const int exponent = static_cast<int>(magnitude >> fractionBits);
  const auto fraction = static_cast<double>(magnitude & ((1u << fractionBits) - 1)) / (1 << fractionBits);
  return sign * (exponent == 0 ? std::ldexp(fraction, f.leastExponent)
                               : std::ldexp(1 + fraction, exponent - 1 + f.leastExponent));
}

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

} // namespace

TEST_CASE("nvcc: conversions to 8-bit floats") {
  onEachArch("fp8", [](const Foreign &cu) {
    const auto in = nearFp8();
    const Array<float> x(in);
    const Array<std::uint8_t> y(4 * in.size());
    cu.kernel("toFp8")({static_cast<unsigned>(in.size() / 128 + 1), 1, 1, 128}, x.address(), y.address(),
                       static_cast<int>(in.size()));
    const auto out = y.get();
    for (std::size_t i = 0; i < in.size(); ++i) {
      INFO(in[i]);
      // A NaN's sign is free, and in e5m2 there are three.
      const unsigned nan = std::isnan(in[i]) ? 0x80 : 0, wide = std::isnan(in[i]) ? 0x83 : 0;
      if (wide) REQUIRE((out[4 * i + 1] & out[4 * i + 3] & 0x7c) == 0x7c);
      REQUIRE((out[4 * i] | nan) == (toFp8(in[i], e4m3Format, true) | nan));
      REQUIRE((out[4 * i + 1] | wide) == (toFp8(in[i], e5m2Format, true) | wide));
      REQUIRE((out[4 * i + 2] | nan) == (toFp8(in[i], e4m3Format, false) | nan));
      REQUIRE((out[4 * i + 3] | wide) == (toFp8(in[i], e5m2Format, false) | wide));
    }
  });
}

TEST_CASE("nvcc: conversions from 8-bit floats") {
  onEachArch("fp8", [](const Foreign &cu) {
    const Array<float> y(1024);
    cu.kernel("fromFp8")({1, 1, 1, 256}, y.address());
    const auto out = y.get();
    for (unsigned i = 0; i < 256; ++i) {
      INFO("code " << i);
      REQUIRE(same(out[4 * i], fromFp8(i, e4m3Format)));
      REQUIRE(same(out[4 * i + 1], fromFp8(i, e5m2Format)));
      REQUIRE(same(out[4 * i + 2], fromFp8(i, e4m3Format)));
      REQUIRE(same(out[4 * i + 3], fromFp8(255 - i, e4m3Format)));
    }

    const auto in = normal(96, 81);
    const Array<float> x(in), z(4 * 96);
    cu.kernel("mixedFp8")({1, 1, 1, 96}, x.address(), z.address());
    for (std::size_t i = 0; i < 96; ++i) {
      const double v = in[i];
      REQUIRE(z.get()[4 * i] == roundTo(roundTo(v, halfFormat), e4m3Format));
      REQUIRE(z.get()[4 * i + 1] == roundTo(roundTo(v, bfloatFormat), e5m2Format));
      REQUIRE(z.get()[4 * i + 2] == roundTo(v, e4m3Format));
      REQUIRE(z.get()[4 * i + 3] == roundTo(std::trunc(v * 8), e5m2Format));
    }
  });
}

TEST_CASE("nvcc: rows quantised to 8-bit floats") {
  onEachArch("fp8", [](const Foreign &cu) {
    const auto in = normal(5 * 120, 82);
    const Array<float> x(in), scales(5), back(in.size());
    const Array<std::uint8_t> codes(in.size());
    cu.kernel("quantize")({5}, x.address(), codes.address(), scales.address(), back.address(), 30);
    for (std::size_t row = 0; row < 5; ++row) {
      float top = 0;
      for (std::size_t i = 0; i < 120; ++i) top = std::max(top, std::abs(in[row * 120 + i]));
      const float scale = top / 448.0f;
      REQUIRE(scales.get()[row] == scale);
      for (std::size_t i = row * 120; i < row * 120 + 120; ++i) {
        const std::uint8_t code = toFp8(in[i] / scale, e4m3Format, true);
        REQUIRE(codes.get()[i] == code);
        REQUIRE(back.get()[i] == static_cast<float>(fromFp8(code, e4m3Format)) * scale);
      }
    }
  });
}

TEST_CASE("nvcc: half arithmetic") {
  onEachArch("half", [](const Foreign &cu) {
    const auto a = rounded<_Float16>(normal(200, 83)), b = rounded<_Float16>(normal(200, 84));
    const Array<_Float16> da(a), db(b), out(16 * 200), sums(b);
    cu.kernel("halfOperators")({2, 1, 1, 128}, da.address(), db.address(), out.address(), 200);
    const auto got = out.get();
    for (std::size_t i = 0; i < 200; ++i) {
      const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
      const double exact[] = {x + y,
                              x - y,
                              x * y,
                              x / y,
                              -x,
                              std::abs(x),
                              std::min(x, y),
                              std::max(x, y),
                              x * y + x,
                              std::max(0.0, x * y + y),
                              std::clamp(x + y, 0.0, 1.0),
                              std::clamp(x * y, 0.0, 1.0),
                              x > y ? 1.0 : 0.0,
                              x <= y ? 1.0 : 0.0,
                              std::nearbyint(x * 8),
                              std::trunc(x * 8)};
      for (std::size_t k = 0; k < 16; ++k) {
        INFO("operation " << k << " of " << x << ", " << y);
        REQUIRE(static_cast<double>(got[16 * i + k]) == roundTo(exact[k], halfFormat));
      }
    }

    cu.kernel("axpyHalf")({1, 1, 1, 128}, da.address(), sums.address(), 0.3f, 100);
    const double factor = roundTo(static_cast<double>(0.3f), halfFormat);
    for (std::size_t i = 0; i < 200; ++i)
      REQUIRE(static_cast<double>(sums.get()[i]) ==
              roundTo(factor * static_cast<double>(a[i]) + static_cast<double>(b[i]), halfFormat));
  });
}

TEST_CASE("nvcc: bfloat arithmetic") {
  onEachArch("half", [](const Foreign &cu) {
    const auto in = normal(400, 85);
    const Array<float> x(in);
    const Array<Bfloat> y(400);
    cu.kernel("toBfloat")({4, 1, 1, 128}, x.address(), y.address(), 400);
    for (std::size_t i = 0; i < 400; ++i) REQUIRE(y.get()[i] == Bfloat(static_cast<double>(in[i] * 1.5f)));

    const auto a = rounded<Bfloat>(normal(200, 86)), b = rounded<Bfloat>(normal(200, 87));
    const Array<Bfloat> da(a), db(b), out(8 * 200);
    cu.kernel("bfloatOperators")({2, 1, 1, 128}, da.address(), db.address(), out.address(), 200);
    const auto got = out.get();
    for (std::size_t i = 0; i < 200; ++i) {
      const auto p = static_cast<double>(a[i]), q = static_cast<double>(b[i]);
      const double exact[] = {p + q, p - q, p * q, p * q + p, std::max(p, q), std::min(p, q), -p, p < q ? 1.0 : 0.0};
      for (std::size_t k = 0; k < 8; ++k) {
        INFO("operation " << k << " of " << p << ", " << q);
        REQUIRE(static_cast<double>(got[8 * i + k]) == roundTo(exact[k], bfloatFormat));
      }
    }
  });
}

TEST_CASE("nvcc: functions of halves and bfloats") {
  onEachArch("half", [](const Foreign &cu) {
    std::vector<_Float16> a;
    for (int i = 0; i < 160; ++i) a.push_back(static_cast<_Float16>(0.03f + 0.06f * static_cast<float>(i)));
    const Array<_Float16> x(a), y(8 * a.size());
    cu.kernel("halfFunctions")({2, 1, 1, 128}, x.address(), y.address(), static_cast<int>(a.size()));
    std::vector<double> want;
    for (const auto h : a) {
      const auto v = static_cast<double>(h);
      for (const double f :
           {std::sqrt(v), 1 / std::sqrt(v), 1 / v, std::exp(v), std::exp2(v), std::log(v), std::log2(v), std::sin(v)})
        want.push_back(f);
    }
    checkClose(y.get(), want, 0x1p-10, 1e-5); // two units of the last place at most

    std::vector<Bfloat> b;
    for (int i = 0; i < 100; ++i) b.emplace_back(0.25 + 0.02 * i);
    const Array<Bfloat> u(b), v(6 * b.size());
    cu.kernel("bfloatFunctions")({1, 1, 1, 128}, u.address(), v.address(), 100);
    want.clear();
    for (const auto p : b) {
      const auto low = static_cast<double>(p), high = roundTo(low * low, bfloatFormat);
      for (const double f :
           {std::sqrt(low), std::sqrt(high), std::exp2(low), std::exp2(high), low * low + low, high * high + high})
        want.push_back(f);
    }
    checkClose(v.get(), want, 0x1p-7);
  });
}

TEST_CASE("nvcc: halves to integers and back") {
  onEachArch("half", [](const Foreign &cu) {
    auto a = rounded<_Float16>(normal(200, 88));
    for (auto &v : a) v *= static_cast<_Float16>(50);
    a[0] = static_cast<_Float16>(2.5f), a[1] = static_cast<_Float16>(-3.5f);
    const Array<_Float16> x(a);
    const Array<int> y(1600);
    cu.kernel("halfConversions")({2, 1, 1, 128}, x.address(), y.address(), 200);
    const auto got = y.get();
    for (std::size_t i = 0; i < 200; ++i) {
      const auto v = static_cast<double>(a[i]);
      const double r = std::nearbyint(v);
      const std::vector<int> o(got.begin() + static_cast<long>(8 * i), got.begin() + static_cast<long>(8 * i + 8));
      REQUIRE(std::vector<int>(o.begin(), o.begin() + 6) ==
              std::vector<int>{static_cast<int>(r), static_cast<int>(v), static_cast<int>(std::ceil(v)),
                               static_cast<int>(std::floor(v)), static_cast<int>(r), static_cast<int>(std::abs(v))});
      // Towards zero: the half of lower magnitude.
      double towardsZero = roundTo(r * 37, halfFormat);
      if (std::abs(towardsZero) > std::abs(r * 37)) {
        auto bits = std::bit_cast<std::uint16_t>(static_cast<_Float16>(towardsZero));
        towardsZero = static_cast<double>(std::bit_cast<_Float16>(--bits));
      }
      REQUIRE(static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(o[6]))) == towardsZero);
      REQUIRE(static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(o[7]))) ==
              roundTo(r / 3, halfFormat));
    }
  });
}

TEST_CASE("nvcc: halves by atomics and shuffles") {
  onEachArch("half", [](const Foreign &cu) {
    const auto in = integers<int>(128, -8, 8, 89);
    const Array<int> x(in);
    const auto pair = zeros<_Float16>(2), single = zeros<_Float16>(1), out = zeros<_Float16>(2);
    const Array<Bfloat> other(std::vector<Bfloat>(2));
    cu.kernel("halfAtomics")({1, 1, 1, 128}, x.address(), pair.address(), other.address(), single.address());
    const double sum = std::accumulate(in.begin(), in.end(), 0);
    CHECK(static_cast<double>(pair.get()[0]) == sum);
    CHECK(pair.get()[1] == static_cast<_Float16>(128));
    CHECK(static_cast<double>(other.get()[0]) == 128);
    CHECK(static_cast<double>(other.get()[1]) == std::count_if(in.begin(), in.end(), [](int v) { return v > 0; }));
    CHECK(static_cast<double>(single.get()[0]) == sum);

    const auto halves = integers<_Float16>(64, -30, 30, 90);
    const Array<_Float16> h(halves);
    cu.kernel("halfShuffle")({}, h.address(), out.address());
    _Float16 low = 0, high = 0;
    for (std::size_t i = 0; i < 64; i += 2) low += halves[i], high += halves[i + 1];
    CHECK(out.get() == std::vector<_Float16>{high, low});
  });
}

} // namespace sage::simtest
