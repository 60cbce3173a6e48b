// Data that moves and pointers that are followed: compact.cu, graph.cu, strings.cu, fractal.cu, transpose.cu, cache.cu,
// random.cu.
#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "Harness.h"

namespace sage::simtest {
namespace {

using Edge = std::array<int, 2>;

std::vector<Edge> randomEdges(std::size_t count, int vertices, unsigned seed) {
  const auto ends = integers<int>(2 * count, 0, vertices - 1, seed);
  std::vector<Edge> edges(count);
  for (std::size_t i = 0; i < count; ++i) edges[i] = {ends[2 * i], ends[2 * i + 1]};
  return edges;
}

/// The targets of each vertex, one list behind the other.
struct Adjacency {
  std::vector<int> starts, targets;
  Adjacency(const std::vector<Edge> &edges, std::size_t vertices) : starts(vertices + 1) {
    auto sorted = edges;
    std::sort(sorted.begin(), sorted.end());
    for (const Edge &e : sorted) ++starts[static_cast<std::size_t>(e[0]) + 1], targets.push_back(e[1]);
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
  }
};

/// The least member of each vertex's component.
std::vector<int> componentsOf(const std::vector<Edge> &edges, std::size_t vertices) {
  std::vector<int> label(vertices);
  std::iota(label.begin(), label.end(), 0);
  for (bool changed = true; changed;) {
    changed = false;
    for (const Edge &e : edges) {
      int &a = label[static_cast<std::size_t>(e[0])], &b = label[static_cast<std::size_t>(e[1])];
      if (a != b) a = b = std::min(a, b), changed = true;
    }
  }
  return label;
}

template <class T> Array<T> numbered(std::size_t count) {
  std::vector<T> v(count);
  std::iota(v.begin(), v.end(), T(0));
  return Array<T>(v);
}

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint64_t seed) {
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
    const std::uint64_t p = std::uint64_t{0xD2511F53} * c[0], q = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p)};
  }
  return c;
}

/// Extra cycles that the kernels called NAME have taken for bank conflicts so far.
std::uint64_t bankConflicts(const std::string &name) {
  const auto counters = nlohmann::json::parse(cuda::sagesimCounters());
  std::uint64_t conflicts = 0;
  for (const auto &k : counters.at("kernels"))
    if (k.at("name") == name) conflicts += k.at("bank_conflicts").get<std::uint64_t>();
  return conflicts;
}

} // namespace

TEST_CASE("nvcc: compaction and partition") {
  onEachArch("compact", [](const Foreign &cu) {
    const auto in = integers<int>(500, -50, 50, 201);
    std::vector<int> want;
    for (const int v : in)
      if (v > 0) want.push_back(v);
    const Array<int> x(in), y(want.size());
    const auto count = zeros<int>(1);
    cu.kernel("compactByWarp")({4, 1, 1, 128}, x.address(), y.address(), count.address(), 500);
    CHECK(count.get()[0] == static_cast<int>(want.size()));
    auto got = y.get();
    std::sort(got.begin(), got.end());
    std::sort(want.begin(), want.end());
    CHECK(got == want);

    const std::vector<int> part(in.begin(), in.begin() + 256);
    const Array<int> u(part), v(256);
    cu.kernel("partitionStable")({1, 1, 1, 256}, u.address(), v.address());
    std::vector<int> evensFirst;
    for (const int odd : {0, 1})
      for (const int k : part)
        if (std::abs(k % 2) == odd) evensFirst.push_back(k);
    CHECK(v.get() == evensFirst);
  });
}

