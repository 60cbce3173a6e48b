// See Bulk.h.
#include "isa/Bulk.h"

#include <algorithm>
#include <cstring>

#include "core/Cluster.h"
#include "core/Faults.h"
#include "core/GlobalRaces.h"
#include "core/ProxyAccess.h"

namespace sage::sim::bulk {
namespace {

/// The allocation of SIZE bytes at a global ADDRESS; null after a fault.
Allocation *globalAt(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint64_t size, bool write) {
  Allocation *a = w.block->memory->findLive(address);
  if (a && a->contains(address, size)) {
    if (!write || a->kind != Allocation::Kind::ConstVariable) return a;
    readOnlyFault(w, i, lane, address);
    return nullptr;
  }
  globalFault(w, i, lane, address, static_cast<std::uint32_t>(size), write);
  return nullptr;
}

void remember(Warp &w, const Inst *i, std::uint32_t from, std::uint32_t to, bool write) {
  if (w.block->races) w.block->races->remember(w.index, i, from, to, write);
}

} // namespace

bool refuse(Warp &w, const Inst *i, unsigned lane, const std::string &what) {
  fault(w, i, ViolationKind::IllegalInstruction, lane, what);
  return false;
}

bool checkSize(Warp &w, const Inst *i, unsigned lane, std::uint32_t size) {
  return (size % 16 == 0 && size != 0) ||
         refuse(w, i, lane, "a bulk copy of " + std::to_string(size) + " bytes, not a multiple of 16");
}

bool checkGlobalAlign(Warp &w, const Inst *i, unsigned lane, std::uint64_t address) {
  if (address % 16 == 0) return true;
  misalignedFault(w, i, lane, address, 16, Space::Global);
  return false;
}

bool readGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint8_t *to, std::uint64_t size) {
  const Allocation *a = globalAt(w, i, lane, address, size, false);
  if (!a) return false;
  const std::uint64_t offset = address - a->base;
  for (std::uint64_t k = 0; a->shadow && k < size; ++k)
    if (a->shadow[offset + k] != shadowSet) {
      shadowFault(w, i, lane, address + k, a->shadow + offset + k, 1, Space::Global, false);
      return false;
    }
  std::memcpy(to, a->data + offset, size);
  w.stats->globalReadBytes += size;
  return true;
}

bool takeGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint32_t offset, std::uint32_t size,
                BulkCopy &copy) {
  copy.runs.push_back({address, size});
  return readGlobal(w, i, lane, address, copy.data.data() + offset, size) &&
         orderedBulk(w, i, {.async = true, .notes = false}, address, size, lane);
}

bool readShared(Warp &w, const Inst *i, unsigned lane, std::uint32_t from, std::uint8_t *to, std::uint32_t size,
                Chunks &source) {
  remember(w, i, from, from + size, false);
  for (std::uint32_t at = from; at < from + size; at += 16) {
    if (!asyncRead(w, i, lane, at)) return false;
    source.push_back(static_cast<std::uint16_t>(at / 16));
  }
  std::memcpy(to, w.block->shared + from, size);
  return true;
}

namespace {

/// Whether COPY may write to its destination.
bool claim(Warp &w, const Inst *i, unsigned lane, Block &target, const BulkCopy &copy) {
  if (copy.chunks.empty()) return true;
  const bool whole = &target == w.block && copy.pieceBytes == 16;
  // red.async: others may be under way to the same place.
  const bool shares = copy.reduction.op != Reduction::Op::None && copy.pieceBytes != 16;
  if (&target == w.block ? !initIsKnown(w, i, lane, copy.barrier)
                         : !touchInCluster(w, i, lane, target, copy.barrier, false))
    return false;
  for (const std::uint32_t at : copy.chunks) {
    if (whole ? !asyncWrite(w, i, lane, at) : !asyncWriteRemote(w, i, lane, target, at, copy.pieceBytes, shares))
      return false;
    if (whole && w.block->hasPeers && // asyncWrite knows the own block's warps only
        !noteInCluster(w, i, {&target, at, 16, 16, lane, true, false, true, nullptr, nullptr}))
      return false;
    if (!shares) std::memset(target.sharedShadow + at, target.inFlight, copy.pieceBytes);
  }
  if (&target != w.block) return true;
  const auto [low, high] = std::minmax_element(copy.chunks.begin(), copy.chunks.end());
  remember(w, i, *low, *high + copy.pieceBytes, true);
  return true;
}

} // namespace

