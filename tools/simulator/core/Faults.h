// The reports of memory checks: each finds the words for one kind of violation, records it and stops the block.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

void misalignedFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, Space space);
/// Outside of every live allocation: out of bounds, or use after free.
void globalFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool isWrite);
void boundsFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size,
                 std::uint64_t limit, Space space);
void readOnlyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address);
/// SHADOW has a byte among SIZE that does not allow the access.
void shadowFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, const std::uint8_t *shadow,
                 std::uint32_t size, Space space, bool isWrite);
/// Two accesses to the byte at ADDRESS of shared memory that nothing orders; the other one is WARP's.
void raceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t warp, bool otherWrites,
               bool isWrite);
/// Lanes of one store with different values for one place.
void laneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address);

} // namespace sage::sim
