// mma.cu, gemm.cu and wmma.cu.
#include "Harness.h"

namespace sage::simtest {
namespace {

std::vector<int> asInts(const std::vector<double> &v) { return {v.begin(), v.end()}; }

/// Values of BITS bits packed into words, the first one lowest.
std::vector<std::uint32_t> packed(const std::vector<int> &values, unsigned bits) {
  std::vector<std::uint32_t> words(values.size() * bits / 32);
  for (std::size_t i = 0; i < values.size(); ++i)
    words[i * bits / 32] |= (static_cast<std::uint32_t>(values[i]) & ((1u << bits) - 1)) << i * bits % 32;
  return words;
}

/// One 16×8 tile by the kernel NAME from A and B as the kernel takes them, and as what they mean.
template <class Sum, class A, class B, class MeantA, class MeantB>
void checkTile(const Foreign &cu, const std::string &name, const std::vector<A> &a, const std::vector<B> &b,
               const std::vector<MeantA> &meantA, const std::vector<MeantB> &meantB, std::size_t steps,
               double tolerance = 0) {
  INFO(name);
  const Array<A> da(a);
  const Array<B> db(b);
  const Array<Sum> dc(128);
  cu.kernel(name)({}, da.address(), db.address(), dc.address(), static_cast<int>(steps));
  const auto want = productByColumns(meantA, meantB, 16, 8, meantA.size() / 16);
  checkClose(dc.get(), want, tolerance, tolerance == 0 ? 1e-300 : tolerance);
}
template <class Sum, class A, class B>
void checkTile(const Foreign &cu, const std::string &name, const std::vector<A> &a, const std::vector<B> &b,
               std::size_t steps, double tolerance = 0) {
  checkTile<Sum>(cu, name, a, b, a, b, steps, tolerance);
}

/// What an 8-bit float's code means.
double meaning(std::uint8_t code, unsigned exponentBits) {
  const unsigned fractionBits = 7 - exponentBits;
  const int exponent = code >> fractionBits & ((1 << exponentBits) - 1), bias = (1 << (exponentBits - 1)) - 1;
  const double fraction = static_cast<double>(code & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  const double v = exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return code & 0x80 ? -v : v;
}
std::vector<double> meanings(const std::vector<std::uint8_t> &codes, unsigned exponentBits) {
  std::vector<double> v;
  for (const auto c : codes) v.push_back(meaning(c, exponentBits));
  return v;
}

} // namespace

TEST_CASE("nvcc: mma.sync of floating-point types") {
  onEachArch("mma", [](const Foreign &cu) {
    const auto a = normal(16 * 48, 41), b = normal(8 * 48, 42);
    checkTile<float>(cu, "mmaF16", rounded<_Float16>(a), rounded<_Float16>(b), 3, 1e-5);
    checkTile<float>(cu, "mmaBf16", rounded<Bfloat>(a), rounded<Bfloat>(b), 3, 1e-5);
    // Whole numbers up to 2^10 are tf32 values, and their sums are exact.
    checkTile<float>(cu, "mmaTf32", integers<float>(16 * 24, -1024, 1024, 43), integers<float>(8 * 24, -100, 100, 44),
                     3);

    const std::vector<double> x(a.begin(), a.begin() + 8 * 12), y(b.begin(), b.begin() + 8 * 12);
    const Array<double> dx(x), dy(y), dz(64);
    cu.kernel("mmaF64")({}, dx.address(), dy.address(), dz.address(), 3);
    checkClose(dz.get(), productByColumns(x, y, 8, 8, 12), 1e-14, 1e-15);

    const auto ha = integers<_Float16>(16 * 16, -9, 9, 45), hb = integers<_Float16>(8 * 16, -9, 9, 46);
    const Array<_Float16> da(ha), db(hb), dc(128);
    cu.kernel("mmaF16Sums")({}, da.address(), db.address(), dc.address());
    checkClose(dc.get(), productByColumns(ha, hb, 16, 8, 16), 0, 1e-300);
  });
}

TEST_CASE("nvcc: mma.sync of integers") {
  onEachArch("mma", [](const Foreign &cu) {
    const auto a = integers<std::int8_t>(16 * 96, -128, 127, 47), b = integers<std::int8_t>(8 * 96, -128, 127, 48);
    const auto u = integers<std::uint8_t>(16 * 96, 0, 255, 49), v = integers<std::uint8_t>(8 * 96, 0, 255, 50);
    checkTile<int>(cu, "mmaS8", a, b, 3);
    checkTile<int>(cu, "mmaU8", u, v, 3);
    checkTile<int>(cu, "mmaU8S8", u, b, 3);

    const std::vector<std::int8_t> x(a.begin(), a.begin() + 256), y(b.begin(), b.begin() + 128);
    const Array<std::int8_t> dx(x), dy(y);
    const Array<int> dz(128);
    cu.kernel("mmaS8Short")({}, dx.address(), dy.address(), dz.address());
    auto want = asInts(productByColumns(x, y, 16, 8, 16));
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 8; ++j) want[i * 8 + j] += static_cast<int>(1 + j % 2 + i / 8 * 2);
    CHECK(dz.get() == want);
  });
}

TEST_CASE("nvcc: mma.sync of four bits and of one") {
  onEachArch("mma", [](const Foreign &cu) {
    const auto a = integers<int>(16 * 128, -8, 7, 51), b = integers<int>(8 * 128, -8, 7, 52);
    const auto u = integers<int>(16 * 128, 0, 15, 53), v = integers<int>(8 * 128, 0, 15, 54);
    checkTile<int>(cu, "mmaS4", packed(a, 4), packed(b, 4), a, b, 2);
    checkTile<int>(cu, "mmaU4", packed(u, 4), packed(v, 4), u, v, 2);

    const auto p = integers<int>(16 * 512, 0, 1, 55), q = integers<int>(8 * 512, 0, 1, 56);
    checkTile<int>(cu, "mmaBitAnd", packed(p, 1), packed(q, 1), p, q, 2);
    // How many bits differ: all of both less twice the common ones.
    const Array<std::uint32_t> dp(packed(p, 1)), dq(packed(q, 1));
    const Array<int> dr(128);
    cu.kernel("mmaBitXor")({}, dp.address(), dq.address(), dr.address(), 2);
    std::vector<int> want(128);
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 8; ++j)
        for (std::size_t k = 0; k < 512; ++k) want[i * 8 + j] += p[i * 512 + k] != q[j * 512 + k];
    CHECK(dr.get() == want);
  });
}

