// First fit over the gaps between live blocks; see DeviceHeap.h.
#include "memory/DeviceHeap.h"

#include <cstring>

namespace sage::sim {
namespace {

std::uint64_t roundedUp(std::uint64_t bytes) { return (bytes + 15) / 16 * 16; }

} // namespace

bool DeviceHeap::prepare(DeviceMemory &memory, std::uint64_t bytes) {
  if (!storage)
    storage = memory.allocate(bytes != 0 ? bytes : defaultBytes, Allocation::Kind::GlobalVariable, "device heap");
  if (storage) storage->isHeap = true;
  return storage != nullptr;
}

std::uint64_t DeviceHeap::allocate(std::uint64_t bytes, const HeapSite &site) {
  const std::lock_guard lock(mutex);
  if (!storage || bytes == 0 || bytes > storage->bytes) return 0;
  const std::uint64_t taken = roundedUp(bytes);
  std::uint64_t at = 0;
  for (const auto &[offset, size] : used) {
    if (offset - at >= taken) break;
    at = offset + roundedUp(size);
  }
  if (at > storage->bytes || storage->bytes - at < taken) return 0;
  used[at] = bytes;
  madeAt[at] = &*sites.insert(site).first;
  std::erase_if(freed, [&](const auto &block) { return block.first < at + taken && at < block.first + block.second; });
  if (storage->shadow) std::memset(storage->shadow + at, shadowUnset, taken);
  // Who had this memory before has nothing to do with who gets it now.
  if (storage->races) std::memset(storage->races + at / 4, 0, taken);
  return storage->base + at;
}

DeviceHeap::Free DeviceHeap::free(std::uint64_t address) {
  const std::lock_guard lock(mutex);
  if (address == 0) return Free::Done;
  if (!storage || address < storage->base) return Free::Unknown;
  const auto found = used.find(address - storage->base);
  if (found == used.end()) return freed.contains(address - storage->base) ? Free::Twice : Free::Unknown;
  freed[found->first] = found->second;
  madeAt.erase(found->first);
  used.erase(found);
  return Free::Done;
}

DeviceHeap::Place DeviceHeap::placeOf(std::uint64_t address, std::uint64_t size) {
  const std::lock_guard lock(mutex);
  const std::uint64_t at = address - storage->base;
  const auto holds = [&](const std::map<std::uint64_t, std::uint64_t> &blocks, std::uint64_t bytes) {
    auto block = blocks.upper_bound(at);
    if (block == blocks.begin()) return false;
    --block;
    return at - block->first < block->second && bytes <= block->second - (at - block->first);
  };
  if (holds(used, size)) return Place::Inside;
  return holds(freed, 1) ? Place::Freed : Place::Outside;
}

std::map<std::uint64_t, std::uint64_t> DeviceHeap::blocks() {
  const std::lock_guard lock(mutex);
  std::map<std::uint64_t, std::uint64_t> result;
  for (const auto &[offset, bytes] : used) result[storage->base + offset] = bytes;
  return result;
}

std::map<HeapSite, DeviceHeap::Held> DeviceHeap::held() {
  const std::lock_guard lock(mutex);
  std::map<HeapSite, Held> result;
  for (const auto &[offset, bytes] : used) {
    Held &h = result[*madeAt.at(offset)];
    if (h.count++ == 0) h.first = storage->base + offset;
    h.bytes += bytes;
  }
  return result;
}

} // namespace sage::sim
