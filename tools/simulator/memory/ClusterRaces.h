// Races in shared memory between blocks of a cluster: two accesses to a byte of one block's memory by warps of
// different blocks, one of them a write, that nothing orders. Pairs of warps of one block are the business of
// RaceDetector.h, which tells this one of every barrier, fence and strong access; the model is the same, over all warps
// of the cluster.
//
// Two more things follow from the order: memory of another block may only be touched behind something that this block
// did (before, it may not have started), and before the block exits (PTX ISA §5.1.7: its shared memory is valid as long
// as it runs).
//
// Clocks have 32 bits. Per byte: who wrote it last and at which of its clocks; per warp, page by page where it read at
// all, the clock of its last read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sage::sim {

struct Inst;

class ClusterRaces {
public:
  ClusterRaces(std::uint32_t blocks, std::uint32_t warpsOfBlock, std::uint32_t sharedBytes);

  /// A new cluster: everything before is ordered before everything of it.
  void start();
  std::uint32_t number(std::uint32_t rank, std::uint32_t warp) const { return rank * warpsOfBlock + warp; }

  // Order. WARP is the number of a warp in the cluster.
  void openBarrier(std::uint32_t rank, std::uint32_t id);
  void arrive(std::uint32_t rank, std::uint32_t id, std::uint32_t warp);
  void leave(std::uint32_t rank, std::uint32_t id, std::uint32_t warp, bool counted);
  void fence(std::uint32_t warp);
  void strongWrite(std::uint32_t warp, std::uint64_t key);
  void strongRead(std::uint32_t warp, std::uint64_t key);
  void exited(std::uint32_t rank, std::uint32_t warp);
  /// The cluster's barrier; PARITY of the phase.
  void openCluster(unsigned parity);
  void arriveAtCluster(unsigned parity, std::uint32_t warp);
  void leaveCluster(unsigned parity, std::uint32_t warp);
  /// mbarriers, by a number of POINT's own that is 0 at first. RELAXED: only what lies before the warp's last fence is
  /// released, and what is acquired counts from the next.
  void arrive(std::uint32_t &point, std::uint32_t warp, bool relaxed);
  void completePhase(std::uint32_t point);
  void wait(std::uint32_t point, std::uint32_t warp, bool relaxed);
  /// What WARP did just now is found by all who wait for a phase that is complete.
  void publish(std::uint32_t &point, std::uint32_t warp);

  struct Access {
    std::uint32_t warp = 0; ///< who
    std::uint32_t rank = 0; ///< whose memory
    std::uint32_t offset = 0, size = 0;
    bool write = false;
    bool strong = false;   ///< does not race with other strong ones
    bool deferred = false; ///< a write that lands later, and counts from then on
    const Inst *inst = nullptr;
    unsigned lane = 0;
    const std::uint8_t *held = nullptr;  ///< of a write: what is there
    const std::uint8_t *fresh = nullptr; ///< and what comes; the same bytes do no harm
  };
  struct Conflict {
    enum class What : std::uint8_t { Race, NotStarted } what = What::Race;
    std::uint32_t offset = 0, warp = 0;
    bool otherWrites = false;
  };
  /// Notes the access and finds what it is not ordered behind.
  std::optional<Conflict> note(const Access &access);
  /// WARP uses the memory of block RANK, which must have started; false when that is not sure. LASTS: and which must
  /// not exit before.
  bool touch(std::uint32_t warp, std::uint32_t rank, std::uint32_t offset, const Inst *inst, unsigned lane, bool lasts);
  /// Something that block OTHER sent has come to block RANK, so that one has started.
  void heardFrom(std::uint32_t rank, std::uint32_t other) { heard[rank] |= 1u << other; }
  /// An asynchronous write to, or read of, block RANK's own memory counts from now on as WARP's.
  void landed(std::uint32_t rank, std::uint32_t warp, std::uint32_t offset, std::uint32_t size);
  void wasRead(std::uint32_t rank, std::uint32_t warp, std::uint32_t offset, std::uint32_t size);
  /// The newest access of WARP to OFFSET of RANK's memory; null when it is too long ago.
  const Inst *findAccess(std::uint32_t warp, std::uint32_t rank, std::uint32_t offset, bool write) const;

  struct Touch {
    std::uint32_t clock = 0, warp = 0, offset = 0;
    unsigned lane = 0;
    const Inst *inst = nullptr;
  };
  /// All threads of block RANK have exited: an access of another block that nothing orders before that.
  std::optional<Touch> lateTouch(std::uint32_t rank) const;

private:
  using Clock = std::vector<std::uint32_t>; ///< a clock for each warp
  using Cell = std::uint64_t;               ///< clock, then a bit for strong, then the warp
  static constexpr Cell strongCell = 0x8000, warpOfCell = 0x7fff;
  static constexpr unsigned clockShift = 16;
  static constexpr std::uint32_t pageBytes = 1024;
  static constexpr std::uint32_t remembered = 128;
  struct Point {
    Clock arriving, completed;
  };
  struct Remembered {
    const Inst *inst = nullptr;
    std::uint32_t rank = 0, from = 0, to = 0;
    bool write = false;
  };

  std::uint32_t blockOf(std::uint32_t warp) const { return warp / warpsOfBlock; }
  bool hasStarted(std::uint32_t rank, std::uint32_t warp) const;
  bool knows(std::uint32_t warp, Cell cell) const { return cell >> clockShift <= clocks[warp][cell & warpOfCell]; }
  std::optional<Conflict> againstWriters(const Access &a) const;
  std::optional<Conflict> againstReaders(const Access &a) const;
  std::uint32_t *pageOf(std::uint32_t rank, std::uint32_t warp, std::uint32_t page) const {
    return readers[rank][std::size_t{page} * warps + warp].get();
  }
  void join(Clock &to, const Clock &from) const;
  void release(Clock &to, std::uint32_t warp);
  Point &pointAt(std::uint32_t &point);

  std::uint32_t warpsOfBlock, warps, bytes;
  std::vector<Clock> clocks, released, seen; ///< of each warp
  Clock startClock;
  std::vector<Clock> gone;                     ///< of each block: what its exited warps knew
  std::vector<std::array<Clock, 16>> barriers; ///< of each block
  std::array<Clock, 2> cluster;                ///< barrier
  std::vector<std::uint32_t> heard; ///< of each block: those that it knows to have started, beside what clocks tell
  std::vector<Point> points;        ///< the first is none
  std::unordered_map<std::uint64_t, Clock> sync; ///< by key
  std::vector<std::vector<Cell>> writers;        ///< of each block
  std::vector<std::vector<std::unique_ptr<std::uint32_t[]>>> readers;
  std::vector<std::vector<Touch>> touches; ///< of each block by the warps of others
  std::vector<std::array<Remembered, remembered>> recent;
  std::vector<std::uint32_t> next;
};

} // namespace sage::sim
