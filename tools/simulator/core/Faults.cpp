// Wording of memory violations.
#include "core/Faults.h"

#include <cstdio>

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

std::string sizeText(std::uint32_t size) { return std::to_string(size) + (size == 1 ? " byte" : " bytes"); }

void addNearest(Warp &w, std::uint64_t address) {
  if (const Allocation *a = w.block->memory->nearest(address))
    w.block->violation->nearest = place(*a, address) + describe(*a);
}

} // namespace

void misalignedFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, Space space) {
  faultAt(w, inst, ViolationKind::Misaligned, lane, address, space,
          "access of " + sizeText(size) + " at " + hex(address) + ", which is not a multiple of " +
              std::to_string(size));
  if (space == Space::Global) addNearest(w, address);
}

void globalFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size, bool isWrite) {
  const Allocation *found = w.block->memory->find(address);
  const std::string what = std::string(isWrite ? "write" : "read") + " of " + sizeText(size) + " at " + hex(address);
  if (found && found->freed)
    faultAt(w, inst, ViolationKind::UseAfterFree, lane, address, Space::Global, what + " in memory that was freed");
  else
    faultAt(w, inst, ViolationKind::OutOfBounds, lane, address, Space::Global,
            what + (found ? ", which crosses the end of its allocation" : ", outside of every allocation"));
  addNearest(w, address);
}

void boundsFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address, std::uint32_t size,
                 std::uint64_t limit, Space space) {
  faultAt(w, inst, ViolationKind::OutOfBounds, lane, address, space,
          "access of " + sizeText(size) + " at " + hex(address) + " in " + std::string(spaceName(space)) +
              " memory of " + std::to_string(limit) + " bytes");
}

void readOnlyFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address) {
  faultAt(w, inst, ViolationKind::ReadOnlyWrite, lane, address, Space::Const,
          "write to constant memory at " + hex(address));
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
          "read of " + sizeText(size) + " at " + hex(address) + ", of which byte " + std::to_string(at) +
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
  w.block->violation->details.push_back(there ? "other side: " + other + ", line " + std::to_string(there->line) +
                                                    ": " + w.block->program->lineText(there->line)
                                              : "other side: " + other + ", an access too long ago to be named");
}

void laneRaceFault(Warp &w, const Inst *inst, unsigned lane, std::uint64_t address) {
  faultAt(w, inst, ViolationKind::Race, lane, address, Space::Shared,
          "lanes of one store write different values to shared memory at " + hex(address));
}

} // namespace sage::sim
