// The clocks of the race detector; see RaceDetector.h for the model.
#include "memory/RaceDetector.h"

#include <algorithm>

#include "memory/ClusterRaces.h"

namespace sage::sim {
namespace {

using Clock = RaceDetector::Clock;
using View = RaceDetector::View;

constexpr std::uint8_t lastClock = 255;
constexpr std::uint64_t globalEnd = std::uint64_t{1} << 48; // keys of shared memory lie behind it

void join(View &to, const View &from) {
  to.order = __builtin_elementwise_max(to.order, from.order);
  to.proxied = __builtin_elementwise_max(to.proxied, from.proxied);
  to.proxiedGlobal = __builtin_elementwise_max(to.proxiedGlobal, from.proxiedGlobal);
}
std::size_t slotOf(std::uint64_t key, std::size_t slots) {
  return (key >> 2) * 0x9e3779b97f4a7c15ull >> 32 & (slots - 1);
}

} // namespace

RaceDetector::RaceDetector(std::uint32_t warpCount, std::uint32_t byteCount, SyncTable *sync)
    : grid(sync ? std::make_unique<GridOrder>(*sync) : nullptr), warps(warpCount), bytes(byteCount),
      readers(std::size_t{warpCount} * byteCount), readGeneration(byteCount), writers(byteCount), recent(warpCount) {
  forget();
}

void RaceDetector::forget() {
  std::fill(readers.begin(), readers.end(), 0);
  std::fill(readGeneration.begin(), readGeneration.end(), 0);
  std::fill(writers.begin(), writers.end(), 0);
  currentGeneration = 1;
  ++epoch;
  for (std::uint32_t w = 0; w < maxWarps; ++w) {
    clocks[w] = released[w] = seen[w] = {};
    clocks[w].order[w] = 1;
    ++tickCount[w];
  }
  barriers.fill({});
  sync.fill({});
  gone = exported = {};
}

void RaceDetector::tick(std::uint32_t warp) {
  if (clocks[warp].order[warp] == lastClock)
    forget();
  else
    ++clocks[warp].order[warp];
  ++tickCount[warp];
}

void RaceDetector::startBlock(std::uint32_t linearIndex) {
  blockIndex = linearIndex;
  if (grid) grid->startBlock(linearIndex);
  Clock all(0);
  for (std::uint32_t w = 0; w < warps; ++w) all[w] = clocks[w].order[w];
  for (std::uint32_t w = 0; w < warps; ++w) {
    clocks[w] = {all, all, all};
    released[w] = seen[w] = {};
  }
  for (std::uint32_t w = 0; w < warps; ++w) tick(w);
  barriers.fill({});
  sync.fill({});
  gone = exported = {};
  next.fill(0);
  newGeneration();
}

void RaceDetector::releaseTo(View &to, std::uint32_t warp) {
  join(to, clocks[warp]);
  tick(warp);
}

// The cluster's own barrier is told by core/Cluster.cpp.
void RaceDetector::openBarrier(std::uint32_t id) {
  barriers[id] = {};
  barriersFar[id] = nullptr;
  if (cluster && isNamed(id)) cluster->openBarrier(rank, id);
}
void RaceDetector::arrive(std::uint32_t id, std::uint32_t warp) {
  releaseTo(barriers[id], warp);
  if (grid) grid->arrive(barriersFar[id], warp);
  if (cluster && isNamed(id)) cluster->arrive(rank, id, first + warp);
}
void RaceDetector::exited(std::uint32_t warp) {
  releaseTo(gone, warp);
  if (cluster) cluster->exited(rank, first + warp);
}

void RaceDetector::leave(std::uint32_t id, std::uint32_t warp, bool counted) {
  join(clocks[warp], barriers[id]);
  if (!counted) join(clocks[warp], gone);
  // A barrier is a fence, too; it does not cover what comes behind it.
  join(clocks[warp], seen[warp]);
  released[warp] = clocks[warp];
  --released[warp].order[warp];
  if (cluster && isNamed(id)) cluster->leave(rank, id, first + warp, counted);
  if (grid) grid->leave(barriersFar[id], warp);
}

void RaceDetector::newGeneration() {
  if (currentGeneration == lastClock)
    forget();
  else
    ++currentGeneration;
}

void RaceDetector::fence(std::uint32_t warp, bool deviceWide) {
  join(clocks[warp], seen[warp]);
  released[warp] = clocks[warp];
  if (grid && deviceWide) grid->fence(warp, epoch, clocks[warp].order, clocks[warp].proxiedGlobal);
  tick(warp);
  if (cluster) cluster->fence(first + warp);
}
void RaceDetector::acquireFence(std::uint32_t warp, bool deviceWide) {
  join(clocks[warp], seen[warp]);
  if (grid && deviceWide) grid->acquireFence(warp);
  if (cluster) cluster->fence(first + warp);
}

void RaceDetector::strongWrite(std::uint32_t warp, std::uint64_t key) {
  join(sync[slotOf(key, syncSlots)], released[warp]);
  if (grid && (key < globalEnd || cluster)) grid->strongWrite(warp, key);
  if (!cluster) return;
  join(exported, released[warp]);
  cluster->strongWrite(first + warp, key);
}
void RaceDetector::strongRead(std::uint32_t warp, std::uint64_t key) {
  join(seen[warp], sync[slotOf(key, syncSlots)]);
  if (grid && (key < globalEnd || cluster)) grid->strongRead(warp, key);
  if (cluster) cluster->strongRead(first + warp, key);
}

void RaceDetector::attach(ClusterRaces *wider, std::uint32_t ownRank, std::uint32_t firstWarp) {
  cluster = wider;
  rank = ownRank;
  first = firstWarp;
}

void RaceDetector::arriveAt(RaceDetector &owner, SyncPoint &point, std::uint32_t warp, bool relaxed) {
  join(exported, relaxed ? released[warp] : clocks[warp]);
  if (grid && !relaxed) releaseTo(point.far, warp);
  if (!relaxed) tick(warp);
  owner.renew(point);
  join(point.arriving, owner.exported);
  if (cluster) cluster->arrive(point.number, first + warp, relaxed);
}

void RaceDetector::signalled(std::uint64_t key) { join(sync[slotOf(key, syncSlots)], exported); }

bool RaceDetector::isBehind(std::uint32_t warp, const Segment &s) const {
  if (s.block != blockIndex) return grid && grid->knows(warp, s);
  if (s.warp == warp || s.era != static_cast<std::uint16_t>(epoch)) return true;
  return s.clock <= clocks[warp].order[s.warp];
}

bool RaceDetector::isProxied(std::uint32_t warp, const Segment &s) const {
  if (s.block != blockIndex) return !grid || grid->isProxied(warp, s);
  return s.era != static_cast<std::uint16_t>(epoch) || s.clock <= clocks[warp].proxiedGlobal[s.warp];
}

void RaceDetector::releaseTo(KnowledgePtr &far, std::uint32_t warp) {
  if (!grid) return;
  grid->fence(warp, epoch, clocks[warp].order, clocks[warp].proxiedGlobal);
  grid->release(far, warp);
}

void RaceDetector::renew(SyncPoint &point) const {
  if (point.epoch != epoch) point = {{}, {}, epoch, point.number, point.far};
}

void RaceDetector::arrive(SyncPoint &point, std::uint32_t warp, bool relaxed) {
  if (cluster) cluster->arrive(point.number, first + warp, relaxed);
  if (relaxed) {
    renew(point);
    join(point.arriving, released[warp]);
    return;
  }
  if (grid) grid->arrive(point.far, warp);
  const View before = clocks[warp];
  tick(warp); // may forget everything
  renew(point);
  if (clocks[warp].order[warp] > before.order[warp]) join(point.arriving, before);
}

void RaceDetector::completePhase(SyncPoint &point) {
  renew(point);
  join(point.completed, point.arriving);
  point.arriving = {};
  if (cluster) cluster->completePhase(point.number);
}

void RaceDetector::wait(SyncPoint &point, std::uint32_t warp, bool relaxed) {
  renew(point);
  join(relaxed ? seen[warp] : clocks[warp], point.completed);
  if (cluster) cluster->wait(point.number, first + warp, relaxed);
  if (grid && !relaxed) grid->leave(point.far, warp);
}

void RaceDetector::publish(SyncPoint &point, std::uint32_t warp) {
  renew(point);
  if (cluster) cluster->publish(point.number, first + warp);
  point.completed.order[warp] = std::max(point.completed.order[warp], own(warp));
  tick(warp);
}

void RaceDetector::proxyFence(std::uint32_t warp, bool shared, bool global) {
  if (shared) clocks[warp].proxied = clocks[warp].order;
  if (global) clocks[warp].proxiedGlobal = clocks[warp].order;
  if (global && grid) grid->proxyFence(warp);
  tick(warp);
}

void RaceDetector::landed(std::uint32_t warp, std::uint32_t offset, std::uint32_t size, std::uint16_t flag) {
  std::fill_n(writers.begin() + offset, size, static_cast<std::uint16_t>(cell(warp) | flag));
  if (cluster) cluster->landed(rank, first + warp, offset, size);
}

void RaceDetector::wasRead(std::uint32_t warp, std::uint32_t offset, std::uint32_t size) {
  std::fill_n(readersAt(warp, offset), size, own(warp));
  std::fill_n(readGenerationAt(offset), size, currentGeneration);
  if (cluster) cluster->wasRead(rank, first + warp, offset, size);
}

const Inst *RaceDetector::findAccess(std::uint32_t warp, std::uint64_t offset, bool write,
                                     const Inst *otherThan) const {
  const std::uint32_t count = std::min<std::uint32_t>(next[warp], remembered);
  for (std::uint32_t back = 1; back <= count; ++back) {
    const Access &a = recent[warp][(next[warp] - back) % remembered];
    if (a.inst != otherThan && a.write == write && a.from <= offset && offset < a.to) return a.inst;
  }
  return nullptr;
}

} // namespace sage::sim
