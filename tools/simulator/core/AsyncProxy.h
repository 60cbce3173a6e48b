// What a block has in the hands of the asynchronous proxy: mbarrier objects, bulk copies that have not landed or still
// read their source, and the accumulators of wgmma operations that have not been waited for. Shared by
// isa/MbarrierRows.cpp, isa/BulkRows.cpp, isa/TensorRows.cpp and isa/WgmmaRows.cpp; the block owns it.
//
// Nothing becomes visible before the program has waited for it: a copy into shared memory lands when a wait on its
// mbarrier succeeds, one out of shared memory when its group is waited for or the block ends. What an operation reads
// may not be written meanwhile; `readers` counts, for every 16 bytes, who still does.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/MatrixDescriptor.h"
#include "core/Reduction.h"
#include "core/Warp.h"
#include "memory/RaceDetector.h"

namespace sage::sim {

/// Places in shared memory, in units of 16 bytes.
using Chunks = std::vector<std::uint16_t>;

/// cp.async operations of a warp that an mbarrier waits for (§9.7.13.15.17).
struct TrackedCopies {
  std::uint32_t warp = 0;
  std::uint32_t lanes = 0;
  std::uint64_t last = 0; ///< serial number of the newest copy that belongs to it
  bool counted = false;   ///< its arrivals were made
  bool ready = false;     ///< its phase is complete
};

/// PTX ISA §9.7.13.15.2. The object's state lives here; its eight bytes in shared memory are opaque to programs.
struct Mbarrier {
  std::uint32_t expected = 0; ///< arrivals of each phase
  std::uint32_t pending = 0;  ///< arrivals that the phase still waits for
  std::int64_t bytes = 0;     ///< tx-count
  std::uint64_t phase = 0;
  bool ended = false;         ///< every thread has dropped out
  std::uint32_t deferred = 0; ///< arrivals among `pending` that cp.async operations will make
  std::vector<TrackedCopies> tracked;
  RaceDetector::SyncPoint order;
  std::uint32_t initWarp = 0;
  /// The cluster's phase at the fence.mbarrier_init behind its init: what a barrier of the cluster that completes later
  /// tells, also when the arrivals are relaxed (§9.7.13.4). All ones: there was none.
  std::uint32_t fencedPhase = ~0u;
};

/// A copy into shared memory. Its bytes were taken from the source when it was issued.
struct BulkCopy {
  std::uint32_t barrier = 0;
  bool counted = false; ///< its bytes were taken off the tx-count
  bool ready = false;   ///< its phase is complete: it lands at the next wait
  std::vector<std::uint8_t> data;
  std::uint32_t pieceBytes = 16;
  std::vector<std::uint32_t> chunks; ///< addresses of where each piece goes
  Chunks source;                     ///< what it reads of shared memory
  struct Run {
    std::uint64_t address;
    std::uint32_t bytes;
  };
  std::vector<Run> runs; ///< what it reads of global memory
  Reduction reduction;
  Block *issuer = nullptr; ///< whose warp issued it; not always the block that it goes to
  std::uint32_t warp = 0, lane = 0;
  const Inst *inst = nullptr;
};

/// A copy or reduction out of shared memory. Its bytes were taken when it was issued.
struct BulkStore {
  struct Piece {
    std::uint64_t address;
    std::uint32_t offset, bytes; ///< in `data`
  };
  std::vector<Piece> pieces;
  std::vector<std::uint8_t> data;
  Chunks source; ///< empty once it has been read
  Reduction reduction;
  std::uint32_t warp = 0, lane = 0;
  std::uint32_t group = 0; ///< 0: not committed
  const Inst *inst = nullptr;
};

/// The result of wgmma operations on one set of accumulators: register OFFSET → 32 lanes.
struct PendingTile {
  std::uint32_t group = 0;
  bool committed = false;
  std::vector<std::uint32_t> offsets;
  std::vector<std::array<std::uint32_t, 32>> values;
};

/// What a wgmma of a warp reads until it has been waited for.
struct PendingReads {
  std::uint32_t group = 0;
  bool committed = false;
  std::uint64_t number = 0; ///< of the wgmma among those of its warp
  const Inst *inst = nullptr;
  std::array<SharedOperand, 2> operands; ///< A and B; A may have no rows
  std::array<std::uint32_t, 4> a{};      ///< the registers of A
  bool fromRegisters = false;
};

/// Where B of a wgmma lies, as the first of the four warps that came to it found it.
struct SharedRead {
  std::uint64_t number = 0; ///< of the wgmma among those of its warp; 0: none
  const Inst *inst = nullptr;
  SharedOperand operand;
  bool sameWriter = false; ///< of all its bytes, as far as the race detector knows
  std::array<std::uint32_t, 512> pieces{};
};

/// What stands in the way of a register that a wgmma uses.
enum RegisterState : std::uint8_t {
  Touched = 1,             ///< by something else since the last wgmma.fence
  AccumulatorInFlight = 2, ///< not to be read or written
  OperandInFlight = 4,     ///< not to be written
};

struct AsyncProxy {
  std::unordered_map<std::uint32_t, Mbarrier> barriers; ///< by shared address
  std::vector<BulkCopy> copies;
  std::vector<BulkStore> stores;
  std::vector<std::array<std::uint32_t, 32>> storeGroups; ///< of each warp and lane: bulk groups committed
  std::uint64_t idleWaits = 0;                            ///< failed waits since anything changed
  struct Waiting {
    std::uint32_t count = 0; ///< failed waits of a warp
    const Inst *inst = nullptr;
    std::uint32_t barrier = 0;
  };
  std::vector<std::uint32_t> registers; ///< of a thread of each warp, as its setmaxnreg says
  std::vector<Waiting> waiting;         ///< of each warp, since then
  struct WarpTiles {
    std::vector<PendingTile> tiles;
    std::vector<PendingReads> reads;
    std::uint32_t groups = 0;
    std::uint64_t issued = 0; ///< wgmma operations, of which the four warps of a group must do the same
    const Inst *last = nullptr;
    bool fenced = false;              ///< there was a wgmma.fence
    std::vector<std::uint8_t> states; ///< RegisterState of every 128 bytes of the register file
  };
  std::vector<RaceDetector::SyncPoint> groupReads; ///< of each four warps: what their wgmma operations have read
  std::vector<SharedRead> lastB;                   ///< of each four warps
  std::vector<WarpTiles> tiles;                    ///< of each warp
  std::vector<std::uint16_t> readers; ///< of every 16 bytes of shared memory; at least as many as there are
};

AsyncProxy &proxyOf(Block &block);
/// Another warp's mbarrier.init at ADDRESS is ordered before what W does now; false after a fault.
bool initIsKnown(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address);
/// Completes the phase of BARRIER when nothing is missing.
void completePhase(Block &block, std::uint32_t barrier);
/// The same behind counting what copies have brought. Only a wait that would fail does so: copies are as late as they
/// can be, so that a wait for the wrong phase does not find them.
void finishCopies(Block &block, std::uint32_t barrier);
/// W has found a phase of BARRIER complete: what it waited for becomes visible.
void landCopies(Warp &w, std::uint32_t barrier);

/// Marks the source of an operation as read from now on, or as read to its end, which W has waited for.
void beginReading(Block &block, const Chunks &chunks);
void endReading(Warp &w, Chunks &chunks);
/// The same for what a wgmma may read of shared memory, as it is known by its bounds.
void countReaders(Block &block, const SharedOperand &operand, int change);
/// Counts a wait of W at INST for BARRIER (a wgmma's: 0) that failed; true when all warps have failed so often, with
/// nothing else happening, that none can succeed.
bool waitsInVain(Warp &w, const Inst *inst, std::uint32_t barrier);
/// What each warp waits for, a line for one.
std::vector<std::string> waitTexts(const Block &block);
/// The end of a block: copies out of shared memory land. False after a fault: something was never waited for.
bool finishProxy(Block &block);
/// Writes STORE to where it goes and forgets it.
bool landStore(Warp &w, BulkStore &store);

/// The shared address that LANE of an address operand (four entries) has, checked; false after a fault.
bool sharedAddress(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                   std::uint32_t &address);
/// The same for the shared memory of the whole cluster: BLOCK is whose the ADDRESS is. OWNONLY: no other block's.
bool clusterPlace(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                  bool ownOnly, Block *&block, std::uint32_t &address);
/// The value of LANE in an address operand.
std::uint64_t addressOf(Warp &w, const std::uint32_t *m, unsigned lane);

} // namespace sage::sim
