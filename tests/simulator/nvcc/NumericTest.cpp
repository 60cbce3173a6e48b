// Numerical methods: stencil.cu, sparse.cu, attention.cu, fft.cu, nbody.cu, factor.cu.
#include <algorithm>
#include <complex>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

constexpr double pi = 3.14159265358979323846;

/// A matrix of N rows with a few entries in each, the diagonal last where LOWER.
struct Sparse {
  std::vector<int> starts{0}, columns;
  std::vector<double> values;
  std::size_t rows() const { return starts.size() - 1; }
};
Sparse sparseMatrix(std::size_t n, unsigned seed, bool lower) {
  std::mt19937 random(seed);
  Sparse m;
  for (std::size_t row = 0; row < n; ++row) {
    const std::size_t limit = lower ? row : n;
    for (std::size_t k = random() % 7; k > 0 && limit > 0; --k) {
      m.columns.push_back(static_cast<int>(random() % limit));
      m.values.push_back(static_cast<double>(random() % 21) - 10);
    }
    if (row == n / 2 && !lower)
      for (std::size_t c = 0; c < n; c += 2) m.columns.push_back(static_cast<int>(c)), m.values.push_back(1);
    if (lower) m.columns.push_back(static_cast<int>(row)), m.values.push_back(16);
    m.starts.push_back(static_cast<int>(m.columns.size()));
  }
  return m;
}
template <class X> std::vector<double> times(const Sparse &m, const std::vector<X> &x) {
  std::vector<double> y(m.rows());
  for (std::size_t row = 0; row < m.rows(); ++row)
    for (auto k = static_cast<std::size_t>(m.starts[row]); k < static_cast<std::size_t>(m.starts[row + 1]); ++k)
      y[row] += m.values[k] * static_cast<double>(x[static_cast<std::size_t>(m.columns[k])]);
  return y;
}

/// softmax(Q Kᵀ · scale) V for one head of 32 columns; query i sees the keys up to i where CAUSAL.
template <class T>
std::vector<double> attention(const T *q, const T *k, const T *v, std::size_t queries, std::size_t keys, double scale,
                              bool causal) {
  std::vector<double> out(queries * 32);
  for (std::size_t i = 0; i < queries; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < (causal ? i + 1 : keys); ++j) {
      double dot = 0;
      for (std::size_t d = 0; d < 32; ++d)
        dot += static_cast<double>(q[i * 32 + d]) * static_cast<double>(k[j * 32 + d]);
      const double p = std::exp(dot * scale);
      sum += p;
      for (std::size_t d = 0; d < 32; ++d) out[i * 32 + d] += p * static_cast<double>(v[j * 32 + d]);
    }
    for (std::size_t d = 0; d < 32; ++d) out[i * 32 + d] /= sum;
  }
  return out;
}

template <class T> std::vector<double> fourier(const std::vector<T> &in, std::size_t points, double direction) {
  std::vector<double> out(in.size());
  for (std::size_t first = 0; first < in.size(); first += 2 * points)
    for (std::size_t k = 0; k < points; ++k) {
      std::complex<double> sum = 0;
      for (std::size_t i = 0; i < points; ++i)
        sum +=
            std::complex<double>(static_cast<double>(in[first + 2 * i]), static_cast<double>(in[first + 2 * i + 1])) *
            std::polar(1.0, direction * 2 * pi * static_cast<double>(i * k % points) / static_cast<double>(points));
      out[first + 2 * k] = sum.real(), out[first + 2 * k + 1] = sum.imag();
    }
  return out;
}

} // namespace

