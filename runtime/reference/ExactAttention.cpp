// Work is cut into (batch, query head, 64 query rows). Scores of a cut are one product in double; a score that the mask
// hides is never read again, so a NaN behind the mask stays there. P V is one product over the keys that every row of
// the cut sees, and row by row on the diagonal.
#include "reference/ExactAttention.h"

#include "reference/Half.h"

#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

namespace sage::reference {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
using OutRows = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;

constexpr int64_t cutRows = 64;

// Where the rows of one head lie in a tensor of either layout.
struct HeadView {
  int64_t offset, rowStride;
};

HeadView headView(TensorLayout layout, int64_t heads, int64_t tokens, int64_t dim, int64_t b, int64_t h) {
  if (layout == TensorLayout::Hnd) return {(b * heads + h) * tokens * dim, dim};
  return {b * tokens * heads * dim + h * dim, heads * dim};
}

struct Problem {
  Extents e;
  ExactOptions options;
  double scale;
  const std::vector<double> &q, &k, &v;
  ExactOutput &out;

  // Keys that query row i sees: a prefix of all keys.
  int64_t visible(int64_t i) const {
    return options.causal == Causal::No ? e.keys : std::clamp<int64_t>(i + 1 + e.keys - e.queries, 0, e.keys);
  }
};

// Turns the first `visible` scores of a row into exp(s − max) and returns the log of their sum; the sum goes to `sum`.
double softmaxRow(double *scores, int64_t visible, double scale, double &sum) {
  double highest = -std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < visible; ++j) highest = std::max(highest, scores[j] *= scale);
  sum = 0;
  for (int64_t j = 0; j < visible; ++j) sum += scores[j] = std::exp(scores[j] - highest);
  return highest + std::log(sum);
}

void solveCut(const Problem &p, int64_t b, int64_t h, int64_t first, Matrix &scores) {
  const Extents &e = p.e;
  int64_t rows = std::min(cutRows, e.queries - first), g = h / (e.queryHeads / e.keyHeads);
  HeadView vq = headView(p.options.layout, e.queryHeads, e.queries, e.headDim, b, h);
  HeadView vk = headView(p.options.layout, e.keyHeads, e.keys, e.headDim, b, g);
  HeadView vv = headView(p.options.layout, e.keyHeads, e.keys, e.valueDim, b, g);
  HeadView vo = headView(p.options.layout, e.queryHeads, e.queries, e.valueDim, b, h);
  Rows q(p.q.data() + vq.offset + first * vq.rowStride, rows, e.headDim, Eigen::OuterStride<>(vq.rowStride));
  Rows v(p.v.data() + vv.offset, e.keys, e.valueDim, Eigen::OuterStride<>(vv.rowStride));
  OutRows o(p.out.o.data() + vo.offset + first * vo.rowStride, rows, e.valueDim, Eigen::OuterStride<>(vo.rowStride));
  double *lse = p.out.lse.data() + (b * e.queryHeads + h) * e.queries + first;

  int64_t most = p.visible(first + rows - 1), common = p.visible(first);
  Rows k(p.k.data() + vk.offset, most, e.headDim, Eigen::OuterStride<>(vk.rowStride));
  scores.resize(rows, std::max<int64_t>(most, 1));
  scores.leftCols(most).noalias() = q * k.transpose();
  Eigen::VectorXd sums(rows);
  for (int64_t r = 0; r < rows; ++r) lse[r] = softmaxRow(scores.row(r).data(), p.visible(first + r), p.scale, sums[r]);
  o.noalias() = scores.leftCols(common) * v.topRows(common);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = common; j < p.visible(first + r); ++j) o.row(r) += scores(r, j) * v.row(j);
    if (p.visible(first + r) > 0) o.row(r) /= sums[r];
  }
}

void solveAll(const Problem &p) {
  int64_t cuts = (p.e.queries + cutRows - 1) / cutRows, total = p.e.batch * p.e.queryHeads * cuts;
  std::atomic<int64_t> next{0};
  auto work = [&] {
    Matrix scores;
    for (int64_t i = next++; i < total; i = next++)
      solveCut(p, i / cuts / p.e.queryHeads, i / cuts % p.e.queryHeads, i % cuts * cutRows, scores);
  };
  unsigned wanted = p.options.threads ? p.options.threads : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> helpers;
  for (int64_t t = 1; t < std::min<int64_t>(wanted, total); ++t) helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers) helper.join();
}

} // namespace

Result<Extents> attentionExtents(const Shape &q, const Shape &k, const Shape &v, TensorLayout layout) {
  auto all = [&] { return "q " + shapeText(q) + ", k " + shapeText(k) + ", v " + shapeText(v); };
  if (q.size() != 4 || k.size() != 4 || v.size() != 4)
    return invalidInput("q, k and v must have four axes each, got " + all());
  size_t heads = layout == TensorLayout::Hnd ? 1 : 2, tokens = 3 - heads;
  Extents e{q[0], q[heads], k[heads], q[tokens], k[tokens], q[3], v[3]};
  for (const Shape *shape : {&q, &k, &v})
    for (int64_t extent : *shape)
      if (extent < 1) return invalidInput("q, k and v must not be empty, got " + all());
  if (k[0] != e.batch || v[0] != e.batch)
    return invalidInput("q, k and v must have the same batch size (axis 0), got " + all());
  if (v[heads] != e.keyHeads || v[tokens] != e.keys)
    return invalidInput("k and v must have the same heads and tokens, got " + all());
  if (k[3] != e.headDim) return invalidInput("q and k must have the same head dim (axis 3), got " + all());
  if (e.queryHeads % e.keyHeads != 0)
    return invalidInput("the query heads (" + std::to_string(e.queryHeads) + ") must be a multiple of the key heads (" +
                        std::to_string(e.keyHeads) + ") in layout " + (layout == TensorLayout::Hnd ? "HND" : "NHD") +
                        ", got " + all());
  return e;
}

Result<ExactOutput> exactAttention(const HostTensor &q, const HostTensor &k, const HostTensor &v,
                                   const ExactOptions &options) {
  SAGE_ASSIGN(Extents e, attentionExtents(q.shape, k.shape, v.shape, options.layout));
  SAGE_ASSIGN(std::vector<double> qs, toDoubles(q));
  SAGE_ASSIGN(std::vector<double> ks, toDoubles(k));
  SAGE_ASSIGN(std::vector<double> vs, toDoubles(v));
  int64_t rows = e.batch * e.queryHeads * e.queries;
  ExactOutput out{std::vector<double>(size_t(rows * e.valueDim)), std::vector<double>(size_t(rows))};
  double scale = options.scale != 0 ? options.scale : 1.0 / std::sqrt(double(e.headDim));
  solveAll({e, options, scale, qs, ks, vs, out});
  return out;
}

} // namespace sage::reference
