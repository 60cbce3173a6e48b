// Thread block clusters (PTX ISA §2.2.2): blocks that run together, reach each other's shared memory and meet at the
// cluster's barrier. Every block belongs to one; without a cluster launch it is alone in it.
//
// An address of the shared::cluster window names a block: 0 to 2^24 - 1 is the executing block's own memory, which
// makes the shared::cta window a part of it; (rank + 1) · 2^24 + offset is that of the block with this rank. `mapa`
// gives the second form, also for the own rank, so that the result means the same in every block.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/Warp.h"
#include "memory/GridOrder.h"

namespace sage::sim {

class ClusterRaces; // memory/ClusterRaces.h

inline constexpr unsigned clusterShift = 24;
inline constexpr std::uint64_t clusterOffsets = (std::uint64_t{1} << clusterShift) - 1;
inline constexpr std::uint32_t maxClusterBlocks = 16;

constexpr std::uint64_t clusterAddress(std::uint32_t rank, std::uint64_t offset) {
  return std::uint64_t{rank + 1} << clusterShift | offset;
}

struct Cluster {
  std::array<std::uint32_t, 3> shape{1, 1, 1}; ///< in blocks
  bool isExplicit = false;                     ///< asked for, by the kernel or by the launch
  std::vector<Block *> blocks;                 ///< by rank

  // The barrier (§9.7.13.4).
  struct Lanes {
    std::uint32_t arrived = 0; ///< in the running phase
    std::uint32_t passing = 0; ///< their phase is complete, and they have not waited for it yet
  };
  std::vector<std::vector<Lanes>> barrier; ///< of each warp of each block
  std::uint32_t phase = 0;                 ///< how often it completed
  std::array<KnowledgePtr, 2> released;    ///< by those who arrived, of even and of odd phases
  std::unique_ptr<ClusterRaces> races;     ///< null: one block only, no shared memory, or nobody looks for races

  void reset();
};

/// ADDRESS says whose memory it lies in, for a block that a cluster can have.
constexpr bool namesBlock(std::uint64_t address) {
  const std::uint64_t field = address >> clusterShift;
  return field != 0 && field <= maxClusterBlocks;
}
/// Why OWN cannot reach the block that ADDRESS of the shared::cluster window names: there is no such block, it has
/// exited and its memory is gone, or it is another one and OWNONLY.
std::optional<ViolationKind> isBarred(const Block &own, std::uint64_t address, bool ownOnly);
/// The block whose memory ADDRESS lies in, or null after a fault.
Block *reachBlock(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool ownOnly);
/// An access of W to a byte range of OWNER's shared memory, for the order between blocks.
struct ClusterAccess {
  const Block *owner = nullptr;
  std::uint64_t offset = 0;
  std::uint32_t size = 0, perLane = 1;
  unsigned lane = 0; ///< of the first bytes
  bool write = false, strong = false;
  bool deferred = false; ///< lands later
  const std::uint8_t *held = nullptr, *fresh = nullptr;
};
/// False after a fault: what another block did there is not ordered before.
bool noteInCluster(Warp &w, const Inst *inst, const ClusterAccess &access);
/// W signals something in OWNER's shared memory; false after a fault: that block may not have started. LASTS: nobody
/// but the program sees to it that the block does not exit before.
bool touchInCluster(Warp &w, const Inst *inst, unsigned lane, const Block &owner, std::uint64_t offset, bool lasts);
/// Adds to the violation of W whose shared memory it is about, when that is another block's.
void nameOwner(Warp &w, const Block &owner);

/// barrier.cluster.arrive and .wait of the running lanes.
const Inst *arriveAtCluster(Warp &w, const Inst *inst, bool releases);
const Inst *waitForCluster(Warp &w, const Inst *inst);
/// Threads of BLOCK exited: who waited for them, and who may still use the block's shared memory?
void threadsExited(Block &block);

/// What every warp of the cluster waits for or does.
std::vector<std::string> waitsOf(const Cluster &cluster);
/// What no warp of the cluster can go on from, as a violation of one of its blocks.
void reportDeadlock(Cluster &cluster);
/// Makes it a violation that the cluster goes on; MESSAGE says why it should not.
void reportTimeout(Cluster &cluster, const std::string &message);

} // namespace sage::sim