TEST_CASE("nvcc: convolutions") {
  onEachArch("stencil", [](const Foreign &cu) {
    const auto in = normal(500, 171), taps = normal(17, 172), window = normal(25, 173);
    const Array<float> x(in), y(500);
    Kernel one = cu.kernel("convolve1");
    writeVariable(one, "kernel1", taps.data(), 68);
    one({4, 1, 1, 128}, x.address(), y.address(), 500);
    std::vector<double> want(500);
    for (int i = 0; i < 500; ++i)
      for (int k = 0; k < 17; ++k)
        if (i + k - 8 >= 0 && i + k - 8 < 500)
          want[static_cast<std::size_t>(i)] += static_cast<double>(in[static_cast<std::size_t>(i + k - 8)]) *
                                               static_cast<double>(taps[static_cast<std::size_t>(k)]);
    checkClose(y.get(), want, 1e-5, 2e-6);

    const int width = 50, height = 21;
    const auto image = integers<std::uint8_t>(width * height, 0, 255, 174);
    const Array<std::uint8_t> u(image);
    const Array<float> v(width * height);
    Kernel two = cu.kernel("convolve2");
    writeVariable(two, "kernel2", window.data(), 100);
    two({2, 3, 1, 32, 8}, u.address(), v.address(), width, height);
    want.assign(width * height, 0);
    for (int p = 0; p < width * height; ++p)
      for (int k = 0; k < 25; ++k) {
        const int px = std::clamp(p % width + k % 5 - 2, 0, width - 1);
        const int py = std::clamp(p / width + k / 5 - 2, 0, height - 1);
        want[static_cast<std::size_t>(p)] +=
            image[static_cast<std::size_t>(py * width + px)] * static_cast<double>(window[static_cast<std::size_t>(k)]);
      }
    checkClose(v.get(), want, 1e-5, 5e-4);
  });
}

TEST_CASE("nvcc: heat flow in three dimensions") {
  onEachArch("stencil", [](const Foreign &cu) {
    const int nx = 19, ny = 11, nz = 6;
    const auto start = normal(nx * ny * nz, 175);
    const std::vector<double> in(start.begin(), start.end());
    const Array<double> x(in), y(in.size());
    cu.kernel("heat")({2, 2, 1, 16, 8}, x.address(), y.address(), nx, ny, nz, 0.1);
    const auto at = [&](int i, int j, int k) {
      i = std::clamp(i, 0, nx - 1), j = std::clamp(j, 0, ny - 1), k = std::clamp(k, 0, nz - 1);
      return in[static_cast<std::size_t>((k * ny + j) * nx + i)];
    };
    std::vector<double> want;
    for (int p = 0; p < nx * ny * nz; ++p) {
      const int i = p % nx, j = p / nx % ny, k = p / nx / ny;
      want.push_back(at(i, j, k) + 0.1 * (at(i - 1, j, k) + at(i + 1, j, k) + at(i, j - 1, k) + at(i, j + 1, k) +
                                          at(i, j, k - 1) + at(i, j, k + 1) - 6 * at(i, j, k)));
    }
    checkClose(y.get(), want, 1e-13, 1e-14);
  });
}

TEST_CASE("nvcc: life, and medians") {
  onEachArch("stencil", [](const Foreign &cu) {
    std::mt19937_64 random(176);
    std::vector<std::uint64_t> rows(64);
    for (auto &r : rows) r = random() & random();
    const Array<std::uint64_t> x(rows);
    cu.kernel("life")({1, 1, 1, 64}, x.address(), 5);
    for (int step = 0; step < 5; ++step) {
      const auto before = rows;
      for (std::size_t p = 0; p < 4096; ++p) {
        const std::size_t r = p / 64, c = p % 64;
        std::uint64_t around = 0;
        for (std::size_t k = 0; k < 9; ++k)
          if (k != 4) around += before[(r + 63 + k / 3) % 64] >> (c + 63 + k % 3) % 64 & 1;
        const bool lives = around == 3 || (around == 2 && (before[r] >> c & 1));
        rows[r] = (rows[r] & ~(std::uint64_t{1} << c)) | static_cast<std::uint64_t>(lives) << c;
      }
    }
    CHECK(x.get() == rows);

    const auto image = integers<std::int16_t>(40 * 9, -1000, 1000, 177);
    const Array<std::int16_t> u(image);
    const auto v = zeros<std::int16_t>(40 * 9);
    cu.kernel("median")({2, 9, 1, 32}, u.address(), v.address(), 40, 9);
    for (std::size_t py = 1; py < 8; ++py)
      for (std::size_t px = 1; px < 39; ++px) {
        std::vector<std::int16_t> w;
        for (std::size_t k = 0; k < 9; ++k) w.push_back(image[(py + k / 3 - 1) * 40 + px + k % 3 - 1]);
        std::sort(w.begin(), w.end());
        REQUIRE(v.get()[py * 40 + px] == w[4]);
      }
  });
}

