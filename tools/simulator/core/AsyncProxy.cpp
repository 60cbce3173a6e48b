// Phases of mbarriers and the landing of bulk copies; see AsyncProxy.h.
#include "core/AsyncProxy.h"

#include <algorithm>
#include <cstring>

#include "core/Faults.h"

namespace sage::sim {

AsyncProxy &proxyOf(Block &block) {
  if (!block.proxy) {
    block.proxy = std::make_shared<AsyncProxy>();
    block.proxy->tiles.resize(block.warps.size());
  }
  return *block.proxy;
}

void completePhase(Block &block, std::uint32_t address) {
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
  if (b.pending != 0 || b.bytes != 0) return;
  ++b.phase;
  b.pending = b.expected;
  proxy.idleWaits = 0;
  // What the phase waited for becomes visible.
  std::erase_if(proxy.copies, [&](const BulkCopy &c) {
    if (c.barrier != address || !c.counted) return false;
    for (std::size_t k = 0; k < c.chunks.size(); ++k) {
      std::memcpy(block.shared + c.chunks[k], c.data.data() + 16 * k, 16);
      std::memset(block.sharedShadow + c.chunks[k], shadowSet, 16);
    }
    return true;
  });
}

std::uint64_t addressOf(Warp &w, const std::uint32_t *m, unsigned lane) {
  const std::uint64_t displacement = m[2] | static_cast<std::uint64_t>(m[3]) << 32;
  if (m[1]) return w.lanes<std::uint64_t>(m[0])[lane] + displacement;
  return static_cast<std::uint32_t>(w.lanes<std::uint32_t>(m[0])[lane] + static_cast<std::uint32_t>(displacement));
}

bool sharedAddress(Warp &w, const Inst *inst, const std::uint32_t *m, unsigned lane, std::uint32_t size, bool generic,
                   std::uint32_t &address) {
  std::uint64_t at = addressOf(w, m, lane);
  if (generic && at - sharedWindow < windowBytes) at -= sharedWindow;
  const std::uint32_t align = std::min(size, 16u), limit = w.block->sharedBytes;
  if (at > limit || limit - at < size) {
    boundsFault(w, inst, lane, at, size, limit, Space::Shared);
    return false;
  }
  if (at % align != 0) {
    misalignedFault(w, inst, lane, at, align, Space::Shared);
    return false;
  }
  address = static_cast<std::uint32_t>(at);
  return true;
}

} // namespace sage::sim
