// The calls that the threads of a warp are in: for each lane a stack of call sites, and the registers of functions that
// may be entered again. Made when a warp first calls something; core/Calls.cpp alone uses it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/Program.h"

namespace sage::sim {

struct CallStack {
  struct Record {
    const Inst *site = nullptr;
    const FunctionInfo *callee = nullptr;
    std::uint32_t base = 0; ///< of the callee's frame, in local memory
  };
  struct Lane {
    std::vector<Record> calls;
    std::vector<std::uint64_t> saved;
    std::uint32_t top = 0; ///< where the next frame goes
  };
  std::array<Lane, 32> lanes;
};

} // namespace sage::sim