bool launchCopy(Warp &w, const Inst *i, unsigned lane, Block &target, BulkCopy copy) {
  AsyncProxy &proxy = proxyOf(target);
  if (!proxy.barriers.contains(copy.barrier)) {
    if (!target.checks.on(ViolationKind::MbarrierMisuse)) return true; // nobody could wait for it
    faultAt(w, i, ViolationKind::MbarrierMisuse, lane, copy.barrier, Space::Shared,
            "a bulk copy reports to an address that holds no initialised mbarrier");
    return nameOwner(w, target), false;
  }
  if (!claim(w, i, lane, target, copy)) return false;
  w.stats->asyncCopyBytes += copy.data.size();
  proxy.idleWaits = 0;
  copy.issuer = w.block;
  copy.warp = w.index;
  copy.lane = lane;
  copy.inst = i;
  beginReading(*w.block, copy.source);
  proxy.copies.push_back(std::move(copy));
  return true;
}

bool multicastCopy(Warp &w, const Inst *i, unsigned lane, std::uint32_t mask, const BulkCopy &copy) {
  const auto &blocks = w.block->cluster->blocks;
  if (mask == 0 || mask >> blocks.size() != 0)
    return refuse(w, i, lane,
                  "a multicast to blocks that the cluster of " + std::to_string(blocks.size()) + " does not have");
  for (std::uint32_t rank = 0; rank < blocks.size(); ++rank) {
    if (!(mask >> rank & 1)) continue;
    Block *target = reachBlock(w, i, lane, clusterAddress(rank, 0), 16, false);
    if (!target || !launchCopy(w, i, lane, *target, copy)) return false;
  }
  return true;
}

bool destinationOf(Warp &w, const Inst *i, unsigned lane, const std::uint32_t *to, std::uint32_t size,
                   const std::uint32_t *barrier, Destination &d) {
  Block *signalled = nullptr;
  if (!clusterPlace(w, i, barrier, lane, 8, true, false, signalled, d.barrier)) return false;
  if (!clusterPlace(w, i, to, lane, size, true, false, d.block, d.address)) return false;
  return d.block == signalled ||
         refuse(w, i, lane, "the destination and the mbarrier lie in shared memory of different blocks");
}

bool launchStore(Warp &w, const Inst *i, unsigned lane, BulkStore store) {
  for (const BulkStore::Piece &p : store.pieces) {
    Allocation *a = globalAt(w, i, lane, p.address, p.bytes, true);
    if (!a) return false;
    w.stats->globalWrittenBytes += p.bytes;
    const bool reduces = store.reduction.op != Reduction::Op::None;
    const Touch touch{.write = true, .strong = reduces, .async = true, .inFlight = true};
    const std::uint8_t *fresh = reduces ? nullptr : store.data.data() + p.offset;
    if (!orderedBulk(w, i, touch, p.address, p.bytes, lane, fresh)) return false;
    if (!a->shadow) continue;
    std::uint8_t *shadow = a->shadow + (p.address - a->base);
    if (!reduces) {
      std::memset(shadow, w.block->inFlight, p.bytes);
      continue;
    }
    for (std::uint32_t k = 0; k < p.bytes; ++k)
      if (shadow[k] != shadowSet) {
        shadowFault(w, i, lane, p.address + k, shadow + k, 1, Space::Global, false);
        return false;
      }
  }
  store.warp = w.index;
  store.lane = lane;
  store.inst = i;
  beginReading(*w.block, store.source);
  proxyOf(*w.block).stores.push_back(std::move(store));
  return true;
}

unsigned reductionBits(Reduction r) {
  return (static_cast<unsigned>(r.op) | static_cast<unsigned>(r.type) << 4) << reductionShift;
}
Reduction reductionOf(const Inst *i) {
  const unsigned bits = static_cast<unsigned>(i->extra) >> reductionShift;
  return {static_cast<Reduction::Op>(bits & 15), static_cast<Type>(bits >> 4)};
}
Reduction::Op reductionNamed(std::string_view name) {
  constexpr std::string_view names[] = {"", "add", "min", "max", "inc", "dec", "and", "or", "xor"};
  for (std::size_t k = 1; k < std::size(names); ++k)
    if (names[k] == name) return static_cast<Reduction::Op>(k);
  return Reduction::Op::None;
}

} // namespace sage::sim::bulk
