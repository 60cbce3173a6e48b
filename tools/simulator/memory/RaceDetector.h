// Races between the warps of a block: two accesses to a byte, one of them a write, by different warps, that no barrier
// and no release/acquire chain orders. The bytes of shared memory are watched here; those of global memory by
// core/GlobalRaces.cpp, with these clocks, and with memory/GridOrder.h for what other blocks did.
//
// Happens-before with a vector clock for each warp. Per byte of shared memory: who wrote it last and at which of its
// clocks, and for every warp the clock of its last read. An access is ordered behind another warp's when that one's
// clock is not beyond what the own vector clock knows. The checks of accesses are in isa/Races.h, as they are compiled
// per vector level; here are the clocks. Clocks have 8 bits: before one overflows the history is forgotten, which can
// hide a race across that moment and never invents one.
//
// The memory model, by its operations: a barrier releases what its arrivals did to those that wait. A fence, then a
// strong write (volatile, relaxed, atomic) that another warp's strong read finds, then a fence there, orders too. Which
// write a read found is not followed: it is taken for the latest, and addresses may share a clock; both only add order.
//
// The asynchronous proxy (bulk copies, wgmma) sees a generic write only when a proxy fence stands between (§8.5):
// beside every clock goes a second one that tells which writes of each warp lie before such a fence.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "memory/GridOrder.h"

namespace sage::sim {

struct Inst;
class ClusterRaces; // ClusterRaces.h

class RaceDetector {
public:
  using Clock = WarpClock;
  static constexpr unsigned maxWarps = 32;
  static constexpr std::uint16_t atomicFlag = 0x8000;
  static constexpr std::uint16_t asyncFlag = 0x4000; ///< written by the asynchronous proxy
  static constexpr std::uint16_t swapFlag = 0x2000;  ///< by a compare-and-swap

  /// What is known to have happened: up to which of its clocks every warp's accesses are ordered before, and up to
  /// which its generic writes are visible to the asynchronous proxy, those to shared and those to global memory.
  struct View {
    Clock order{};
    Clock proxied{};
    Clock proxiedGlobal{};
  };

  /// An object that orders through phases: an mbarrier.
  struct SyncPoint {
    View arriving, completed;
    std::uint32_t epoch = 0;
    std::uint32_t number = 0; ///< for ClusterRaces
    KnowledgePtr far;         ///< of other blocks
  };

  /// BYTES of shared memory to watch, perhaps none. SYNC where other blocks publish; null when there are none.
  RaceDetector(std::uint32_t warps, std::uint32_t bytes, SyncTable *sync);

  /// A new block: everything before is ordered before everything of it.
  void startBlock(std::uint32_t linearIndex);

  // Barriers.
  void openBarrier(std::uint32_t id);
  void arrive(std::uint32_t id, std::uint32_t warp);
  /// COUNTED: for a number of threads, so that exited ones were no part of it.
  void leave(std::uint32_t id, std::uint32_t warp, bool counted);
  /// Every living thread of the block waited at one barrier: all accesses so far are ordered before all later ones.
  void newGeneration();
  void exited(std::uint32_t warp);

  // Release and acquire through memory; KEY is any address, also a global one.
  // DEVICE_WIDE: of a scope beyond the block.
  void fence(std::uint32_t warp, bool deviceWide = true);
  /// The half of a fence that an acquiring read has.
  void acquireFence(std::uint32_t warp, bool deviceWide = true);
  void strongWrite(std::uint32_t warp, std::uint64_t key);
  void strongRead(std::uint32_t warp, std::uint64_t key);

  // mbarriers. RELAXED: only what lies before the warp's last fence is released, what is acquired counts from the next.
  void arrive(SyncPoint &point, std::uint32_t warp, bool relaxed);
  void completePhase(SyncPoint &point);
  void wait(SyncPoint &point, std::uint32_t warp, bool relaxed);
  /// What WARP did just now is found by all who wait for a phase that is complete.
  void publish(SyncPoint &point, std::uint32_t warp);

  // Clusters. What this block's warps did before they signalled another block is taken to be known to whoever signals
  // back, which only adds order.
  /// From now on WIDER is told of all that orders; block RANK's first warp has the number FIRST there.
  void attach(ClusterRaces *wider, std::uint32_t rank, std::uint32_t first);
  /// WARP of this block arrives at POINT, an mbarrier of OWNER's block.
  void arriveAt(RaceDetector &owner, SyncPoint &point, std::uint32_t warp, bool relaxed);
  /// Another block made a strong write to KEY of this one's memory.
  void signalled(std::uint64_t key);

  /// Everything that is ordered before becomes visible to the asynchronous proxy, as far as it lies in SHARED memory,
  /// in GLOBAL memory.
  void proxyFence(std::uint32_t warp, bool shared, bool global);

