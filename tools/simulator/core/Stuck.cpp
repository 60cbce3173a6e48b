// Reports of clusters that do not come to an end: what each of their warps waits for or does.
#include <bit>
#include <cstdio>

#include "core/Cluster.h"

namespace sage::sim {
namespace {

std::string lanesText(const Warp &w, std::uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  std::string where;
  if (w.block->hasPeers) where = "block " + std::to_string(w.block->rank) + " of the cluster, ";
  return where + "warp " + std::to_string(w.index) + ", lanes " + text + ": ";
}

std::string barrierText(const Block &block, std::uint32_t id) {
  const Barrier &b = block.barriers[id];
  std::string text = "at barrier " + std::to_string(id) + " with " + std::to_string(b.arrived) + " threads of ";
  if (b.expected != 0) return text + std::to_string(b.expected);
  std::uint32_t alive = 0;
  for (const Warp &w : block.warps) alive += w.alive != 0 ? 32u : 0u;
  return text + "all " + std::to_string(alive);
}

/// Threads that the cluster's barrier has and wants.
std::string clusterText(const Cluster &c) {
  int arrived = 0, alive = 0;
  for (const Block *b : c.blocks)
    for (const Warp &w : b->warps) {
      arrived += std::popcount(c.barrier[b->rank][w.index].arrived & w.alive);
      alive += std::popcount(w.alive);
    }
  return "at the cluster's barrier with " + std::to_string(arrived) + " threads of all " + std::to_string(alive);
}

bool atBarrier(const Split &s) { return s.wait == Split::Wait::Barrier || s.wait == Split::Wait::Cluster; }
const Inst *placeOf(const Split &s) { return atBarrier(s) ? s.pc - 1 : s.pc; }

std::string doing(const Block &block, const Split &s) {
  switch (s.wait) {
  case Split::Wait::Barrier: return barrierText(block, s.barrier);
  case Split::Wait::Cluster: return clusterText(*block.cluster);
  case Split::Wait::Converge: return "waits for more lanes";
  default: return "runs";
  }
}
std::string splitText(const Warp &w, const Split &s) {
  return lanesText(w, s.mask) + doing(*w.block, s) + ", " + w.block->program->placeText(placeOf(s)->line);
}

} // namespace

std::vector<std::string> waitsOf(const Cluster &cluster) {
  std::vector<std::string> details;
  for (const Block *block : cluster.blocks)
    for (const Warp &w : block->warps) {
      const bool runs = w.stop == Stop::Yield && w.pc;
      if (runs) details.push_back(lanesText(w, w.split) + "runs" + ", " + block->program->placeText(w.pc->line));
      for (const Split &s : w.parked) details.push_back(splitText(w, s));
    }
  return details;
}

// Nobody can go on: is it a barrier or a collective that lacks lanes?
void reportDeadlock(Cluster &cluster) {
  bool collective = false;
  Warp *first = nullptr;
  const Split *where = nullptr;
  for (Block *block : cluster.blocks)
    for (Warp &w : block->warps)
      for (const Split &s : w.parked) {
        if (!first || (!atBarrier(s) && !collective)) first = &w, where = &s;
        collective |= !atBarrier(s);
      }
  if (!first) return;
  const auto lane = static_cast<unsigned>(std::countr_zero(where->mask));
  const char *const whose = cluster.blocks.size() > 1 ? "all warps of the cluster wait, and no barrier can complete"
                                                      : "all warps of the block wait, and no barrier can complete";
  fault(*first, placeOf(*where), collective ? ViolationKind::Divergence : ViolationKind::Deadlock, lane,
        collective ? "a collective instruction waits for lanes that never come" : whose);
  first->block->violation->details = waitsOf(cluster);
}

void reportTimeout(Cluster &cluster, const std::string &message) {
  Warp *first = nullptr;
  for (Block *block : cluster.blocks)
    for (Warp &w : block->warps)
      if (w.stop == Stop::Yield && w.pc && !first) first = &w;
  if (!first) return;
  std::vector<std::string> details = waitsOf(cluster); // before the fault stops the warp
  fault(*first, first->pc, ViolationKind::Timeout, static_cast<unsigned>(std::countr_zero(first->split)), message);
  first->block->violation->details = std::move(details);
}

} // namespace sage::sim
