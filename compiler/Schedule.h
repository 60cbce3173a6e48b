// How a kernel is run, as opposed to what it computes: block sizes, warps, stages. A schedule never changes the numbers
// but by re-association.
#pragma once

#include "Target.h"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace sage {

struct Schedule {
  int64_t blockQ = 0, blockK = 0,
          blockN = 0; // rows of a tile: queries, keys, tokens of a memory-bound kernel; they bind BQ, BK, BN
  int64_t warps = 4;  // a power of two
  int64_t stages = 2; // slots of each ring; 1 is no overlap
  bool queriesInRegisters =
      true; // keep the queries' fragments for the whole loop, or read them again for each block of keys
};

// What a default depends on: the kernel's own bindings of D and of the type of QK^T where it has them.
struct KernelTraits {
  bool attention = false; // has BQ and BK
  int64_t headDim = 64;
  int64_t elementBits = 16; // of Q and K
};

Schedule defaultSchedule(const Target &target, const KernelTraits &traits);

// Overrides the default by a request's "schedule" object. Returns the complaint about the first key that is unknown, of
// the wrong type or out of range, naming what is allowed.
std::optional<std::string> overrideSchedule(Schedule &schedule, const nlohmann::json &keys);

nlohmann::json toJson(const Schedule &schedule, const KernelTraits &traits);

} // namespace sage
