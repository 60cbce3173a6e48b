// mathf.cu and mathd.cu, within the errors that the CUDA C++ Programming Guide documents (§"Mathematical Functions"),
// in units of the last place of the result; the expected values come from the next wider type.
#include <algorithm>

#include "Harness.h"

namespace sage::simtest {
namespace {

using Wide = long double;

struct Function {
  const char *name;
  double units;
  std::function<Wide(Wide)> exact;
};

/// How many units of the last place of T lie between GOT and WANT, which is rounded to T first, as the guide counts;
/// subnormal results count in the smallest unit.
template <class T> double unitsBetween(T got, Wide exact) {
  constexpr int digits = std::numeric_limits<T>::digits, least = std::numeric_limits<T>::min_exponent - 1;
  const T want = static_cast<T>(exact);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : HUGE_VAL;
  if (got == want) return 0;
  const int exponent = want == 0 ? least : std::max(std::ilogb(want), least);
  return static_cast<double>(std::abs(static_cast<Wide>(got) - static_cast<Wide>(want)) /
                             std::ldexp(Wide(1), exponent - digits + 1));
}

/// OUT has the functions' results for each X side by side; ARGUMENT gives what function K was given for X.
template <class T, class Argument>
void checkFunctions(const std::vector<Function> &functions, const std::vector<T> &in, const std::vector<T> &out,
                    Argument argument) {
  for (std::size_t k = 0; k < functions.size(); ++k) {
    double most = 0;
    T where = 0, got = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const T value = out[functions.size() * i + k];
      const double units = unitsBetween(value, functions[k].exact(static_cast<Wide>(argument(k, in[i]))));
      if (!(units <= most)) most = units, where = in[i], got = value;
    }
    INFO(functions[k].name << " at " << where << " gives " << got);
    CHECK(most <= functions[k].units);
  }
}

template <class T> std::vector<T> arguments() {
  std::vector<T> v;
  for (int i = -200; i <= 200; ++i)
    if (i != 0) v.push_back(static_cast<T>(i) * static_cast<T>(0.0371));
  for (const double x : {1e-30, -1e-30, 1e-8, -1e-8, 20.0, -20.0, 33.3, -47.1}) v.push_back(static_cast<T>(x));
  return v;
}

/// Function K's argument in single precision: x, |x|, x / (1 + |x|), 1 + |x|, …
float argumentF(std::size_t k, float x) {
  const float a = std::abs(x), u = x / (1 + a);
  switch (k) {
  case 3:
  case 4:
  case 6:
  case 7:
  case 11:
  case 12:
  case 13:
  case 14:
  case 15:
  case 24:
  case 27:
  case 28:
  case 29:
  case 30:
  case 31: return u;
  case 10:
  case 26: return 1 + a;
  case 16:
  case 17:
  case 18:
  case 19:
  case 20:
  case 21: return a;
  case 25: return 1 + a / 8;
  default: return x;
  }
}

Wide exactSinPi(Wide x) { return std::sin(x * 3.14159265358979323846264338327950288L); }
Wide exactCosPi(Wide x) { return std::cos(x * 3.14159265358979323846264338327950288L); }
/// The inverse of erf by Newton's method.
Wide inverseErf(Wide y) {
  Wide x = 0;
  for (int i = 0; i < 60; ++i) x -= (std::erf(x) - y) / (1.12837916709551257389615890312154517L * std::exp(-x * x));
  return x;
}

} // namespace

