// Unions of knowledge and how it travels; see GridOrder.h.
#include "memory/GridOrder.h"

#include <algorithm>

namespace sage::sim {
namespace {

constexpr std::size_t maxEntries = 512;

using Entry = Knowledge::Entry;

Entry newerOf(const Entry &a, const Entry &b) {
  if (a.era != b.era) return a.era > b.era ? a : b;
  return {a.block, a.era, __builtin_elementwise_max(a.clocks, b.clocks),
          __builtin_elementwise_max(a.proxied, b.proxied)};
}

void addTo(std::vector<Entry> &entries, const Entry &entry) {
  const auto at = std::lower_bound(entries.begin(), entries.end(), entry.block,
                                   [](const Entry &e, std::uint32_t block) { return e.block < block; });
  if (at != entries.end() && at->block == entry.block)
    *at = newerOf(*at, entry);
  else
    entries.insert(at, entry);
}

bool covers(WarpClock a, WarpClock b) { return __builtin_reduce_and(__builtin_elementwise_max(a, b) == a) != 0; }
bool covers(const Entry &a, const Entry &b) {
  if (a.era != b.era) return a.era > b.era;
  return covers(a.clocks, b.clocks) && covers(a.proxied, b.proxied);
}
/// B adds nothing to A.
bool covers(const Knowledge &a, const Knowledge &b) {
  if (b.everything > a.everything) return false;
  auto x = a.entries.begin();
  for (const Entry &y : b.entries) {
    while (x != a.entries.end() && x->block < y.block) ++x;
    if (x == a.entries.end() || x->block != y.block || !covers(*x, y)) return false;
  }
  return true;
}

} // namespace

KnowledgePtr unite(const KnowledgePtr &a, const KnowledgePtr &b, std::uint32_t newest) {
  if (!a || a == b) return b;
  if (!b || covers(*a, *b)) return a; // as for those that poll
  if (covers(*b, *a)) return b;
  auto result = std::make_shared<Knowledge>();
  result->everything = std::max(a->everything, b->everything);
  auto &to = result->entries;
  to.reserve(a->entries.size() + b->entries.size());
  auto x = a->entries.begin(), y = b->entries.begin();
  while (x != a->entries.end() || y != b->entries.end()) {
    if (y == b->entries.end() || (x != a->entries.end() && x->block < y->block))
      to.push_back(*x++);
    else if (x == a->entries.end() || y->block < x->block)
      to.push_back(*y++);
    else
      to.push_back(newerOf(*x++, *y++));
  }
  if (to.size() > maxEntries) {
    to.clear();
    result->everything = newest;
  }
  return result;
}

void SyncTable::publish(std::uint64_t key, const KnowledgePtr &knowledge) {
  Slot &slot = slotOf(key);
  const std::lock_guard lock(slot.mutex);
  slot.knowledge = unite(slot.knowledge, knowledge, segments.newest());
  slot.used.store(true, std::memory_order_release);
}

KnowledgePtr SyncTable::find(std::uint64_t key) {
  Slot &slot = slotOf(key);
  if (!slot.used.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(slot.mutex);
  return slot.knowledge;
}

void GridOrder::startBlock(std::uint32_t linearIndex) {
  index = linearIndex;
  known.fill(nullptr);
  seen.fill(nullptr);
  lastRelease.fill(nullptr);
}

void GridOrder::join(KnowledgePtr &to, const KnowledgePtr &from) const {
  if (from && from != to) to = unite(to, from, sync.table().newest());
}

void GridOrder::acquireFence(std::uint32_t warp) {
  join(known[warp], seen[warp]);
  seen[warp] = nullptr;
}

void GridOrder::fence(std::uint32_t warp, std::uint32_t era, WarpClock clocks, WarpClock proxied) {
  acquireFence(warp);
  auto mine = known[warp] ? std::make_shared<Knowledge>(*known[warp]) : std::make_shared<Knowledge>();
  addTo(mine->entries, {index, era, clocks, proxied});
  lastRelease[warp] = std::move(mine);
}

void GridOrder::strongWrite(std::uint32_t warp, std::uint64_t key) {
  if (lastRelease[warp]) sync.publish(key, lastRelease[warp]);
}
void GridOrder::strongRead(std::uint32_t warp, std::uint64_t key) { join(seen[warp], sync.find(key)); }

void GridOrder::proxyFence(std::uint32_t warp) {
  if (!known[warp]) return;
  auto mine = std::make_shared<Knowledge>(*known[warp]);
  for (Entry &e : mine->entries) e.proxied = e.clocks;
  known[warp] = std::move(mine);
}

bool GridOrder::covers(std::uint32_t warp, const Segment &s, WarpClock Entry::*clocks) const {
  const KnowledgePtr &mine = known[warp];
  if (!mine) return false;
  if (s.id < mine->everything) return true;
  const auto at = std::lower_bound(mine->entries.begin(), mine->entries.end(), s.block,
                                   [](const Entry &e, std::uint32_t block) { return e.block < block; });
  if (at == mine->entries.end() || at->block != s.block || s.era > at->era) return false;
  return s.era < at->era || s.clock <= ((*at).*clocks)[s.warp];
}

bool GridOrder::knows(std::uint32_t warp, const Segment &s) const { return covers(warp, s, &Entry::clocks); }
bool GridOrder::isProxied(std::uint32_t warp, const Segment &s) const { return covers(warp, s, &Entry::proxied); }

} // namespace sage::sim
