// sort.cu and histogram.cu.
#include <algorithm>
#include <array>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {

TEST_CASE("nvcc: a bitonic network with values") {
  onEachArch("sort", [](const Foreign &cu) {
    const auto keys = normal(512, 11);
    std::vector<int> order(512);
    std::iota(order.begin(), order.end(), 0);
    const Array<float> k(keys);
    const Array<int> v(order);
    cu.kernel("bitonic")({1, 1, 1, 256}, k.address(), v.address());
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)]; });
    CHECK(v.get() == order);
    const auto sorted = k.get();
    CHECK(std::is_sorted(sorted.begin(), sorted.end()));
  });
}

TEST_CASE("nvcc: radix sorts by match and by ballot") {
  onEachArch("sort", [](const Foreign &cu) {
    auto keys = integers<std::uint32_t>(512, 0, 0xffffffff, 12);
    const Array<std::uint32_t> k(keys);
    cu.kernel("radixMatch")({2, 1, 1, 256}, k.address());
    std::sort(keys.begin(), keys.begin() + 256);
    std::sort(keys.begin() + 256, keys.end());
    CHECK(k.get() == keys);

    auto small = integers<int>(128, -20, 20, 13);
    const Array<int> s(small);
    cu.kernel("radixBallot")({2, 1, 1, 64}, s.address());
    for (long w = 0; w < 4; ++w) std::sort(small.begin() + 32 * w, small.begin() + 32 * (w + 1));
    CHECK(s.get() == small);
  });
}

TEST_CASE("nvcc: merge path, odd-even transposition") {
  onEachArch("sort", [](const Foreign &cu) {
    auto a = integers<int>(700, -500, 500, 14), b = integers<int>(333, -100, 900, 15);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    std::vector<int> want(a.size() + b.size());
    std::merge(a.begin(), a.end(), b.begin(), b.end(), want.begin());
    const Array<int> x(a), y(b), z(want.size());
    cu.kernel("mergePath")({3, 1, 1, 64}, x.address(), 700, y.address(), 333, z.address());
    CHECK(z.get() == want);

    auto v = integers<std::int16_t>(32, -30000, 30000, 16);
    const Array<std::int16_t> s(v);
    cu.kernel("oddEven")({}, s.address());
    std::sort(v.begin(), v.end());
    CHECK(s.get() == v);
  });
}

TEST_CASE("nvcc: histograms") {
  onEachArch("histogram", [](const Foreign &cu) {
    auto in = integers<std::uint8_t>(5000, 0, 255, 17);
    std::vector<std::uint32_t> want(256), coarse(16);
    for (auto &x : in) x &= x >> 1, ++want[x], ++coarse[x / 16];
    const Array<std::uint8_t> x(in);
    const auto bins = zeros<std::uint32_t>(256), few = zeros<std::uint32_t>(16);
    cu.kernel("histogram")({4, 1, 1, 160}, x.address(), bins.address(), 5000);
    CHECK(bins.get() == want);
    cu.kernel("histogramPrivate")({3, 1, 1, 64}, x.address(), few.address(), 1250);
    CHECK(few.get() == coarse);
  });
}

TEST_CASE("nvcc: histograms with aggregated and with bounded counts") {
  onEachArch("histogram", [](const Foreign &cu) {
    const auto in = integers<int>(1000, 0, 6, 18);
    std::vector<int> want(7);
    int atomics = 0;
    for (std::size_t first = 0; first < 1000; first += 32) {
      std::array<bool, 7> seen{};
      for (std::size_t i = first; i < std::min<std::size_t>(first + 32, 1000); ++i) {
        ++want[static_cast<std::size_t>(in[i])];
        seen[static_cast<std::size_t>(in[i])] = true;
      }
      atomics += static_cast<int>(std::count(seen.begin(), seen.end(), true));
    }
    const Array<int> x(in);
    const auto bins = zeros<int>(7), used = zeros<int>(1);
    cu.kernel("histogramAggregated")({2, 1, 1, 128}, x.address(), bins.address(), used.address(), 1000);
    CHECK(bins.get() == want);
    CHECK(used.get()[0] == atomics);

    const auto points = integers<std::uint16_t>(2 * 1000, 0, 65535, 19);
    std::vector<std::uint32_t> grid(64);
    for (std::size_t i = 0; i < 1000; ++i) {
      auto &bin = grid[static_cast<std::size_t>(points[2 * i + 1] >> 13) * 8 + (points[2 * i] >> 13)];
      bin = std::min(bin + 1, 15u);
    }
    const Array<std::uint16_t> p(points);
    const auto cells = zeros<std::uint32_t>(64);
    cu.kernel("histogramSaturating")({8, 1, 1, 128}, p.address(), cells.address(), 15u, 1000);
    CHECK(cells.get() == grid);
  });
}

} // namespace sage::simtest