TEST_CASE("nvcc: sparse matrices times vectors") {
  onEachArch("sparse", [](const Foreign &cu) {
    const Sparse m = sparseMatrix(150, 178, false);
    const auto xs = integers<float>(150, -9, 9, 179);
    const std::vector<float> values(m.values.begin(), m.values.end());
    const auto want = times(m, xs);
    const Array<int> starts(m.starts), columns(m.columns);
    const Array<float> v(values), x(xs), byThread(150), byWarp(150);
    cu.kernel("csrByThread")({2, 1, 1, 96}, starts.address(), columns.address(), v.address(), x.address(),
                             byThread.address(), 150);
    checkClose(byThread.get(), want, 0, 1e-300); // whole numbers: exact in any order
    cu.kernel("csrByWarp")({38, 1, 1, 128}, starts.address(), columns.address(), v.address(), x.address(),
                           byWarp.address(), 150);
    checkClose(byWarp.get(), want, 0, 1e-300);

    std::size_t longest = 0;
    for (std::size_t r = 0; r < 150; ++r)
      longest = std::max(longest, static_cast<std::size_t>(m.starts[r + 1] - m.starts[r]));
    std::vector<int> padded(150 * longest, -1), weights;
    std::vector<double> paddedValues(150 * longest), wide(xs.begin(), xs.end());
    std::vector<std::array<int, 2>> places;
    for (std::size_t r = 0; r < 150; ++r)
      for (auto k = static_cast<std::size_t>(m.starts[r]); k < static_cast<std::size_t>(m.starts[r + 1]); ++k) {
        const std::size_t at = (k - static_cast<std::size_t>(m.starts[r])) * 150 + r;
        padded[at] = m.columns[k], paddedValues[at] = m.values[k];
        places.push_back({static_cast<int>(r), m.columns[k]});
        weights.push_back(static_cast<int>(m.values[k]));
      }
    const Array<int> ellColumns(padded), w(weights), words(std::vector<int>(xs.begin(), xs.end()));
    const Array<double> ellValues(paddedValues), dx(wide), dy(150);
    cu.kernel("ell")({2, 1, 1, 96}, ellColumns.address(), ellValues.address(), dx.address(), dy.address(), 150,
                     static_cast<int>(longest));
    checkClose(dy.get(), want, 0, 1e-300);
    const Array<std::array<int, 2>> p(places);
    const auto sums = zeros<int>(150);
    cu.kernel("coordinates")({2, 1, 1, 64}, p.address(), w.address(), words.address(), sums.address(),
                             static_cast<int>(places.size()));
    checkClose(sums.get(), want, 0, 1e-300);
  });
}

TEST_CASE("nvcc: a triangular system whose rows wait for each other") {
  onEachArch("sparse", [](const Foreign &cu) {
    const Sparse m = sparseMatrix(200, 180, true);
    const auto solution = integers<double>(200, -20, 20, 181);
    const Array<int> starts(m.starts), columns(m.columns);
    const Array<double> values(m.values), b(times(m, solution)), x(200);
    const auto flags = zeros<int>(200);
    cu.kernel("triangular")({4, 1, 1, 64}, starts.address(), columns.address(), values.address(), b.address(),
                            x.address(), flags.address(), 200);
    checkClose(x.get(), solution, 1e-9, 1e-9);
  });
}

