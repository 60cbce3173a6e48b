// Races between the lanes of one warp in shared memory: accesses of different lanes in different instructions, one of
// them a write, without bar.warp.sync between them. Since sm_70 nothing else orders lanes, not even that they run
// together (PTX ISA §9.7.13.2 bar.warp.sync); other .sync collectives are taken to order their lanes as well.
//
// For each word of shared memory there is a cell for its last write and one for its last read: the number of the warp's
// stretch between two collectives, the lane, and which bytes. Lanes of one instruction are compared elsewhere, by
// value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sage::sim {

class LaneWatch {
public:
  // A cell: bits 0–3 bytes of the word, 4 several lanes (they read each of those bytes), 5–9 lane, 10–31 the stretch.
  static constexpr std::uint32_t several = 16, laneShift = 5, stretchShift = 10;
  static constexpr std::uint32_t lastStretch = (1u << 22) - 1;

  explicit LaneWatch(std::uint32_t bytes) : writers((bytes + 3) / 4), readers((bytes + 3) / 4) {}

  /// The number of a new stretch of any warp of the block.
  std::uint32_t nextStretch() {
    if (newest == lastStretch) {
      std::fill(writers.begin(), writers.end(), 0);
      std::fill(readers.begin(), readers.end(), 0);
      newest = 0;
    }
    return ++newest;
  }
  static std::uint32_t cell(std::uint32_t stretch, unsigned lane, std::uint32_t bytes) {
    return stretch << stretchShift | lane << laneShift | bytes;
  }
  static unsigned laneOf(std::uint32_t cell) { return cell >> laneShift & 31; }
  static bool isOf(std::uint32_t cell, std::uint32_t stretch) { return cell >> stretchShift == stretch; }
  std::uint32_t *writersAt(std::uint64_t offset) { return writers.data() + offset / 4; }
  std::uint32_t *readersAt(std::uint64_t offset) { return readers.data() + offset / 4; }

private:
  std::vector<std::uint32_t> writers, readers;
  std::uint32_t newest = 0;
};

} // namespace sage::sim
