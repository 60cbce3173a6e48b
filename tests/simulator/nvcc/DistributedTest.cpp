// distributed.cu: blocks that see each other's shared memory. sm_90a only.
#include <array>

#include "Harness.h"
#include "TensorMap.h"

namespace sage::simtest {

TEST_CASE("nvcc: bins spread over the blocks of a cluster") {
  onEachArch("distributed", [](const Foreign &cu) {
    const auto in = integers<int>(3000, 0, 159, 251);
    std::vector<int> want(160);
    for (const int v : in) ++want[static_cast<std::size_t>(v)];
    const Array<int> x(in);
    for (const unsigned size : {2u, 4u, 8u}) {
      INFO("clusters of " << size);
      const auto out = zeros<int>(160);
      const Kernel kernel = cu.kernel("distributedHistogram");
      std::uint64_t px = x.address(), py = out.address();
      int n = 3000, each = 160 / static_cast<int>(size);
      void *arguments[] = {&px, &py, &n, &each};
      launchCluster(kernel, {8, 1, 1, 96, 1, 1, 160 * 4 / size}, {size}, arguments);
      CHECK(out.get() == want);
    }
  });
}

TEST_CASE("nvcc: places in a cluster") {
  onEachArch("distributed", [](const Foreign &cu) {
    const Array<std::uint32_t> out(5 * 24);
    cu.kernel("places")({6, 4, 1, 32}, out.address());
    const auto got = out.get();
    for (std::uint32_t b = 0; b < 24; ++b) {
      const std::uint32_t x = b % 6 % 2, y = b / 6 % 2;
      REQUIRE(std::vector<std::uint32_t>(got.begin() + 5 * b, got.begin() + 5 * b + 5) ==
              std::vector<std::uint32_t>{2 * y + x, 4, x, y, 128});
    }
  });
}

TEST_CASE("nvcc: a ring of blocks, a cluster's barrier in halves") {
  onEachArch("distributed", [](const Foreign &cu) {
    const auto in = integers<int>(8 * 64, -9, 9, 252);
    const Array<int> x(in), y(8 * 64);
    std::uint64_t px = x.address(), py = y.address();
    void *arguments[] = {&px, &py};
    launchCluster(cu.kernel("ring"), {8, 1, 1, 64}, {4}, arguments);
    for (int b = 0; b < 8; ++b)
      for (int t = 0; t < 64; ++t) {
        int sum = 0;
        for (int step = 0; step < 4; ++step)
          sum = sum * 7 + in[static_cast<std::size_t>((b / 4 * 4 + (b + 4 - step) % 4) * 64 + (step % 2 ? 63 - t : t))];
        REQUIRE(y.get()[static_cast<std::size_t>(b * 64 + t)] == sum);
      }

    const auto floats = integers<float>(6 * 32, -100, 100, 253);
    const Array<float> f(floats), g(6 * 32);
    std::uint64_t pf = f.address(), pg = g.address();
    void *others[] = {&pf, &pg};
    launchCluster(cu.kernel("splitBarrier"), {6, 1, 1, 32}, {3}, others);
    for (std::size_t b = 0; b < 6; ++b)
      for (std::size_t t = 0; t < 32; ++t) {
        float sum = floats[b * 32 + t] * 0.5f + static_cast<float>(b % 3);
        for (std::size_t r = 0; r < 3; ++r)
          sum += floats[(b / 3 * 3 + r) * 32 + (t + r) % 32] * static_cast<float>(r + 1);
        REQUIRE(g.get()[b * 32 + t] == sum);
      }
  });
}

TEST_CASE("nvcc: bulk copies from block to block") {
  onEachArch("distributed", [](const Foreign &cu) {
    const auto in = integers<int>(8 * 128, -999, 999, 254);
    const Array<int> x(in), y(8 * 128);
    std::uint64_t px = x.address(), py = y.address();
    void *arguments[] = {&px, &py};
    launchCluster(cu.kernel("sendPieces"), {8, 1, 1, 32}, {4}, arguments);
    for (std::size_t i = 0; i < in.size(); ++i)
      REQUIRE(y.get()[i] == in[i / 128 * 128 + (31 - i % 128 / 4) * 4 + i % 4]);
  });
}

TEST_CASE("nvcc: tensor copies to two blocks at once") {
  onEachArch("distributed", [](const Foreign &cu) {
    const auto in = integers<int>(32 * 96, -9, 9, 255);
    const Array<int> x(in), y(6 * 32);
    cu.kernel("multicast")({6, 1, 1, 32}, TensorMap::words(x.address(), {96, 32}, {32, 16}), y.address());
    for (std::size_t b = 0; b < 6; ++b)
      for (std::size_t t = 0; t < 32; ++t) {
        int sum = 0;
        for (std::size_t i = 0; i < 32; ++i) sum = sum * 3 + in[i * 96 + b / 2 * 32 + (t + b % 2) % 32];
        REQUIRE(y.get()[b * 32 + t] == sum);
      }
  });
}

} // namespace sage::simtest
