// What the probes of tensor cores share: a kernel that runs for about a millisecond and for about a hundred, as long as
// it takes until the chip's power limit is felt, and its operations per clock.
#pragma once

#include "Bench.h"
#include "Probe.h"

#include <functional>

namespace sage::machine {

// NAME.sustained and NAME.short in TOPS, NAME.per-clock.
std::vector<Quantity> peakQuantities(const std::string &name, const std::string &what);

struct Peak {
  int count = 0;                 // loop counts of a pass for ~100 ms on an H100; a hundredth of it for ~1 ms
  double operationsPerCount = 0; // of a block
  std::size_t resultsPerThread = 0;
  // Whether the registers of a block's threads may be RESULTS: A·B, as exact as ADDITIONS of A·B and A·(−B) leave it.
  std::function<bool(const std::uint32_t *results, double additions)> accept;
};

// Tensor cores cut off what is far below the largest term, so A·B and A·(−B) leave a residue that grows with the count.
// So the verdict comes from a launch of one count, where it is far smaller than what any mistake does; of the timed
// launches the result must be finite and within what so many additions may lose, and the same in every block.
Result<std::vector<Reading>> measurePeak(Bench &bench, const Peak &peak);

} // namespace sage::machine
