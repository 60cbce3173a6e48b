// The catalogue of planted bugs: small kernels with one mistake each, and their corrected twins. A row is one text for
// both: <wrong?right> where they differ. The kernel must be reported as what it is, at a line that ends with "//!", and
// the twin must be silent. A new detector gets rows in the file of its family.
#pragma once

#include <span>
#include <string>

namespace sage::simtest {

struct PlantedBug {
  const char *name;
  const char *kind; ///< of the report
  const char *body; ///< behind `prologue`
  unsigned blocks = 1, threads = 32;
  const char *globals = ""; ///< module-level declarations
  const char *target = "sm_80";
};

/// What every body can use: s, 1024 bytes of shared memory; %rd0, a buffer of 4096 zeros; %rd1 and %r2, the thread's
/// own word in either; %r0 thread, %r1 block, %r3 4 × thread, %r4 lane; %p0 first thread, %p1 first warp, %p2 first
/// block, %p3 first lane of its warp. Registers from %r5, %rd2, %p4 are free.
extern const char *const prologue;

std::span<const PlantedBug> memoryBugs();
std::span<const PlantedBug> heapBugs();
std::span<const PlantedBug> asyncBugs();
std::span<const PlantedBug> sharedRaceBugs();
std::span<const PlantedBug> laneRaceBugs();
std::span<const PlantedBug> globalRaceBugs();
std::span<const PlantedBug> bulkBugs();
std::span<const PlantedBug> collectiveBugs();
std::span<const PlantedBug> barrierBugs();

} // namespace sage::simtest
