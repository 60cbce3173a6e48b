// Threads that wait for each other: atomics.cu, atomicref.cu, locks.cu, barrier.cu, pipeline.cu, coop.cu.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

using Int4 = std::array<std::int32_t, 4>;

std::vector<Int4> quads(std::size_t count, unsigned seed) {
  const auto v = integers<std::int32_t>(4 * count, -1000, 1000, seed);
  std::vector<Int4> q(count);
  for (std::size_t i = 0; i < count; ++i) std::copy_n(v.begin() + static_cast<long>(4 * i), 4, q[i].begin());
  return q;
}

template <class T> std::vector<T> slice(const std::vector<T> &v, std::size_t first, std::size_t count) {
  return {v.begin() + static_cast<long>(first), v.begin() + static_cast<long>(first + count)};
}

} // namespace

TEST_CASE("nvcc: atomics on integers") {
  onEachArch("atomics", [](const Foreign &cu) {
    const auto in = integers<int>(192, -100, 100, 151);
    const Array<int> x(in);
    const Array<int> words(std::vector<int>{0, 0, 1000, -1000, 0, 0});
    const Array<std::uint32_t> more(std::vector<std::uint32_t>{~0u, 0, 0, 0, ~0u, 0, 0});
    const Array<std::uint64_t> wide(std::vector<std::uint64_t>{0, 0, ~std::uint64_t{0}, ~std::uint64_t{0}, 0, 0});
    const Array<long long> last(std::vector<long long>{INT64_MAX, INT64_MIN});
    cu.kernel("integers")({3, 1, 1, 64}, x.address(), words.address(), more.address(), wide.address(), last.address());
    const int sum = std::accumulate(in.begin(), in.end(), 0);
    const int low = *std::min_element(in.begin(), in.end()), high = *std::max_element(in.begin(), in.end());
    CHECK(words.get() == std::vector<int>{sum, -sum, low, high, 192, 384});
    std::uint32_t least = ~0u, most = 0, all = ~0u, any = 0, odd = 0, down = 0;
    std::uint64_t all64 = ~std::uint64_t{0}, any64 = 0, odd64 = 0;
    for (const int v : in) {
      const auto u = static_cast<std::uint32_t>(v), bit = 1u << (u & 31);
      least = std::min(least, u), most = std::max(most, u), all &= ~bit, any |= bit, odd ^= bit;
      down = down == 0 || down > 77 ? 77 : down - 1;
      all64 &= ~(std::uint64_t{1} << (u & 63)), any64 |= std::uint64_t{1} << (u & 63);
      odd64 ^= static_cast<std::uint64_t>(static_cast<long long>(v));
    }
    CHECK(more.get() == std::vector<std::uint32_t>{least, most, 192 % 100, down, all, any, odd});
    CHECK(wide.get() == std::vector<std::uint64_t>{static_cast<std::uint64_t>(static_cast<long long>(sum)),
                                                   std::uint64_t{most} << 20, std::uint64_t{least} << 20, all64, any64,
                                                   odd64});
    CHECK(last.get() == std::vector<long long>{1ll * low * low * low, 1ll * high * high * high});
  });
}

TEST_CASE("nvcc: atomics on floats, and what they return") {
  onEachArch("atomics", [](const Foreign &cu) {
    // Whole numbers, so that every order gives the same.
    const auto in = integers<float>(256, -50, 50, 152);
    const double sum = std::accumulate(in.begin(), in.end(), 0.0);
    const Array<float> x(in);
    const auto single = zeros<float>(1);
    const auto wide = zeros<double>(1);
    cu.kernel("floats")({4, 1, 1, 64}, x.address(), single.address(), wide.address());
    CHECK(static_cast<double>(single.get()[0]) == sum);
    CHECK(wide.get()[0] == sum);

    const auto next = zeros<std::uint32_t>(1);
    const Array<int> taken(256);
    cu.kernel("tickets")({4, 1, 1, 64}, next.address(), taken.address());
    auto order = taken.get();
    std::sort(order.begin(), order.end());
    for (int i = 0; i < 256; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);

    const auto top = zeros<std::uint32_t>(1);
    const auto bins = zeros<std::uint16_t>(2);
    std::vector<int> heads(257, -1);
    const Array<int> chain(heads);
    cu.kernel("byHand")({4, 1, 1, 64}, x.address(), top.address(), bins.address(), chain.address());
    CHECK(std::bit_cast<float>(top.get()[0]) == *std::max_element(in.begin(), in.end()));
    const auto positive = std::count_if(in.begin(), in.end(), [](float v) { return v > 0; });
    CHECK(bins.get() ==
          std::vector<std::uint16_t>{static_cast<std::uint16_t>(256 - positive), static_cast<std::uint16_t>(positive)});
    const auto links = chain.get();
    std::vector<bool> seen(256);
    int length = 0;
    for (int at = links[0]; at >= 0 && length <= 256; at = links[static_cast<std::size_t>(at) + 1]) {
      REQUIRE(!seen[static_cast<std::size_t>(at)]);
      seen[static_cast<std::size_t>(at)] = true;
      ++length;
    }
    CHECK(length == 256);
  });
}

