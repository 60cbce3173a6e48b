// What the language offers: output.cu, heap.cu, calls.cu, spaces.cu, debug.cu, cpp20.cu, timing.cu.
#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {

TEST_CASE("nvcc: printf") {
  onEachArch("output", [](const Foreign &cu) {
    const Array<char> name(std::vector<char>{'a', ' ', 'n', 'a', 'm', 'e', 0});
    const Kernel kernel = cu.kernel("formats");
    const std::string text = printedBy([&] {
      std::uint64_t address = name.address();
      int n = 7;
      void *arguments[] = {&address, &n};
      kernel.run({1, 1, 1, 64}, arguments);
    });
    CHECK(text == "plain %\n"
                  "-5 42 3000000000 ff ABC 10\n"
                  "[   42] [42   ] [00042] [+42] [007] [   9]\n"
                  "-5000000000 18446744073709551615 123456789abc 77\n"
                  "1.500000 0.67      3.142 1.234568e+04 0.0001 1E+20\n"
                  "abc [   right] [left    ] [cu]\n"
                  "a name has 7, some\n"
                  "-3 -300 12\n"
                  "thread 33: 0.100000001\n");

    const Array<int> counts(32);
    const std::string digits = printedBy([&] { cu.kernel("countOfPrintf")({}, counts.address()); });
    CHECK(std::count(digits.begin(), digits.end(), '.') == 32);
    CHECK(counts.get() == std::vector<int>(32, 1));
  });
}

TEST_CASE("nvcc: assert and trap") {
  const auto check = [](const Foreign &cu, const std::string &name, int bad, Result code, const std::string &kind) {
    auto in = integers<int>(64, 0, 9, 101);
    const Array<int> good(in);
    cu.kernel(name)({1, 1, 1, 64}, good.address());
    in[40] = bad;
    const Array<int> x(in);
    Kernel kernel = cu.kernel(name);
    CHECK(kernel.tryLaunch({1, 1, 1, 64}, x.address()) == code);
    const Report report = lastReport();
    CHECK(report.kind == kind);
    CHECK(report.thread == std::vector<unsigned>{40, 0, 0});
    return report;
  };
  onEachArch(
      "output",
      [&](const Foreign &cu) {
        const Report report = check(cu, "asserts", 10, Result::Assert, "assert");
        CHECK(report.message.find("in[threadIdx.x] < 10 && \"too much\"") != std::string::npos);
        CHECK(report.message.find("output.cu") != std::string::npos);
      },
      Reports::Wanted);
  onEachArch(
      "output", [&](const Foreign &cu) { check(cu, "traps", 13, Result::LaunchFailed, "trap"); }, Reports::Wanted);
}

TEST_CASE("nvcc: trees and arrays from the device's heap") {
  onEachArch("heap", [](const Foreign &cu) {
    auto in = integers<int>(64 * 20, 0, 15, 102);
    const Array<int> x(in), y(in.size());
    cu.kernel("treeSort")({2, 1, 1, 32}, x.address(), y.address(), 20);
    for (long t = 0; t < 64; ++t) std::sort(in.begin() + 20 * t, in.begin() + 20 * (t + 1));
    CHECK(y.get() == in);

    const auto sums = zeros<int>(3);
    cu.kernel("blockArray")({3, 1, 1, 64}, sums.address(), 100);
    CHECK(sums.get() == std::vector<int>{4950, 2 * 4950, 3 * 4950});

    const Array<int> none(1);
    cu.kernel("tooMuch")({1, 1, 1, 1}, none.address());
    CHECK(none.get()[0] == 1);
  });
}

TEST_CASE("nvcc: a list that lives from one kernel to the next") {
  onEachArch("heap", [](const Foreign &cu) {
    const auto in = integers<int>(96, -1000, 1000, 103);
    const Array<int> x(in);
    const auto sum = zeros<long long>(1);
    const auto count = zeros<int>(1);
    Kernel push = cu.kernel("pushAll");
    cuda::Module module = nullptr;
    cuda::Function pop = nullptr;
    REQUIRE(cuda::cuFuncGetModule(&module, push.handle()) == Result::Success);
    REQUIRE(cuda::cuModuleGetFunction(&pop, module, "popAll") == Result::Success);
    push({3, 1, 1, 32}, x.address());
    std::uint64_t sumAddress = sum.address(), countAddress = count.address();
    void *arguments[] = {&sumAddress, &countAddress};
    REQUIRE(cuda::cuLaunchKernel(pop, 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr) == Result::Success);
    CHECK(count.get()[0] == 96);
    CHECK(sum.get()[0] == std::accumulate(in.begin(), in.end(), 0));
  });
}

