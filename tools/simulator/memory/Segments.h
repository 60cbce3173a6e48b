// Who touched a piece of global memory: the states of cells (CellStates.h) hold numbers of segments, and this table
// says what each number means. A segment is one memory instruction of one warp between two of its clock ticks
// (RaceDetector.h) and two of its collectives, so it names a side of a race with its line, and the detector can tell
// whether it is ordered.
//
// Numbers grow from launch to launch; those from before a launch are void, as launches are in order. The table keeps
// the newest 2^20 segments; older ones are forgotten, which can hide a race and never invents one. All devices share
// one table, as their kernels see each other's memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "memory/CellStates.h"

namespace sage::sim {

struct Segment {
  std::uint32_t id = 0;
  std::uint32_t block = 0;
  std::uint32_t section = 0;          ///< of the warp, between two collectives
  std::uint32_t instruction : 24 = 0; ///< index into Program::code
  std::uint32_t warp : 5 = 0;
  bool swaps : 1 = false;    ///< a compare-and-swap
  bool async : 1 = false;    ///< by the asynchronous proxy
  bool inFlight : 1 = false; ///< and not waited for
  std::uint16_t era = 0;     ///< how often the block's clocks started anew
  std::uint8_t clock = 0;    ///< of the warp
  bool strong = false;       ///< volatile, relaxed, atomic: races only with weak accesses
};

class SegmentTable {
public:
  /// The one of this process.
  static SegmentTable &instance();

  SegmentTable();
  ~SegmentTable();
  SegmentTable(const SegmentTable &) = delete;
  SegmentTable &operator=(const SegmentTable &) = delete;

  void startLaunch();

  /// The new segment's number; 0 when there are no more in this launch.
  std::uint32_t add(Segment segment);
  /// Null when ID is void or forgotten.
  const Segment *find(std::uint32_t id) const {
    if (id < first || !entries) return nullptr;
    const Segment &s = entries[id % kept];
    return s.id == id ? &s : nullptr;
  }
  CellStates &states() { return cellStates; }

  /// Guards the cells of a page. Every look at a cell and its change happen under it.
  class Lock {
  public:
    Lock(SegmentTable &t, const std::uint32_t *cell)
        : flag(t.locks[reinterpret_cast<std::uintptr_t>(cell) / pageBytes % lockCount].flag) {
      while (flag.test_and_set(std::memory_order_acquire))
        while (flag.test(std::memory_order_relaxed)) {
        }
    }
    ~Lock() { flag.clear(std::memory_order_release); }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;

  private:
    static constexpr std::uintptr_t pageBytes = CellStates::pageWords * sizeof(std::uint32_t);
    std::atomic_flag &flag;
  };

  std::uint32_t newest() const { return next.load(std::memory_order_relaxed); }

private:
  static constexpr std::uint32_t kept = 1u << 20;
  static constexpr std::uint32_t lastId = 0xf0000000u;
  static constexpr std::size_t lockCount = 1024;
  struct alignas(64) Guard {
    std::atomic_flag flag;
  };
  std::array<Guard, lockCount> locks;
  CellStates cellStates;
  Segment *entries = nullptr; ///< mapped lazily by the system
  std::atomic<std::uint32_t> next{1};
  std::uint32_t first = 1; ///< of the running launch
};

} // namespace sage::sim