  std::uint8_t own(std::uint32_t warp) const { return clocks[warp].order[warp]; }
  const std::uint8_t *known(std::uint32_t warp) const {
    return reinterpret_cast<const std::uint8_t *>(&clocks[warp].order);
  }
  /// Up to which clocks the asynchronous proxy sees generic writes when WARP starts an operation.
  const std::uint8_t *proxied(std::uint32_t warp) const {
    return reinterpret_cast<const std::uint8_t *>(&clocks[warp].proxied);
  }
  std::uint16_t cell(std::uint32_t warp) const { return static_cast<std::uint16_t>(warp << 8 | own(warp)); }
  static std::uint32_t cellWarp(std::uint16_t cell) { return cell >> 8 & 31; }
  static std::uint8_t cellClock(std::uint16_t cell) { return static_cast<std::uint8_t>(cell); }

  std::uint16_t *writersAt(std::uint64_t offset) { return writers.data() + offset; }
  std::uint8_t *readersAt(std::uint32_t warp, std::uint64_t offset) {
    return readers.data() + std::uint64_t{warp} * bytes + offset;
  }
  /// The generation of the last read by any warp: reads of older ones need not be looked at.
  std::uint8_t *readGenerationAt(std::uint64_t offset) { return readGeneration.data() + offset; }
  std::uint8_t generation() const { return currentGeneration; }
  std::uint32_t warpCount() const { return warps; }

  /// A write of an asynchronous copy that has landed: it counts from now on, as WARP's, which found it complete.
  void landed(std::uint32_t warp, std::uint32_t offset, std::uint32_t size, std::uint16_t flag = 0);
  /// The same for a read.
  void wasRead(std::uint32_t warp, std::uint32_t offset, std::uint32_t size);

  // For global memory.
  std::uint32_t block() const { return blockIndex; }
  std::uint32_t era() const { return epoch; }
  /// Changes with each tick of the warp's clock.
  std::uint32_t ticks(std::uint32_t warp) const { return tickCount[warp]; }
  /// Whether what WARP does now is behind segment S.
  bool isBehind(std::uint32_t warp, const Segment &s) const;
  /// Whether the asynchronous proxy sees a write of S, which WARP is behind.
  bool isProxied(std::uint32_t warp, const Segment &s) const;
  /// For a barrier of several blocks: what WARP releases, and what it takes over.
  void releaseTo(KnowledgePtr &far, std::uint32_t warp);
  void acquireFrom(const KnowledgePtr &far, std::uint32_t warp) {
    if (grid) grid->leave(far, warp);
  }

  // The newest accesses of each warp, to name the other side of a race.
  struct Access {
    const Inst *inst = nullptr;
    std::uint32_t from = 0, to = 0;
    bool write = false;
  };
  void remember(std::uint32_t warp, const Inst *inst, std::uint64_t from, std::uint64_t to, bool write) {
    recent[warp][next[warp]++ % remembered] = {inst, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to),
                                               write};
  }
  /// The newest access of WARP that may have touched OFFSET; null when it is too long ago.
  /// Not OTHER_THAN.
  const Inst *findAccess(std::uint32_t warp, std::uint64_t offset, bool write, const Inst *otherThan = nullptr) const;

private:
  static constexpr unsigned remembered = 256;
  static constexpr unsigned syncSlots = 256;

  void releaseTo(View &to, std::uint32_t warp);
  bool isNamed(std::uint32_t id) const { return id < 16; }
  void renew(SyncPoint &point) const;
  void tick(std::uint32_t warp);
  void forget();

  std::unique_ptr<GridOrder> grid;
  std::uint32_t blockIndex = 0;
  std::array<std::uint32_t, maxWarps> tickCount{};
  std::uint32_t warps, bytes;
  std::uint8_t currentGeneration = 1;
  std::vector<std::uint8_t> readers, readGeneration;
  std::vector<std::uint16_t> writers;
  std::array<View, maxWarps> clocks{};
  std::array<View, maxWarps> released{}; ///< at the warp's last fence
  std::array<View, maxWarps> seen{};     ///< from strong reads, counts at the next fence
  std::array<View, 18> barriers{};       ///< the named ones, then two for the cluster's
  std::array<KnowledgePtr, 18> barriersFar;
  View gone{};     ///< of warps that exited
  View exported{}; ///< what other blocks may know
  ClusterRaces *cluster = nullptr;
  std::uint32_t rank = 0, first = 0; ///< in the cluster
  std::array<View, syncSlots> sync{};
  std::uint32_t epoch = 0; ///< how often the history was forgotten
  std::vector<std::array<Access, remembered>> recent;
  std::array<std::uint32_t, maxWarps> next{};
};

} // namespace sage::sim
