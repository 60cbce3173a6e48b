// Races in global memory: weak accesses of two warps, one of them a write, that nothing orders. memory/Segments.h has
// the cells, memory/RaceDetector.h and memory/GridOrder.h say what is ordered.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

enum class Touch : std::uint8_t { Read, Write, StrongRead, StrongWrite };

/// Memory as an access sees it: data and cells of an allocation, and the address of its first byte.
struct WatchedMemory {
  const std::uint8_t *data;
  std::uint64_t *cells;
  std::uint64_t base;
};

/// Notes an access of SIZE bytes at OFFSET by LANE, or by consecutive lanes from there on with PER_LANE bytes each.
/// False after the report of a race. FRESH are the bytes about to be written: writing what is there already is no race
/// with the write that put it there; null when unknown.
bool orderedInGrid(Warp &w, const Inst *inst, Touch touch, const WatchedMemory &memory, std::uint64_t offset,
                   std::uint32_t size, std::uint32_t perLane, unsigned lane, const std::uint8_t *fresh);

} // namespace sage::sim
