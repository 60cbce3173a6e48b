// See ProxyAccess.h.
#include "core/ProxyAccess.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/AsyncProxy.h"
#include "core/Cluster.h"
#include "core/Faults.h"

namespace sage::sim {
namespace {

constexpr std::uint32_t chunk = 16;

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

template <class T> bool allEqual(const T *values, T first) {
  bool equal = true;
  for (std::uint32_t k = 0; k < chunk; ++k) equal &= values[k] == first;
  return equal;
}

/// A generic write that no proxy fence makes visible.
bool proxyFault(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address, std::uint32_t writer, bool isWrite) {
  if (!w.block->checks.on(ViolationKind::MissingProxyFence)) return true;
  const bool first = !w.block->violation;
  faultAt(w, inst, ViolationKind::MissingProxyFence, lane, address, Space::Shared,
          std::string("an asynchronous operation ") + (isWrite ? "writes" : "reads") + " shared memory at " +
              hex(address) + ", which warp " + std::to_string(writer) +
              " wrote with an ordinary store, and no fence.proxy.async stands between");
  if (!first) return false;
  if (const Inst *there = w.block->races->findAccess(writer, address, true))
    w.block->violation->details.push_back("the store: warp " + std::to_string(writer) + ", " +
                                          w.block->program->placeText(there->line));
  return false;
}

/// The last writers of a chunk: ordered before this warp, and visible to the proxy.
bool checkWriters(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address, bool isWrite) {
  RaceDetector &d = *w.block->races;
  const std::uint16_t *cells = d.writersAt(address);
  const std::uint8_t *known = d.known(w.index), *proxied = d.proxied(w.index);
  const std::uint32_t count = allEqual(cells, cells[0]) ? 1 : chunk;
  for (std::uint32_t k = 0; k < count; ++k) {
    const std::uint32_t writer = RaceDetector::cellWarp(cells[k]);
    const std::uint8_t clock = RaceDetector::cellClock(cells[k]);
    if (writer != w.index && clock > known[writer]) {
      raceFault(w, inst, lane, address + k, writer, true, isWrite);
      return false;
    }
    const bool generic = !(cells[k] & RaceDetector::asyncFlag);
    if (generic && clock > proxied[writer] && !proxyFault(w, inst, lane, address + k, writer, isWrite)) return false;
  }
  return true;
}

bool checkReaders(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address) {
  RaceDetector &d = *w.block->races;
  const std::uint8_t *known = d.known(w.index), *generation = d.readGenerationAt(address);
  if (std::none_of(generation, generation + chunk, [&](std::uint8_t g) { return g == d.generation(); })) return true;
  for (std::uint32_t u = 0; u < d.warpCount(); ++u) {
    const std::uint8_t *clocks = d.readersAt(u, address);
    if (u == w.index) continue;
    for (std::uint32_t k = 0; k < chunk; ++k)
      if (clocks[k] > known[u]) {
        raceFault(w, inst, lane, address + k, u, false, true);
        return false;
      }
  }
  return true;
}

bool readsChunk(const SharedOperand &o, std::uint64_t chunkAddress) {
  if (o.rows == 0 || chunkAddress < o.low || chunkAddress >= o.high) return false;
  return !o.forEach([&](std::uint32_t at, std::uint32_t, std::uint32_t) { return at != chunkAddress; });
}

/// The instruction that reads the chunk at ADDRESS; null when there is none.
const Inst *readerOf(const Block &block, std::uint64_t address) {
  const auto place = static_cast<std::uint16_t>(address / chunk);
  const auto holds = [&](const Chunks &c) { return std::find(c.begin(), c.end(), place) != c.end(); };
  for (const BulkStore &s : block.proxy->stores)
    if (holds(s.source)) return s.inst;
  for (const Block *target : block.cluster->blocks) {
    if (!target->proxy) continue;
    for (const BulkCopy &c : target->proxy->copies)
      if (c.issuer == &block && holds(c.source)) return c.inst;
  }
  for (const AsyncProxy::WarpTiles &t : block.proxy->tiles)
    for (const PendingReads &r : t.reads)
      for (const SharedOperand &o : r.operands)
        if (readsChunk(o, address)) return r.inst;
  return nullptr;
}

} // namespace

bool isReadNowhere(Warp &w, const Inst *inst, unsigned lane, const Block &block, std::uint64_t address,
                   std::uint32_t size) {
  for (std::uint64_t at = address / chunk * chunk; at < address + size; at += chunk)
    if (const Inst *reader = readerOf(block, at)) {
      const bool first = !w.block->violation;
      faultAt(w, inst, ViolationKind::InFlightAccess, lane, std::max(at, address), Space::Shared,
              "write to shared memory at " + hex(std::max(at, address)) +
                  ", which an asynchronous operation still reads: it has not been waited for");
      if (first) w.block->violation->details.push_back("the reader: " + w.block->program->placeText(reader->line));
      return false;
    }
  return true;
}

bool asyncRead(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address) {
  Block &block = *w.block;
  const std::uint8_t *shadow = block.sharedShadow + address;
  for (std::uint32_t k = 0; k < chunk; ++k)
    if (shadow[k] != shadowSet) {
      shadowFault(w, inst, lane, address + k, shadow + k, 1, Space::Shared, false);
      return false;
    }
  return !block.races || checkWriters(w, inst, lane, address, false);
}

bool asyncWrite(Warp &w, const Inst *inst, unsigned lane, std::uint32_t address) {
  Block &block = *w.block;
  const std::uint8_t *shadow = block.sharedShadow + address;
  for (std::uint32_t k = 0; k < chunk; ++k)
    if (shadow[k] > shadowSet) {
      shadowFault(w, inst, lane, address + k, shadow + k, 1, Space::Shared, true);
      return false;
    }
  if (block.asyncReaders && !isUnread(block, address, chunk) && !isReadNowhere(w, inst, lane, block, address, chunk))
    return false;
  if (!block.races) return true;
  if (!checkWriters(w, inst, lane, address, true) || !checkReaders(w, inst, lane, address)) return false;
  block.races->landed(w.index, address, chunk, RaceDetector::asyncFlag);
  return true;
}

bool asyncWriteRemote(Warp &w, const Inst *inst, unsigned lane, Block &target, std::uint32_t address,
                      std::uint32_t size, bool shares) {
  const std::uint8_t *shadow = target.sharedShadow + address;
  for (std::uint32_t k = 0; k < size; ++k)
    if (shares ? shadow[k] != shadowSet : shadow[k] > shadowSet) {
      shadowFault(w, inst, lane, address + k, shadow + k, 1, Space::Shared, !shares);
      return nameOwner(w, target), false;
    }
  if (target.asyncReaders && !isUnread(target, address, size) && !isReadNowhere(w, inst, lane, target, address, size))
    return nameOwner(w, target), false;
  return noteInCluster(w, inst, {&target, address, size, size, lane, true, shares, true, nullptr, nullptr});
}

} // namespace sage::sim
