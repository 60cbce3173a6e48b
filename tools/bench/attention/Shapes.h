// Which attention problems are timed: a grid of head dims, masks and lengths, and shapes of models that the
// SageAttention paper times.
#pragma once

#include "record/Options.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sage::bench {

// Queries and keys of the same length, as many key heads as query heads.
struct Shape {
  std::string label; // "grid", or the model's name
  std::int64_t batch, heads, tokens, headDim;
  std::vector<std::string> masks; // values of the config key
};

std::vector<Shape> shapes(Extent extent);
// The shipped configs that are timed on every shape: all of them in a full run.
std::vector<std::string> configs(Extent extent);

} // namespace sage::bench