TEST_CASE("nvcc: a queue in shared memory") {
  onEachArch("atomics", [](const Foreign &cu) {
    const auto in = integers<int>(64 * 5, 0, 1000, 153);
    const Array<int> x(in);
    const auto sum = zeros<std::uint64_t>(1);
    cu.kernel("queue")({1, 1, 1, 128}, x.address(), sum.address(), 5);
    std::uint64_t want = 0;
    for (const int v : in) want += static_cast<std::uint64_t>(v) * static_cast<std::uint64_t>(v + 1);
    CHECK(sum.get()[0] == want);
  });
}

TEST_CASE("nvcc: atomic_ref in all orders") {
  onEachArch("atomicref", [](const Foreign &cu) {
    const auto in = integers<int>(96, -100, 100, 154);
    const Array<int> x(in), words(std::vector<int>{0, 0, 0, -1, 0, -1000, 1000});
    const auto wide = zeros<std::uint64_t>(1);
    const auto real = zeros<float>(1);
    const auto realWide = zeros<double>(1);
    cu.kernel("operations")({3}, x.address(), words.address(), wide.address(), real.address(), realWide.address());
    int sum = 0, any = 0, all = -1, odd = 0;
    std::uint64_t total = 0;
    for (const int v : in) {
      sum += v, any |= v, all &= v, odd ^= v;
      total += static_cast<std::uint32_t>(v) * std::uint64_t{3};
    }
    CHECK(words.get() == std::vector<int>{sum, -sum, any, all, odd, *std::max_element(in.begin(), in.end()),
                                          *std::min_element(in.begin(), in.end())});
    CHECK(wide.get()[0] == total);
    CHECK(real.get()[0] == static_cast<float>(sum));
    CHECK(realWide.get()[0] == sum);

    const auto bytes = zeros<std::uint8_t>(4);
    const Array<std::int16_t> shorts(std::vector<std::int16_t>{-32768, -32768});
    const Array<float> product(std::vector<float>{1});
    cu.kernel("small")({1, 1, 1, 64}, x.address(), bytes.address(), shorts.address(), product.address());
    CHECK(bytes.get() == std::vector<std::uint8_t>{22, 21, 21, 0});
    int odds = 0;
    std::int16_t top[2] = {-32768, -32768};
    for (std::size_t i = 0; i < 64; ++i) {
      odds += in[i] % 2 != 0;
      top[i % 2] = std::max(top[i % 2], static_cast<std::int16_t>(in[i]));
    }
    CHECK(shorts.get() == std::vector<std::int16_t>{top[0], top[1]});
    CHECK(product.get()[0] == std::ldexp(1.0f, odds - (64 - odds)));
  });
}

TEST_CASE("nvcc: messages by release and acquire, fences, waiting") {
  onEachArch("atomicref", [](const Foreign &cu) {
    const Array<int> data(8 * 64), out(8 * 64), last(1), seen(3);
    const auto flags = zeros<int>(8);
    cu.kernel("messages")({8, 1, 1, 64}, data.address(), flags.address(), out.address());
    for (int i = 0; i < 512; ++i)
      REQUIRE(out.get()[static_cast<std::size_t>(i)] == (i / 64 + 7) % 8 * 1000 + 63 - i % 64);
    cu.kernel("fences")({1, 1, 1, 128}, last.address());
    CHECK(last.get()[0] == ((7 * 3 + 1) * 3 + 2) * 3 + 3);
    cu.kernel("waiting")({1, 1, 1, 96}, seen.address());
    CHECK(seen.get() == std::vector<int>{5, 1, 0});
  });
}

