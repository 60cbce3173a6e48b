// rows.cu, control.cu and matrix.cu.
#include <algorithm>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

template <class T> std::vector<double> softmax(const std::vector<T> &in, std::size_t columns) {
  std::vector<double> out(in.size());
  for (std::size_t first = 0; first < in.size(); first += columns) {
    double sum = 0;
    for (std::size_t i = first; i < first + columns; ++i) sum += out[i] = std::exp(static_cast<double>(in[i]));
    for (std::size_t i = first; i < first + columns; ++i) out[i] /= sum;
  }
  return out;
}

} // namespace

TEST_CASE("nvcc: softmax of rows") {
  onEachArch("rows", [](const Foreign &cu) {
    const auto in = normal(8 * 77, 21);
    const Array<float> x(in), y(in.size());
    cu.kernel("softmaxRows")({2, 1, 1, 128}, x.address(), y.address(), 77);
    checkClose(y.get(), softmax(in, 77), 1e-5);

    const auto half = rounded<_Float16>(normal(3 * 500, 22));
    const Array<_Float16> hx(half), hy(half.size());
    cu.kernel("softmaxOnline")({3, 1, 1, 128}, hx.address(), hy.address(), 500);
    checkClose(hy.get(), softmax(half, 500), 1e-3, 1e-7);
  });
}

TEST_CASE("nvcc: layer norm and root-mean-square norm") {
  onEachArch("rows", [](const Foreign &cu) {
    const std::size_t columns = 200;
    const auto in = normal(6 * columns, 23), gain = normal(columns, 24), bias = normal(columns, 25);
    const Array<float> x(in), g(gain), b(bias), y(in.size());
    cu.kernel("layerNorm")({2, 1, 1, 32, 3}, x.address(), g.address(), b.address(), y.address(), 50);
    std::vector<double> want(in.size());
    for (std::size_t first = 0; first < in.size(); first += columns) {
      double mean = 0, spread = 0;
      for (std::size_t i = 0; i < columns; ++i) mean += static_cast<double>(in[first + i]) / columns;
      for (std::size_t i = 0; i < columns; ++i) spread += std::pow(static_cast<double>(in[first + i]) - mean, 2);
      for (std::size_t i = 0; i < columns; ++i)
        want[first + i] = (static_cast<double>(in[first + i]) - mean) / std::sqrt(spread / columns + 1e-5) *
                              static_cast<double>(gain[i]) +
                          static_cast<double>(bias[i]);
    }
    checkClose(y.get(), want, 1e-5, 2e-6);

    const auto half = rounded<_Float16>(in);
    const Array<_Float16> hx(half), hy(half.size());
    cu.kernel("rmsNorm")({6}, hx.address(), hy.address(), 100);
    for (std::size_t first = 0; first < half.size(); first += columns) {
      double sum = 0;
      for (std::size_t i = 0; i < columns; ++i) sum += std::pow(static_cast<double>(half[first + i]), 2);
      for (std::size_t i = 0; i < columns; ++i)
        want[first + i] = static_cast<double>(half[first + i]) / std::sqrt(sum / columns);
    }
    checkClose(hy.get(), want, 1.1e-3); // the scale and the product, each rounded to half
  });
}

TEST_CASE("nvcc: rotary embedding") {
  onEachArch("rows", [](const Foreign &cu) {
    const auto in = normal(20 * 64, 26);
    const Array<float> x(in);
    cu.kernel("rotary")({20, 1, 1, 32}, x.address(), 32);
    std::vector<double> want(in.size());
    for (std::size_t p = 0; p < 20; ++p)
      for (std::size_t i = 0; i < 32; ++i) {
        const double angle = static_cast<double>(p) * std::pow(10000.0, -static_cast<double>(i) / 32);
        const double a = in[p * 64 + 2 * i], b = in[p * 64 + 2 * i + 1];
        want[p * 64 + 2 * i] = a * std::cos(angle) - b * std::sin(angle);
        want[p * 64 + 2 * i + 1] = a * std::sin(angle) + b * std::cos(angle);
      }
    checkClose(x.get(), want, 1e-6, 1e-5);
  });
}

TEST_CASE("nvcc: the four greatest of a row") {
  onEachArch("rows", [](const Foreign &cu) {
    const auto in = normal(5 * 150, 27);
    const Array<float> x(in), values(20);
    const Array<int> places(20);
    cu.kernel("topFour")({5}, x.address(), values.address(), places.address(), 150);
    for (std::size_t row = 0; row < 5; ++row) {
      std::vector<int> order(150);
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int a, int b) {
        return in[row * 150 + static_cast<std::size_t>(a)] > in[row * 150 + static_cast<std::size_t>(b)];
      });
      for (std::size_t k = 0; k < 4; ++k) {
        REQUIRE(places.get()[row * 4 + k] == order[k]);
        REQUIRE(values.get()[row * 4 + k] == in[row * 150 + static_cast<std::size_t>(order[k])]);
      }
    }
  });
}

