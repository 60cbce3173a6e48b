// What bulk copies and tensor copies share: reading and writing global memory, and handing a copy over to the
// asynchronous proxy. Knows core/AsyncProxy.h; BulkRows.cpp and TensorRows.cpp include it.
#pragma once

#include <string>

#include "core/AsyncProxy.h"

namespace sage::sim::bulk {

/// BODY(lane) for every active lane; stops after a fault.
template <class F> const Inst *eachLane(Warp &w, const Inst *i, F body) {
  for (std::uint32_t m = w.active; m != 0; m &= m - 1)
    if (!body(static_cast<unsigned>(std::countr_zero(m)))) return nullptr;
  return i + 1;
}

/// Reports an operand that the ISA does not allow. Returns false.
bool refuse(Warp &w, const Inst *i, unsigned lane, const std::string &what);
bool checkSize(Warp &w, const Inst *i, unsigned lane, std::uint32_t size);
bool checkGlobalAlign(Warp &w, const Inst *i, unsigned lane, std::uint64_t address);

bool readGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint8_t *to, std::uint64_t size);
/// The same as a part of COPY, from OFFSET of its data on: somebody must have ordered it behind what others wrote.
bool takeGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint32_t offset, std::uint32_t size,
                BulkCopy &copy);

/// Takes the bytes of SIZE at FROM of shared memory and notes them as being read.
bool readShared(Warp &w, const Inst *i, unsigned lane, std::uint32_t from, std::uint8_t *to, std::uint32_t size,
                Chunks &source);

/// Puts COPY to TARGET's shared memory in flight: its destination may not be touched until somebody has waited at its
/// mbarrier, which lies there too.
bool launchCopy(Warp &w, const Inst *i, unsigned lane, Block &target, BulkCopy copy);
/// The same to the same places of every block that the 16-bit register MASK names (.multicast::cluster).
bool multicastCopy(Warp &w, const Inst *i, unsigned lane, std::uint32_t mask, const BulkCopy &copy);
/// Where a copy goes and its mbarrier, which must belong to one block (§9.7.9.25.4.1).
struct Destination {
  Block *block = nullptr;
  std::uint32_t address = 0, barrier = 0;
};
bool destinationOf(Warp &w, const Inst *i, unsigned lane, const std::uint32_t *to, std::uint32_t size,
                   const std::uint32_t *barrier, Destination &destination);
/// Puts STORE in flight until its bulk group is waited for.
bool launchStore(Warp &w, const Inst *i, unsigned lane, BulkStore store);

/// The operation and type of a cp.reduce as bits of `extra`, from REDUCTION_SHIFT on.
inline constexpr unsigned reductionShift = 4;
unsigned reductionBits(Reduction reduction);
Reduction reductionOf(const Inst *i);
Reduction::Op reductionNamed(std::string_view name);

} // namespace sage::sim::bulk
