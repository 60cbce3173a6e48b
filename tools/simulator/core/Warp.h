// The state of a running block and its warps, and what handlers may do with it.
//
// Threads of a warp that went different ways are `splits`: a program counter and a lane mask. One split runs, the
// others are parked. Splits that meet at the start of a basic block merge. A collective that needs more lanes than the
// running split has parks it until they come.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/Program.h"
#include "memory/AsyncCopies.h"
#include "memory/DeviceMemory.h"
#include "report/Checks.h"
#include "report/Counters.h"
#include "report/Violation.h"

namespace sage::sim {

inline constexpr std::uint32_t allLanes = 0xffffffffu;
inline constexpr std::uint32_t namedBarriers = 16;

// Generic addresses of the windows that are not global memory (PTX ISA §5.1.6: how they map is up to the machine).
inline constexpr std::uint64_t sharedWindow = std::uint64_t{1} << 48;
inline constexpr std::uint64_t localWindow = sharedWindow + (std::uint64_t{1} << 40);
inline constexpr std::uint64_t paramWindow = sharedWindow + (std::uint64_t{2} << 40);
inline constexpr std::uint64_t windowBytes = std::uint64_t{1} << 32;

enum class Stop : std::uint8_t { None, Exited, Yield, Blocked, Faulted };

struct Split {
  enum class Wait : std::uint8_t { Ready, Converge, Barrier, Cluster };
  const Inst *pc = nullptr;
  std::uint32_t mask = 0;
  Wait wait = Wait::Ready;
  std::uint16_t barrier = 0;
};

struct BlockCount {
  std::uint64_t warps = 0;
  std::uint64_t lanes = 0;
};

/// Where the lanes of the last access of an instruction lay: consecutive accesses mostly stay in one allocation.
struct LookupCache {
  Allocation *allocation = nullptr;
  std::uint64_t seen = 0; ///< digest of what a strong read found last
  // Of the race detector in global memory (GlobalRaces.cpp).
  std::uint64_t after = 0;                          ///< the state that cells got last
  std::uint32_t segment = 0, tick = 0, section = 0; ///< the segment, and what it belongs to
  bool inFlight = false;
};

struct Block;
struct CallStack;  // CallStack.h
struct AsyncProxy; // AsyncProxy.h
struct Cluster;    // Cluster.h

struct Warp {
  std::byte *regs = nullptr;
  std::uint32_t active = 0; ///< lanes that execute now
  std::uint32_t split = 0;  ///< lanes of the running split; more than `active` only inside a predicated instruction
  std::uint32_t carry = 0;  ///< carry flag of each lane
  bool full = false;        ///< every other lane is dead: a register write may hit all 32
  Stop stop = Stop::None;
  std::uint32_t slice = 0;     ///< basic blocks until the warp lets others run
  std::uint32_t vainPolls = 0; ///< of the slice: strong reads that found what the last one had found
  std::uint32_t fairness = 0;  ///< while diverged: blocks until another split gets its turn
  std::uint32_t alive = 0;     ///< lanes that have not exited
  std::uint32_t exists = 0;    ///< lanes that the block has
  std::uint32_t index = 0;
  std::uint32_t section = 0; ///< between two collectives, for races of lanes
  std::uint32_t stretch = 0; ///< the same as LaneWatch numbers it
  const Inst *pc = nullptr;
  Block *block = nullptr;
  BlockCount *counts = nullptr;
  Counters *stats = nullptr;
  LookupCache *lookups = nullptr;
  std::uint8_t *local = nullptr;       ///< 32 × localBytes, lane after lane
  std::uint8_t *localShadow = nullptr; ///< a byte for each byte of it
  std::vector<Split> parked;
  AsyncCopies async;
  std::shared_ptr<CallStack> calls; ///< null until something is called

