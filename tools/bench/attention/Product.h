// The plain product Y = A Bᵀ of the tile language (kernels/product.tile), at 8 and 16 bits: what this compiler gets out
// of the machine's matrix units where there is no softmax.
#pragma once

#include "attention/AttentionCase.h"

namespace sage::bench {

struct ProductSize {
  std::int64_t m, n, k; // k a multiple of 128
};

// Times it and checks rows of the result against the host. DTYPE is I8 (sums in i32, compared for equality) or F16
// (sums in f32). Fills the fields of an entry of "gemm".
Status measureProduct(Rig &rig, DType dtype, const ProductSize &size, Json &json);

} // namespace sage::bench