TEST_CASE("nvcc: runs, bounds, owners") {
  onEachArch("compact", [](const Foreign &cu) {
    auto in = integers<std::uint8_t>(700, 0, 2, 202);
    std::fill(in.begin() + 100, in.begin() + 400, std::uint8_t{1});
    const Array<std::uint8_t> x(in);
    std::vector<std::uint8_t> symbols;
    std::vector<int> starts;
    for (std::size_t i = 0; i < in.size(); ++i)
      if (i == 0 || in[i] != in[i - 1]) symbols.push_back(in[i]), starts.push_back(static_cast<int>(i));
    starts.push_back(700);
    const Array<std::uint8_t> s(symbols.size());
    const Array<int> at(starts.size()), count(1);
    cu.kernel("runLengths")({1, 1, 1, 128}, x.address(), s.address(), at.address(), count.address(), 700);
    CHECK(s.get() == symbols);
    CHECK(at.get() == starts);
    CHECK(count.get()[0] == static_cast<int>(symbols.size()));

    auto keys = normal(600, 203);
    std::sort(keys.begin(), keys.end());
    auto queries = normal(200, 204);
    queries[0] = keys[77], queries[1] = -100, queries[2] = 100;
    const Array<float> k(keys), q(queries);
    const Array<int> bounds(200), owners(700);
    cu.kernel("lowerBound")({2, 1, 1, 128}, k.address(), 600, q.address(), bounds.address(), 200);
    for (std::size_t i = 0; i < 200; ++i)
      REQUIRE(bounds.get()[i] == std::lower_bound(keys.begin(), keys.end(), queries[i]) - keys.begin());

    cu.kernel("expand")({6, 1, 1, 128}, at.address(), static_cast<int>(symbols.size()), owners.address(), 700);
    std::size_t run = 0;
    for (int i = 0; i < 700; ++i) {
      run += i == starts[run + 1];
      REQUIRE(owners.get()[static_cast<std::size_t>(i)] == static_cast<int>(run));
    }
  });
}

TEST_CASE("nvcc: breadth-first search") {
  onEachArch("graph", [](const Foreign &cu) {
    const Adjacency graph(randomEdges(600, 300, 205), 300);
    std::vector<int> want(300, -1);
    want[0] = 0;
    for (int level = 0; level < 300; ++level)
      for (std::size_t v = 0; v < 300; ++v)
        if (want[v] == level)
          for (auto k = static_cast<std::size_t>(graph.starts[v]); k < static_cast<std::size_t>(graph.starts[v + 1]);
               ++k)
            if (int &w = want[static_cast<std::size_t>(graph.targets[k])]; w == -1) w = level + 1;

    const Array<int> starts(graph.starts), targets(graph.targets);
    std::vector<int> unknown(300, -1);
    unknown[0] = 0;
    const Array<int> levels(unknown);
    const auto one = zeros<int>(300), other = zeros<int>(300);
    Kernel step = cu.kernel("bfsLevel");
    int size = 1;
    for (int level = 1; size > 0; ++level) {
      const auto next = zeros<int>(1);
      const Buffer &from = level % 2 ? one : other, &to = level % 2 ? other : one;
      step({2, 1, 1, 64}, starts.address(), targets.address(), from.address(), size, levels.address(), to.address(),
           next.address(), level);
      size = next.get()[0];
    }
    CHECK(levels.get() == want);
  });
}

TEST_CASE("nvcc: components and regions by union and find") {
  onEachArch("graph", [](const Foreign &cu) {
    const auto edges = randomEdges(250, 400, 206);
    const Array<Edge> e(edges);
    const auto parent = numbered<int>(400);
    cu.kernel("components")({2, 1, 1, 128}, e.address(), parent.address(), 250);
    cu.kernel("flatten")({4, 1, 1, 128}, parent.address(), 400);
    CHECK(parent.get() == componentsOf(edges, 400));

    const auto image = integers<std::uint8_t>(30 * 20, 0, 1, 207);
    std::vector<Edge> same;
    for (int i = 0; i < 600; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (i % 30 > 0 && image[at] == image[at - 1]) same.push_back({i, i - 1});
      if (i >= 30 && image[at] == image[at - 30]) same.push_back({i, i - 30});
    }
    const Array<std::uint8_t> pixels(image);
    const auto labels = numbered<int>(600);
    cu.kernel("regions")({1, 20, 1, 32}, pixels.address(), labels.address(), 30, 20);
    cu.kernel("flatten")({5, 1, 1, 128}, labels.address(), 600);
    CHECK(labels.get() == componentsOf(same, 600));
  });
}

