// The three figures by which SageAttention and SpargeAttn judge an approximate attention output against the exact one.
#pragma once

#include <span>

namespace sage::reference {

// Over flattened outputs, in double: cosine Σoo'/√(Σo²Σo'²), relative L1 Σ|o−o'|/Σ|o|, RMSE √(Σ(o−o')²/n).
// A NaN or Inf in either output makes the figures it reaches non-finite; the caller prints those as null.
struct Metrics {
  double cosine = 0;
  double relativeL1 = 0;
  double rmse = 0;
};

// `exact` is o, `computed` is o'; both have the same length.
Metrics compare(std::span<const double> exact, std::span<const double> computed);

} // namespace sage::reference
