// What the warps of a block know of other blocks, for races in global memory: the memory model's release and acquire
// at the scope of the device (PTX ISA §8). A fence of that scope, then a strong write that another block's strong read
// finds, then a fence there, orders what came before the first behind what follows the second. Inside of a block,
// barriers pass the knowledge on.
//
// Knowledge is a list of blocks with the clocks of their warps, shared and never changed. When it grows too long, all
// that happened so far counts as known, which can hide a race and never invents one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "memory/Segments.h"

namespace sage::sim {

using WarpClock = std::uint8_t __attribute__((ext_vector_type(32))); ///< a clock for each warp of a block

struct Knowledge {
  struct Entry {
    std::uint32_t block;
    std::uint32_t era;
    WarpClock clocks;
    WarpClock proxied; ///< up to which of them the asynchronous proxy sees the writes
  };
  std::vector<Entry> entries;   ///< by block
  std::uint32_t everything = 0; ///< segments before this one are known whatever their block
};
using KnowledgePtr = std::shared_ptr<const Knowledge>;

/// What was released through memory: by address, addresses that share a slot only add order. One for a launch.
class SyncTable {
public:
  explicit SyncTable(const SegmentTable &s) : segments(s) {}
  void publish(std::uint64_t key, const KnowledgePtr &knowledge);
  KnowledgePtr find(std::uint64_t key);
  const SegmentTable &table() const { return segments; }

private:
  static constexpr std::size_t slotCount = 1024;
  struct Slot {
    std::mutex mutex;
    KnowledgePtr knowledge;
    std::atomic<bool> used{false};
  };
  Slot &slotOf(std::uint64_t key) { return slots[(key >> 2) * 0x9e3779b97f4a7c15ull >> 32 & (slotCount - 1)]; }
  const SegmentTable &segments;
  std::array<Slot, slotCount> slots;
};

class GridOrder {
public:
  explicit GridOrder(SyncTable &t) : sync(t) {}

  void startBlock(std::uint32_t linearIndex);
  // Barriers inside of the block pass on what a warp knows.
  void arrive(KnowledgePtr &barrier, std::uint32_t warp) const { join(barrier, known[warp]); }
  void leave(const KnowledgePtr &barrier, std::uint32_t warp) { join(known[warp], barrier); }
  /// CLOCKS: what the warp knows of its own block, which has forgotten ERA times; PROXIED: of that, what the
  /// asynchronous proxy sees.
  void fence(std::uint32_t warp, std::uint32_t era, WarpClock clocks, WarpClock proxied);
  void proxyFence(std::uint32_t warp);
  void acquireFence(std::uint32_t warp);
  void strongWrite(std::uint32_t warp, std::uint64_t key);
  void strongRead(std::uint32_t warp, std::uint64_t key);

  std::uint32_t block() const { return index; }
  /// Whether WARP is ordered behind S, a segment of another block.
  bool knows(std::uint32_t warp, const Segment &s) const;
  /// Whether the asynchronous proxy sees what S wrote, when WARP starts an operation.
  bool isProxied(std::uint32_t warp, const Segment &s) const;

  /// What WARP releases with its last fence, to a barrier of several blocks.
  void release(KnowledgePtr &to, std::uint32_t warp) const { join(to, lastRelease[warp]); }

private:
  void join(KnowledgePtr &to, const KnowledgePtr &from) const;
  bool covers(std::uint32_t warp, const Segment &s, WarpClock Knowledge::Entry::*clocks) const;

  SyncTable &sync;
  std::uint32_t index = 0;
  std::array<KnowledgePtr, 32> known, seen, lastRelease;
};

/// The union of both; NEWEST is the segment that `everything` becomes when it is too long.
KnowledgePtr unite(const KnowledgePtr &a, const KnowledgePtr &b, std::uint32_t newest);

} // namespace sage::sim