TEST_CASE("nvcc: spin locks") {
  onEachArch("locks", [](const Foreign &cu) {
    const auto lock = zeros<int>(1), counter = zeros<int>(2), other = zeros<int>(1);
    cu.kernel("betweenLanes")({2, 1, 1, 48}, lock.address(), counter.address());
    CHECK(counter.get() == std::vector<int>{2 * 47 * 48 / 2, 96});
    cu.kernel("waitInFront")({2, 1, 1, 48}, lock.address(), other.address());
    CHECK(other.get()[0] == 96);

    const auto keys = integers<int>(200, 0, 4, 155);
    const Array<int> k(keys), lists(5 * 100);
    const auto locks = zeros<int>(5), sizes = zeros<int>(5);
    cu.kernel("buckets")({4, 1, 1, 64}, k.address(), locks.address(), sizes.address(), lists.address(), 200, 100);
    const auto lengths = sizes.get();
    std::vector<int> members;
    for (std::size_t b = 0; b < 5; ++b) {
      REQUIRE(lengths[b] == std::count(keys.begin(), keys.end(), static_cast<int>(b)));
      // Only what was written may be read.
      std::vector<int> list(static_cast<std::size_t>(lengths[b]));
      REQUIRE(cuda::cuMemcpyDtoH_v2(list.data(), lists.address() + 400 * b, 4 * list.size()) == Result::Success);
      for (const int i : list) {
        REQUIRE(keys[static_cast<std::size_t>(i)] == static_cast<int>(b));
        members.push_back(i);
      }
    }
    std::sort(members.begin(), members.end());
    CHECK(std::adjacent_find(members.begin(), members.end()) == members.end());
    CHECK(members.size() == 200);
  });
}

TEST_CASE("nvcc: ticket locks, readers and writers, a barrier of the grid") {
  onEachArch("locks", [](const Foreign &cu) {
    const auto next = zeros<std::uint32_t>(1), serving = zeros<std::uint32_t>(1), order = zeros<std::uint32_t>(16);
    cu.kernel("ticketLock")({4, 1, 1, 128}, next.address(), serving.address(), order.address());
    for (std::uint32_t i = 0; i < 16; ++i) REQUIRE(order.get()[i] == i);

    const auto state = zeros<int>(1), pair = zeros<int>(2), torn = zeros<int>(1);
    cu.kernel("readersAndWriters")({4, 1, 1, 128}, state.address(), pair.address(), torn.address());
    CHECK(pair.get() == std::vector<int>{20, 20});
    CHECK(torn.get()[0] == 0);
    CHECK(state.get()[0] == 0);

    const auto arrived = zeros<std::uint32_t>(1);
    const Array<int> values(6 * 7);
    cu.kernel("gridBarrier")({7, 1, 1, 64}, arrived.address(), values.address(), 5);
    for (int p = 0; p <= 5; ++p)
      for (int b = 0; b < 7; ++b) REQUIRE(values.get()[static_cast<std::size_t>(7 * p + b)] == (b + p) % 7 + p);
  });
}

TEST_CASE("nvcc: cuda::barrier in halves") {
  onEachArch("barrier", [](const Foreign &cu) {
    const auto in = normal(96, 156);
    const Array<float> x(in), y(96);
    cu.kernel("split")({1, 1, 1, 96}, x.address(), y.address(), 7);
    std::vector<double> v(in.begin(), in.end());
    for (int r = 0; r < 7; ++r) {
      const auto before = v;
      for (std::size_t t = 0; t < 96; ++t)
        v[t] = 0.5 * before[t] + 0.25 * (before[(t + 1) % 96] + before[(t + 95) % 96]);
    }
    checkClose(y.get(), v, 1e-6, 1e-6);
  });
}

TEST_CASE("nvcc: cuda::barrier with roles, departures, a completion function, parities") {
  onEachArch("barrier", [](const Foreign &cu) {
    const auto in = integers<int>(9 * 96, -9, 9, 157);
    const Array<int> x(in), y(96), counts(7), sums(64), seen(32);
    cu.kernel("producerConsumer")({1, 1, 1, 128}, x.address(), y.address(), 9);
    std::vector<int> want(96);
    for (std::size_t i = 0; i < in.size(); ++i) want[i % 96] = want[i % 96] * 5 + in[i];
    CHECK(y.get() == want);

    cu.kernel("dropOut")({1, 1, 1, 64}, counts.address());
    CHECK(counts.get() == std::vector<int>{56, 104, 144, 176, 200, 216, 224});
    cu.kernel("completion")({1, 1, 1, 64}, sums.address());
    CHECK(sums.get() == std::vector<int>(64, 1 + 2 + 3 + 4 + 5));
    cu.kernel("parities")({1, 1, 1, 64}, seen.address());
    CHECK(seen.get() == std::vector<int>(32, 1234));
  });
}