TEST_CASE("nvcc: mma.sync of 8-bit floats") {
  onEachArch("mma", [](const Foreign &cu) {
    if (cu.arch == "sm_80") return; // they came with sm_89
    // Exponents small enough that all sums are exact.
    auto a = integers<std::uint8_t>(16 * 64, 0, 255, 57), b = integers<std::uint8_t>(8 * 64, 0, 255, 58);
    for (auto *codes : {&a, &b})
      for (auto &c : *codes) c = static_cast<std::uint8_t>((c & 0x9f) | 0x20);
    checkTile<float>(cu, "mmaE4m3", a, b, meanings(a, 4), meanings(b, 4), 2);
    checkTile<float>(cu, "mmaE5m2E4m3", a, b, meanings(a, 5), meanings(b, 4), 2);
  });
}

TEST_CASE("nvcc: a product with cp.async stages, ldmatrix and mma.sync") {
  onEachArch("gemm", [](const Foreign &cu) {
    const auto a = rounded<_Float16>(normal(128 * 160, 59)), b = rounded<_Float16>(normal(128 * 160, 60));
    const Array<_Float16> da(a), db(b), dc(128 * 128);
    cu.kernel("gemm")({2, 2, 1, 128, 1, 1, 3 * 8192}, da.address(), db.address(), dc.address(), 128, 160);
    checkClose(dc.get(), productByColumns(a, b, 128, 128, 160), 0x1p-11 + 1e-5, 1e-4);

    const auto m = integers<_Float16>(256, -2000, 2000, 61);
    const Array<_Float16> dm(m), dt(256);
    cu.kernel("transposeTiles")({}, dm.address(), dt.address());
    for (std::size_t k = 0; k < 4; ++k)
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 8; ++j) REQUIRE(dt.get()[k * 64 + i * 8 + j] == m[k * 64 + j * 8 + i]);
  });
}

