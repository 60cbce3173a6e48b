// See ClusterRaces.h.
#include "memory/ClusterRaces.h"

#include <algorithm>

namespace sage::sim {

ClusterRaces::ClusterRaces(std::uint32_t blocks, std::uint32_t warpCount, std::uint32_t byteCount)
    : warpsOfBlock(warpCount), warps(blocks * warpCount), bytes(byteCount), clocks(warps, Clock(warps)),
      released(clocks), seen(clocks), startClock(warps), gone(blocks, Clock(warps)), barriers(blocks), heard(blocks),
      writers(blocks, std::vector<Cell>(byteCount)), readers(blocks), recent(warps), next(warps) {
  for (auto &ofBlock : barriers) ofBlock.fill(Clock(warps));
  cluster.fill(Clock(warps));
  for (auto &pages : readers) pages.resize(std::size_t{(bytes + pageBytes - 1) / pageBytes} * warps);
  for (std::uint32_t w = 0; w < warps; ++w) clocks[w][w] = 1;
}

void ClusterRaces::start() {
  Clock all(warps);
  for (std::uint32_t w = 0; w < warps; ++w) startClock[w] = 1 + (all[w] = clocks[w][w]);
  for (std::uint32_t w = 0; w < warps; ++w) {
    clocks[w] = all;
    ++clocks[w][w];
    released[w].assign(warps, 0);
    seen[w].assign(warps, 0);
  }
  for (Clock &g : gone) g.assign(warps, 0);
  std::fill(heard.begin(), heard.end(), 0);
  points.assign(1, {});
  sync.clear();
  touches.assign(gone.size(), std::vector<Touch>(warps));
  for (auto &ring : recent) ring.fill({});
  std::fill(next.begin(), next.end(), 0);
}

void ClusterRaces::join(Clock &to, const Clock &from) const {
  for (std::uint32_t w = 0; w < warps; ++w) to[w] = std::max(to[w], from[w]);
}
void ClusterRaces::release(Clock &to, std::uint32_t warp) {
  join(to, clocks[warp]);
  ++clocks[warp][warp];
}

void ClusterRaces::openBarrier(std::uint32_t rank, std::uint32_t id) { barriers[rank][id].assign(warps, 0); }
void ClusterRaces::arrive(std::uint32_t rank, std::uint32_t id, std::uint32_t warp) {
  release(barriers[rank][id], warp);
}
void ClusterRaces::leave(std::uint32_t rank, std::uint32_t id, std::uint32_t warp, bool counted) {
  join(clocks[warp], barriers[rank][id]);
  if (!counted) join(clocks[warp], gone[rank]);
  // A barrier is a fence, too; it does not cover what comes behind it.
  join(clocks[warp], seen[warp]);
  released[warp] = clocks[warp];
  --released[warp][warp];
  ++clocks[warp][warp]; // tells it from a fence, see `signals`
}

void ClusterRaces::openCluster(unsigned parity) { cluster[parity].assign(warps, 0); }
void ClusterRaces::arriveAtCluster(unsigned parity, std::uint32_t warp) { release(cluster[parity], warp); }
void ClusterRaces::leaveCluster(unsigned parity, std::uint32_t warp) {
  heard[blockOf(warp)] = ~0u; // also without an order of memory
  join(clocks[warp], cluster[parity]);
  for (const Clock &g : gone) join(clocks[warp], g);
  join(clocks[warp], seen[warp]);
  released[warp] = clocks[warp];
  --released[warp][warp];
  ++clocks[warp][warp]; // tells it from a fence, see `signals`
}

void ClusterRaces::fence(std::uint32_t warp) {
  join(clocks[warp], seen[warp]);
  released[warp] = clocks[warp];
  ++clocks[warp][warp];
}
void ClusterRaces::strongWrite(std::uint32_t warp, std::uint64_t key) {
  const auto [at, isNew] = sync.try_emplace(key);
  if (isNew) at->second.assign(warps, 0);
  join(at->second, released[warp]);
}
void ClusterRaces::strongRead(std::uint32_t warp, std::uint64_t key) {
  if (const auto found = sync.find(key); found != sync.end()) join(seen[warp], found->second);
}
void ClusterRaces::exited(std::uint32_t rank, std::uint32_t warp) { release(gone[rank], warp); }

ClusterRaces::Point &ClusterRaces::pointAt(std::uint32_t &point) {
  if (point == 0) {
    point = static_cast<std::uint32_t>(points.size());
    points.push_back({Clock(warps), Clock(warps)});
  }
  return points[point];
}
void ClusterRaces::arrive(std::uint32_t &point, std::uint32_t warp, bool relaxed) {
  if (relaxed)
    join(pointAt(point).arriving, released[warp]);
  else
    release(pointAt(point).arriving, warp);
}
void ClusterRaces::publish(std::uint32_t &point, std::uint32_t warp) {
  std::uint32_t &found = pointAt(point).completed[warp];
  found = std::max(found, clocks[warp][warp]++);
}
void ClusterRaces::completePhase(std::uint32_t point) {
  if (point == 0) return;
  join(points[point].completed, points[point].arriving);
  points[point].arriving.assign(warps, 0);
}
void ClusterRaces::wait(std::uint32_t point, std::uint32_t warp, bool relaxed) {
  if (point != 0) join(relaxed ? seen[warp] : clocks[warp], points[point].completed);
}

// Something that a thread of the block did is known, or all blocks met.
bool ClusterRaces::hasStarted(std::uint32_t rank, std::uint32_t warp) const {
  bool started = heard[blockOf(warp)] >> rank & 1;
  for (std::uint32_t w = number(rank, 0); w < number(rank + 1, 0); ++w) started |= clocks[warp][w] >= startClock[w];
  return started;
}

std::optional<ClusterRaces::Conflict> ClusterRaces::againstWriters(const Access &a) const {
  const Cell *cells = writers[a.rank].data() + a.offset;
  // Mostly one write made all of them.
  if (knows(a.warp, cells[0]) && std::equal(cells + 1, cells + a.size, cells)) return std::nullopt;
  const std::uint32_t own = blockOf(a.warp);
  for (std::uint32_t k = 0; k < a.size; ++k) {
    const Cell cell = cells[k];
    if (knows(a.warp, cell) || blockOf(cell & warpOfCell) == own) continue;
    if (a.strong && (cell & strongCell)) continue;
    if (a.fresh && a.held[k] == a.fresh[k]) continue;
    return Conflict{Conflict::What::Race, a.offset + k, static_cast<std::uint32_t>(cell & warpOfCell), true};
  }
  return std::nullopt;
}

/// BODY(page, first byte in it, count) for each page that the bytes lie in; stops at false.
template <class Body> static bool eachPage(std::uint32_t pageBytes, std::uint32_t from, std::uint32_t size, Body body) {
  for (std::uint32_t at = from, end = from + size; at < end;) {
    const std::uint32_t first = at % pageBytes, count = std::min(end - at, pageBytes - first);
    if (!body(at / pageBytes, first, count)) return false;
    at += count;
  }
  return true;
}

std::optional<ClusterRaces::Conflict> ClusterRaces::againstReaders(const Access &a) const {
  const std::uint32_t own = blockOf(a.warp);
  std::optional<Conflict> found;
  eachPage(pageBytes, a.offset, a.size, [&](std::uint32_t number, std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t w = 0; w < warps && !found; ++w) {
      const std::uint32_t *page = blockOf(w) == own ? nullptr : pageOf(a.rank, w, number);
      if (!page) continue;
      const std::uint32_t known = clocks[a.warp][w];
      const std::uint32_t *unknown =
          std::find_if(page + first, page + first + count, [known](std::uint32_t clock) { return clock > known; });
      if (unknown == page + first + count) continue;
      found = Conflict{Conflict::What::Race, number * pageBytes + static_cast<std::uint32_t>(unknown - page), w, false};
    }
    return !found;
  });
  return found;
}

