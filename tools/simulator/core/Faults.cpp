// Wording of memory violations.
#include "core/Faults.h"

#include <cstdio>

#include "memory/DeviceHeap.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string describe(const Allocation &a) {
  std::string what = a.name.empty() ? "allocation " + std::to_string(a.serial) : "variable '" + a.name + "'";
  if (a.freed) what += " (freed)";
  return what + " of " + std::to_string(a.bytes) + " bytes at " + hex(a.base);
}

std::string place(const Allocation &a, std::uint64_t address) {
  if (address < a.base) return std::to_string(a.base - address) + " bytes before ";
  if (address >= a.base + a.bytes) return std::to_string(address - a.base - a.bytes) + " bytes behind the end of ";
  return "at offset " + std::to_string(address - a.base) + " of ";
}

} // namespace

std::string nearestText(const DeviceMemory &memory, std::uint64_t address) {
  const Allocation *a = memory.nearest(address);
  return a ? place(*a, address) + describe(*a) : std::string();
}

namespace {

std::string sizeText(std::uint32_t size) { return std::to_string(size) + (size == 1 ? " byte" : " bytes"); }

/// The instruction's own word for what it does in SPACE; OTHERWISE where it has none.
const char *useText(const Inst *inst, Space space, const char *otherwise) {
  const bool shared = space == Space::Shared || space == Space::SharedCluster;
  switch (inst->use) {
  case MemoryUse::Read: return "read";
  case MemoryUse::Write: return "write";
  case MemoryUse::Atomic: return "atomic";
  case MemoryUse::CopyIn: return shared ? "write" : "read";
  case MemoryUse::CopyOut: return shared ? "read" : "write";
  case MemoryUse::Other: break;
  }
  return otherwise;
}

void addNearest(Warp &w, std::uint64_t address) {
  w.block->violation->nearest = nearestText(*w.block->memory, address);
}

std::string nearestBlock(DeviceHeap &heap, std::uint64_t address) {
  std::string text;
  std::uint64_t best = ~std::uint64_t{0};
  for (const auto &[base, bytes] : heap.blocks()) {
    const std::uint64_t away = address < base ? base - address : address < base + bytes ? 0 : address - base - bytes;
    if (away >= best) continue;
    best = away;
    text = std::to_string(away) + " bytes " + (address < base ? "before" : "behind the end of") +
           " a block of the device heap of " + std::to_string(bytes) + " bytes at " + hex(base);
  }
  return text;
}

std::string triple(std::uint32_t linear, const std::array<std::uint32_t, 3> &size) {
  return "(" + std::to_string(linear % size[0]) + "," + std::to_string(linear / size[0] % size[1]) + "," +
         std::to_string(linear / size[0] / size[1]) + ")";
}

/// "block (3,0,0), thread (5,0,0)" of the grid, or "block (3,0,0), warp 0".
std::string sideText(const Block &b, const GridSide &side) {
  const std::uint32_t warp = side.segment.warp;
  return "block " + triple(side.segment.block, b.grid) +
         (side.lane < 0 ? ", warp " + std::to_string(warp)
                        : ", thread " + triple(warp * 32 + static_cast<std::uint32_t>(side.lane), b.threads));
}
std::string placeOf(const Block &b, const GridSide &side) {
  return b.program->placeText(b.program->code[side.segment.instruction].line);
}
/// A detail of a report: who the other one is, and its line.
void addSide(Warp &w, std::uint64_t address, const char *what, const std::string &who, const GridSide &side) {
  addNearest(w, address);
  w.block->violation->details.push_back(what + who + ", " + placeOf(*w.block, side));
}
std::string globalText(bool isWrite, std::uint64_t address) {
  return std::string(isWrite ? "write to" : "read of") + " global memory at " + hex(address);
}

} // namespace

std::string accessText(const Inst *inst, Space space, std::uint32_t size, const char *otherwise) {
  return std::string(useText(inst, space, otherwise)) + " of " + sizeText(size);
}

void misalignedFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, Space space) {
  faultAt(w, inst, ViolationKind::Misaligned, lane, address, space,
          accessText(inst, space, size) + " at " + hex(address) + ", which is not a multiple of " +
              std::to_string(size));
  if (space == Space::Global) addNearest(w, address);
}

void globalFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool isWrite) {
  const Allocation *found = w.block->memory->find(address);
  const std::string what = accessText(inst, Space::Global, size, isWrite ? "write" : "read") + " at " + hex(address);
  if (found && found->freed)
    faultAt(w, inst, ViolationKind::UseAfterFree, lane, address, Space::Global, what + " in memory that was freed");
  else
    faultAt(w, inst, ViolationKind::OutOfBounds, lane, address, Space::Global,
            what + (found ? ", which crosses the end of its allocation" : ", outside of every allocation"));
  addNearest(w, address);
}

bool checkHeap(Warp &w, const Inst *inst, const Allocation &heap, const std::uint64_t *offsets, std::uint32_t &mask,
               std::uint32_t size, bool isWrite) {
  for (std::uint32_t m = mask; m != 0; m &= m - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(m));
    const std::uint64_t address = heap.base + offsets[lane];
    const DeviceHeap::Place place = w.block->memory->heap().placeOf(address, size);
    if (place == DeviceHeap::Place::Inside) continue;
    const bool freed = place == DeviceHeap::Place::Freed;
    const auto kind = freed ? ViolationKind::UseAfterFree : ViolationKind::OutOfBounds;
    if (!w.block->checks.on(kind)) {
      mask &= ~(1u << lane);
      continue;
    }
    faultAt(
        w, inst, kind, lane, address, Space::Global,
        accessText(inst, Space::Global, size, isWrite ? "write" : "read") + " at " + hex(address) +
            (freed ? " in a block of the device heap that was freed" : " outside of every block of the device heap"));
    w.block->violation->nearest = nearestBlock(w.block->memory->heap(), address);
    return false;
  }
  return true;
}

void boundsFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size,
                 std::uint64_t limit, Space space) {
  faultAt(w, inst, ViolationKind::OutOfBounds, lane, address, space,
          accessText(inst, space, size) + " at " + hex(address) + " in " + std::string(spaceName(space)) +
              " memory of " + std::to_string(limit) + " bytes");
}

void readOnlyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address) {
  faultAt(w, inst, ViolationKind::ReadOnlyWrite, lane, address, Space::Const,
          std::string(inst->use == MemoryUse::Atomic ? "atomic on" : "write to") + " constant memory at " +
              hex(address));
  addNearest(w, address);
}

void shadowFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, const std::uint8_t *shadow,
                 std::uint32_t size, Space space, bool isWrite) {
  std::uint32_t at = 0;
  while (at + 1 < size && (isWrite ? shadow[at] <= shadowSet : shadow[at] == shadowSet)) ++at;
  // A vectorised access checks all lanes at once; find the lane whose part it is.
  if (isWrite && size >= 32) lane += at / (size / 32), address += at;
  const std::string access =
      std::string(isWrite ? "write to " : "read of ") + std::string(spaceName(space)) + " memory at " + hex(address);
  if (shadow[at] == shadowInFlight) {
    const char *const what = space == Space::Shared && !w.async.empty() ? "a cp.async" : "an asynchronous copy";
    faultAt(w, inst, ViolationKind::InFlightAccess, lane, address, space,
            access + " while " + what + " into it has not been waited for");
    return;
  }
  if (shadow[at] == shadowMbarrier) {
    faultAt(w, inst, ViolationKind::MbarrierMisuse, lane, address, space, access + ", which holds an mbarrier");
    return;
  }
  faultAt(w, inst, ViolationKind::UninitialisedRead, lane, address, space,
          accessText(inst, space, size, "read") + " at " + hex(address) + ", of which byte " + std::to_string(at) +
              " was never written");
  if (space == Space::Global) addNearest(w, address);
}

void raceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t warp, bool otherWrites,
               bool isWrite) {
  const bool first = !w.block->violation;
  const std::string other = "warp " + std::to_string(warp);
  faultAt(w, inst, ViolationKind::Race, lane, address, Space::Shared,
          std::string(isWrite ? "write to" : "read of") + " shared memory at " + hex(address) + " by warp " +
              std::to_string(w.index) + " is not ordered behind a " + (otherWrites ? "write" : "read") + " by " +
              other);
  if (!first) return;
  const Inst *there = w.block->races->findAccess(warp, address, otherWrites);
  w.block->violation->details.push_back(there ? "other side: " + other + ", " + w.block->program->placeText(there->line)
                                              : "other side: " + other + ", an access too long ago to be named");
}

void globalRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                     const GridSide &other) {
  const bool first = !w.block->violation;
  const std::string who = sideText(*w.block, other);
  faultAt(w, inst, ViolationKind::GlobalRace, lane, address, Space::Global,
          globalText(isWrite, address) + " is not ordered behind a " + (other.writes ? "write" : "read") + " by " +
              who);
  if (first) addSide(w, address, "other side: ", who, other);
}

void globalLaneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                         const GridSide &other) {
  const bool first = !w.block->violation;
  const std::string who = other.lane < 0 ? "another lane" : "lane " + std::to_string(other.lane);
  faultAt(w, inst, ViolationKind::LaneRace, lane, address, Space::Global,
          globalText(isWrite, address) + " by lane " + std::to_string(lane) + " is not ordered behind a " +
              (other.writes ? "write" : "read") + " by " + who + " of the same warp");
  if (first) addSide(w, address, "other side: ", who, other);
}

void globalProxyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                      const GridSide &store) {
  const bool first = !w.block->violation;
  const std::string who = sideText(*w.block, store);
  faultAt(w, inst, ViolationKind::MissingProxyFence, lane, address, Space::Global,
          std::string("an asynchronous operation ") + (isWrite ? "writes" : "reads") + " global memory at " +
              hex(address) + ", which " + who +
              " wrote with an ordinary store, and no fence.proxy.async stands between");
  if (first) addSide(w, address, "the store: ", who, store);
}

void globalFlightFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite,
                       const GridSide &copy) {
  const bool first = !w.block->violation;
  faultAt(w, inst, ViolationKind::InFlightAccess, lane, address, Space::Global,
          globalText(isWrite, address) + " while an asynchronous operation that writes it has not been waited for");
  if (first) addSide(w, address, "the operation: ", sideText(*w.block, copy), copy);
}

void laneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, bool isWrite, unsigned otherLane,
                   bool otherWrites) {
  const bool first = !w.block->violation;
  // Of several readers only the newest is known; when that is the lane itself, it is one of the others.
  const std::string other = otherLane == lane ? "another lane" : "lane " + std::to_string(otherLane);
  faultAt(w, inst, ViolationKind::LaneRace, lane, address, Space::Shared,
          std::string(isWrite ? "write to" : "read of") + " shared memory at " + hex(address) + " by lane " +
              std::to_string(lane) + " is not ordered behind a " + (otherWrites ? "write" : "read") + " by " + other +
              " of the same warp");
  if (!first) return;
  const Inst *there = w.block->order->findAccess(w.index, address, otherWrites, inst);
  if (!there) there = w.block->order->findAccess(w.index, address, otherWrites);
  w.block->violation->details.push_back(
      "other side: " + other + ", " +
      (there ? w.block->program->placeText(there->line) : std::string("an access too long ago to be named")));
}

void laneClashFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, Space space) {
  faultAt(w, inst, ViolationKind::LaneRace, lane, address, space,
          "lanes of one store write different values to " + std::string(spaceName(space)) + " memory at " +
              hex(address));
  if (space == Space::Global) addNearest(w, address);
}

} // namespace sage::sim
