// hopper.cu: tensor copies, wgmma, bulk copies. sm_90a only.
#include <array>
#include <cstring>
#include <numeric>

#include "Harness.h"
#include "TensorMap.h"

namespace sage::simtest {
namespace {

/// 64×32 products of rows of 128 bytes by the kernel NAME; A and B as memory holds them and as what they mean.
template <class Sum, class A, class B, class MeantA, class MeantB>
void checkTyped(const Foreign &cu, const std::string &name, const std::vector<A> &a, const std::vector<B> &b,
                const std::vector<MeantA> &meantA, const std::vector<MeantB> &meantB, double tolerance = 0,
                double sign = 1) {
  INFO(name);
  const Array<A> da(a);
  const Array<B> db(b);
  const Array<Sum> dc(64 * 32);
  const auto mapA = TensorMap::bytes(da.address(), 128, 64, 128, 64),
             mapB = TensorMap::bytes(db.address(), 128, 32, 128, 32);
  cu.kernel(name)({1, 1, 1, 128}, mapA, mapB, dc.address());
  auto want = productByColumns(meantA, meantB, 64, 32, meantA.size() / 64);
  for (double &v : want) v *= sign;
  checkClose(dc.get(), want, tolerance, tolerance == 0 ? 1e-300 : tolerance);
}
template <class Sum, class A, class B>
void checkTyped(const Foreign &cu, const std::string &name, const std::vector<A> &a, const std::vector<B> &b,
                double tolerance = 0) {
  checkTyped<Sum>(cu, name, a, b, a, b, tolerance);
}

/// Codes of 8-bit floats whose exponents are so near that all sums are exact, and what they mean.
std::vector<std::uint8_t> codes(std::size_t count, unsigned seed) {
  auto v = integers<std::uint8_t>(count, 0, 255, seed);
  for (auto &c : v) c = static_cast<std::uint8_t>((c & 0x9f) | 0x20);
  return v;
}
std::vector<double> meanings(const std::vector<std::uint8_t> &v, int exponentBits) {
  const int fractionBits = 7 - exponentBits, bias = (1 << (exponentBits - 1)) - 1;
  std::vector<double> r;
  for (const int c : v) {
    const double fraction = 1 + static_cast<double>(c & ((1 << fractionBits) - 1)) / (1 << fractionBits);
    r.push_back((c & 0x80 ? -1 : 1) * std::ldexp(fraction, (c >> fractionBits & ((1 << exponentBits) - 1)) - bias));
  }
  return r;
}

} // namespace

TEST_CASE("nvcc: a product with warp roles, tensor copies and wgmma") {
  onEachArch("hopper", [](const Foreign &cu) {
    const std::size_t rows = 256, columns = 128, depth = 320;
    const auto a = rounded<_Float16>(normal(rows * depth, 231)), b = rounded<_Float16>(normal(columns * depth, 232));
    const Array<_Float16> da(a), db(b), dc(rows * columns);
    const auto mapA = TensorMap::halves(da.address(), depth, rows, 64, 128, 3);
    const auto mapB = TensorMap::halves(db.address(), depth, columns, 64, 64, 3);
    const auto mapC = TensorMap::halves(dc.address(), columns, rows, 64, 64, 0);
    cu.kernel("gemmRoles")({2, 2, 1, 384, 1, 1, 3 * 24576 + 16384 + 48}, mapA, mapB, mapC, 5);
    checkClose(dc.get(), productByColumns(a, b, rows, columns, depth), 0x1p-11 + 1e-5, 1e-4);
  });
}

TEST_CASE("nvcc: a product of clusters that multicast their tiles") {
  onEachArch("hopper", [](const Foreign &cu) {
    const std::size_t rows = 256, columns = 256, depth = 320;
    const auto a = rounded<_Float16>(normal(rows * depth, 243)), b = rounded<_Float16>(normal(columns * depth, 244));
    const Array<_Float16> da(a), db(b);
    const Array<float> dc(rows * columns);
    const auto mapA = TensorMap::halves(da.address(), depth, rows, 64, 64, 3);
    const auto mapB = TensorMap::halves(db.address(), depth, columns, 64, 64, 3);
    cu.kernel("gemmMulticast")({4, 2, 1, 384, 1, 1, 3 * 24576 + 48}, mapA, mapB, dc.address(), 5);
    checkClose(dc.get(), productByColumns(a, b, rows, columns, depth), 1e-5, 1e-4);
  });
}

TEST_CASE("nvcc: wgmma in every type") {
  onEachArch("hopper", [](const Foreign &cu) {
    const auto a = normal(64 * 64, 233), b = normal(32 * 64, 234);
    checkTyped<float>(cu, "wgmmaF16", rounded<_Float16>(a), rounded<_Float16>(b), 1e-5);
    checkTyped<float>(cu, "wgmmaBf16", rounded<Bfloat>(a), rounded<Bfloat>(b), 1e-5);
    checkTyped<float>(cu, "wgmmaTf32", integers<float>(64 * 32, -1024, 1024, 235),
                      integers<float>(32 * 32, -100, 100, 236));
    const auto s = integers<std::int8_t>(64 * 128, -128, 127, 237), t = integers<std::int8_t>(32 * 128, -128, 127, 238);
    checkTyped<int>(cu, "wgmmaS8", s, t);
    checkTyped<int>(cu, "wgmmaU8S8", integers<std::uint8_t>(64 * 128, 0, 255, 239), t);
    const auto p = codes(64 * 128, 240), q = codes(32 * 128, 241);
    checkTyped<float>(cu, "wgmmaE4m3", p, q, meanings(p, 4), meanings(q, 4));
    checkTyped<float>(cu, "wgmmaE5m2E4m3", p, q, meanings(p, 5), meanings(q, 4), 0, -1); // B negated
  });
}

TEST_CASE("nvcc: wgmma with A from registers and B transposed") {
  onEachArch("hopper", [](const Foreign &cu) {
    const auto a = rounded<_Float16>(normal(64 * 64, 242)), b = rounded<_Float16>(normal(64 * 64, 243));
    const Array<_Float16> da(a), db(b);
    const Array<float> dc(64 * 64);
    cu.kernel("wgmmaRegisters")({1, 1, 1, 128}, da.address(), TensorMap::halves(db.address(), 64, 64, 64, 64, 3),
                                dc.address());
    checkClose(dc.get(), product(a, b, 64, 64, 64), 1e-5, 1e-5);
  });
}

TEST_CASE("nvcc: bulk copies in one dimension, and a bulk addition") {
  onEachArch("hopper", [](const Foreign &cu) {
    const auto in = integers<float>(3 * 256, -1000, 1000, 244);
    const Array<float> x(in), y(in.size());
    const auto sums = zeros<int>(64);
    cu.kernel("bulkScale")({3, 1, 1, 256}, x.address(), y.address(), sums.address());
    for (std::size_t i = 0; i < in.size(); ++i) REQUIRE(y.get()[i] == in[i] * 3 + 1);
    for (int i = 0; i < 64; ++i) REQUIRE(sums.get()[static_cast<std::size_t>(i)] == 3 * i + 3);
  });
}

TEST_CASE("nvcc: boxes of a tensor of three dimensions") {
  onEachArch("hopper", [](const Foreign &cu) {
    // 20 × 15 × 7, boxes of 8 × 6 × 4 that start outside; what lies outside is not written.
    const auto in = integers<int>(20 * 15 * 7, -1000, 1000, 245);
    const Array<int> x(in);
    const auto y = zeros<int>(in.size());
    const auto from = TensorMap::words(x.address(), {20, 15, 7}, {8, 6, 4});
    const auto to = TensorMap::words(y.address(), {20, 15, 7}, {8, 6, 4});
    cu.kernel("moveBoxes")({3, 3, 2, 64}, from, to);
    for (std::size_t i = 0; i < in.size(); ++i) REQUIRE(y.get()[i] == 2 * in[i] + 1);
  });
}

} // namespace sage::simtest