TEST_CASE("nvcc: attention, plain and flash") {
  onEachArch("attention", [](const Foreign &cu) {
    const auto q = normal(40 * 32, 182), k = normal(70 * 32, 183), v = normal(70 * 32, 184);
    const Array<float> dq(q), dk(k), dv(v), out(40 * 32);
    cu.kernel("attentionPlain")({40, 1, 1, 32, 1, 1, 280}, dq.address(), dk.address(), dv.address(), out.address(), 70,
                                0.2f);
    checkClose(out.get(), attention(q.data(), k.data(), v.data(), 40, 70, 0.2, false), 1e-5, 2e-6);

    // Four query heads on two key heads; a last tile that is not full.
    const std::size_t queries = 75, keys = 75;
    const auto hq = rounded<_Float16>(normal(4 * queries * 32, 185)),
               hk = rounded<_Float16>(normal(2 * keys * 32, 186));
    const auto hv = rounded<_Float16>(normal(2 * keys * 32, 187));
    const Array<_Float16> eq(hq), ek(hk), ev(hv);
    for (const bool causal : {false, true}) {
      const Array<float> result(4 * queries * 32);
      cu.kernel("attentionFlash")({3, 4, 1, 128}, eq.address(), ek.address(), ev.address(), result.address(),
                                  static_cast<int>(queries), static_cast<int>(keys), 0.17f, static_cast<int>(causal));
      std::vector<double> want;
      for (std::size_t head = 0; head < 4; ++head) {
        const auto one = attention(hq.data() + head * queries * 32, hk.data() + head / 2 * keys * 32,
                                   hv.data() + head / 2 * keys * 32, queries, keys, static_cast<double>(0.17f), causal);
        want.insert(want.end(), one.begin(), one.end());
      }
      checkClose(result.get(), want, 1e-5, 3e-6);
    }
  });
}

TEST_CASE("nvcc: a decode step split over the keys") {
  onEachArch("attention", [](const Foreign &cu) {
    const auto q = normal(32, 188), k = normal(130 * 32, 189), v = normal(130 * 32, 190);
    const Array<float> dq(q), dk(k), dv(v), parts(5 * 34), out(32);
    cu.kernel("decodePart")({5}, dq.address(), dk.address(), dv.address(), parts.address(), 130, 30);
    cu.kernel("decodeJoin")({}, parts.address(), out.address(), 5);
    checkClose(out.get(), attention(q.data(), k.data(), v.data(), 1, 130, 1, false), 1e-4, 1e-5);
  });
}

TEST_CASE("nvcc: Fourier transforms") {
  onEachArch("fft", [](const Foreign &cu) {
    const auto in = normal(2 * 2 * 256, 191);
    const Array<float> x(in), y(in.size());
    cu.kernel("fft256")({2, 1, 1, 128}, x.address(), y.address(), -1.0f);
    checkClose(y.get(), fourier(in, 256, -1), 1e-5, 2e-5);
    cu.kernel("fft256")({2, 1, 1, 128}, y.address(), x.address(), 1.0f);
    std::vector<double> back(in.begin(), in.end());
    for (double &v : back) v *= 256;
    checkClose(x.get(), back, 1e-4, 1e-3);

    const std::vector<double> wide(in.begin(), in.begin() + 192);
    const Array<double> u(wide), v(192);
    cu.kernel("fft32")({3}, u.address(), v.address());
    checkClose(v.get(), fourier(wide, 32, -1), 1e-13, 1e-13);
  });
}

