// What is told of repeated measurements.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace sage::bench {

// The value below which the fraction Q of VALUES lies, linear between the two nearest; NaN of none.
inline double quantile(std::vector<double> values, double q) {
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  const double at = q * double(values.size() - 1);
  const std::size_t below = std::size_t(at), above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - double(below)) * (values[above] - values[below]);
}

inline double median(std::vector<double> values) { return quantile(std::move(values), .5); }

} // namespace sage::bench