TEST_CASE("nvcc: wmma of halves and bfloats") {
  onEachArch("wmma", [](const Foreign &cu) {
    const auto a = rounded<_Float16>(normal(16 * 48, 62)), b = rounded<_Float16>(normal(16 * 48, 63));
    const auto c = normal(256, 64);
    const Array<_Float16> da(a), db(b);
    const Array<float> dc(c);
    cu.kernel("wmmaHalf")({}, da.address(), db.address(), dc.address(), 48);
    auto want = productByColumns(a, b, 16, 16, 48);
    for (std::size_t i = 0; i < 256; ++i) want[i] = 0.5 * (want[i] + static_cast<double>(c[i]));
    checkClose(dc.get(), want, 1e-5, 1e-5);

    // Column-major A and C, row-major B: C by columns is B'·A', which is what row-major names say.
    const auto x = integers<_Float16>(16 * 32, -9, 9, 65), y = integers<_Float16>(16 * 8, -9, 9, 66);
    const Array<_Float16> dx(x), dy(y), dz(256);
    cu.kernel("wmmaHalfSums")({}, dx.address(), dy.address(), dz.address());
    std::vector<double> sums(256);
    for (std::size_t i = 0; i < 32; ++i)
      for (std::size_t j = 0; j < 8; ++j)
        for (std::size_t k = 0; k < 16; ++k)
          sums[j * 32 + i] += static_cast<double>(x[k * 32 + i]) * static_cast<double>(y[k * 8 + j]);
    checkClose(dz.get(), sums, 0, 1e-300);

    const auto p = rounded<Bfloat>(normal(8 * 16, 67)), q = rounded<Bfloat>(normal(16 * 32, 68));
    const Array<Bfloat> dp(p), dq(q);
    const Array<float> dr(256);
    cu.kernel("wmmaBfloat")({}, dp.address(), dq.address(), dr.address());
    checkClose(dr.get(), product(p, q, 8, 32, 16), 1e-5, 1e-5);
  });
}

TEST_CASE("nvcc: wmma of INT8, tf32 and doubles") {
  onEachArch("wmma", [](const Foreign &cu) {
    const auto a = integers<std::int8_t>(256, -128, 127, 69), b = integers<std::int8_t>(256, -128, 127, 70);
    const Array<std::int8_t> da(a), db(b);
    const Array<int> dc(256);
    cu.kernel("wmmaInt8")({}, da.address(), db.address(), dc.address());
    auto want = asInts(product(a, b, 16, 16, 16));
    for (int &w : want) w += 7;
    CHECK(dc.get() == want);

    const auto x = normal(128, 71), y = normal(128, 72);
    std::vector<double> rx, ry;
    for (const double v : x) rx.push_back(roundTo(v, tf32Format));
    for (const double v : y) ry.push_back(roundTo(v, tf32Format));
    const Array<float> dx(x), dy(y), dz(256);
    cu.kernel("wmmaTf32")({}, dx.address(), dy.address(), dz.address());
    checkClose(dz.get(), productByColumns(rx, ry, 16, 16, 8), 1e-6, 1e-6);

    const std::vector<double> p(x.begin(), x.begin() + 32), q(y.begin(), y.begin() + 32);
    const Array<double> dp(p), dq(q), dr(64);
    cu.kernel("wmmaDouble")({}, dp.address(), dq.address(), dr.address());
    checkClose(dr.get(), product(p, q, 8, 8, 4), 1e-14, 1e-15);
  });
}

} // namespace sage::simtest
