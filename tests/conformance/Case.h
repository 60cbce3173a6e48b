// A shipped config at one size, and the four things that must hold of it on a device.
#pragma once

#include "Execution.h"
#include "record/Options.h"
#include "record/Record.h"

#include <string>
#include <vector>

namespace sage::conformance {

struct Case {
  std::string config, mask;
  std::int64_t headDim, tokens;
  bool smooth = true; // of K, where it is quantised
  std::string name() const;
};

std::vector<Case> cases(bench::Extent extent);

// "accuracy": cosine and relative L1 against exact attention in double precision.
// "repeat_bits": a second run gives the same bits.
// "quantized_bits", "product_bits": mean, quantised tensors and scales, and integer products, are those of TWIN, the
// simulator with the same kernels. Skipped where nothing is quantised, or without a twin.
// Returns the entry of "cases"; an error when the device fails.
Result<bench::Json> check(const Case &one, Target &target, Target *twin);

} // namespace sage::conformance
