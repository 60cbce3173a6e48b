// A defect of the simulated program, as it is reported: what, where, by whom. Printed to standard error for people and
// kept as JSON for tools.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sage::sim {

enum class ViolationKind : std::uint8_t {
  OutOfBounds,
  UseAfterFree,
  Misaligned,
  UninitialisedRead,
  InFlightAccess, ///< shared memory touched while a cp.async into it has not been waited for
  ReadOnlyWrite,
  Race,       ///< unordered accesses of two warps to shared memory, one of them a write
  LaneRace,   ///< the same between lanes of one warp
  GlobalRace, ///< unordered weak accesses to global memory, one of them a write
  Divergence, ///< an aligned or masked collective without all its lanes
  Deadlock,
  Timeout, ///< a kernel that does not come to an end
  Trap,
  IllegalInstruction,
  IllegalBranch,
  Assert, ///< __assertfail
  DoubleFree,
  InvalidFree, ///< of an address that no allocation starts at
  Leak,
  InvalidMask,   ///< of a collective: lanes that exited, or without a lane that executes it
  InvalidSource, ///< a shuffle from a lane that takes no part
  BarrierMisuse,
  StackOverflow,
  MissingProxyFence, ///< an asynchronous operation on what ordinary stores wrote without a fence.proxy.async
  MissingWgmmaFence, ///< a wgmma on registers touched since the last wgmma.fence
  RegisterInFlight,  ///< registers of a wgmma that has not been waited for
  MbarrierMisuse,
  UnfinishedCopy, ///< a bulk copy that nobody waited for when the block ended
  Count
};
inline constexpr std::size_t violationKinds = static_cast<std::size_t>(ViolationKind::Count);

/// Short name ("out_of_bounds") used in JSON and in tests.
const char *violationName(ViolationKind kind);
/// Whether it is looked for, so that it can be switched off. The others are what an instruction does.
bool isDetector(ViolationKind kind);
/// Whether every later call in the context fails with it, as on a GPU, or the launch alone: what no GPU notices.
bool isSticky(ViolationKind kind);
/// The driver's error code for it.
int violationResult(ViolationKind kind);

struct Violation {
  ViolationKind kind = ViolationKind::Trap;
  std::string message; ///< one sentence, with addresses and sizes
  std::string kernel;
  std::array<std::uint32_t, 3> block{};
  std::array<std::uint32_t, 3> thread{};
  std::uint32_t line = 0;
  std::string text;   ///< the PTX line
  std::string source; ///< "sum.cu:7", from .loc
  bool hasAddress = false;
  std::uint64_t address = 0;
  std::string space;
  std::string nearest;              ///< the allocation next to the address, in words
  std::vector<std::string> details; ///< for a deadlock: what each warp waits for
};

/// Several lines for a terminal.
std::string violationText(const Violation &violation);
std::string violationJson(const Violation &violation);

} // namespace sage::sim