TEST_CASE("nvcc: functions of single precision") {
  onEachArch("mathf", [](const Foreign &cu) {
    const auto in = arguments<float>();
    const Array<float> x(in), y(32 * in.size());
    cu.kernel("functionsOfOne")({4, 1, 1, 128}, x.address(), y.address(), static_cast<int>(in.size()));
    const std::vector<Function> functions{
        {"sinf", 2, [](Wide v) { return std::sin(v); }},
        {"cosf", 2, [](Wide v) { return std::cos(v); }},
        {"tanf", 4, [](Wide v) { return std::tan(v); }},
        {"asinf", 2, [](Wide v) { return std::asin(v); }},
        {"acosf", 2, [](Wide v) { return std::acos(v); }},
        {"atanf", 2, [](Wide v) { return std::atan(v); }},
        {"sinhf", 3, [](Wide v) { return std::sinh(v); }},
        {"coshf", 2, [](Wide v) { return std::cosh(v); }},
        {"tanhf", 2, [](Wide v) { return std::tanh(v); }},
        {"asinhf", 3, [](Wide v) { return std::asinh(v); }},
        {"acoshf", 4, [](Wide v) { return std::acosh(v); }},
        {"atanhf", 3, [](Wide v) { return std::atanh(v); }},
        {"expf", 2, [](Wide v) { return std::exp(v); }},
        {"exp2f", 2, [](Wide v) { return std::exp2(v); }},
        {"exp10f", 2, [](Wide v) { return std::pow(10.0L, v); }},
        {"expm1f", 1, [](Wide v) { return std::expm1(v); }},
        {"logf", 1, [](Wide v) { return std::log(v); }},
        {"log2f", 1, [](Wide v) { return std::log2(v); }},
        {"log10f", 2, [](Wide v) { return std::log10(v); }},
        {"log1pf", 1, [](Wide v) { return std::log1p(v); }},
        {"sqrtf", 0, [](Wide v) { return std::sqrt(v); }},
        {"rsqrtf", 2, [](Wide v) { return 1 / std::sqrt(v); }},
        {"cbrtf", 1, [](Wide v) { return std::cbrt(v); }},
        {"erff", 2, [](Wide v) { return std::erf(v); }},
        {"erfcf", 4, [](Wide v) { return std::erfc(v); }},
        {"tgammaf", 5, [](Wide v) { return std::tgamma(v); }},
        {"lgammaf", 6, [](Wide v) { return std::lgamma(v); }},
        {"sinpif", 1, exactSinPi},
        {"cospif", 1, exactCosPi},
        {"j0f", 9, [](Wide v) { return static_cast<Wide>(::j0(static_cast<double>(v))); }},
        {"normcdff", 5, [](Wide v) { return std::erfc(-v * 0.707106781186547524400844362104849039L) / 2; }},
        {"erfinvf", 2, inverseErf}};
    checkFunctions(functions, in, y.get(), argumentF);
  });
}

TEST_CASE("nvcc: functions of two arguments in single precision") {
  onEachArch("mathf", [](const Foreign &cu) {
    const auto a = normal(300, 141), b = normal(300, 142);
    const Array<float> x(a), y(b), out(4800);
    cu.kernel("functionsOfTwo")({3, 1, 1, 128}, x.address(), y.address(), out.address(), 300);
    const auto got = out.get();
    for (std::size_t i = 0; i < 300; ++i) {
      const Wide p = a[i], q = b[i];
      int exponent = 0;
      const float fraction = std::frexp(a[i], &exponent), four = a[i] * 4;
      const struct {
        Wide exact;
        double units;
      } want[] = {{std::pow(std::abs(p), q), 4},
                  {std::atan2(p, q), 3},
                  {std::hypot(p, q), 3},
                  {std::fmod(a[i] * 10, b[i]), 0},
                  {std::remainder(a[i] * 10, b[i]), 0},
                  {std::fdim(a[i], b[i]), 0},
                  {std::copysign(p, q), 0},
                  {std::nextafter(a[i], b[i]), 0},
                  {fraction + static_cast<float>(exponent), 0},
                  {p * 32, 0},
                  {(four - std::trunc(four)) + 2 * std::trunc(four), 0},
                  {1 / std::hypot(p, q), 2},
                  {std::fma(a[i], b[i], a[i]), 0},
                  {p * p * p, 4},
                  {std::floor(p) + 2 * std::ceil(q) + 4 * std::round(a[i] * 3) + 8 * std::nearbyint(q * 2), 0},
                  {a[i] / b[i], 0}};
      for (std::size_t k = 0; k < 16; ++k) {
        INFO("function " << k << " of " << a[i] << ", " << b[i] << " gives " << got[16 * i + k]);
        REQUIRE(unitsBetween(got[16 * i + k], want[k].exact) <= want[k].units);
      }
    }
  });
}