TEST_CASE("nvcc: structures by value") {
  onEachArch("calls", [](const Foreign &cu) {
    using V = std::array<double, 3>;
    const auto cross = [](V a, V b) {
      return V{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    };
    const auto in = integers<double>(96, -20, 20, 104);
    const Array<double> x(in), y(96);
    cu.kernel("structures")({}, x.address(), y.address());
    std::vector<double> want;
    for (std::size_t t = 0; t < 96; t += 3) {
      const V a{in[t], in[t + 1], in[t + 2]}, c = cross(cross(a, V{a[2], a[0], a[1]}), a);
      want.insert(want.end(), c.begin(), c.end());
    }
    CHECK(y.get() == want);

    const auto words = integers<int>(9 * 40, -99, 99, 105);
    const Array<int> u(words), v(400);
    cu.kernel("wideValues")({1, 1, 1, 40}, u.address(), v.address());
    for (std::size_t t = 0; t < 40; ++t) {
      for (std::size_t i = 0; i < 9; ++i) REQUIRE(v.get()[10 * t + i] == words[9 * t + (i + t % 5 + 3) % 9]);
      REQUIRE(v.get()[10 * t + 9] == 'a' + static_cast<int>(t % 5) + 3);
    }
  });
}

TEST_CASE("nvcc: recursion") {
  onEachArch("calls", [](const Foreign &cu) {
    const Array<int> y(96);
    cu.kernel("recursion")({}, y.address());
    const int fibonacci[] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144};
    for (int t = 0; t < 32; ++t) {
      const auto at = static_cast<std::size_t>(3 * t);
      REQUIRE(y.get()[at] == fibonacci[t % 13]);
      REQUIRE(y.get()[at + 1] == (t + 1) % 2);
      REQUIRE(y.get()[at + 2] == 2 * (t % 6) + 3); // Ackermann's function of 2 and n
    }

    auto in = integers<std::int16_t>(32 * 40, -300, 300, 106);
    const Array<std::int16_t> u(in), v(in.size());
    cu.kernel("sortEach")({}, u.address(), v.address(), 40);
    for (long t = 0; t < 32; ++t) std::sort(in.begin() + 40 * t, in.begin() + 40 * (t + 1));
    CHECK(v.get() == in);
  });
}

TEST_CASE("nvcc: calls through pointers and virtual ones") {
  onEachArch("calls", [](const Foreign &cu) {
    const auto which = integers<int>(64, 0, 2, 107);
    const auto in = integers<float>(64, -8, 8, 108);
    const Array<int> w(which);
    const Array<float> x(in), y(64), z(128);
    cu.kernel("pointers")({1, 1, 1, 64}, w.address(), x.address(), y.address());
    cu.kernel("virtuals")({1, 1, 1, 64}, x.address(), z.address());
    for (std::size_t t = 0; t < 64; ++t) {
      const float a = in[t], b = static_cast<float>(t % 4), area = (t % 3 == 0 ? 3 : 1) * a * a;
      REQUIRE(y.get()[t] == (which[t] == 0 ? a + b : which[t] == 1 ? a * b : std::pow(a, b)));
      REQUIRE(z.get()[2 * t] == area);
      REQUIRE(z.get()[2 * t + 1] == 4 * area);
    }

    const auto numbers = integers<int>(32, -1000, 1000, 109);
    const Array<int> n(numbers);
    const Array<long long> sums(32);
    cu.kernel("templates")({}, n.address(), sums.address());
    for (std::size_t t = 0; t < 32; ++t) REQUIRE(sums.get()[t] == 3 * numbers[t] + 2999999999ll);
  });
}

