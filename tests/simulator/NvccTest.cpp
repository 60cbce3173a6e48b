// kernels.cu, compiled to PTX by nvcc when the tests were built, against plain C++. A second compiler's code, written
// without the simulator in mind.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <sstream>

#include "Device.h"

namespace sage::simtest {
namespace {

std::string ptx() {
  std::ifstream file(SAGESIM_NVCC_PTX);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> v(count);
  for (float &x : v) x = distribution(random);
  return v;
}

} // namespace

TEST_CASE("nvcc: a sum over blocks") {
  const Device device;
  const auto in = normal(10000, 1);
  const Array<float> x(in), sum(std::vector<float>{0});
  Kernel(ptx(), "reduceSum")({7, 1, 1, 192}, x.address(), sum.address(), static_cast<int>(in.size()));
  CHECK(sum.get()[0] == Approx(std::accumulate(in.begin(), in.end(), 0.0)).margin(1e-2));
}

TEST_CASE("nvcc: prefix sums") {
  const Device device;
  std::vector<int> in(512);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<int>(i * 37 % 101) - 50;
  const Array<int> x(in), y(512);
  Kernel(ptx(), "scanBlock")({2, 1, 1, 256}, x.address(), y.address());
  std::vector<int> want(512);
  for (std::size_t b = 0; b < 2; ++b)
    std::partial_sum(in.begin() + 256 * static_cast<long>(b), in.begin() + 256 * static_cast<long>(b + 1),
                     want.begin() + 256 * static_cast<long>(b));
  CHECK(y.get() == want);
}

TEST_CASE("nvcc: softmax of rows") {
  const Device device;
  const auto in = normal(8 * 77, 2);
  const Array<float> x(in), y(in.size());
  Kernel(ptx(), "softmaxRows")({2, 1, 1, 128}, x.address(), y.address(), 77);
  const auto out = y.get();
  for (std::size_t row = 0; row < 8; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 77; ++i) sum += std::exp(static_cast<double>(in[row * 77 + i]));
    for (std::size_t i = 0; i < 77; ++i)
      REQUIRE(out[row * 77 + i] == Approx(std::exp(static_cast<double>(in[row * 77 + i])) / sum).epsilon(1e-5));
  }
}

TEST_CASE("nvcc: a tiled matrix product") {
  const Device device;
  const auto a = normal(48 * 48, 3), b = normal(48 * 48, 4);
  const Array<float> da(a), db(b), dc(48 * 48);
  Kernel(ptx(), "matmul")({3, 3, 1, 16, 16, 1, 2048}, da.address(), db.address(), dc.address(), 48);
  const auto c = dc.get();
  for (std::size_t i = 0; i < 48; ++i)
    for (std::size_t j = 0; j < 48; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 48; ++k) sum += static_cast<double>(a[i * 48 + k]) * b[k * 48 + j];
      REQUIRE(c[i * 48 + j] == Approx(sum).margin(1e-4));
    }
}

TEST_CASE("nvcc: a histogram by atomics") {
  const Device device;
  std::mt19937 random(5);
  std::vector<std::uint8_t> in(5000);
  std::vector<std::uint32_t> want(256);
  for (auto &x : in) ++want[x = static_cast<std::uint8_t>(random() % 256 & random() % 256)];
  const Array<std::uint8_t> x(in);
  const Array<std::uint32_t> bins(std::vector<std::uint32_t>(256, 0));
  Kernel(ptx(), "histogram")({4, 1, 1, 160}, x.address(), bins.address(), static_cast<int>(in.size()));
  CHECK(bins.get() == want);
}

TEST_CASE("nvcc: loops whose length depends on the data") {
  const Device device;
  std::vector<long long> in(100);
  std::vector<int> want(100);
  for (std::size_t i = 0; i < in.size(); ++i) {
    in[i] = static_cast<long long>(i * i + 1);
    for (long long x = in[i]; x != 1; x = x % 2 ? 3 * x + 1 : x / 2) ++want[i];
  }
  const Array<long long> x(in);
  const Array<int> y(100);
  Kernel(ptx(), "collatz")({1, 1, 1, 128}, x.address(), y.address(), 100);
  CHECK(y.get() == want);
}

TEST_CASE("nvcc: a branch table and indexed local memory") {
  const Device device;
  std::mt19937 random(6);
  std::vector<std::uint8_t> program(200);
  for (auto &x : program) x = static_cast<std::uint8_t>(random() % 8);
  const Array<std::uint8_t> code(program);
  const Array<int> y(128);
  Kernel(ptx(), "interpreter")({2, 1, 1, 64}, code.address(), static_cast<int>(program.size()), y.address());
  const auto out = y.get();
  for (int t = 0; t < 128; ++t) {
    std::uint32_t stack[8] = {};
    std::size_t top = 0;
    for (std::size_t pc = 0; pc < program.size(); ++pc) {
      switch (program[(pc + static_cast<std::size_t>(t & 1)) % program.size()]) {
      case 0: stack[top] += static_cast<std::uint32_t>(t); break;
      case 1: stack[top] *= 3; break;
      case 2: stack[top] -= 7; break;
      case 3: top = (top + 1) % 8; break;
      case 4: stack[top] ^= stack[(top + 3) % 8]; break;
      case 5: stack[top] <<= 1; break;
      case 6:
        stack[top] = static_cast<std::uint32_t>(
            std::max(static_cast<std::int32_t>(stack[top]), static_cast<std::int32_t>(0 - stack[top])));
        break;
      default: stack[top] += 1; break;
      }
    }
    std::uint32_t sum = 0;
    for (const std::uint32_t s : stack) sum = sum * 31 + s;
    REQUIRE(out[static_cast<std::size_t>(t)] == static_cast<int>(sum));
  }
}

