// Calls of device functions and of the functions that the driver provides. Known to the instruction table only.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

/// Calls what INST names for the lanes of MASK; the others of the split go on behind it.
const Inst *callFunction(Warp &w, const Inst *inst, std::uint32_t mask);
/// Ends the call that each lane of MASK is in; a lane in none exits.
const Inst *returnFromCall(Warp &w, const Inst *inst, std::uint32_t mask);

/// Builtins.cpp: runs the builtin for LANE, whose arguments lie at ARGUMENTS in its local memory. False after a fault.
bool runBuiltin(Warp &w, const Inst *inst, unsigned lane, std::uint8_t *frame);

} // namespace sage::sim
