// A counter hashed by splitmix64's finaliser gives uniform bits; Box-Muller in double turns two of them into two
// normals.
#include "reference/Random.h"

#include <cmath>
#include <numbers>

namespace sage::reference {
namespace {

uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t bitsAt(uint64_t seed, uint64_t stream, uint64_t index) { return mix(mix(mix(seed) ^ stream) ^ index); }

// In (0, 1]: never 0, whose logarithm Box-Muller could not take.
double uniformAt(uint64_t seed, uint64_t stream, uint64_t index) {
  return (double(bitsAt(seed, stream, index) >> 11) + 1.0) * 0x1p-53;
}

} // namespace

std::vector<float> normals(uint64_t seed, uint64_t stream, int64_t count) {
  std::vector<float> out(size_t(count > 0 ? count : 0));
  for (size_t i = 0; i < out.size(); i += 2) {
    double radius = std::sqrt(-2.0 * std::log(uniformAt(seed, stream, i)));
    double angle = 2.0 * std::numbers::pi * uniformAt(seed, stream, i + 1);
    out[i] = float(radius * std::cos(angle));
    if (i + 1 < out.size()) out[i + 1] = float(radius * std::sin(angle));
  }
  return out;
}

float randomSign(uint64_t seed, uint64_t stream, uint64_t index) {
  return bitsAt(seed, stream, index) >> 63 ? -1.0f : 1.0f;
}

} // namespace sage::reference
