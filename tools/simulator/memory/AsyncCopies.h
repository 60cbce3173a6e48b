// The cp.async operations of one warp that have not been waited for (PTX ISA §9.7.9.25.3).
//
// The bytes are read from global memory when the copy is issued and kept here; shared memory gets them only when the
// issuing thread waits. Until then the destination's shadow says "in flight", so that any access to it is an error.
// Groups are counted for every lane on its own, so divergent use is right too.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace sage::sim {

class RaceDetector;
class LaneWatch;

class AsyncCopies {
public:
  struct Record {
    std::uint32_t mask = 0;      ///< lanes whose copy is not done
    std::uint32_t committed = 0; ///< lanes that have put it in a group
    std::uint32_t bytes = 0;     ///< 4, 8 or 16
    std::uint64_t serial = 0;    ///< counts the copies of the warp
    std::array<std::uint32_t, 32> destination{};
    std::array<std::uint32_t, 32> group{};
    std::array<std::array<std::uint8_t, 16>, 32> data{};
  };

  /// A record for a new copy; the caller fills it in.
  Record &issue();
  void commit(std::uint32_t mask);
  /// Finishes, for the lanes of MASK, all groups but the newest PENDING; writes to shared memory and its shadow.
  void wait(std::uint32_t mask, std::uint32_t pending, std::uint8_t *shared, std::uint8_t *shadow);
  /// Finishes everything of the lanes of MASK, committed or not.
  void waitAll(std::uint32_t mask, std::uint8_t *shared, std::uint8_t *shadow);
  /// The newest copy's number.
  std::uint64_t newest() const { return serials; }
  /// Finishes the copies of the lanes of MASK up to number LAST, for warp OBSERVER, which waited at an mbarrier.
  void landUntil(std::uint64_t last, std::uint32_t mask, std::uint32_t observer, std::uint8_t *shared,
                 std::uint8_t *shadow);
  void clear();
  bool empty() const { return used == 0; }
  /// Who hears of copies that landed, and as which warp's.
  /// STRETCH is the warp's for races of lanes.
  void setDetectors(RaceDetector *detector, std::uint32_t warpIndex, LaneWatch *watch, const std::uint32_t *stretch) {
    races = detector, warp = warpIndex, lanes = watch, laneStretch = stretch;
  }

private:
  void finish(Record &record, std::uint32_t lanes, std::uint32_t observer, std::uint8_t *shared, std::uint8_t *shadow);
  void dropFinished();

  std::vector<Record> records; // the first `used` are live, oldest first; the rest is kept for reuse
  std::size_t used = 0;
  RaceDetector *races = nullptr;
  std::uint32_t warp = 0;
  std::uint64_t serials = 0;
  LaneWatch *lanes = nullptr;
  const std::uint32_t *laneStretch = nullptr;
  std::array<std::uint32_t, 32> groups{}; // committed so far, for each lane
};

} // namespace sage::sim
