// Mistakes planted in kernels of the asynchronous proxy, each with its corrected twin.
#pragma once

#include <vector>

#include "Async.h"

namespace sage::simtest {

struct PlantedAsync {
  const char *name;
  const char *kind;
  Result code;
  std::string mark; ///< stands in the line that is reported
  std::string bad, good;
};

/// Runs HEAD + bad, which must be reported, and HEAD + good, which must be silent, for each. Parameters: p, a buffer of
/// 4096 written bytes, and q, another one.
void expectPlanted(const std::string &head, const std::vector<PlantedAsync> &list, unsigned threads);

} // namespace sage::simtest