TEST_CASE("nvcc: constants and variables of the module") {
  onEachArch("spaces", [](const Foreign &cu) {
    const auto index = integers<int>(32, 0, 100, 110);
    const Array<int> x(index), z(32);
    const Array<float> y(32);
    cu.kernel("constants")({}, x.address(), y.address());
    const auto tap = [](int i) { return static_cast<float>(i % 9 % 2 ? -(i % 9 + 1) : i % 9 + 1); };
    for (int t = 0; t < 32; ++t) {
      const int i = index[static_cast<std::size_t>(t)];
      REQUIRE(y.get()[static_cast<std::size_t>(t)] == tap(i) * tap(i + t) + static_cast<float>(i % 4 * 4 + t % 4 + 1));
    }

    Kernel variables = cu.kernel("variables");
    const int start = 1000;
    writeVariable(variables, "counter", &start, sizeof start);
    variables({}, z.address());
    const std::string words[] = {"alpha", "beta", "gamma"};
    int total = start;
    for (int t = 0; t < 32; ++t) {
      const std::string &word = words[t % 3];
      total += static_cast<int>(word.size());
      const int cell = (t % 2 ? -1 : 1) * (2 * (t % 3) + 1);
      REQUIRE(z.get()[static_cast<std::size_t>(t)] == word[static_cast<std::size_t>(t % 4)] + 250 + t % 5 + cell);
    }
    int seen[4];
    readVariable(variables, "hostSees", seen, sizeof seen);
    CHECK(seen[0] == total);
    CHECK(seen[1] == 5);
  });
}