TEST_CASE("nvcc: half arithmetic in pairs") {
  const Device device;
  const auto x = normal(256, 7), y = normal(256, 8);
  std::vector<_Float16> hx(x.begin(), x.end()), hy(y.begin(), y.end());
  const Array<_Float16> dx(hx), dy(hy);
  Kernel(ptx(), "axpyHalf")({1, 1, 1, 128}, dx.address(), dy.address(), 0.3f, 128);
  const auto out = dy.get();
  const auto a = static_cast<double>(static_cast<_Float16>(0.3f));
  for (std::size_t i = 0; i < out.size(); ++i)
    REQUIRE(out[i] == static_cast<_Float16>(a * static_cast<double>(hx[i]) + static_cast<double>(hy[i])));
}

TEST_CASE("nvcc: conversion to bfloat16") {
  const Device device;
  const auto x = normal(100, 9);
  const Array<float> dx(x);
  const Array<std::uint16_t> dy(100);
  Kernel(ptx(), "toBfloat")({1, 1, 1, 128}, dx.address(), dy.address(), 100);
  const auto out = dy.get();
  for (std::size_t i = 0; i < 100; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i] * 1.5f);
    REQUIRE(out[i] == (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}

TEST_CASE("nvcc: an INT8 matrix product by inline PTX") {
  const Device device;
  std::mt19937 random(10);
  constexpr std::size_t k = 96;
  std::vector<std::int8_t> a(16 * k), b(8 * k);
  for (auto *v : {&a, &b})
    for (auto &x : *v) x = static_cast<std::int8_t>(random());
  const Array<std::int8_t> da(a), db(b);
  const Array<int> dc(128);
  Kernel(ptx(), "mmaInt8")({}, da.address(), db.address(), dc.address(), 3);
  const auto c = dc.get();
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t j = 0; j < 8; ++j) {
      int sum = 0;
      for (std::size_t l = 0; l < k; ++l) sum += a[i * k + l] * b[j * k + l];
      REQUIRE(c[i * 8 + j] == sum);
    }
}

TEST_CASE("nvcc: special functions and 64-bit division") {
  const Device device;
  std::vector<float> x(200);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.01f + 0.07f * static_cast<float>(i);
  const Array<float> dx(x), dy(8 * x.size());
  Kernel(ptx(), "special")({2, 1, 1, 128}, dx.address(), dy.address(), static_cast<int>(x.size()));
  const auto out = dy.get();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    const double want[] = {std::sqrt(v),     std::log(v),
                           std::sin(v),      std::exp(v),
                           std::pow(v, 1.5), std::tanh(v),
                           1 / std::sqrt(v), static_cast<double>(static_cast<float>(123456789012345ull / (1 + i)))};
    for (std::size_t f = 0; f < 8; ++f) {
      INFO("function " << f << " of " << v);
      REQUIRE(out[8 * i + f] == Approx(want[f]).epsilon(1e-5).margin(2e-6));
    }
  }
}

TEST_CASE("nvcc: blocks that wait for the one before them") {
  const Device device;
  const Array<int> flags(std::vector<int>(40, 0)), sums(40);
  Kernel(ptx(), "chain")({40, 1, 1, 32}, flags.address(), sums.address());
  const auto out = sums.get();
  for (int i = 0; i < 40; ++i) REQUIRE(out[static_cast<std::size_t>(i)] == i * (i + 1) / 2);
}

TEST_CASE("nvcc: ballots and matches") {
  const Device device;
  std::vector<int> in(32);
  for (std::size_t i = 0; i < 32; ++i) in[i] = static_cast<int>(i * 7 % 9);
  const Array<int> x(in);
  const Array<std::uint32_t> y(32);
  const Array<double> mean(1);
  Kernel(ptx(), "votes")({}, x.address(), y.address(), mean.address());
  std::uint32_t ballot = 0;
  for (std::size_t i = 0; i < 32; ++i) ballot |= static_cast<std::uint32_t>(in[i] > 3) << i;
  const auto out = y.get();
  for (std::size_t i = 0; i < 32; ++i) {
    std::uint32_t match = 0;
    for (std::size_t j = 0; j < 32; ++j) match |= static_cast<std::uint32_t>((in[i] & 3) == (in[j] & 3)) << j;
    REQUIRE(out[i] == (ballot ^ match));
  }
  CHECK(mean.get()[0] == std::accumulate(in.begin(), in.end(), 0) / 32.0);
}

} // namespace sage::simtest
