// Adding up and printing of counters.
#include "report/Counters.h"

#include <cstdio>

#include "report/Json.h"

namespace sage::sim {

std::string unitClassName(UnitClass unit) {
  constexpr std::array<const char *, unitClassCount> names{"integer", "float",   "double",    "half",   "convert",
                                                           "special", "move",    "predicate", "memory", "matrix",
                                                           "warp",    "control", "barrier"};
  return names[static_cast<std::size_t>(unit)];
}

void Counters::add(const Counters &o) {
  for (std::size_t i = 0; i < unitClassCount; ++i) {
    warpInstructions[i] += o.warpInstructions[i];
    laneInstructions[i] += o.laneInstructions[i];
  }
  mmaInstructions += o.mmaInstructions;
  mmaOps += o.mmaOps;
  globalReadBytes += o.globalReadBytes;
  globalWrittenBytes += o.globalWrittenBytes;
  sharedReadBytes += o.sharedReadBytes;
  sharedWrittenBytes += o.sharedWrittenBytes;
  localReadBytes += o.localReadBytes;
  localWrittenBytes += o.localWrittenBytes;
  asyncCopyBytes += o.asyncCopyBytes;
  atomics += o.atomics;
  barriers += o.barriers;
  divergentBranches += o.divergentBranches;
  globalRequests += o.globalRequests;
  globalSectors += o.globalSectors;
  bankConflicts += o.bankConflicts;
  blocks += o.blocks;
}

std::uint64_t Counters::warpTotal() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : warpInstructions) sum += n;
  return sum;
}

std::uint64_t Counters::laneTotal() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : laneInstructions) sum += n;
  return sum;
}

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string classesJson(const std::array<std::uint64_t, unitClassCount> &values) {
  std::string text = "{";
  for (std::size_t i = 0; i < unitClassCount; ++i)
    if (values[i] != 0)
      text +=
          (text.size() > 1 ? "," : "") + jsonString(unitClassName(static_cast<UnitClass>(i))) + ":" + number(values[i]);
  return text + "}";
}

std::string kernelJson(const std::string &name, const KernelCounters &k) {
  const Counters &c = k.total;
  char seconds[64];
  std::snprintf(seconds, sizeof seconds, "%.6f", k.hostSeconds);
  return "{\"name\":" + jsonString(name) + ",\"launches\":" + number(k.launches) + ",\"host_seconds\":" + seconds +
         ",\"blocks\":" + number(c.blocks) + ",\"warp_instructions\":" + number(c.warpTotal()) +
         ",\"lane_instructions\":" + number(c.laneTotal()) + ",\"warp_by_class\":" + classesJson(c.warpInstructions) +
         ",\"lane_by_class\":" + classesJson(c.laneInstructions) +
         ",\"mma_instructions\":" + number(c.mmaInstructions) + ",\"mma_ops\":" + number(c.mmaOps) +
         ",\"bytes\":{\"global_read\":" + number(c.globalReadBytes) +
         ",\"global_written\":" + number(c.globalWrittenBytes) + ",\"shared_read\":" + number(c.sharedReadBytes) +
         ",\"shared_written\":" + number(c.sharedWrittenBytes) + ",\"local_read\":" + number(c.localReadBytes) +
         ",\"local_written\":" + number(c.localWrittenBytes) + ",\"async_copy\":" + number(c.asyncCopyBytes) +
         "},\"atomics\":" + number(c.atomics) + ",\"barriers\":" + number(c.barriers) +
         ",\"divergent_branches\":" + number(c.divergentBranches) + ",\"bank_conflicts\":" + number(c.bankConflicts) +
         ",\"global_requests\":" + number(c.globalRequests) + ",\"global_sectors\":" + number(c.globalSectors) + "}";
}

} // namespace

std::string countersJson(const std::map<std::string, KernelCounters> &kernels) {
  std::string text = "{\"kernels\":[";
  bool first = true;
  for (const auto &[name, k] : kernels) {
    text += (first ? "" : ",") + kernelJson(name, k);
    first = false;
  }
  return text + "]}";
}

} // namespace sage::sim
