// Phases of mbarriers and the landing of bulk copies; see AsyncProxy.h.
#include "core/AsyncProxy.h"

#include <algorithm>
#include <cstring>

#include "core/Cluster.h"
#include "core/Faults.h"
#include "core/GlobalRaces.h"
#include "memory/ClusterRaces.h"

namespace sage::sim {

AsyncProxy &proxyOf(Block &block) {
  if (!block.proxy) {
    block.proxy = std::make_shared<AsyncProxy>();
    block.proxy->tiles.resize(block.warps.size());
    block.proxy->lastB.resize(block.warps.size() / 4 + 1);
    block.proxy->groupReads.resize(block.warps.size() / 4 + 1);
    block.proxy->storeGroups.resize(block.warps.size());
    block.proxy->readers.resize(block.sharedBytes / 16 + 1);
  }
  return *block.proxy;
}

bool waitsInVain(Warp &w, const Inst *inst, std::uint32_t barrier) {
  constexpr std::uint32_t enough = 1u << 16;
  Block &block = *w.block;
  AsyncProxy &proxy = proxyOf(block);
  if (proxy.idleWaits++ == 0) proxy.waiting.assign(block.warps.size(), {});
  AsyncProxy::Waiting &mine = proxy.waiting[w.index];
  mine = {mine.count + 1, inst, barrier};
  if (mine.count < enough) return false;
  const auto waits = [](const Block &b, const Warp &other) {
    if (other.alive == 0 || other.stop == Stop::Blocked) return true;
    return b.proxy && b.proxy->idleWaits != 0 && b.proxy->waiting[other.index].count >= enough;
  };
  for (const Block *b : block.cluster->blocks)
    for (const Warp &other : b->warps)
      if (!waits(*b, other)) return false;
  return true;
}

std::vector<std::string> waitTexts(const Block &block) {
  std::vector<std::string> texts;
  for (std::size_t k = 0; k < block.proxy->waiting.size(); ++k) {
    const AsyncProxy::Waiting &at = block.proxy->waiting[k];
    if (!at.inst) continue;
    std::string text = "warp " + std::to_string(k) + " waits";
    if (const auto found = block.proxy->barriers.find(at.barrier); found != block.proxy->barriers.end()) {
      const Mbarrier &b = found->second;
      text += " for phase " + std::to_string(b.phase) + " of the mbarrier at " + std::to_string(at.barrier) +
              ", which lacks " + std::to_string(b.pending) + " arrivals and " + std::to_string(b.bytes) + " bytes";
    }
    texts.push_back(text + ", line " + std::to_string(at.inst->line) + ": " + block.program->lineText(at.inst->line));
  }
  return texts;
}

bool initIsKnown(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address) {
  RaceDetector *d = w.block->races;
  if (!d) return true;
  const auto barrier = proxyOf(*w.block).barriers.find(address);
  if (barrier != proxyOf(*w.block).barriers.end() && w.block->cluster->phase > barrier->second.fencedPhase &&
      barrier->second.fencedPhase != ~0u)
    return true;
  const std::uint16_t cell = *d->writersAt(address);
  const std::uint32_t writer = RaceDetector::cellWarp(cell);
  if (writer == w.index || RaceDetector::cellClock(cell) <= d->known(w.index)[writer]) return true;
  raceFault(w, inst, lane, address, writer, true, false);
  return false;
}

void completePhase(Block &block, std::uint32_t address) {
  AsyncProxy &proxy = proxyOf(block);
  const auto found = proxy.barriers.find(address);
  if (found == proxy.barriers.end()) return;
  Mbarrier &b = found->second;
  if (b.pending != 0 || b.bytes != 0 || b.ended) return;
  ++b.phase;
  b.pending = b.expected;
  b.ended = b.expected == 0;
  proxy.idleWaits = 0;
  if (block.order) block.order->completePhase(b.order);
  for (BulkCopy &c : proxy.copies)
    if (c.barrier == address && c.counted) c.ready = true;
  for (TrackedCopies &t : b.tracked) t.ready = t.counted;
}

void finishCopies(Block &block, std::uint32_t address) {
  AsyncProxy &proxy = proxyOf(block);
  const auto found = proxy.barriers.find(address);
  if (found == proxy.barriers.end()) return;
  Mbarrier &b = found->second;
  for (BulkCopy &c : proxy.copies)
    if (c.barrier == address && !c.counted) {
      c.counted = true;
      b.bytes -= static_cast<std::int64_t>(c.data.size());
      proxy.idleWaits = 0;
    }
  for (TrackedCopies &t : b.tracked)
    if (!t.counted) t.counted = true, proxy.idleWaits = 0;
  b.pending -= b.deferred;
  b.deferred = 0;
  completePhase(block, address);
}

namespace {

void land(Warp &w, BulkCopy &c) {
  Block &block = *w.block;
  for (std::size_t k = 0; k < c.chunks.size(); ++k) {
    const std::uint8_t *from = c.data.data() + c.pieceBytes * k;
    if (c.reduction.op == Reduction::Op::None)
      std::memcpy(block.shared + c.chunks[k], from, c.pieceBytes);
    else
      reduceElements(c.reduction, block.shared + c.chunks[k], from, c.pieceBytes);
    std::memset(block.sharedShadow + c.chunks[k], shadowSet, c.pieceBytes);
    if (block.races) block.races->landed(w.index, c.chunks[k], c.pieceBytes, RaceDetector::asyncFlag);
  }
  // Who may write what it has read of global memory must be ordered behind whoever saw it land.
  for (const BulkCopy::Run &r : c.runs)
    orderedBulk(w, c.inst, {.async = true, .checks = false, .anyLane = true}, r.address, r.bytes, c.lane);
  if (c.issuer == &block) return endReading(w, c.source);
  // What the issuing block may do with its source now depends on how it learns of the landing.
  for (const std::uint16_t chunk : c.source) --proxyOf(*c.issuer).readers[chunk];
  if (ClusterRaces *races = block.cluster->races.get()) races->heardFrom(block.rank, c.issuer->rank);
}

/// A copy that nobody waited for.
bool unfinished(Block &block, std::uint32_t warp, std::uint32_t lane, const Inst *inst, const std::string &what) {
  if (!block.checks.on(ViolationKind::UnfinishedCopy)) return false;
  fault(block.warps[warp], inst, ViolationKind::UnfinishedCopy, lane, what);
  return true;
}

} // namespace

void landCopies(Warp &w, std::uint32_t address) {
  Block &block = *w.block;
  AsyncProxy &proxy = proxyOf(block);
  Mbarrier &b = proxy.barriers[address];
  bool any = false;
  std::erase_if(proxy.copies, [&](BulkCopy &c) {
    if (c.barrier != address || !c.ready) return false;
    land(w, c);
    return any = true;
  });
  std::erase_if(b.tracked, [&](const TrackedCopies &t) {
    if (!t.ready) return false;
    block.warps[t.warp].async.landUntil(t.last, t.lanes, w.index, block.shared, block.sharedShadow);
    return any = true;
  });
  if (any && block.order) block.order->publish(b.order, w.index);
}

void beginReading(Block &block, const Chunks &chunks) {
  AsyncProxy &proxy = proxyOf(block);
  for (const std::uint16_t c : chunks) ++proxy.readers[c];
  if (block.checks.on(ViolationKind::InFlightAccess)) block.asyncReaders = proxy.readers.data();
}

void endReading(Warp &w, Chunks &chunks) {
  AsyncProxy &proxy = proxyOf(*w.block);
  for (const std::uint16_t c : chunks) {
    --proxy.readers[c];
    if (w.block->races) w.block->races->wasRead(w.index, 16u * c, 16);
  }
  chunks.clear();
}

void countReaders(Block &block, const SharedOperand &operand, int change) {
  AsyncProxy &proxy = proxyOf(block);
  std::uint16_t *const counts = proxy.readers.data();
  for (std::uint32_t c = operand.low / 16; c < operand.high / 16; ++c)
    counts[c] = static_cast<std::uint16_t>(counts[c] + change);
  if (change > 0 && block.checks.on(ViolationKind::InFlightAccess)) block.asyncReaders = counts;
}

bool landStore(Warp &w, BulkStore &s) {
  endReading(w, s.source);
  for (const BulkStore::Piece &p : s.pieces) {
    Allocation *a = w.block->memory->findLive(p.address);
    if (!a || !a->contains(p.address, p.bytes)) {
      globalFault(w, s.inst, s.lane, p.address, p.bytes, true);
      return false;
    }
    const std::uint64_t offset = p.address - a->base;
    const bool reduces = s.reduction.op != Reduction::Op::None;
    orderedBulk(w, s.inst, {.write = true, .strong = reduces, .async = true, .checks = false}, p.address, p.bytes,
                s.lane);
    if (!reduces) {
      std::memcpy(a->data + offset, s.data.data() + p.offset, p.bytes);
      if (a->shadow) std::memset(a->shadow + offset, shadowSet, p.bytes);
    } else {
      reduceElements(s.reduction, a->data + offset, s.data.data() + p.offset, p.bytes);
    }
  }
  return true;
}

namespace {

/// The four warps of a group execute the same wgmma operations.
bool groupsAgree(Block &block) {
  const auto &tiles = block.proxy->tiles;
  for (std::size_t k = 0; k < tiles.size(); ++k)
    if (tiles[k].issued != tiles[k / 4 * 4].issued && block.checks.on(ViolationKind::Divergence)) {
      fault(block.warps[k], tiles[k].last ? tiles[k].last : tiles[k / 4 * 4].last, ViolationKind::Divergence, 0,
            "warp " + std::to_string(k) + " executed " + std::to_string(tiles[k].issued) +
                " wgmma operations and the first warp of its group " + std::to_string(tiles[k / 4 * 4].issued));
      return false;
    }
  return true;
}

} // namespace

bool finishProxy(Block &block) {
  if (!block.proxy) return true;
  AsyncProxy &proxy = *block.proxy;
  if (!groupsAgree(block)) return false;
  for (const BulkCopy &c : proxy.copies)
    if (unfinished(*c.issuer, c.warp, c.lane, c.inst,
                   "the block ends while this copy into its shared memory has not been waited for"))
      return false;
  for (const Block *target : block.cluster->blocks) {
    if (!target->proxy || target == &block) continue;
    for (const BulkCopy &c : target->proxy->copies)
      if (c.issuer == &block && !c.source.empty() &&
          unfinished(block, c.warp, c.lane, c.inst, "the block ends while this copy still reads its shared memory"))
        return false;
  }
  for (BulkStore &s : proxy.stores) {
    if (!s.source.empty() &&
        unfinished(block, s.warp, s.lane, s.inst,
                   s.group == 0 ? "the block ends, and this copy out of its shared memory is in no committed group"
                                : "the block ends while this copy out of its shared memory has not been waited for"))
      return false;
    if (!landStore(block.warps[s.warp], s)) return false;
  }
  proxy.stores.clear();
  return true;
}

std::uint64_t addressOf(Warp &w, const std::uint32_t *m, unsigned lane) {
  const std::uint64_t displacement = m[2] | static_cast<std::uint64_t>(m[3]) << 32;
  if (m[1]) return w.lanes<std::uint64_t>(m[0])[lane] + displacement;
  return static_cast<std::uint32_t>(w.lanes<std::uint32_t>(m[0])[lane] + static_cast<std::uint32_t>(displacement));
}

bool clusterPlace(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                  bool ownOnly, Block *&block, std::uint32_t &address) {
  std::uint64_t at = addressOf(w, m, lane);
  if (generic && at - sharedWindow < windowBytes) at -= sharedWindow;
  block = w.block;
  if (namesBlock(at)) {
    block = reachBlock(w, inst, lane, at, size, ownOnly);
    if (!block) return false;
    at &= clusterOffsets;
  }
  const std::uint32_t align = std::min(size, 16u), limit = block->sharedBytes;
  if (at > limit || limit - at < size) {
    boundsFault(w, inst, lane, at, size, limit, Space::Shared);
    return nameOwner(w, *block), false;
  }
  if (at % align != 0) {
    misalignedFault(w, inst, lane, at, align, Space::Shared);
    return false;
  }
  address = static_cast<std::uint32_t>(at);
  return true;
}

bool sharedAddress(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                   std::uint32_t &address) {
  Block *own = nullptr;
  return clusterPlace(w, inst, m, lane, size, generic, true, own, address);
}

} // namespace sage::sim