void ClusterRaces::landed(std::uint32_t rank, std::uint32_t warp, std::uint32_t offset, std::uint32_t size) {
  std::fill_n(writers[rank].begin() + offset, size, Cell{clocks[warp][warp]} << clockShift | warp);
}
void ClusterRaces::wasRead(std::uint32_t rank, std::uint32_t warp, std::uint32_t offset, std::uint32_t size) {
  eachPage(pageBytes, offset, size, [&](std::uint32_t number, std::uint32_t first, std::uint32_t count) {
    auto &page = readers[rank][std::size_t{number} * warps + warp];
    if (!page) page = std::make_unique<std::uint32_t[]>(pageBytes);
    std::fill_n(page.get() + first, count, clocks[warp][warp]);
    return true;
  });
}

bool ClusterRaces::touch(std::uint32_t warp, std::uint32_t rank, std::uint32_t offset, const Inst *inst, unsigned lane,
                         bool lasts) {
  if (blockOf(warp) == rank) return true;
  if (lasts) touches[rank][warp] = {clocks[warp][warp], warp, offset, lane, inst};
  return hasStarted(rank, warp);
}

// A strong write right behind a fence tells the block that the accesses before are done: whoever sees it knows that it
// is done itself.
static bool signals(const ClusterRaces::Access &a, std::uint32_t released, std::uint32_t now) {
  return a.strong && a.write && released + 1 == now;
}

std::optional<ClusterRaces::Conflict> ClusterRaces::note(const Access &a) {
  recent[a.warp][next[a.warp]++ % remembered] = {a.inst, a.rank, a.offset, a.offset + a.size, a.write};
  const bool lasts = !a.deferred && !signals(a, released[a.warp][a.warp], clocks[a.warp][a.warp]);
  if (!touch(a.warp, a.rank, a.offset, a.inst, a.lane, lasts))
    return Conflict{Conflict::What::NotStarted, a.offset, 0, false};
  if (const auto conflict = againstWriters(a)) return conflict;
  if (!a.write) {
    if (!a.strong) wasRead(a.rank, a.warp, a.offset, a.size);
    return std::nullopt;
  }
  if (const auto conflict = againstReaders(a)) return conflict;
  const Cell cell = Cell{clocks[a.warp][a.warp]} << clockShift | (a.strong ? strongCell : 0) | a.warp;
  if (!a.deferred) std::fill_n(writers[a.rank].begin() + a.offset, a.size, cell);
  return std::nullopt;
}

const Inst *ClusterRaces::findAccess(std::uint32_t warp, std::uint32_t rank, std::uint32_t offset, bool write) const {
  const std::uint32_t count = std::min(next[warp], remembered);
  for (std::uint32_t back = 1; back <= count; ++back) {
    const Remembered &r = recent[warp][(next[warp] - back) % remembered];
    if (r.write == write && r.rank == rank && r.from <= offset && offset < r.to) return r.inst;
  }
  return nullptr;
}

std::optional<ClusterRaces::Touch> ClusterRaces::lateTouch(std::uint32_t rank) const {
  for (const Touch &t : touches[rank])
    if (t.clock > gone[rank][t.warp]) return t;
  return std::nullopt;
}

} // namespace sage::sim
