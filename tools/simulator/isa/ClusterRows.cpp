// Clusters (PTX ISA §9.7.13.4 barrier.cluster, §9.7.9.24 mapa, §9.7.9.25 getctarank). The same code on all vector
// levels.
#include "core/Cluster.h"
#include "isa/Families.h"

namespace sage::sim {
namespace {

template <class F> const Inst *eachLane(Warp &w, const Inst *i, F body) {
  for (std::uint32_t m = w.active; m != 0; m &= m - 1)
    if (!body(static_cast<unsigned>(std::countr_zero(m)))) return nullptr;
  return i + 1;
}

bool refuse(Warp &w, const Inst *i, unsigned lane, const std::string &what) {
  fault(w, i, ViolationKind::IllegalInstruction, lane, what);
  return false;
}

/// Takes a generic ADDRESS to the shared::cluster window and finds the block that it names, which need not run any
/// more.
bool blockOf(Warp &w, const Inst *i, unsigned lane, bool generic, std::uint64_t &address, std::uint32_t &rank) {
  if (generic && address - sharedWindow >= windowBytes)
    return refuse(w, i, lane, "the generic address points to no shared memory");
  if (generic) address -= sharedWindow;
  const std::uint64_t field = address >> clusterShift;
  rank = field == 0 ? w.block->rank : static_cast<std::uint32_t>(field - 1);
  return field <= w.block->cluster->blocks.size() ||
         refuse(w, i, lane, "the address points to shared memory of no block of the cluster");
}

// `extra` 1: generic addresses. The result names the block, also when it is the own one.
template <class T> const Inst *mapAddress(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t rank = w.lanes<std::uint32_t>(i->o[2])[lane];
    std::uint64_t address = w.lanes<T>(i->o[1])[lane];
    if (rank >= w.block->cluster->blocks.size())
      return refuse(w, i, lane,
                    "the cluster of " + std::to_string(w.block->cluster->blocks.size()) + " blocks has no block " +
                        std::to_string(rank));
    std::uint32_t from = 0;
    if (!blockOf(w, i, lane, i->extra & 1, address, from)) return false;
    const std::uint64_t mapped = clusterAddress(rank, address & clusterOffsets);
    w.lanes<T>(i->o[0])[lane] = static_cast<T>((i->extra & 1 ? sharedWindow : 0) + mapped);
    return true;
  });
}

template <class T> const Inst *rankOf(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    std::uint64_t address = w.lanes<T>(i->o[1])[lane];
    return blockOf(w, i, lane, i->extra & 1, address, w.lanes<std::uint32_t>(i->o[0])[lane]);
  });
}

enum BarrierFlag : unsigned { Aligned = 1, Relaxed = 2 };

const Inst *arrive(Warp &w, const Inst *i) {
  if ((i->extra & Aligned) && !gatherAll(w, i)) return resume(w);
  return arriveAtCluster(w, i, !(i->extra & Relaxed));
}
const Inst *wait(Warp &w, const Inst *i) {
  if ((i->extra & Aligned) && !gatherAll(w, i)) return resume(w);
  return waitForCluster(w, i);
}

template <Handler H> Picked barrier(const Form &f) {
  return {H, (f.has("aligned") ? Aligned : 0u) | (f.has("relaxed") ? Relaxed : 0u)};
}
template <Handler H> Picked addressed(const Form &f) { return {H, f.has("shared::cluster") ? 0u : 1u}; }

const Row rows[] = {
    {"barrier cluster arrive [release|relaxed] [aligned]", "", UnitClass::Barrier, barrier<arrive>, 90},
    {"barrier cluster wait [acquire] [aligned]", "", UnitClass::Barrier, barrier<wait>, 90},
    {"mapa shared::cluster u32", "d a a:u32", UnitClass::Move, addressed<mapAddress<std::uint32_t>>, 90},
    {"mapa [shared::cluster] u64", "d a a:u32", UnitClass::Move, addressed<mapAddress<std::uint64_t>>, 90},
    {"getctarank shared::cluster u32", "d:u32 a:u32", UnitClass::Move, addressed<rankOf<std::uint32_t>>, 90},
    {"getctarank [shared::cluster] u64", "d:u32 a:u64", UnitClass::Move, addressed<rankOf<std::uint64_t>>, 90},
};

} // namespace

std::span<const Row> clusterRows() { return rows; }

} // namespace sage::sim
