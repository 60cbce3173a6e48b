// The middle of repeated measurements.
#pragma once

#include <algorithm>
#include <vector>

namespace sage::machine {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t count = values.size();
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

} // namespace sage::machine