TEST_CASE("nvcc: shortest paths, triangles, ranks") {
  onEachArch("graph", [](const Foreign &cu) {
    const auto ends = randomEdges(500, 120, 208);
    const auto lengths = integers<int>(500, 1, 100, 209);
    std::vector<std::array<int, 3>> edges(500);
    for (std::size_t i = 0; i < 500; ++i) edges[i] = {ends[i][0], ends[i][1], lengths[i]};
    std::vector<int> want(120, 1 << 29);
    want[0] = 0;
    const Array<int> distance(want), rounds(1);
    const Array<std::array<int, 3>> e(edges);
    cu.kernel("distances")({1, 1, 1, 128}, e.address(), distance.address(), 500, rounds.address());
    CHECK(rounds.get()[0] >= 2);
    for (int round = 0; round < 120; ++round)
      for (const auto &edge : edges) {
        int &to = want[static_cast<std::size_t>(edge[1])];
        to = std::min(to, want[static_cast<std::size_t>(edge[0])] + edge[2]);
      }
    for (int &v : want) v = std::min(v, 1 << 29);
    CHECK(distance.get() == want);

    std::vector<std::uint32_t> rows(120 * 4);
    const auto set = [&](int a, int b) { rows[static_cast<std::size_t>(a * 4 + b / 32)] |= 1u << b % 32; };
    const auto has = [&](int a, int b) { return rows[static_cast<std::size_t>(a * 4 + b / 32)] >> b % 32 & 1; };
    for (const Edge &edge : ends)
      if (edge[0] != edge[1]) set(edge[0], edge[1]), set(edge[1], edge[0]);
    const Array<std::uint32_t> bits(rows);
    const auto count = zeros<std::uint64_t>(1);
    cu.kernel("triangles")({30, 1, 1, 128}, bits.address(), count.address(), 120);
    std::uint64_t triples = 0;
    for (int a = 0; a < 120; ++a)
      for (int b = 0; b < 120; ++b)
        for (int c = 0; c < 120; ++c) triples += has(a, b) & has(b, c) & has(c, a);
    CHECK(count.get()[0] == triples);

    std::vector<Edge> turned;
    std::vector<int> degree(120);
    for (const Edge &edge : ends) turned.push_back({edge[1], edge[0]}), ++degree[static_cast<std::size_t>(edge[0])];
    const Adjacency in(turned, 120);
    const auto from = normal(120, 210);
    const Array<int> starts(in.starts), sources(in.targets), out(degree);
    const Array<float> f(from), t(120);
    cu.kernel("rank")({1, 1, 1, 128}, starts.address(), sources.address(), out.address(), f.address(), t.address(),
                      120);
    std::vector<double> ranks(120, 0.15 / 120);
    for (const Edge &edge : ends)
      ranks[static_cast<std::size_t>(edge[1])] += 0.85 * static_cast<double>(from[static_cast<std::size_t>(edge[0])]) /
                                                  degree[static_cast<std::size_t>(edge[0])];
    checkClose(t.get(), ranks, 1e-5, 1e-6);
  });
}