  void setActive(std::uint32_t mask) {
    split = mask;
    narrow(mask);
  }
  /// For one instruction: only the lanes whose predicate holds.
  void narrow(std::uint32_t mask) {
    active = mask;
    full = (mask | ~alive) == allLanes;
  }
  template <class T> T *lanes(std::uint32_t offset) { return reinterpret_cast<T *>(regs + offset); }
};

struct Barrier {
  bool inUse = false;
  bool reduces = false;                        ///< bar.red
  std::uint32_t expected = 0;                  ///< threads; 0 means all of the block
  std::uint32_t arrived = 0;                   ///< threads, a whole warp counts 32
  std::uint32_t trueLanes = 0, falseLanes = 0; ///< votes of bar.red
  std::vector<std::uint32_t> masks;            ///< lanes of each warp that arrived
};

struct Launch; // GridRunner.h

class RaceDetector; // memory/RaceDetector.h
class LaneWatch;    // memory/LaneWatch.h

struct Block {
  const Program *program = nullptr;
  Launch *launch = nullptr;
  DeviceMemory *memory = nullptr;
  std::array<std::uint32_t, 3> index{};
  std::array<std::uint32_t, 3> threads{};
  std::array<std::uint32_t, 3> grid{};
  Cluster *cluster = nullptr; ///< the blocks that run together with this one; at least itself
  std::uint32_t rank = 0;     ///< in the cluster
  bool hasPeers = false;      ///< the cluster has more than one block
  std::uint8_t *shared = nullptr;
  std::uint8_t *sharedShadow = nullptr;
  std::uint32_t sharedBytes = 0;
  std::uint32_t reservedShared = 0; ///< where the system's part of it begins; 0: there is none
  const std::uint8_t *parameters = nullptr;
  RaceDetector *order = nullptr; ///< null: nobody looks for races
  RaceDetector *races = nullptr; ///< the same where shared memory is watched: several warps and any of it
  LaneWatch *lanes = nullptr;    ///< null: nobody looks for races of lanes, or there is no shared memory
  Checks checks;
  // What shadow bytes become: with a detector off they say that all is well.
  std::uint8_t unwritten = shadowUnset, inFlight = shadowInFlight;
  std::vector<Warp> warps;
  std::array<Barrier, namedBarriers> barriers;
  const std::uint16_t *asyncReaders = nullptr; ///< AsyncProxy::readers, once anything is read asynchronously
  std::shared_ptr<AsyncProxy> proxy;           ///< null until an mbarrier, a bulk copy or a wgmma is used
  std::optional<Violation> violation;
};

/// So many in a slice, and the warp waits for somebody else.
constexpr std::uint32_t vainPollsOfWaiting = 16;
inline bool isWaiting(const Warp &w) { return w.vainPolls >= vainPollsOfWaiting; }
/// Ends the slice of a warp that waits; it goes on at NEXT. Returns null, so that a handler can return it.
const Inst *letOthersRun(Warp &w, const Inst *next);
/// A strong read at INST found values with DIGEST. Who finds the same again and again lets others run.
inline void notePoll(Warp &w, const Inst *inst, std::uint64_t digest) {
  std::uint64_t &seen = w.lookups[inst->id].seen;
  if (seen != digest) {
    seen = digest;
    w.vainPolls = 0;
  } else if (++w.vainPolls == vainPollsOfWaiting) {
    w.slice = 1;
  }
}

/// Records a violation of LANE of W at INST and stops the block. Returns null, so that a handler can return it.
const Inst *fault(Warp &w, const Inst *inst, ViolationKind kind, unsigned lane, std::string message);
const Inst *faultAt(Warp &w, const Inst *inst, ViolationKind kind, unsigned lane, std::uint64_t address, Space space,
                    std::string message);

/// True when all lanes of NEED that are alive execute INST now. Otherwise parks the running split until they come, or
/// reports a divergence when they cannot, and returns false; the handler then returns `resume(w)`.
bool gather(Warp &w, const Inst *inst, std::uint32_t need);
/// The next instruction of the split that runs after the current one was parked; null when none can.
const Inst *resume(Warp &w);
/// The lanes of a collective have come together: what they did before is ordered before what they do next.
void orderLanes(Warp &w);
/// `gather` for a collective marked .aligned: all living lanes of the warp.
inline bool gatherAll(Warp &w, const Inst *inst) {
  if (w.active != w.alive && !gather(w, inst, w.alive)) return false;
  orderLanes(w);
  return true;
}
/// Splits the running lanes at a branch whose TAKEN lanes go to TARGET and whose others go to NEXT.
const Inst *diverge(Warp &w, const Inst *target, std::uint32_t taken, const Inst *next);
/// Ends the lanes of MASK.
const Inst *exitLanes(Warp &w, const Inst *inst, std::uint32_t mask);

/// Arrival of the running split at barrier ID with EXPECTED threads (0: all). WAIT false for bar.arrive.
const Inst *arriveAtBarrier(Warp &w, const Inst *inst, std::uint32_t id, std::uint32_t expected, bool wait);
/// Looks at all barriers again after lanes exited.
void checkBarriers(Block &block);

} // namespace sage::sim