TEST_CASE("nvcc: roundings by name, fast functions, great angles, classes") {
  onEachArch("mathf", [](const Foreign &cu) {
    const auto a = normal(300, 143), b = normal(300, 144);
    const Array<float> x(a), y(b), out(3600), quick(2400);
    cu.kernel("roundings")({3, 1, 1, 128}, x.address(), y.address(), out.address(), 300);
    const auto got = out.get();
    // The float below or above an exact value, which the wide type holds (a quotient's last bits cannot matter).
    const auto down = [](Wide v) {
      const auto f = static_cast<float>(v);
      return static_cast<Wide>(f) > v ? std::nextafter(f, -HUGE_VALF) : f;
    };
    const auto up = [&](Wide v) { return -down(-v); };
    const auto zero = [&](Wide v) { return v > 0 ? down(v) : up(v); };
    for (std::size_t i = 0; i < 300; ++i) {
      const Wide p = a[i], q = b[i], root = std::sqrt(std::abs(p));
      const float want[] = {zero(p + q),
                            up(p + q),
                            down(p * q),
                            up(p * q),
                            zero(p / q),
                            up(p / q),
                            down(root),
                            up(root),
                            zero(p * q + p),
                            down(1 / q),
                            std::clamp(a[i], 0.0f, 1.0f),
                            a[i] - b[i]};
      for (std::size_t k = 0; k < 12; ++k) {
        INFO("operation " << k << " of " << a[i] << ", " << b[i]);
        REQUIRE(got[12 * i + k] == want[k]);
      }
    }

    cu.kernel("fast")({3, 1, 1, 128}, x.address(), quick.address(), 300);
    std::vector<double> want;
    for (const double v : a) {
      const double c = static_cast<double>(std::abs(static_cast<float>(v)) + 0.01f);
      for (const double f :
           {std::sin(v), std::cos(v), std::exp(v), std::log(c), std::pow(c, v), v / c, std::log2(c), std::pow(10, v)})
        want.push_back(f);
    }
    checkClose(quick.get(), want, 3e-6, 6e-7);

    const std::vector<float> angles{1e5f, -3e7f, 123456789.0f, 1e20f, -7e37f, 105615.0f, 3.1415927f, 22.0f};
    const Array<float> d(angles), sincos(16);
    cu.kernel("greatAngles")({}, d.address(), sincos.address(), 8);
    for (std::size_t i = 0; i < 8; ++i) {
      INFO(angles[i]);
      CHECK(unitsBetween(sincos.get()[2 * i], std::sin(static_cast<Wide>(angles[i]))) <= 2);
      CHECK(unitsBetween(sincos.get()[2 * i + 1], std::cos(static_cast<Wide>(angles[i]))) <= 2);
    }

    const std::vector<float> special{0.0f, -0.0f, 1.0f, -2.5f, 1e-40f, HUGE_VALF, -HUGE_VALF, NAN, 100.25f};
    const Array<float> s(special);
    const Array<int> classes(9);
    cu.kernel("classes")({}, s.address(), classes.address(), 9);
    for (std::size_t i = 0; i < 9; ++i) {
      const float v = special[i];
      const int logarithm = v == 0 || std::isnan(v) ? INT32_MIN : std::isinf(v) ? INT32_MAX : std::ilogb(v);
      const std::int32_t rounded = std::isnan(v)   ? 0
                                   : std::isinf(v) ? (v > 0 ? INT32_MAX : INT32_MIN)
                                                   : static_cast<int>(std::nearbyint(v));
      const int top = static_cast<int>(std::bit_cast<std::uint32_t>(std::fmin(v, 1.0f)) >> 30);
      INFO(v);
      CHECK(classes.get()[i] == std::isnan(v) + 2 * std::isinf(v) + 4 * std::isfinite(v) + 8 * std::signbit(v) +
                                    16 * (logarithm & 255) + 65536 * (rounded & 255) + (1 << 24) * top);
    }
  });
}

TEST_CASE("nvcc: functions of double precision") {
  onEachArch("mathd", [](const Foreign &cu) {
    const auto in = arguments<double>();
    const Array<double> x(in), y(26 * in.size());
    cu.kernel("functionsOfOne")({4, 1, 1, 128}, x.address(), y.address(), static_cast<int>(in.size()));
    const std::vector<Function> functions{
        {"sin", 2, [](Wide v) { return std::sin(v); }},          {"cos", 2, [](Wide v) { return std::cos(v); }},
        {"tan", 2, [](Wide v) { return std::tan(v); }},          {"asin", 2, [](Wide v) { return std::asin(v); }},
        {"acos", 2, [](Wide v) { return std::acos(v); }},        {"atan", 2, [](Wide v) { return std::atan(v); }},
        {"sinh", 2, [](Wide v) { return std::sinh(v); }},        {"cosh", 1, [](Wide v) { return std::cosh(v); }},
        {"tanh", 1, [](Wide v) { return std::tanh(v); }},        {"asinh", 3, [](Wide v) { return std::asinh(v); }},
        {"acosh", 3, [](Wide v) { return std::acosh(v); }},      {"atanh", 2, [](Wide v) { return std::atanh(v); }},
        {"exp", 1, [](Wide v) { return std::exp(v); }},          {"exp2", 1, [](Wide v) { return std::exp2(v); }},
        {"exp10", 1, [](Wide v) { return std::pow(10.0L, v); }}, {"expm1", 1, [](Wide v) { return std::expm1(v); }},
        {"log", 1, [](Wide v) { return std::log(v); }},          {"log2", 1, [](Wide v) { return std::log2(v); }},
        {"log10", 1, [](Wide v) { return std::log10(v); }},      {"log1p", 1, [](Wide v) { return std::log1p(v); }},
        {"sqrt", 0, [](Wide v) { return std::sqrt(v); }},        {"rsqrt", 1, [](Wide v) { return 1 / std::sqrt(v); }},
        {"cbrt", 1, [](Wide v) { return std::cbrt(v); }},        {"erf", 2, [](Wide v) { return std::erf(v); }},
        {"tgamma", 10, [](Wide v) { return std::tgamma(v); }},   {"lgamma", 4, [](Wide v) { return std::lgamma(v); }}};
    const auto argument = [](std::size_t k, double v) {
      const double a = std::abs(v), u = v / (1 + a);
      switch (k) {
      case 3:
      case 4:
      case 6:
      case 7:
      case 11:
      case 14:
      case 15: return u;
      case 10:
      case 25: return 1 + a;
      case 24: return 1 + a / 8;
      case 16:
      case 17:
      case 18:
      case 19:
      case 20:
      case 21: return a;
      default: return v;
      }
    };
    checkFunctions(functions, in, y.get(), argument);
  });
}

