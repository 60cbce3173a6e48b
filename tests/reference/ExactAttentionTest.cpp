// The reference against a literal transcription of the formula, on shapes that exercise each cut, layout and mask.
#include "reference/ExactAttention.h"
#include "reference/Half.h"
#include "reference/Random.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace sage::reference;
using sage::TensorLayout;

namespace {

HostTensor draw(uint64_t stream, const Shape &shape) {
  return *fromFloats(normals(3, stream, *elementCount(shape)), Dtype::F16, shape);
}

struct Inputs {
  HostTensor q, k, v;
  Inputs(int64_t b, int64_t h, int64_t g, int64_t n, int64_t m, int64_t d)
      : q(draw(0, {b, h, n, d})), k(draw(1, {b, g, m, d})), v(draw(2, {b, g, m, d})) {}
};

// o and lse of one query row of [B, H, N, D] tensors, straight from the definition.
double literalRow(const Inputs &in, int64_t b, int64_t h, int64_t i, bool causal, std::vector<double> &o) {
  auto at = [](const HostTensor &t, int64_t bi, int64_t hi, int64_t row, int64_t d) {
    return double(halfValue(t.as<uint16_t>()[size_t(((bi * t.shape[1] + hi) * t.shape[2] + row) * t.shape[3] + d)]));
  };
  int64_t n = in.q.shape[2], m = in.k.shape[2], dim = in.q.shape[3], g = h / (in.q.shape[1] / in.k.shape[1]);
  double sum = 0;
  o.assign(size_t(dim), 0.0);
  for (int64_t j = 0; j < m; ++j) {
    if (causal && j > i + m - n) continue;
    double s = 0;
    for (int64_t d = 0; d < dim; ++d) s += at(in.q, b, h, i, d) * at(in.k, b, g, j, d);
    double p = std::exp(s / std::sqrt(double(dim)));
    sum += p;
    for (int64_t d = 0; d < dim; ++d) o[size_t(d)] += p * at(in.v, b, g, j, d);
  }
  for (double &x : o) x = sum > 0 ? x / sum : 0;
  return std::log(sum);
}

void agrees(const Inputs &in, Causal causal) {
  auto got = exactAttention(in.q, in.k, in.v, {.causal = causal, .threads = 2});
  REQUIRE(got.ok());
  int64_t heads = in.q.shape[1], n = in.q.shape[2], dim = in.q.shape[3];
  std::vector<double> row;
  for (int64_t r = 0; r < in.q.shape[0] * heads * n; ++r) {
    double lse = literalRow(in, r / n / heads, r / n % heads, r % n, causal == Causal::Yes, row);
    REQUIRE((got->lse[size_t(r)] == lse || std::abs(got->lse[size_t(r)] - lse) < 1e-12));
    for (int64_t d = 0; d < dim; ++d) REQUIRE(std::abs(got->o[size_t(r * dim + d)] - row[size_t(d)]) < 1e-12);
  }
}

// [B, H, N, D] → [B, N, H, D]
HostTensor swapped(const HostTensor &t) {
  HostTensor out = *HostTensor::allocate(t.dtype, {t.shape[0], t.shape[2], t.shape[1], t.shape[3]});
  int64_t dim = t.shape[3];
  for (int64_t b = 0; b < t.shape[0]; ++b)
    for (int64_t h = 0; h < t.shape[1]; ++h)
      for (int64_t n = 0; n < t.shape[2]; ++n)
        for (int64_t d = 0; d < dim; ++d)
          out.as<uint16_t>()[size_t(((b * t.shape[2] + n) * t.shape[1] + h) * dim + d)] =
              t.as<uint16_t>()[size_t(((b * t.shape[1] + h) * t.shape[2] + n) * dim + d)];
  return out;
}

} // namespace

TEST_CASE("exact attention: the formula, with GQA and a tail") { agrees({2, 4, 2, 67, 67, 32}, Causal::No); }
TEST_CASE("exact attention: one token") { agrees({1, 1, 1, 1, 1, 64}, Causal::Yes); }
TEST_CASE("exact attention: causal") { agrees({1, 2, 1, 130, 130, 16}, Causal::Yes); }
TEST_CASE("exact attention: causal aligned bottom-right, more keys than queries") {
  agrees({1, 2, 2, 65, 100, 16}, Causal::Yes);
}
TEST_CASE("exact attention: causal rows without a key give 0 and −inf") { agrees({1, 1, 1, 100, 65, 16}, Causal::Yes); }

TEST_CASE("exact attention: NHD is HND with two axes swapped") {
  Inputs in(2, 4, 2, 70, 70, 16);
  auto hnd = exactAttention(in.q, in.k, in.v, {.causal = Causal::Yes});
  auto nhd =
      exactAttention(swapped(in.q), swapped(in.k), swapped(in.v), {.layout = TensorLayout::Nhd, .causal = Causal::Yes});
  REQUIRE(nhd.ok());
  CHECK(nhd->lse == hnd->lse);
  for (int64_t n = 0; n < 70; ++n)
    for (int64_t h = 0; h < 4; ++h)
      REQUIRE(nhd->o[size_t((n * 4 + h) * 16 + 5)] == hnd->o[size_t((h * 70 + n) * 16 + 5)]);
}

TEST_CASE("exact attention: a NaN behind the causal mask stays there") {
  Inputs in(1, 1, 1, 80, 80, 16);
  in.k.as<uint16_t>()[79 * 16] = in.v.as<uint16_t>()[79 * 16] = 0x7e00;
  auto got = exactAttention(in.q, in.k, in.v, {.causal = Causal::Yes});
  for (int64_t i = 0; i < 79 * 16; ++i) REQUIRE(std::isfinite(got->o[size_t(i)]));
  CHECK(std::isnan(got->o[79 * 16]));
}

TEST_CASE("exact attention: shapes that do not fit are named") {
  using Catch::Contains;
  auto message = [](Shape q, Shape k, Shape v) {
    return attentionExtents(q, k, v, TensorLayout::Hnd).status().message();
  };
  CHECK_THAT(message({1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3, 4}), Contains("four axes") && Contains("q [1, 2, 3]"));
  CHECK_THAT(message({1, 3, 8, 4}, {1, 2, 8, 4}, {1, 2, 8, 4}), Contains("multiple of the key heads"));
  CHECK_THAT(message({2, 2, 8, 4}, {1, 2, 8, 4}, {1, 2, 8, 4}), Contains("batch"));
  CHECK_THAT(message({1, 2, 8, 4}, {1, 2, 8, 4}, {1, 2, 9, 4}), Contains("same heads and tokens"));
  CHECK_THAT(message({1, 2, 8, 4}, {1, 2, 8, 5}, {1, 2, 8, 4}), Contains("head dim"));
  CHECK_THAT(message({1, 2, 0, 4}, {1, 2, 8, 4}, {1, 2, 8, 4}), Contains("empty"));
}
