// Scheduling of the warps of a block.
#include "core/BlockRunner.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/AsyncProxy.h"
#include "core/SpecialRegisters.h"

namespace sage::sim {
namespace {

// Basic blocks a warp runs before the next warp gets its turn: long enough to keep its registers in the cache.
constexpr std::uint32_t blocksPerSlice = 256;

std::uint32_t blockThreads(const Launch &l) { return l.threads[0] * l.threads[1] * l.threads[2]; }

void execute(Warp &w) {
  const Inst *inst = w.pc;
  w.stop = Stop::None;
  w.slice = blocksPerSlice;
  w.vainPolls = 0;
  while (inst) inst = inst->fn(w, inst);
}

bool hasReady(const Warp &w) {
  for (const Split &s : w.parked)
    if (s.wait == Split::Wait::Ready) return true;
  return false;
}

} // namespace

void AlignedBytes::Free::operator()(std::byte *p) const { std::free(p); }

void AlignedBytes::resize(std::size_t bytes) {
  size = (bytes + 4095) / 4096 * 4096;
  data.reset(static_cast<std::byte *>(std::aligned_alloc(4096, size ? size : 4096)));
  if (!data) throw std::bad_alloc();
}

BlockRunner::BlockRunner(Launch &l, Counters &s, std::vector<BlockCount> &counts) : stats(s) {
  const Program &p = *l.program;
  const std::uint32_t threads = blockThreads(l), warps = (threads + 31) / 32;
  block.program = &p;
  block.launch = &l;
  block.memory = l.memory;
  block.checks = l.checks;
  if (!l.checks.on(ViolationKind::UninitialisedRead)) block.unwritten = shadowSet;
  if (!l.checks.on(ViolationKind::InFlightAccess)) block.inFlight = shadowSet;
  block.threads = l.threads;
  block.grid = l.grid;
  block.parameters = l.parameters.data();
  block.sharedBytes = p.staticSharedBytes + l.dynamicSharedBytes;
  if (usesReservedShared(p)) {
    block.reservedShared = (block.sharedBytes / 128 + 1) * 128;
    block.sharedBytes = block.reservedShared + reservedSharedBytes;
  }
  registers.resize(std::size_t{warps} * p.fileBytes);
  std::memset(registers.get(), 0, registers.size);
  shared.resize(2 * std::size_t{block.sharedBytes});
  block.shared = reinterpret_cast<std::uint8_t *>(shared.get());
  block.sharedShadow = block.shared + block.sharedBytes;
  makeDetectors(l, warps);
  local.resize(2 * std::size_t{warps} * 32 * p.localBytes);
  std::memset(local.get(), 0, local.size);
  lookups.resize(std::size_t{warps} * p.memoryIds);
  block.warps.resize(warps);
  for (std::uint32_t k = 0; k < warps; ++k) {
    Warp &w = block.warps[k];
    w.index = k;
    w.block = &block;
    w.async.setDetectors(block.races, k, lanes.get(), &w.stretch);
    w.regs = registers.get() + std::size_t{k} * p.fileBytes;
    w.counts = counts.data();
    w.stats = &stats;
    w.lookups = lookups.data() + std::size_t{k} * p.memoryIds;
    w.local = reinterpret_cast<std::uint8_t *>(local.get()) + std::size_t{k} * 32 * p.localBytes;
    w.localShadow = w.local + std::size_t{warps} * 32 * p.localBytes;
    const std::uint32_t left = threads - 32 * k;
    w.exists = left >= 32 ? allLanes : (1u << left) - 1;
    fillRegisterFile(w);
  }
}

void BlockRunner::makeDetectors(const Launch &launch, std::uint32_t warps) {
  const Checks &checks = launch.checks;
  const bool isAlone = warps == 1 && launch.cluster == std::array<std::uint32_t, 3>{1, 1, 1};
  const bool inShared = checks.on(ViolationKind::Race) && !isAlone && block.sharedBytes != 0;
  const bool ofLanes = checks.on(ViolationKind::LaneRace) && block.sharedBytes != 0;
  if (inShared || ofLanes || checks.watchGlobal())
    races = std::make_unique<RaceDetector>(warps, inShared ? block.sharedBytes : 0, launch.sync.get());
  if (ofLanes) lanes = std::make_unique<LaneWatch>(block.sharedBytes);
  block.order = races.get();
  block.races = inShared ? races.get() : nullptr;
  block.lanes = lanes.get();
}

void BlockRunner::fillRegisterFile(Warp &w) {
  for (const Program::Constant &c : block.program->constants) {
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (c.bytes == 8)
        w.lanes<std::uint64_t>(c.offset)[lane] = c.value;
      else
        w.lanes<std::uint32_t>(c.offset)[lane] = static_cast<std::uint32_t>(c.value);
    }
  }
}

void BlockRunner::start(const std::array<std::uint32_t, 3> &index) {
  block.index = index;
  ended = false;
  std::memset(block.sharedShadow, block.unwritten, block.sharedBytes);
  if (block.reservedShared != 0) {
    std::memset(block.shared + block.reservedShared, 0, reservedSharedBytes);
    std::memset(block.sharedShadow + block.reservedShared, shadowSet, reservedSharedBytes);
  }
  for (Barrier &b : block.barriers) b.inUse = false;
  if (races) races->startBlock(index[0] + block.grid[0] * (index[1] + block.grid[1] * index[2]));
  block.violation.reset();
  block.proxy.reset();
  block.asyncReaders = nullptr;
  ++stats.blocks;
  for (Warp &w : block.warps) {
    w.alive = w.exists;
    w.setActive(w.exists);
    w.carry = 0;
    orderLanes(w);
    // The stack behind the kernel's own variables starts anew with each call.
    for (std::size_t lane = 0; lane < 32 && block.program->kernelBytes != 0; ++lane)
      std::memset(w.localShadow + lane * block.program->localBytes, block.unwritten, block.program->kernelBytes);
    w.parked.clear();
    w.async.clear();
    w.calls.reset();
    w.pc = block.program->entry;
    w.stop = Stop::Yield;
    for (const Program::SpecialSlot &slot : block.program->specials) fillSpecial(w, slot);
  }
}

BlockRunner::Round BlockRunner::finish() {
  if (!ended && !finishProxy(block)) return Round::Faulted;
  ended = true;
  return Round::Done;
}

BlockRunner::Round BlockRunner::round() {
  bool anyAlive = false, anyRan = false, anyWaits = false;
  for (Warp &w : block.warps) {
    if (w.stop == Stop::Exited) continue;
    anyAlive = true;
    if (w.stop == Stop::Blocked) {
      if (!hasReady(w)) continue;
      w.pc = resume(w);
    }
    execute(w);
    if (w.stop == Stop::Faulted) return Round::Faulted;
    const bool waits = w.stop == Stop::Yield && isWaiting(w);
    anyWaits |= waits;
    anyRan |= !waits;
  }
  if (!anyAlive) return finish();
  return anyRan ? Round::Ran : anyWaits ? Round::Waiting : Round::Stuck;
}

} // namespace sage::sim
