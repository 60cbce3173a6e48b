// Straight sums: lengths here are millions at most, so double needs no compensation.
#include "reference/Metrics.h"

#include <algorithm>
#include <cmath>

namespace sage::reference {

Metrics compare(std::span<const double> exact, std::span<const double> computed) {
  double dot = 0, exactSquares = 0, computedSquares = 0, difference = 0, magnitude = 0, squares = 0;
  size_t count = std::min(exact.size(), computed.size());
  for (size_t i = 0; i < count; ++i) {
    double o = exact[i], c = computed[i], d = o - c;
    dot += o * c;
    exactSquares += o * o;
    computedSquares += c * c;
    difference += std::abs(d);
    magnitude += std::abs(o);
    squares += d * d;
  }
  return {dot / std::sqrt(exactSquares * computedSquares), difference / magnitude, std::sqrt(squares / double(count))};
}

} // namespace sage::reference