TEST_CASE("nvcc: two arguments and conversions in double precision") {
  onEachArch("mathd", [](const Foreign &cu) {
    const auto fa = normal(300, 145), fb = normal(300, 146);
    std::vector<double> a, b;
    for (const double v : fa) a.push_back(v * 1.000000123456789);
    for (const double v : fb) b.push_back(v * 1.000000987654321);
    const Array<double> x(a), y(b), out(3000), converted(3000);
    cu.kernel("functionsOfTwo")({3, 1, 1, 128}, x.address(), y.address(), out.address(), 300);
    const auto got = out.get();
    for (std::size_t i = 0; i < 300; ++i) {
      const Wide p = a[i], q = b[i];
      const struct {
        Wide exact;
        double units;
      } want[] = {{std::pow(std::abs(p), q), 2},
                  {std::atan2(p, q), 2},
                  {std::hypot(p, q), 2},
                  {std::fmod(a[i] * 10, b[i]), 0},
                  {a[i] / b[i], 0},
                  {std::fma(a[i], b[i], a[i]), 0},
                  {p + q, 1},
                  {p * q, 1},
                  {p / q, 1},
                  {std::nearbyint(a[i] * 3) + std::trunc(b[i]), 0}};
      for (std::size_t k = 0; k < 10; ++k) {
        INFO("function " << k << " of " << a[i] << ", " << b[i]);
        REQUIRE(unitsBetween(got[10 * i + k], want[k].exact) <= want[k].units);
      }
      REQUIRE(static_cast<Wide>(got[10 * i + 6]) >= p + q);                     // up
      REQUIRE(std::abs(static_cast<Wide>(got[10 * i + 7])) <= std::abs(p * q)); // towards zero
      REQUIRE(static_cast<Wide>(got[10 * i + 8]) <= p / q);                     // down
    }

    cu.kernel("conversions")({3, 1, 1, 128}, x.address(), converted.address(), 300);
    const auto c = converted.get();
    for (std::size_t i = 0; i < 300; ++i) {
      const double v = a[i], third = c[10 * i + 3];
      const auto single = static_cast<float>(v);
      const long long great = (1ll << 60) + static_cast<long long>(i);
      double below = static_cast<double>(great);
      if (static_cast<Wide>(below) > static_cast<Wide>(great)) below = std::nextafter(below, 0);
      REQUIRE(c[10 * i] == static_cast<double>(single));
      REQUIRE(c[10 * i + 1] == std::trunc(v));
      REQUIRE(c[10 * i + 2] == static_cast<double>(static_cast<long long>(v * 1e10)));
      REQUIRE(third ==
              static_cast<double>(static_cast<double>(single) < v ? std::nextafter(single, HUGE_VALF) : single));
      REQUIRE(c[10 * i + 4] == std::floor(std::abs(v)));
      REQUIRE(c[10 * i + 5] == std::nearbyint(v));
      REQUIRE(c[10 * i + 6] == static_cast<double>(static_cast<unsigned long long>(std::abs(v) * 1e15)));
      REQUIRE(c[10 * i + 7] == below);
      REQUIRE(c[10 * i + 8] == static_cast<double>(static_cast<float>(static_cast<long long>(v * 1e12))));
      REQUIRE(c[10 * i + 9] == std::bit_cast<double>(std::bit_cast<std::uint64_t>(v) ^ 1));
    }
  });
}

} // namespace sage::simtest
