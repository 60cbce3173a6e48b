// See Bounds.h. Comparisons are written so that a NaN is out of bounds.
#include "Bounds.h"

#include <cmath>
#include <cstdio>

namespace sage::demo {
namespace {

constexpr double leastCosine = 0.9999, flashL1 = 0.001, smoothedL1 = 0.0105, leastGain = 1.5;

Verdict accuracy(const Row &row, double mostL1) {
  char text[64];
  std::snprintf(text, sizeof text, "cos >= %.4f, L1 <= %.4g", leastCosine, mostL1);
  return {row.worst.cosine >= leastCosine && row.worst.relativeL1 <= mostL1, text};
}

const Row *smoothedPartner(const Row &row, const std::vector<Row> &all) {
  for (const Row &other : all)
    if (other.group == row.group && other.variant->config == row.variant->config &&
        other.variant->smoothing == Smoothing::On)
      return &other;
  return nullptr;
}

Verdict gain(const Row &row, const Row *smoothed) {
  if (!smoothed || smoothed->layers.size() != row.layers.size()) return {false, "no smoothed row to compare with"};
  double least = INFINITY;
  for (size_t i = 0; i < row.layers.size(); ++i) {
    double ratio = row.layers[i].relativeL1 / smoothed->layers[i].relativeL1;
    least = ratio < least || std::isnan(ratio) ? ratio : least;
  }
  char text[64];
  std::snprintf(text, sizeof text, "L1 >= %.1f x smoothed (%.2f)", leastGain, least);
  return {least >= leastGain, text};
}

} // namespace

Verdict judge(const Row &row, const std::vector<Row> &all) {
  switch (row.variant->smoothing) {
  case Smoothing::None: return accuracy(row, flashL1);
  case Smoothing::On: return accuracy(row, smoothedL1);
  case Smoothing::Off: break;
  }
  return row.group->keys == Keys::Offset ? gain(row, smoothedPartner(row, all)) : Verdict{};
}

} // namespace sage::demo