TEST_CASE("nvcc: number-theoretic, Hadamard and cosine transforms") {
  onEachArch("fft", [](const Foreign &cu) {
    const auto a = integers<std::uint32_t>(64, 0, 998244352, 192), b = integers<std::uint32_t>(64, 0, 998244352, 193);
    const Array<std::uint32_t> da(a), db(b), dc(128);
    cu.kernel("polynomialProduct")({1, 1, 1, 64}, da.address(), db.address(), dc.address());
    std::vector<std::uint32_t> want(128);
    for (std::size_t i = 0; i < 64; ++i)
      for (std::size_t j = 0; j < 64; ++j)
        want[i + j] = static_cast<std::uint32_t>((want[i + j] + std::uint64_t{a[i]} * b[j]) % 998244353);
    CHECK(dc.get() == want);

    const auto in = integers<int>(256, -1000, 1000, 194);
    const Array<int> x(in), y(256);
    cu.kernel("hadamard")({2}, x.address(), y.address());
    for (std::size_t i = 0; i < 256; ++i) {
      int sum = 0;
      for (std::size_t j = 0; j < 128; ++j) sum += (std::popcount(i % 128 & j) % 2 ? -1 : 1) * in[i / 128 * 128 + j];
      REQUIRE(y.get()[i] == sum);
    }

    const auto image = integers<std::uint8_t>(16 * 24, 0, 255, 195);
    const Array<std::uint8_t> u(image);
    const Array<float> v(16 * 24);
    cu.kernel("cosines")({3, 2, 1, 8, 8}, u.address(), v.address(), 24);
    std::vector<double> coefficients(16 * 24);
    for (std::size_t p = 0; p < 16 * 24; ++p) {
      const std::size_t x0 = p % 24 / 8 * 8, y0 = p / 24 / 8 * 8, i = p % 8, j = p / 24 % 8;
      double sum = 0;
      for (std::size_t k = 0; k < 64; ++k)
        sum += (image[(y0 + k / 8) * 24 + x0 + k % 8] - 128.0) *
               std::cos(static_cast<double>((2 * (k % 8) + 1) * i) * pi / 16) *
               std::cos(static_cast<double>((2 * (k / 8) + 1) * j) * pi / 16);
      coefficients[p] = sum / 4 * (i == 0 ? std::sqrt(0.5) : 1) * (j == 0 ? std::sqrt(0.5) : 1);
    }
    checkClose(v.get(), coefficients, 1e-5, 2e-4);
  });
}

TEST_CASE("nvcc: bodies and their neighbours") {
  onEachArch("nbody", [](const Foreign &cu) {
    const auto in = normal(4 * 150, 196);
    const Array<float> x(in), y(in.size());
    cu.kernel("forces")({3, 1, 1, 64}, x.address(), y.address(), 150);
    std::vector<double> want(in.size());
    for (std::size_t i = 0; i < 150; ++i)
      for (std::size_t j = 0; j < 150; ++j) {
        double d[3], square = 0.01;
        for (std::size_t k = 0; k < 3; ++k) {
          d[k] = static_cast<double>(in[4 * j + k]) - static_cast<double>(in[4 * i + k]);
          square += d[k] * d[k];
        }
        for (std::size_t k = 0; k < 3; ++k)
          want[4 * i + k] += d[k] * static_cast<double>(in[4 * j + 3]) / (square * std::sqrt(square));
      }
    checkClose(y.get(), want, 1e-4, 1e-2);

    auto points = integers<float>(2 * 200, 0, 9999, 197);
    for (float &p : points) p /= 10000;
    const Array<float> p(points);
    const auto counts = zeros<int>(64);
    const Array<int> members(64 * 64), near(200);
    cu.kernel("fillCells")({2, 1, 1, 128}, p.address(), counts.address(), members.address(), 200);
    cu.kernel("neighbours")({2, 1, 1, 128}, p.address(), counts.address(), members.address(), near.address(), 200);
    for (std::size_t i = 0; i < 200; ++i) {
      int count = 0;
      for (std::size_t j = 0; j < 200; ++j) {
        const float dx = points[2 * j] - points[2 * i], dy = points[2 * j + 1] - points[2 * i + 1];
        count += j != i && std::fma(dx, dx, dy * dy) < 0.015625f;
      }
      REQUIRE(near.get()[i] == count);
    }

    std::vector<double> state(192);
    for (std::size_t t = 0; t < 96; ++t)
      state[2 * t] = std::sin(static_cast<double>(t) * pi / 48), state[2 * t + 1] = 0.1;
    const Array<double> s(state);
    cu.kernel("springs")({1, 1, 1, 96}, s.address(), 50, 0.05);
    for (int step = 0; step < 50; ++step) {
      const auto before = state;
      for (std::size_t t = 0; t < 96; ++t) {
        state[2 * t + 1] += 0.05 * (before[2 * ((t + 95) % 96)] - 2 * before[2 * t] + before[2 * ((t + 1) % 96)]);
        state[2 * t] += 0.05 * state[2 * t + 1];
      }
    }
    checkClose(s.get(), state, 1e-12, 1e-12);
  });
}

