// Foreign programs: CUDA C++ of our own writing, one subject a .cu file, that nvcc made PTX of when the tests were
// built. Each test runs a subject's kernels in the simulator, all detectors on, for every architecture that it was
// compiled for, and compares the results with plain C++. Another compiler's code, written without the simulator in
// mind.
//
//   TEST_CASE("nvcc: a sum over blocks") {
//     onEachArch("reduce", [](const Foreign &cu) {
//       const Array<float> x(in), sum(std::vector<float>{0});
//       cu.kernel("reduceSum")({7, 1, 1, 192}, x.address(), sum.address(), n);
//       CHECK(…);
//     });
//   }
#pragma once

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/simulator/Device.h"

namespace sage::simtest {

/// One subject on a device of one architecture.
struct Foreign {
  std::string arch;
  std::string ptx;
  Kernel kernel(const std::string &name) const { return Kernel(ptx, name); }
};

/// Runs CHECK for the PTX of SUBJECT.cu on each architecture it was compiled for; a context of its own each time. The
/// checks must leave no new violation in the report file, unless REPORTS says that they mean to.
enum class Reports { None, Wanted };
void onEachArch(const std::string &subject, const std::function<void(const Foreign &)> &check,
                Reports reports = Reports::None);

/// What the device wrote to standard output while RUN ran.
std::string printedBy(const std::function<void()> &run);

/// A launch with a cluster shape; zero-sized means plain. Fails the test when the launch fails.
struct Extent {
  unsigned x = 1, y = 1, z = 1;
};
void launchCluster(const Kernel &kernel, const Kernel::Shape &shape, Extent cluster, void **arguments);
/// All blocks at once, for grid-wide barriers.
void launchCooperative(const Kernel &kernel, const Kernel::Shape &shape, void **arguments);

/// A variable of the module that KERNEL is of.
void writeVariable(const Kernel &kernel, const std::string &name, const void *data, std::size_t bytes);
void readVariable(const Kernel &kernel, const std::string &name, void *data, std::size_t bytes);

// Inputs, the same in every run.
std::vector<float> normal(std::size_t count, unsigned seed);
template <class T> std::vector<T> integers(std::size_t count, long low, long high, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> v(count);
  const auto range = static_cast<unsigned long>(high - low + 1);
  for (T &x : v) x = static_cast<T>(low + static_cast<long>(random() % range));
  return v;
}
/// Rounded to the element type, so that the expected result starts from what the kernel sees.
template <class T> std::vector<T> rounded(const std::vector<float> &v) {
  std::vector<T> r(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) r[i] = static_cast<T>(v[i]);
  return r;
}
template <class T> Array<T> zeros(std::size_t count) { return Array<T>(std::vector<T>(count)); }

/// C = A·B in double: A is rows × depth, B is depth × columns, both row after row.
template <class A, class B>
std::vector<double> product(const std::vector<A> &a, const std::vector<B> &b, std::size_t rows, std::size_t columns,
                            std::size_t depth) {
  std::vector<double> c(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < depth; ++k)
      for (std::size_t j = 0; j < columns; ++j)
        c[i * columns + j] += static_cast<double>(a[i * depth + k]) * static_cast<double>(b[k * columns + j]);
  return c;
}

/// The same with B given column after column, as mma.sync takes it.
template <class A, class B>
std::vector<double> productByColumns(const std::vector<A> &a, const std::vector<B> &b, std::size_t rows,
                                     std::size_t columns, std::size_t depth) {
  std::vector<double> c(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t k = 0; k < depth; ++k)
        c[i * columns + j] += static_cast<double>(a[i * depth + k]) * static_cast<double>(b[j * depth + k]);
  return c;
}

/// A binary floating-point format: bits of the significand with the leading one, the exponent of the smallest normal
/// number, the greatest finite value.
struct Format {
  int digits, leastExponent;
  double greatest;
};
inline constexpr Format halfFormat{11, -14, 65504}, bfloatFormat{8, -126, 0x1.fep127},
    tf32Format{11, -126, 0x1.ffcp127}, e4m3Format{4, -6, 448}, e5m2Format{3, -14, 57344};
/// The nearest value of FORMAT, ties to even; infinity beyond its greatest.
inline double roundTo(double v, Format f) {
  if (v == 0 || !std::isfinite(v)) return v;
  const int unit = std::max(std::ilogb(v), f.leastExponent) - f.digits + 1;
  const double r = std::ldexp(std::nearbyint(std::ldexp(v, -unit)), unit);
  return std::abs(r) > f.greatest ? std::copysign(HUGE_VAL, v) : r;
}

/// A bfloat16 as memory holds it.
struct Bfloat {
  std::uint16_t bits = 0;
  Bfloat() = default;
  explicit Bfloat(double v)
      : bits(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(roundTo(v, bfloatFormat))) >>
                                        16)) {}
  explicit operator double() const {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
  }
  bool operator==(const Bfloat &) const = default;
};

/// Every element within ABSOLUTE + RELATIVE · |want|; one assertion, which names the worst element.
template <class T>
void checkClose(const std::vector<T> &got, const std::vector<double> &want, double relative, double absolute = 0) {
  REQUIRE(got.size() == want.size());
  std::size_t worst = 0;
  double most = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i]) / (absolute + relative * std::abs(want[i]));
    if (!(error <= most)) most = error, worst = i;
    if (std::isnan(error)) break;
  }
  INFO("element " << worst << ": " << static_cast<double>(got[worst]) << ", expected " << want[worst]);
  CHECK(most <= 1);
}

} // namespace sage::simtest