TEST_CASE("nvcc: text") {
  onEachArch("strings", [](const Foreign &cu) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += i % 7 == 0 ? "The\n" : i % 3 == 0 ? "needle in " : "a Haystack  of words ";
    const Array<char> t(std::vector<char>(text.begin(), text.end())), word(std::vector<char>{'n', 'e', 'e'});
    const auto n = static_cast<int>(text.size());
    const auto count = zeros<int>(1), counts = zeros<int>(3);
    std::vector<int> want;
    for (std::size_t at = text.find("nee"); at != std::string::npos; at = text.find("nee", at + 1))
      want.push_back(static_cast<int>(at));
    const Array<int> places(want.size());
    cu.kernel("search")({8, 1, 1, 128}, t.address(), n, word.address(), 3, places.address(), count.address());
    auto got = places.get();
    std::sort(got.begin(), got.end());
    CHECK(got == want);

    cu.kernel("countWords")({2, 1, 1, 96}, t.address(), n, counts.address());
    int words = 0, lines = 0, capitals = 0;
    char before = ' ';
    for (const char c : text) {
      words += !std::isspace(c) && std::isspace(before), lines += c == '\n', capitals += std::isupper(c) != 0;
      before = c;
    }
    CHECK(counts.get() == std::vector<int>{words, lines, capitals});

    const std::string a = text.substr(0, 90), b = text.substr(13, 101);
    const Array<char> da(std::vector<char>(a.begin(), a.end())), db(std::vector<char>(b.begin(), b.end()));
    const Array<int> distance(1);
    cu.kernel("editDistance")({1, 1, 1, 128}, da.address(), 90, db.address(), 101, distance.address());
    std::vector<std::vector<int>> d(91, std::vector<int>(102));
    for (std::size_t i = 0; i <= 90; ++i)
      for (std::size_t j = 0; j <= 101; ++j)
        d[i][j] = i == 0 || j == 0
                      ? static_cast<int>(i + j)
                      : std::min({d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), d[i - 1][j] + 1, d[i][j - 1] + 1});
    CHECK(distance.get()[0] == d[90][101]);
  });
}

TEST_CASE("nvcc: checksums, hexadecimal, a hash table") {
  onEachArch("strings", [](const Foreign &cu) {
    std::vector<std::uint8_t> data(64 * 9);
    std::memcpy(data.data(), "123456789", 9);
    for (std::size_t i = 9; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * i);
    const Array<std::uint8_t> x(data);
    const Array<std::uint32_t> sums(64);
    cu.kernel("checksum")({2}, x.address(), sums.address(), 9);
    CHECK(sums.get()[0] == 0xCBF43926); // the known one of "123456789"
    for (std::size_t t = 0; t < 64; ++t) {
      std::uint32_t c = ~0u;
      for (std::size_t i = 0; i < 72; ++i) {
        const std::uint32_t bit = (c ^ data[9 * t + i / 8] >> i % 8) & 1;
        c = c >> 1 ^ (bit ? 0xEDB88320 : 0);
      }
      REQUIRE(sums.get()[t] == ~c);
    }

    const Array<char> letters(2 * data.size());
    cu.kernel("hexadecimal")({5, 1, 1, 128}, x.address(), letters.address(), static_cast<int>(data.size()));
    const auto hex = letters.get();
    for (std::size_t i = 0; i < data.size(); ++i) {
      REQUIRE(hex[2 * i] == "0123456789abcdef"[data[i] / 16]);
      REQUIRE(hex[2 * i + 1] == "0123456789abcdef"[data[i] % 16]);
    }

    const auto keys = integers<std::uint32_t>(300, 1, 90, 211);
    const Array<std::uint32_t> k(keys);
    const auto table = zeros<std::uint32_t>(128);
    const auto values = zeros<int>(128);
    cu.kernel("insertAll")({3, 1, 1, 128}, k.address(), table.address(), values.address(), 300, 127u);
    std::vector<int> want(91), got(91);
    for (std::size_t i = 0; i < 300; ++i) want[keys[i]] += static_cast<int>(i);
    for (std::size_t at = 0; at < 128; ++at)
      if (const std::uint32_t key = table.get()[at]) {
        REQUIRE(got[key] == 0);
        got[key] = values.get()[at];
      }
    CHECK(got == want);
  });
}

