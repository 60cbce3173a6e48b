// Who touched a piece of global memory: the cells of the global race detector hold numbers of segments, and this table
// says what each number means. A segment is one memory instruction of one warp between two of its clock ticks
// (memory/RaceDetector.h), so it names a side of a race with its line, and the detector can tell whether it is ordered.
//
// A cell stands for eight bytes and has a writer (the low half) and a reader (the high half), each a segment and a mask
// of the bytes it touched: as much shadow as there is memory. Numbers grow from launch to launch; those from before a
// launch are void, as launches are in order. The table keeps the newest 2^20 segments; older ones are forgotten, which
// can hide a race and never invents one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace sage::sim {

struct Segment {
  std::uint32_t id = 0;
  std::uint32_t block = 0;
  std::uint32_t instruction = 0; ///< index into Program::code
  std::uint16_t era = 0;         ///< how often the block's clocks started anew
  std::uint8_t clock = 0;        ///< of the warp
  std::uint8_t warp : 5 = 0;
  bool strong : 1 = false; ///< volatile, relaxed, atomic: races only with weak accesses
};

class SegmentTable {
public:
  static constexpr std::uint32_t maxId = (1u << 24) - 1; ///< a cell has 24 bits

  SegmentTable();
  ~SegmentTable();
  SegmentTable(const SegmentTable &) = delete;
  SegmentTable &operator=(const SegmentTable &) = delete;

  /// False when the numbers are used up: the cells must be cleared, then reset() be called.
  bool startLaunch();
  void reset() { next = first = 1; }

  /// The new segment's number; 0 when there are no more in this launch.
  std::uint32_t add(Segment segment);
  /// Null when ID is void or forgotten.
  const Segment *find(std::uint32_t id) const {
    if (id < first || !entries) return nullptr;
    const Segment &s = entries[id % kept];
    return s.id == id ? &s : nullptr;
  }
  /// Guards cells: those of a page share a lock. Every look at a cell and its change happen under it.
  class Lock {
  public:
    Lock(SegmentTable &t, const std::uint64_t *cell)
        : flag(t.locks[reinterpret_cast<std::uintptr_t>(cell) >> 12 & (lockCount - 1)].flag) {
      while (flag.test_and_set(std::memory_order_acquire)) {
      }
    }
    ~Lock() { flag.clear(std::memory_order_release); }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;

  private:
    std::atomic_flag &flag;
  };

  std::uint32_t newest() const { return next.load(std::memory_order_relaxed); }

private:
  static constexpr std::uint32_t kept = 1u << 20;
  static constexpr std::size_t lockCount = 256;
  struct alignas(64) Guard {
    std::atomic_flag flag;
  };
  std::array<Guard, lockCount> locks;
  Segment *entries = nullptr; ///< mapped lazily by the system
  std::atomic<std::uint32_t> next{1};
  std::uint32_t first = 1; ///< of the running launch
};

} // namespace sage::sim
