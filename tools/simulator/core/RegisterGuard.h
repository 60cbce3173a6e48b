// Watches the registers of wgmma operations (PTX ISA §9.7.15.2, §9.7.15.7): accumulators and A fragments may not be
// touched while an operation is in flight, and a wgmma.fence must stand between any other access to them and the next
// operation. Only instructions that name such a register pay for it: the decoder puts `guardedHandler` before them.
#pragma once

#include "core/AsyncProxy.h"

namespace sage::sim {

/// Marks an entry of the list behind the operands of a guarded instruction as written.
inline constexpr std::uint32_t guardWrites = 1;

/// Looks at the registers that INST lists behind its operands (their number, then offsets), then goes on with it.
const Inst *guardedHandler(Warp &w, const Inst *inst);

/// A wgmma with COUNT accumulators and perhaps the four registers A starts; false after a fault.
bool enterWgmma(Warp &w, const Inst *inst, AsyncProxy::WarpTiles &mine, std::uint32_t count, const std::uint32_t *a);
/// After a wait: the states of the registers follow from what is still in flight.
void leaveWgmma(AsyncProxy::WarpTiles &mine);
/// wgmma.fence.
void fenceRegisters(Warp &w);

} // namespace sage::sim