TEST_CASE("nvcc: fractals and rays") {
  onEachArch("fractal", [](const Foreign &cu) {
    const Array<int> x(60 * 40), hits(64 * 40);
    cu.kernel("mandelbrot")({4, 5, 1, 16, 8}, x.address(), 60, 40, 100);
    for (int p = 0; p < 2400; ++p) {
      const double cx = -2.0 + 3.0 * (p % 60) / 60, cy = -1.0 + 2.0 * (p / 60) / 40;
      double zx = 0, zy = 0;
      int n = 0;
      while (n < 100 && zx * zx + zy * zy < 4) {
        const double t = zx * zx - zy * zy + cx;
        zy = 2 * zx * zy + cy, zx = t;
        ++n;
      }
      REQUIRE(x.get()[static_cast<std::size_t>(p)] == n);
    }

    // From the start, which root: the nearest one is enough where convergence is quick, so iterate here too.
    const Array<std::uint8_t> roots(32 * 32);
    cu.kernel("newton")({32}, roots.address(), 32);
    for (int p = 0; p < 1024; ++p) {
      double a = (p % 32 - 16 + 0.25) / 8, b = (p / 32 - 16 + 0.25) / 8;
      for (int step = 0; step < 60; ++step) {
        const double a2 = a * a - b * b, b2 = 2 * a * b, r = a2 * a2 + b2 * b2;
        a = (2 * a + a2 / r) / 3, b = (2 * b - b2 / r) / 3;
      }
      REQUIRE(roots.get()[static_cast<std::size_t>(p)] == (a > 0 ? 0 : b > 0 ? 1 : 2));
    }

    cu.kernel("trace")({1, 40, 1, 64}, hits.address(), 64, 40);
    const auto got = hits.get();
    int differences = 0; // at the silhouettes a rounding decides
    for (int p = 0; p < 64 * 40; ++p) {
      double d[3] = {(p % 64 - 32.0) / 64, (20.0 - p / 64) / 64, 1};
      const double length = std::sqrt(d[0] * d[0] + d[1] * d[1] + 1);
      double t = 0;
      int hit = 0;
      for (int step = 0; step < 64 && t < 20 && hit == 0; ++step) {
        double nearest = d[1] / length * t + 1;
        int what = 1;
        for (int s = 0; s < 3; ++s) {
          const double ex = d[0] / length * t - (s - 1) * 1.5, ey = d[1] / length * t + 0.25 * s;
          const double ez = t / length - 4 - s, sphere = std::sqrt(ex * ex + ey * ey + ez * ez) - 0.8;
          if (sphere < nearest) nearest = sphere, what = 2 + s;
        }
        if (nearest < 1e-3) hit = what;
        t += nearest;
      }
      differences += got[static_cast<std::size_t>(p)] != hit;
    }
    CHECK(differences <= 5);
    for (int k = 0; k < 5; ++k) CHECK(std::count(got.begin(), got.end(), k) > 0);
  });
}

