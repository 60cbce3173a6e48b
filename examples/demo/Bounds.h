// What each figure of the table must be. Pure functions of the rows.
#pragma once

#include "Measure.h"

namespace sage::demo {

// A row's verdict: whether it is within its bounds, and the bounds in words.
struct Verdict {
  bool within = true;
  std::string bounds; // "" where nothing is asked
};

//   flash                              cosine ≥ .9999, L1 ≤ .001
//   K smoothed, as it is or offset     cosine ≥ .9999, L1 ≤ .0105, every layer
//   K not smoothed, offset             L1 ≥ 1.5 times that of the smoothed row, every layer: the offset must show
//   K not smoothed, as it is           nothing: it is there for comparison
Verdict judge(const Row &row, const std::vector<Row> &all);

} // namespace sage::demo
