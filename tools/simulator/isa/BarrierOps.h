// What the barrier's bookkeeping (core/Barriers.cpp) has to know about the instruction that arrived.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

/// bar.red and barrier.red.
bool isReductionBarrier(const Inst *inst);
/// The lanes whose vote is "true".
std::uint32_t barrierVote(const Warp &w, const Inst *inst);
/// Gives the lanes of SPLIT, which waited at B, the result of the reduction; nothing for a plain barrier.
void writeBarrierResult(Warp &w, const Split &split, const Barrier &b);

} // namespace sage::sim