TEST_CASE("nvcc: LU and Cholesky") {
  onEachArch("factor", [](const Foreign &cu) {
    const auto random = normal(2 * 1024, 198);
    const std::vector<double> in(random.begin(), random.end());
    const Array<double> x(in);
    const Array<int> order(64);
    cu.kernel("lu")({2}, x.address(), order.address());
    const auto got = x.get();
    const auto rows = order.get();
    std::vector<double> products(2048), permuted(2048);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < 32; ++i)
        for (std::size_t j = 0; j < 32; ++j) {
          const double *m = got.data() + b * 1024;
          double sum = i <= j ? m[i * 32 + j] : 0;
          for (std::size_t k = 0; k < i && k <= j; ++k) {
            REQUIRE(std::abs(m[i * 32 + k]) <= 1);
            sum += m[i * 32 + k] * m[k * 32 + j];
          }
          products[b * 1024 + i * 32 + j] = sum;
          permuted[b * 1024 + i * 32 + j] = in[b * 1024 + static_cast<std::size_t>(rows[b * 32 + i]) * 32 + j];
        }
    checkClose(products, permuted, 1e-12, 1e-12);

    const std::size_t n = 20;
    std::vector<float> spd(n * n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double sum = i == j ? 5 : 0;
        for (std::size_t k = 0; k < n; ++k)
          sum += static_cast<double>(random[i * n + k]) * static_cast<double>(random[j * n + k]);
        spd[i * n + j] = static_cast<float>(sum);
      }
    const Array<float> c(spd);
    cu.kernel("cholesky")({1, 1, 1, n, n, 1, 4 * n * n}, c.address(), static_cast<int>(n));
    const auto lower = c.get();
    checkClose(spd, productByColumns(lower, lower, n, n, n), 1e-5, 1e-4);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) REQUIRE(lower[i * n + j] == 0);
  });
}

TEST_CASE("nvcc: inverses and eigenvalues of small matrices") {
  onEachArch("factor", [](const Foreign &cu) {
    const auto random = normal(16 * 50, 199);
    const std::vector<double> in(random.begin(), random.end());
    const Array<double> x(in), y(in.size());
    cu.kernel("inverse4")({1, 1, 1, 64}, x.address(), y.address(), 50);
    const auto inverse = y.get();
    for (std::size_t m = 0; m < 800; m += 16)
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
          double sum = 0;
          for (std::size_t k = 0; k < 4; ++k) sum += in[m + 4 * i + k] * inverse[m + 4 * k + j];
          REQUIRE(std::abs(sum - (i == j)) < 1e-9);
        }

    // Eigenvalues 1 … 8, hidden by rotations.
    std::vector<double> m(64);
    for (std::size_t i = 0; i < 8; ++i) m[9 * i] = static_cast<double>(i + 1);
    for (std::size_t p = 0; p < 8; ++p)
      for (std::size_t q = p + 1; q < 8; ++q) {
        const double c = std::cos(0.3 + static_cast<double>(p)), s = std::sin(0.3 + static_cast<double>(p));
        for (std::size_t k = 0; k < 8; ++k) {
          const double a = m[p * 8 + k], b = m[q * 8 + k];
          m[p * 8 + k] = c * a - s * b, m[q * 8 + k] = s * a + c * b;
        }
        for (std::size_t k = 0; k < 8; ++k) {
          const double a = m[k * 8 + p], b = m[k * 8 + q];
          m[k * 8 + p] = c * a - s * b, m[k * 8 + q] = s * a + c * b;
        }
      }
    const Array<float> e(std::vector<float>(m.begin(), m.end())), values(8);
    cu.kernel("eigenvalues")({}, e.address(), values.address());
    auto got = values.get();
    std::sort(got.begin(), got.end());
    checkClose(got, {1, 2, 3, 4, 5, 6, 7, 8}, 1e-5);
  });
}

} // namespace sage::simtest