TEST_CASE("nvcc: memcpy_async that reports to a barrier") {
  onEachArch("barrier", [](const Foreign &cu) {
    const auto in = quads(2 * 5 * 64, 158);
    const Array<Int4> x(in), y(128);
    cu.kernel("copies")({2, 1, 1, 64}, x.address(), y.address(), 5);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t t = 0; t < 64; ++t) {
        Int4 sum{};
        for (std::size_t i = 0; i < 5; ++i) {
          const Int4 v = in[(b * 5 + i) * 64 + 63 - t];
          sum = {sum[0] + v[0], sum[1] ^ v[1], std::max(sum[2], v[2]), sum[3] + static_cast<int>(i) * v[3]};
        }
        REQUIRE(y.get()[b * 64 + t] == sum);
      }
  });
}

TEST_CASE("nvcc: cuda::pipeline") {
  onEachArch("pipeline", [](const Foreign &cu) {
    const auto in = quads(2 * 7 * 64, 159);
    const Array<Int4> x(in), y(128);
    cu.kernel("threadStages")({2, 1, 1, 64}, x.address(), y.address(), 7);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t t = 0; t < 64; ++t) {
        Int4 sum{};
        for (std::size_t i = 0; i < 7; ++i) {
          const Int4 v = in[(b * 7 + i) * 64 + t];
          sum = {sum[0] + v[0], sum[1] - v[1], sum[2] ^ v[2], sum[3] + static_cast<int>(i) * v[3]};
        }
        REQUIRE(y.get()[b * 64 + t] == sum);
      }

    const auto floats = integers<float>(6 * 128, -100, 100, 160);
    const Array<float> f(floats), g(128);
    cu.kernel("blockStages")({1, 1, 1, 128}, f.address(), g.address(), 6);
    for (std::size_t t = 0; t < 128; ++t) {
      float sum = 0;
      for (std::size_t i = 0; i < 6; ++i) sum += floats[i * 128 + 127 - t] * static_cast<float>(i + 1);
      REQUIRE(g.get()[t] == sum);
    }

    const auto words = integers<int>(8 * 96, -9, 9, 161);
    const Array<int> u(words), v(96);
    cu.kernel("roles")({1, 1, 1, 128}, u.address(), v.address(), 8);
    for (std::size_t t = 0; t < 96; ++t) {
      int sum = 0;
      for (std::size_t i = 0; i < 8; ++i) sum = 7 * sum + words[i * 96 + (t + 32 + i) % 96];
      REQUIRE(v.get()[t] == sum);
    }
  });
}

TEST_CASE("nvcc: tiles of threads") {
  onEachArch("coop", [](const Foreign &cu) {
    const auto in = integers<int>(256, -100, 100, 162);
    const Array<int> x(in), y(8 * 64), wide(2);
    cu.kernel("tiles")({1, 1, 1, 64}, x.address(), y.address());
    const auto sumOf = [&](std::size_t first, std::size_t count) {
      const auto part = slice(in, first, count);
      return std::accumulate(part.begin(), part.end(), 0);
    };
    for (std::size_t t = 0; t < 64; ++t) {
      std::vector<int> want;
      for (const std::size_t size : {4, 8, 16, 32}) want.push_back(sumOf(t / size * size, size));
      int ballot = 0, match = 0, any = 0, all = 1;
      for (std::size_t k = 0; k < 4; ++k) {
        const int v = in[t / 4 * 4 + k];
        ballot |= (v > 0) << k, match |= ((v & 1) == (in[t] & 1)) << k, any |= v > 90, all &= v > -90;
      }
      want.insert(want.end(), {in[t ^ 1] * 100 + static_cast<int>(t / 2), ballot * 10 + any * 2 + all, match,
                               16 * 1000 + static_cast<int>(t % 4)});
      REQUIRE(slice(y.get(), 8 * t, 8) == want);
    }
    cu.kernel("wideTiles")({1, 1, 1, 256}, x.address(), wide.address());
    CHECK(wide.get() == std::vector<int>{sumOf(0, 128), sumOf(128, 128)});
  });
}

