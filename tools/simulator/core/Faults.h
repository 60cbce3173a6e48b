// The reports of memory checks: each finds the words for one kind of violation, records it and stops the block.
#pragma once

#include "core/Warp.h"

namespace sage::sim {

/// The allocation that ADDRESS lies in or next to, in words; empty when there is none.
std::string nearestText(const DeviceMemory &memory, std::uint64_t address);

/// "read of 4 bytes": what INST does in SPACE; OTHERWISE where its kind does not tell.
std::string accessText(const Inst *inst, Space space, std::uint32_t size, const char *otherwise = "access");

void misalignedFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, Space space);
/// Outside of every live allocation: out of bounds, or use after free.
void globalFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool isWrite);
/// The lanes of MASK whose access to the device heap lies in memory that malloc gave. Reports the others, unless nobody
/// looks: then they are left out.
bool checkHeap(Warp &w, const Inst *inst, const Allocation &heap, const std::uint64_t *offsets, std::uint32_t &mask,
               std::uint32_t size, bool isWrite);
void boundsFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size,
                 std::uint64_t limit, Space space);
void readOnlyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address);
/// SHADOW has a byte among SIZE that does not allow the access.
void shadowFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, const std::uint8_t *shadow,
                 std::uint32_t size, Space space, bool isWrite);
/// Two accesses to the byte at ADDRESS of shared memory that nothing orders; the other one is WARP's.
void raceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t warp, bool otherWrites,
               bool isWrite);
/// The other access of a report about global memory.
struct GridSide {
  Segment segment;
  bool writes;
  int lane; ///< -1: nobody knows
};
/// The same in global memory.
void globalRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                     const GridSide &other);
void globalLaneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                         const GridSide &other);
/// An asynchronous operation on what an ordinary store wrote without a proxy fence.
void globalProxyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                      const GridSide &store);
/// An ordinary access to what an asynchronous operation writes, before the wait.
void globalFlightFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                       const GridSide &copy);
/// Two lanes of a warp without bar.warp.sync between them.
void laneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite, unsigned otherLane,
                   bool otherWrites);
/// Lanes of one store with different values for one place.
void laneClashFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, Space space);

} // namespace sage::sim