TEST_CASE("nvcc: transpositions") {
  onEachArch("transpose", [](const Foreign &cu) {
    const auto in = normal(96 * 64, 212);
    std::vector<float> want(in.size());
    for (std::size_t i = 0; i < in.size(); ++i) want[i % 96 * 64 + i / 96] = in[i];
    for (const char *name : {"transposeConflicts", "transposePadded", "transposeSwizzled"}) {
      INFO(name);
      const Array<float> x(in), y(in.size());
      const std::uint64_t before = bankConflicts(name);
      cu.kernel(name)({3, 2, 1, 32, 8}, x.address(), y.address(), 96, 64);
      CHECK(y.get() == want);
      // 32 lanes in one bank, for each of 32 columns in six tiles; or none at all.
      CHECK(bankConflicts(name) - before == (name == std::string("transposeConflicts") ? 6 * 32 * 31 : 0));
    }

    const auto bits = integers<std::uint32_t>(64, 0, 0xffffffff, 213);
    const Array<std::uint32_t> u(bits), v(64);
    cu.kernel("transposeBits")({2}, u.address(), v.address());
    for (std::size_t i = 0; i < 64; ++i)
      for (std::size_t j = 0; j < 32; ++j) REQUIRE((v.get()[i] >> j & 1) == (bits[i / 32 * 32 + j] >> i % 32 & 1));

    const auto square = integers<std::int16_t>(48 * 48, -999, 999, 214);
    const Array<std::int16_t> s(square);
    cu.kernel("transposeInPlace")({3, 3, 1, 16, 16}, s.address(), 48);
    for (std::size_t i = 0; i < 48 * 48; ++i) REQUIRE(s.get()[i] == square[i % 48 * 48 + i / 48]);

    const std::vector<double> tensor(in.begin(), in.begin() + 3 * 5 * 7 * 4);
    const Array<double> p(tensor), q(tensor.size());
    cu.kernel("permute")({2, 1, 1, 64}, p.address(), q.address(), std::array<int, 4>{3, 5, 7, 4});
    std::vector<double> moved(tensor.size());
    std::size_t at = 0;
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 5; ++b)
        for (std::size_t c = 0; c < 7; ++c)
          for (std::size_t d = 0; d < 4; ++d) moved[((c * 3 + a) * 4 + d) * 5 + b] = tensor[at++];
    CHECK(q.get() == moved);
  });
}

TEST_CASE("nvcc: loads and stores with hints") {
  onEachArch("cache", [](const Foreign &cu) {
    const auto in = integers<int>(100, -1000, 1000, 215);
    const Array<int> x(in), y(400);
    cu.kernel("hints")({1, 1, 1, 128}, x.address(), y.address(), 100);
    for (std::size_t i = 0; i < 400; ++i) REQUIRE(y.get()[i] == 21 * in[i / 4] + static_cast<int>(i % 4));

    const auto floats = normal(400, 216);
    const Array<float> f(floats), g(400);
    cu.kernel("policies")({1, 1, 1, 128}, f.address(), g.address(), 100);
    for (std::size_t i = 0; i < 400; ++i) REQUIRE(g.get()[i] == floats[i / 4 * 4 + 3 - i % 4]);
  });
}

TEST_CASE("nvcc: cp.async of every size") {
  onEachArch("cache", [](const Foreign &cu) {
    const auto in = integers<int>(2 * 6 * 256, -1000, 1000, 217);
    const Array<int> x(in), y(512), tail(256);
    cu.kernel("pipelined")({2, 1, 1, 64}, x.address(), y.address(), 6, tail.address());
    for (std::size_t i = 0; i < 512; ++i) {
      int sum = 0;
      for (std::size_t k = 0; k < 6; ++k) sum += in[(i / 256 * 6 + k) * 256 + (63 - i % 256 / 4) * 4 + i % 4];
      REQUIRE(y.get()[i] == sum);
    }
    for (std::size_t i = 0; i < 256; ++i) // t % 5 of the four words are zeros
      REQUIRE(tail.get()[i] == (i % 4 < 4 - i / 4 % 5 && i / 4 % 5 < 4 ? in[i] : 0));
  });
}

