// What a block has in the hands of the asynchronous proxy: mbarrier objects, bulk copies that have not landed, and the
// accumulators of wgmma operations that have not been waited for. Shared by isa/MbarrierRows.cpp, isa/BulkRows.cpp and
// isa/WgmmaRows.cpp; the block owns it.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/Warp.h"

namespace sage::sim {

/// PTX ISA §9.7.13.15.2. The object's state lives here; its eight bytes in shared memory are opaque to programs.
struct Mbarrier {
  std::uint32_t expected = 0; ///< arrivals of each phase
  std::uint32_t pending = 0;  ///< arrivals that the phase still waits for
  std::int64_t bytes = 0;     ///< tx-count
  std::uint64_t phase = 0;
};

/// A copy into shared memory. Its bytes were taken from the source when it was issued.
struct BulkCopy {
  std::uint32_t barrier = 0;
  bool counted = false; ///< its bytes were taken off the tx-count
  std::vector<std::uint8_t> data;
  std::vector<std::uint32_t> chunks; ///< where each 16 bytes go
};

/// The result of wgmma operations on one set of accumulators: register OFFSET → 32 lanes.
struct PendingTile {
  std::uint32_t group = 0;
  bool committed = false;
  std::vector<std::uint32_t> offsets;
  std::vector<std::array<std::uint32_t, 32>> values;
};

struct AsyncProxy {
  std::unordered_map<std::uint32_t, Mbarrier> barriers; ///< by shared address
  std::vector<BulkCopy> copies;
  std::uint64_t idleWaits = 0; ///< failed waits since anything changed
  struct WarpTiles {
    std::vector<PendingTile> tiles;
    std::uint32_t groups = 0;
  };
  std::vector<WarpTiles> tiles; ///< of each warp
};

AsyncProxy &proxyOf(Block &block);
/// Counts the bytes of finished copies at BARRIER and completes its phase when nothing is missing.
void completePhase(Block &block, std::uint32_t barrier);
/// The shared address that LANE of an address operand (four entries) has, checked; false after a fault.
bool sharedAddress(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                   std::uint32_t &address);
/// The value of LANE in an address operand.
std::uint64_t addressOf(Warp &w, const std::uint32_t *m, unsigned lane);

} // namespace sage::sim
