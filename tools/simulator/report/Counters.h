// What a launch did, in numbers: per kernel, summed over launches, printed as JSON by sagesimCounters().
// Workers fill one Counters each and add them up at the end of a launch.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace sage::sim {

enum class UnitClass : std::uint8_t {
  Integer,
  Float,
  Double,
  Half,
  Convert,
  Special,
  Move,
  Predicate,
  Memory,
  Matrix,
  Warp,
  Control,
  Barrier,
  Count
};
inline constexpr std::size_t unitClassCount = static_cast<std::size_t>(UnitClass::Count);
std::string unitClassName(UnitClass unit);

struct Counters {
  std::array<std::uint64_t, unitClassCount> warpInstructions{};
  std::array<std::uint64_t, unitClassCount> laneInstructions{};
  std::uint64_t mmaInstructions = 0;
  std::uint64_t mmaOps = 0; ///< 2·M·N·K each
  std::uint64_t globalReadBytes = 0, globalWrittenBytes = 0;
  std::uint64_t sharedReadBytes = 0, sharedWrittenBytes = 0;
  std::uint64_t localReadBytes = 0, localWrittenBytes = 0;
  std::uint64_t asyncCopyBytes = 0; ///< global → shared by cp.async, counted in neither of the above
  std::uint64_t atomics = 0;
  std::uint64_t barriers = 0;
  std::uint64_t divergentBranches = 0;
  // Coalescing: a request is a warp's load, store or atomic of global memory; it touches sectors of 32 bytes.
  std::uint64_t globalRequests = 0, globalSectors = 0;
  std::uint64_t bankConflicts = 0; ///< extra shared-memory cycles over a conflict-free access
  std::uint64_t blocks = 0;

  void add(const Counters &other);
  std::uint64_t warpTotal() const;
  std::uint64_t laneTotal() const;
};

struct KernelCounters {
  std::uint64_t launches = 0;
  double hostSeconds = 0;
  Counters total;
};

/// {"kernels": [{"name": …, "launches": …, …}]}
std::string countersJson(const std::map<std::string, KernelCounters> &kernels);

} // namespace sage::sim