TEST_CASE("nvcc: vectors of every type, copies without alignment") {
  onEachArch("cache", [](const Foreign &cu) {
    const auto a = integers<std::int8_t>(128, -99, 99, 218);
    const auto b = integers<std::int16_t>(64, -999, 999, 219);
    const auto c = integers<std::uint16_t>(128, 0, 999, 220);
    const auto d = integers<long long>(64, -9999, 9999, 221);
    const auto e = integers<double>(64, -99, 99, 222);
    const auto f = integers<std::uint8_t>(64, 0, 255, 223);
    const auto g = integers<float>(96, -99, 99, 224);
    const Array<std::int8_t> da(a);
    const Array<std::int16_t> db(b);
    const Array<std::uint16_t> dc(c);
    const Array<long long> dd(d);
    const Array<double> de(e), out(32);
    const Array<std::uint8_t> df(f);
    const Array<float> dg(g);
    cu.kernel("vectors")({}, da.address(), db.address(), dc.address(), dd.address(), de.address(), df.address(),
                         dg.address(), out.address());
    for (std::size_t t = 0; t < 32; ++t) {
      const std::int8_t *p = a.data() + 4 * t;
      const std::uint16_t *q = c.data() + 4 * t;
      const double want = p[0] + 2.0 * p[1] + 3.0 * p[2] + 4.0 * p[3] + b[2 * t] - b[2 * t + 1] + q[0] + q[1] - q[2] -
                          2.0 * q[3] + static_cast<double>(d[2 * t]) + 3.0 * static_cast<double>(d[2 * t + 1]) +
                          e[2 * t] * e[2 * t + 1] + f[2 * t] * f[2 * t + 1] + static_cast<double>(g[3 * t]) +
                          2 * static_cast<double>(g[3 * t + 1]) + 4 * static_cast<double>(g[3 * t + 2]);
      REQUIRE(out.get()[t] == want);
    }

    const auto text = integers<std::uint8_t>(300, 0, 255, 225);
    const Array<std::uint8_t> from(text);
    for (const unsigned shift : {0u, 1u, 6u, 11u})
      for (const int n : {1, 3, 64, 201}) {
        const auto to = zeros<std::uint8_t>(300);
        cu.kernel("copyUnaligned")({}, from.address() + shift, to.address() + 5, n);
        std::vector<std::uint8_t> want(300);
        std::copy_n(text.begin() + shift, n, want.begin() + 5);
        REQUIRE(to.get() == want);
      }
  });
}

TEST_CASE("nvcc: random numbers") {
  onEachArch("random", [](const Foreign &cu) {
    const std::uint64_t seed = 0x123456789abcdefull;
    const Array<std::array<std::uint32_t, 4>> x(128);
    const Array<float> normals(512);
    cu.kernel("philoxNumbers")({2, 1, 1, 64}, x.address(), seed);
    cu.kernel("gauss")({4, 1, 1, 64}, normals.address(), seed);
    for (std::uint32_t i = 0; i < 128; ++i) REQUIRE(x.get()[i] == philox({i, 0, 7, i * i}, seed));
    std::vector<double> want;
    for (std::uint32_t i = 0; i < 256; ++i) {
      const auto r = philox({i, 0, 0, 0}, seed);
      const double u = static_cast<double>((static_cast<float>(r[0]) + 0.5f) * 0x1p-32f);
      const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * 3.14159265358979323846 * (r[1] >> 8) * 0x1p-24;
      want.insert(want.end(), {radius * std::cos(angle), radius * std::sin(angle)});
    }
    checkClose(normals.get(), want, 1e-5, 1e-6);

    auto states = integers<std::uint64_t>(32, 1, 1l << 40, 226);
    const Array<std::uint64_t> s(states), jumps(32);
    cu.kernel("xorshift")({}, s.address(), 100);
    for (auto &v : states) {
      for (int i = 0; i < 100; ++i) v ^= v >> 12, v ^= v << 25, v ^= v >> 27;
      v *= 2685821657736338717ull;
    }
    CHECK(s.get() == states);

    cu.kernel("jumpAhead")({}, jumps.address(), seed);
    std::uint64_t state = seed;
    for (std::size_t t = 0; t < 32; ++t) {
      REQUIRE(jumps.get()[t] == state);
      for (int i = 0; i < 1000; ++i) state = state * 6364136223846793005ull + 1442695040888963407ull;
    }

    const auto hits = zeros<std::uint32_t>(1);
    cu.kernel("darts")({4, 1, 1, 64}, hits.address(), 100);
    CHECK(hits.get()[0] / 25600.0 == Approx(0.785398).margin(0.02));
  });
}

} // namespace sage::simtest
