// Exact attention in double precision: what every approximate kernel is measured against. O = softmax(scale · Q Kᵀ +
// mask) V, row by row, with the whole row of scores at hand (no online rescaling), so that it is obviously right.
#pragma once

#include "reference/HostTensor.h"
#include "sage/runtime/Tensor.h"

namespace sage::reference {

enum class Causal { No, Yes }; // Yes: aligned bottom-right, the last query sees the last key

// The extents of one attention problem, whatever the layout.
struct Extents {
  int64_t batch = 0, queryHeads = 0, keyHeads = 0, queries = 0, keys = 0, headDim = 0, valueDim = 0;
};

// Extents of q, k, v in `layout`; an error that names the tensors when they do not fit together (rank 4, GQA: key heads
// divide query heads).
Result<Extents> attentionExtents(const Shape &q, const Shape &k, const Shape &v, TensorLayout layout);

struct ExactOptions {
  TensorLayout layout = TensorLayout::Hnd;
  Causal causal = Causal::No;
  double scale = 0;     // softmax scale; 0 means 1/√headDim
  unsigned threads = 0; // 0 means one a core
};

struct ExactOutput {
  std::vector<double> o;   // in the layout of q, last axis valueDim
  std::vector<double> lse; // natural log, [B, Hq, Nq]; −∞ for a row with no visible key, whose o is 0
};

// q, k, v are F16, BF16, F32 or F64, and are taken at the values they hold (already rounded). NaN and Inf follow IEEE
// arithmetic and reach only rows that see them.
Result<ExactOutput> exactAttention(const HostTensor &q, const HostTensor &k, const HostTensor &v,
                                   const ExactOptions &options);

} // namespace sage::reference
