// reduce.cu and scan.cu.
#include <algorithm>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {

TEST_CASE("nvcc: sums over blocks") {
  onEachArch("reduce", [](const Foreign &cu) {
    const auto in = normal(10000, 1);
    const double want = std::accumulate(in.begin(), in.end(), 0.0);
    const Array<float> x(in), sum(std::vector<float>{0}), parts(50), last(1);
    cu.kernel("reduceSum")({7, 1, 1, 192}, x.address(), sum.address(), static_cast<int>(in.size()));
    CHECK(sum.get()[0] == Approx(want).margin(1e-2));
    cu.kernel("reduceLast")({50, 1, 1, 128}, x.address(), parts.address(), last.address(), 2500);
    CHECK(last.get()[0] == Approx(want).margin(1e-3));

    const std::vector<double> wide(in.begin(), in.begin() + 768);
    const Array<double> y(wide), sums(3);
    cu.kernel("reduceTree")({3, 1, 1, 256, 1, 1, 2048}, y.address(), sums.address());
    for (int b = 0; b < 3; ++b)
      CHECK(sums.get()[static_cast<std::size_t>(b)] ==
            Approx(std::accumulate(wide.begin() + 256 * b, wide.begin() + 256 * (b + 1), 0.0)).margin(1e-11));
  });
}

TEST_CASE("nvcc: redux over half of the lanes") {
  onEachArch("reduce", [](const Foreign &cu) {
    const auto in = integers<std::int32_t>(96, -1000000, 1000000, 2);
    const Array<std::int32_t> x(in), y(48);
    cu.kernel("reduceRedux")({1, 1, 1, 96}, x.address(), y.address());
    std::vector<std::int32_t> want;
    for (std::size_t warp = 0; warp < 3; ++warp)
      for (std::size_t half = 0; half < 2; ++half) {
        std::int32_t sum = 0, low = INT32_MAX, high = INT32_MIN;
        std::uint32_t all = ~0u, any = 0, odd = 0, least = ~0u, most = 0;
        for (std::size_t l = half; l < 32; l += 2) {
          const std::int32_t v = in[warp * 32 + l];
          const auto u = static_cast<std::uint32_t>(v);
          sum += v, low = std::min(low, v), high = std::max(high, v);
          all &= u, any |= u, odd ^= u, least = std::min(least, u), most = std::max(most, u);
        }
        want.insert(want.end(), {sum, low, high});
        for (const std::uint32_t u : {all, any, odd, least, most}) want.push_back(static_cast<std::int32_t>(u));
      }
    CHECK(y.get() == want);
  });
}

TEST_CASE("nvcc: the place of the greatest, and votes of a block") {
  onEachArch("reduce", [](const Foreign &cu) {
    auto in = normal(1000, 3);
    in[777] = in[335] = in[333] = 9; // in two warps, and twice in one
    const Array<float> x(in), value(1);
    const Array<int> place(1);
    cu.kernel("argMax")({1, 1, 1, 256}, x.address(), 1000, value.address(), place.address());
    CHECK(value.get()[0] == 9);
    CHECK(place.get()[0] == 333);

    const auto votes = integers<int>(160, -9, 8, 4);
    const Array<int> v(votes), out(3);
    cu.kernel("blockVotes")({1, 1, 1, 160}, v.address(), out.address());
    const auto count = static_cast<int>(std::count_if(votes.begin(), votes.end(), [](int k) { return k > 3; }));
    CHECK(out.get() == std::vector<int>{count, 1, 0});
  });
}

TEST_CASE("nvcc: prefix sums of a block") {
  onEachArch("scan", [](const Foreign &cu) {
    const auto in = integers<int>(512, -50, 50, 5);
    const Array<int> x(in), y(512), z(512);
    cu.kernel("scanBlock")({2, 1, 1, 256}, x.address(), y.address());
    std::vector<int> want(512), exclusive(512);
    for (long b = 0; b < 2; ++b)
      std::partial_sum(in.begin() + 256 * b, in.begin() + 256 * (b + 1), want.begin() + 256 * b);
    CHECK(y.get() == want);

    cu.kernel("scanTree")({1, 1, 1, 256}, x.address(), z.address());
    std::exclusive_scan(in.begin(), in.end(), exclusive.begin(), 0);
    CHECK(z.get() == exclusive);

    const auto wide = integers<long long>(320, -(1l << 60), 1l << 60, 6);
    const Array<long long> u(wide), v(320);
    cu.kernel("scanWarps")({1, 1, 1, 320}, u.address(), v.address());
    std::vector<long long> sums(320);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < 320; ++i) sums[i] = static_cast<long long>(sum += static_cast<std::uint64_t>(wide[i]));
    CHECK(v.get() == sums);
  });
}

TEST_CASE("nvcc: prefix sums of segments") {
  onEachArch("scan", [](const Foreign &cu) {
    const auto in = integers<int>(64, -9, 9, 7), heads = integers<int>(64, 0, 4, 8);
    std::vector<int> flags(64), want(64);
    for (std::size_t i = 0; i < 64; ++i) {
      flags[i] = heads[i] == 0;
      want[i] = in[i] + (i % 32 == 0 || flags[i] ? 0 : want[i - 1]);
    }
    const Array<int> x(in), f(flags), y(64);
    cu.kernel("scanSegments")({1, 1, 1, 64}, x.address(), f.address(), y.address());
    CHECK(y.get() == want);
  });
}

TEST_CASE("nvcc: prefix sums in one pass, blocks looking back") {
  onEachArch("scan", [](const Foreign &cu) {
    const auto in = integers<std::uint32_t>(12000, 0, 1000, 9);
    const Array<std::uint32_t> x(in), y(in.size());
    const auto states = zeros<std::uint64_t>(47);
    cu.kernel("scanLookBack")({47, 1, 1, 256}, x.address(), y.address(), states.address(), 12000);
    std::vector<std::uint32_t> want(in.size());
    std::partial_sum(in.begin(), in.end(), want.begin());
    CHECK(y.get() == want);
  });
}

TEST_CASE("nvcc: blocks that wait for the one before them") {
  onEachArch("scan", [](const Foreign &cu) {
    const auto flags = zeros<int>(40);
    const Array<int> sums(40);
    cu.kernel("chain")({40, 1, 1, 32}, flags.address(), sums.address());
    const auto out = sums.get();
    for (int i = 0; i < 40; ++i) REQUIRE(out[static_cast<std::size_t>(i)] == i * (i + 1) / 2);
  });
}

} // namespace sage::simtest