TEST_CASE("nvcc: activation functions") {
  onEachArch("rows", [](const Foreign &cu) {
    const auto in = normal(300, 28);
    const Array<float> x(in), y(900);
    cu.kernel("activations")({3, 1, 1, 128}, x.address(), y.address(), 300);
    std::vector<double> want;
    for (const double v : in) {
      want.push_back(0.5 * v * (1 + std::erf(v * std::sqrt(0.5))));
      want.push_back(0.5 * v * (1 + std::tanh(0.7978845608 * (v + 0.044715 * v * v * v))));
      want.push_back(v / (1 + std::exp(-v)));
    }
    checkClose(y.get(), want, 2e-6, 3e-7);
  });
}

TEST_CASE("nvcc: loops whose length depends on the data") {
  onEachArch("control", [](const Foreign &cu) {
    std::vector<long long> in(100);
    std::vector<int> want(100);
    for (std::size_t i = 0; i < in.size(); ++i) {
      in[i] = static_cast<long long>(i * i + 1);
      for (long long x = in[i]; x != 1; x = x % 2 ? 3 * x + 1 : x / 2) ++want[i];
    }
    const Array<long long> x(in);
    const Array<int> y(100);
    cu.kernel("collatz")({1, 1, 1, 128}, x.address(), y.address(), 100);
    CHECK(y.get() == want);

    const auto numbers = integers<std::uint32_t>(50, 1, 200, 29);
    std::vector<std::uint32_t> coprime(50);
    for (std::size_t i = 0; i < 50; ++i)
      for (std::uint32_t k = 1; k <= numbers[i]; ++k) coprime[i] += std::gcd(k, numbers[i]) == 1;
    const Array<std::uint32_t> u(numbers), v(50);
    cu.kernel("totient")({1, 1, 1, 64}, u.address(), v.address(), 50);
    CHECK(v.get() == coprime);
  });
}

TEST_CASE("nvcc: a branch table and indexed local memory") {
  onEachArch("control", [](const Foreign &cu) {
    const auto program = integers<std::uint8_t>(200, 0, 7, 30);
    const Array<std::uint8_t> code(program);
    const Array<int> y(128);
    cu.kernel("interpreter")({2, 1, 1, 64}, code.address(), 200, y.address());
    const auto out = y.get();
    for (std::uint32_t t = 0; t < 128; ++t) {
      std::uint32_t stack[8] = {};
      std::size_t top = 0;
      for (std::size_t pc = 0; pc < program.size(); ++pc) {
        switch (program[(pc + (t & 1)) % program.size()]) {
        case 0: stack[top] += t; break;
        case 1: stack[top] *= 3; break;
        case 2: stack[top] -= 7; break;
        case 3: top = (top + 1) % 8; break;
        case 4: stack[top] ^= stack[(top + 3) % 8]; break;
        case 5: stack[top] <<= 1; break;
        case 6:
          if (static_cast<std::int32_t>(stack[top]) < 0) stack[top] = 0 - stack[top];
          break;
        default: stack[top] += 1; break;
        }
      }
      std::uint32_t sum = 0;
      for (const std::uint32_t s : stack) sum = sum * 31 + s;
      REQUIRE(out[t] == static_cast<int>(sum));
    }
  });
}

TEST_CASE("nvcc: a search with an explicit stack") {
  onEachArch("control", [](const Foreign &cu) {
    const auto found = zeros<int>(1);
    cu.kernel("queens")({}, found.address());
    CHECK(found.get()[0] == 40); // the known number for a board of 7
  });
}

TEST_CASE("nvcc: matrix products without tensor cores") {
  onEachArch("matrix", [](const Foreign &cu) {
    const auto a = normal(48 * 48, 31), b = normal(48 * 48, 32);
    const Array<float> da(a), db(b), dc(48 * 48);
    cu.kernel("matmul")({3, 3, 1, 16, 16, 1, 2048}, da.address(), db.address(), dc.address(), 48);
    checkClose(dc.get(), product(a, b, 48, 48, 48), 1e-5, 2e-5);

    const auto x = normal(64 * 40, 33), y = normal(40 * 128, 34);
    const Array<float> dx(x), dy(y), dz(64 * 128);
    cu.kernel("matmulRegisters")({2, 1, 1, 256}, dx.address(), dy.address(), dz.address(), 128, 40);
    checkClose(dz.get(), product(x, y, 64, 128, 40), 1e-5, 2e-5);

    const std::vector<double> m(a.begin(), a.end()), v(b.begin(), b.begin() + 48);
    const Array<double> dm(m), dv(v), dw(48);
    cu.kernel("matVec")({12, 1, 1, 128}, dm.address(), dv.address(), dw.address(), 24);
    checkClose(dw.get(), product(m, v, 48, 1, 48), 1e-13, 1e-14);
  });
}

TEST_CASE("nvcc: the closure of a relation") {
  onEachArch("matrix", [](const Foreign &cu) {
    const auto from = integers<std::size_t>(70, 0, 63, 35), to = integers<std::size_t>(70, 0, 63, 36);
    std::vector<std::uint64_t> rows(64);
    for (std::size_t i = 0; i < from.size(); ++i) rows[from[i]] |= std::uint64_t{1} << to[i];
    const Array<std::uint64_t> m(rows);
    cu.kernel("closure")({1, 1, 1, 64}, m.address());
    for (std::size_t k = 0; k < 64; ++k)
      for (auto &row : rows)
        if (row >> k & 1) row |= rows[k];
    CHECK(m.get() == rows);
  });
}

} // namespace sage::simtest