TEST_CASE("nvcc: coalesced and partitioned groups") {
  onEachArch("coop", [](const Foreign &cu) {
    auto in = integers<int>(192, 0, 999, 163);
    const auto multiples = std::count_if(in.begin(), in.end(), [](int v) { return v % 3 == 0; });
    const Array<int> x(in), y(static_cast<std::size_t>(multiples));
    const auto counts = zeros<int>(2);
    cu.kernel("coalesced")({3, 1, 1, 64}, x.address(), y.address(), counts.address());
    auto got = y.get();
    std::vector<int> want;
    int top = 0;
    for (const int v : in) {
      if (v % 3 == 0) want.push_back(v);
      if (v % 3 == 1) top = std::max(top, v);
    }
    std::sort(got.begin(), got.end());
    std::sort(want.begin(), want.end());
    CHECK(got == want);
    CHECK(counts.get() == std::vector<int>{static_cast<int>(multiples), top});

    in = integers<int>(64, -50, 50, 164);
    const Array<int> u(in), v(5 * 64);
    cu.kernel("partitions")({1, 1, 1, 64}, u.address(), v.address());
    for (std::size_t t = 0; t < 64; ++t) {
      int sum = 0, rank = 0, size = 0, least = INT32_MAX, half = 0;
      for (std::size_t k = t / 32 * 32; k < t / 32 * 32 + 32; ++k) {
        if ((in[k] & 3) == (in[t] & 3)) sum += in[k], rank += k < t, ++size;
        if ((in[k] > 0) == (in[t] > 0)) least = std::min(least, in[k]), ++half;
      }
      REQUIRE(slice(v.get(), 5 * t, 5) == std::vector<int>{sum, rank, size, least, half});
    }
  });
}

TEST_CASE("nvcc: reductions and scans of cooperative groups") {
  onEachArch("coop", [](const Foreign &cu) {
    const auto in = integers<int>(64, -50, 50, 165);
    const auto floats = integers<float>(64, -50, 50, 166);
    const Array<int> x(in), y(8 * 64);
    const Array<float> f(floats), sums(64);
    cu.kernel("library")({1, 1, 1, 64}, x.address(), f.address(), y.address(), sums.address());
    for (std::size_t t = 0; t < 64; ++t) {
      const auto warp = slice(in, t / 32 * 32, 32), quad = slice(in, t / 4 * 4, 4);
      const auto before = slice(in, t / 32 * 32, t % 32), first = slice(in, t / 4 * 4, t % 4);
      const int sum = std::accumulate(before.begin(), before.end(), 0);
      int top = in[t], odd = 0;
      for (const int v : before) top = std::max(top, v);
      for (const int v : warp) odd ^= v;
      REQUIRE(slice(y.get(), 8 * t, 8) == std::vector<int>{std::accumulate(warp.begin(), warp.end(), 0),
                                                           *std::max_element(warp.begin(), warp.end()), odd,
                                                           sum + in[t], sum, top,
                                                           *std::min_element(quad.begin(), quad.end()),
                                                           std::accumulate(first.begin(), first.end(), 0)});
      const auto reals = slice(floats, t / 32 * 32, 32);
      REQUIRE(sums.get()[t] == std::accumulate(reals.begin(), reals.end(), 0.0f));
    }
  });
}

TEST_CASE("nvcc: a grid in step, copies by a group") {
  onEachArch("coop", [](const Foreign &cu) {
    auto in = integers<int>(1000, 0, 1000, 167);
    const Array<int> a(in), b(1000);
    const Kernel kernel = cu.kernel("gridSteps");
    std::uint64_t pa = a.address(), pb = b.address();
    int n = 1000, steps = 6;
    void *arguments[] = {&pa, &pb, &n, &steps};
    launchCooperative(kernel, {5, 1, 1, 64}, arguments);
    for (int s = 0; s < 6; ++s) {
      const auto before = in;
      for (std::size_t i = 0; i < 1000; ++i)
        in[i] = (before[(i + 999) % 1000] + 2 * before[i] + before[(i + 1) % 1000]) / 2 % 1009;
    }
    CHECK(a.get() == in);

    const auto words = integers<int>(2 * 5 * 128, -9, 9, 168);
    const Array<int> x(words), y(256);
    cu.kernel("groupCopy")({2, 1, 1, 128}, x.address(), y.address(), 5);
    for (std::size_t i = 0; i < 256; ++i) {
      int sum = 0;
      for (std::size_t k = 0; k < 5; ++k) sum = sum * 3 + words[(i / 128 * 5 + k) * 128 + 127 - i % 128];
      REQUIRE(y.get()[i] == sum);
    }
  });
}

} // namespace sage::simtest
