// The tensors of `sagec run`: from a file, or drawn.
#pragma once

#include "Options.h"
#include "reference/HostTensor.h"

namespace sage::cli {

struct RunInputs {
  reference::HostTensor q, k, v;
};

Result<RunInputs> loadInputs(const RunOptions &options);

} // namespace sage::cli
