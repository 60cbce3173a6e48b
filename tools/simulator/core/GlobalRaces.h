// Races in global memory: weak accesses of two warps, or of two lanes of one, one of them a write, that nothing orders;
// and accesses of the asynchronous proxy that lack a fence or a wait. memory/CellStates.h has the cells, memory/
// RaceDetector.h and memory/GridOrder.h say what is ordered.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

struct Touch {
  bool write = false;
  bool strong = false;   ///< volatile, relaxed, atomic: races only with weak accesses
  bool swaps = false;    ///< a compare-and-swap
  bool async = false;    ///< by the asynchronous proxy
  bool inFlight = false; ///< and not waited for
  bool checks = true;    ///< what was there before is looked at
  bool notes = true;     ///< later accesses will be compared with this one
  bool anyLane = false;  ///< it is the warp's, and of no lane that could be named
};

/// Memory as an access sees it: data and cells of an allocation, and the address of its first byte.
struct WatchedMemory {
  const std::uint8_t *data;
  std::uint32_t *cells;
  std::uint64_t base;
};

/// Notes an access of SIZE bytes at OFFSET by LANE, or by consecutive lanes from there on with PER_LANE bytes each.
/// False after the report of a race. FRESH are the bytes about to be written: writing what is there already is no race
/// with the write that put it there; null when unknown.
bool orderedInGrid(Warp &w, const Inst *inst, Touch touch, const WatchedMemory &memory, std::uint64_t offset,
                   std::uint32_t size, std::uint32_t perLane, unsigned lane, const std::uint8_t *fresh);

/// The same for SIZE bytes at ADDRESS, wherever they lie, by an asynchronous operation of LANE.
bool orderedBulk(Warp &w, const Inst *inst, Touch touch, std::uint64_t address, std::uint32_t size, unsigned lane,
                 const std::uint8_t *fresh = nullptr);

} // namespace sage::sim
