// First fit over the gaps between live blocks; see DeviceHeap.h.
#include "memory/DeviceHeap.h"

#include <cstring>

namespace sage::sim {

bool DeviceHeap::prepare(DeviceMemory &memory, std::uint64_t bytes) {
  if (!storage) storage = memory.allocate(bytes != 0 ? bytes : defaultBytes, Allocation::Kind::GlobalVariable, "device heap");
  return storage != nullptr;
}

std::uint64_t DeviceHeap::allocate(std::uint64_t bytes) {
  const std::lock_guard lock(mutex);
  if (!storage || bytes == 0 || bytes > storage->bytes) return 0;
  bytes = (bytes + 15) / 16 * 16;
  std::uint64_t at = 0;
  for (const auto &[offset, size] : used) {
    if (offset - at >= bytes) break;
    at = offset + size;
  }
  if (at > storage->bytes || storage->bytes - at < bytes) return 0;
  used[at] = bytes;
  if (storage->shadow) std::memset(storage->shadow + at, shadowUnset, bytes);
  return storage->base + at;
}

bool DeviceHeap::free(std::uint64_t address) {
  const std::lock_guard lock(mutex);
  if (address == 0) return true;
  if (!storage || address < storage->base) return false;
  const auto found = used.find(address - storage->base);
  if (found == used.end()) return false;
  if (storage->shadow) std::memset(storage->shadow + found->first, shadowUnset, found->second);
  used.erase(found);
  return true;
}

} // namespace sage::sim
