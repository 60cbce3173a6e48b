// clusters.cu.
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

template <class... Args>
void launch(const Kernel &kernel, const Kernel::Shape &shape, Extent cluster, Args... arguments) {
  void *pointers[] = {static_cast<void *>(&arguments)..., nullptr};
  launchCluster(kernel, shape, cluster, pointers);
}

} // namespace

TEST_CASE("nvcc: a histogram in distributed shared memory") {
  onEachArch("clusters", [](const Foreign &cu) {
    const auto values = integers<int>(5000, 0, 255, 3);
    std::vector<unsigned> want(256, 0);
    for (const int v : values) ++want[static_cast<std::size_t>(v)];
    for (const unsigned size : {1u, 2u, 4u, 8u}) {
      const Array<int> in(values);
      const Array<unsigned> bins(std::vector<unsigned>(256, 0));
      launch(cu.kernel("clusterHistogram"), {8, 1, 1, 96, 1, 1, 1024 / size}, {size}, in.address(), 5000,
             bins.address(), static_cast<int>(256 / size));
      CHECK(bins.get() == want);
    }
  });
}

TEST_CASE("nvcc: sums of a cluster of compiled size") {
  onEachArch("clusters", [](const Foreign &cu) {
    const auto in = normal(12 * 500, 4);
    const Array<float> x(in), sums(3);
    cu.kernel("clusterSum")({12, 1, 1, 128}, x.address(), sums.address(), 500);
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(sums.get()[k] == Approx(std::accumulate(in.begin() + static_cast<long>(k) * 2000,
                                                    in.begin() + static_cast<long>(k + 1) * 2000, 0.0))
                                 .margin(1e-3));
  });
}

TEST_CASE("nvcc: a matrix product whose blocks read each other's slices") {
  onEachArch("clusters", [](const Foreign &cu) {
    constexpr std::size_t n = 32;
    const auto a = normal(8 * n, 5), b = normal(n * n, 6);
    const Array<float> da(a), db(b), dc(8 * n);
    for (const unsigned size : {2u, 4u, 8u}) {
      launch(cu.kernel("clusterProduct"), {8, 1, 1, 64, 1, 1, static_cast<unsigned>(n * n * 4 / size)}, {size},
             da.address(), db.address(), dc.address(), static_cast<int>(n));
      const auto c = dc.get();
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          double sum = 0;
          for (std::size_t k = 0; k < n; ++k) sum += double{a[i * n + k]} * double{b[k * n + j]};
          REQUIRE(c[i * n + j] == Approx(sum).margin(1e-4));
        }
    }
  });
}

TEST_CASE("nvcc: ranks, sizes and split barriers of a cluster") {
  onEachArch("clusters", [](const Foreign &cu) {
    const Array<unsigned> out(6 * 4 * 32);
    launch(cu.kernel("clusterIdentity"), {6, 4, 1, 32}, {3, 2}, out.address());
    const auto got = out.get();
    for (unsigned y = 0, at = 0; y < 4; ++y)
      for (unsigned x = 0; x < 6; ++x)
        for (unsigned t = 0; t < 32; ++t, ++at) {
          const unsigned rank = x % 3 + y % 2 * 3;
          REQUIRE(got[at] == (rank * 32 + t) * 1000 + 100 + (rank + 1) % 6 + 3000000 + y % 2 * 10000000);
        }
  });
}

TEST_CASE("nvcc: rows by multicast, values round the ring by st.async") {
  onEachArch("clusters", [](const Foreign &cu) {
    constexpr unsigned rounds = 5, blocks = 4;
    const auto weights = integers<unsigned>(64 * rounds, 0, 99, 7);
    const Array<unsigned> in(weights), out(2 * blocks * 64);
    launch(cu.kernel("clusterMulticast"), {2 * blocks, 1, 1, 64}, {blocks}, in.address(), out.address(),
           static_cast<int>(rounds));
    std::vector<std::vector<unsigned>> sum(blocks, std::vector<unsigned>(64, 0));
    for (unsigned r = 0; r < rounds; ++r) {
      for (auto &block : sum)
        for (unsigned t = 0; t < 64; ++t) block[t] += weights[64 * r + t];
      std::vector<unsigned> sent;
      for (const auto &block : sum) sent.push_back(block[0]);
      for (unsigned b = 0; b < blocks; ++b)
        for (unsigned &v : sum[b]) v += sent[(b + blocks - 1) % blocks];
    }
    const auto got = out.get();
    for (unsigned k = 0; k < got.size(); ++k) REQUIRE(got[k] == sum[k / 64 % blocks][k % 64]);
  });
}

} // namespace sage::simtest