TEST_CASE("nvcc: dynamic shared memory, large parameters, three dimensions, local arrays") {
  onEachArch("spaces", [](const Foreign &cu) {
    const auto in = integers<std::int16_t>(48, -300, 300, 111);
    const Array<std::int16_t> x(in);
    const Array<double> y(48), z(64);
    cu.kernel("carved")({1, 1, 1, 48, 1, 1, 48 * 15}, x.address(), y.address(), 48);
    for (std::size_t t = 0; t < 48; ++t) {
      const int v = in[47 - t];
      REQUIRE(y.get()[t] == v + (v & 255) + v * v + v / 8.0);
    }

    struct Big {
      float weights[200];
      int order[8];
      double scale;
    } big{};
    struct {
      unsigned char b[3];
    } small{{10, 20, 30}};
    for (int i = 0; i < 200; ++i) big.weights[i] = static_cast<float>(i * i % 37);
    for (int i = 0; i < 8; ++i) big.order[i] = i * 37 % 101;
    big.scale = 0.25;
    cu.kernel("largeParameters")({1, 1, 1, 64}, big, small, z.address());
    for (int t = 0; t < 64; ++t) {
      double sum = 0;
      for (const int o : big.order) sum += static_cast<double>(big.weights[o + t]);
      REQUIRE(z.get()[static_cast<std::size_t>(t)] == sum * 0.25 + small.b[t % 3]);
    }

    const Array<int> places(2 * 3 * 2 * 5 * 3 * 2);
    cu.kernel("coordinates")({2, 3, 2, 5, 3, 2}, places.address());
    std::size_t at = 0;
    for (int bz = 0; bz < 2; ++bz)
      for (int by = 0; by < 3; ++by)
        for (int bx = 0; bx < 2; ++bx)
          for (int k = 0; k < 30; ++k)
            REQUIRE(places.get()[at++] ==
                    k % 5 + 10 * (k / 5 % 3) + 100 * (k / 15) + 1000 * bx + 10000 * by + 100000 * bz);

    const auto order = [] {
      std::vector<int> v(16);
      std::iota(v.begin(), v.end(), 0);
      std::shuffle(v.begin(), v.end(), std::mt19937(112));
      return v;
    }();
    const Array<int> o(order), out(32 * 16);
    cu.kernel("localArrays")({}, o.address(), out.address());
    for (std::size_t t = 0; t < 32; ++t) {
      std::vector<int> v(16);
      for (int i = 0; i < 16; ++i)
        v[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = i * static_cast<int>(t);
      v[static_cast<std::size_t>(order[t % 16])] += 1000;
      for (std::size_t i = 0; i < 16; ++i) REQUIRE(out.get()[16 * t + i] == v[i]);
    }
  });
}

TEST_CASE("nvcc: a build for the debugger") {
  onEachArch("debug", [](const Foreign &cu) {
    const auto in = normal(64, 113);
    const std::vector<double> z(in.begin(), in.end());
    const Array<double> x(z), y(64);
    cu.kernel("polynomials")({}, x.address(), y.address(), 6);
    std::vector<double> want;
    for (std::size_t t = 0; t < 64; t += 2) {
      double re = 0, im = 0;
      for (int k = 6; k >= 0; --k) {
        const double r = re * z[t] - im * z[t + 1] + k;
        im = re * z[t + 1] + im * z[t] + 1, re = r;
      }
      want.insert(want.end(), {re, im});
    }
    checkClose(y.get(), want, 1e-12, 1e-12);

    const auto numbers = integers<int>(50, 0, 32, 114);
    const Array<int> n(numbers);
    const Array<long long> counts(64);
    cu.kernel("countsAndBinomials")({}, n.address(), 50, counts.address());
    const int binomials[] = {1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1};
    for (int t = 0; t < 32; ++t) {
      const auto at = static_cast<std::size_t>(2 * t);
      REQUIRE(counts.get()[at] == std::count_if(numbers.begin(), numbers.end(), [&](int v) { return v > t; }));
      REQUIRE(counts.get()[at + 1] == binomials[t % 11]);
    }

    const auto floats = normal(128, 115);
    const Array<float> f(floats), sum(1), values(32);
    cu.kernel("blockSum")({1, 1, 1, 128}, f.address(), sum.address());
    CHECK(sum.get()[0] == Approx(std::accumulate(floats.begin(), floats.end(), 0.0)).margin(1e-5));
    cu.kernel("functionsInDebug")({}, f.address(), values.address());
    want.clear();
    for (int t = 0; t < 32; ++t) {
      const double v = floats[static_cast<std::size_t>(t)];
      want.push_back(std::sin(v) + std::exp(v) / (1 + std::pow(std::abs(v), 1.5)) - std::popcount(unsigned(t)) % 3);
    }
    checkClose(values.get(), want, 1e-5, 1e-5);
  });
}

TEST_CASE("nvcc: C++20") {
  onEachArch("cpp20", [](const Foreign &cu) {
    const auto in = integers<int>(12 * 32, -9, 9, 116);
    const Array<int> x(in), y(128), z(6);
    cu.kernel("generic")({}, x.address(), y.address());
    for (std::size_t t = 0; t < 32; ++t) {
      const int *v = in.data() + 12 * t;
      int sum = 0, reversed = 0;
      for (int i = 0; i < 12; ++i) sum += v[i] * (i / 4 + 1), reversed += v[11 - i] * (i / 3 + 1);
      const auto word = static_cast<unsigned>(in[t]);
      REQUIRE(y.get()[4 * t] == std::max(sum, reversed));
      REQUIRE(y.get()[4 * t + 1] == v[0] + v[1] + v[2] + v[0] * v[1] * v[2] - 3 + static_cast<int>(t % 16 * (t % 16)));
      REQUIRE(y.get()[4 * t + 2] == (t <= 4) + 2 * std::popcount(word)); // {1, t, true} < {1, 5, false}
      REQUIRE(y.get()[4 * t + 3] == static_cast<int>(std::bit_width(word)));
    }
    const std::string text = "000712349 12000000999x9 ";
    const Array<char> c(std::vector<char>(text.begin(), text.end()));
    cu.kernel("numbersInText")({1, 1, 1, 6}, c.address(), z.address(), 4);
    CHECK(z.get() == std::vector<int>{7, 1234, -1, 0, 99, -1});
  });
}

TEST_CASE("nvcc: clocks go forward, a flag is seen in time") {
  onEachArch("timing", [](const Foreign &cu) {
    const Array<long long> x(256);
    cu.kernel("clocks")({1, 1, 1, 64}, x.address());
    for (std::size_t t = 0; t < 256; t += 4) {
      REQUIRE(x.get()[t] > 0);
      REQUIRE(x.get()[t + 1] > 0);
      REQUIRE(x.get()[t + 2] > 0);
      REQUIRE(x.get()[t + 3] == 1);
    }
    const auto flag = zeros<int>(1);
    const Array<int> seen(6);
    cu.kernel("pollWithLimit")({6}, flag.address(), seen.address());
    CHECK(seen.get() == std::vector<int>{1, 42, 42, 42, 42, 42});
  });
}

TEST_CASE("nvcc: special registers") {
  onEachArch("timing", [](const Foreign &cu) {
    const Array<std::uint32_t> x(2 * 64 * 10);
    cu.kernel("whoAmI")({2, 1, 1, 64, 1, 1, 96}, x.address());
    for (std::uint32_t i = 0; i < 128; ++i) {
      const std::uint32_t lane = i % 32, bit = 1u << lane;
      const std::vector<std::uint32_t> want{lane, 1, bit, bit - 1, bit | (bit - 1), 0u - bit - bit, 0u - bit, 1, 1, 96};
      const auto all = x.get();
      REQUIRE(std::vector<std::uint32_t>(all.begin() + 10 * i, all.begin() + 10 * (i + 1)) == want);
    }
  });
}

} // namespace sage::simtest
