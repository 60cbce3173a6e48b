// The allocation table. Storage comes from anonymous mappings, so an untouched megabyte costs nothing and reads as
// zero, which is also the shadow's "never written".
#include "memory/DeviceMemory.h"

#include <sys/mman.h>

#include <algorithm>

#include "memory/DeviceHeap.h"

namespace sage::sim {
namespace {

constexpr std::uint64_t granularity = 512;                   // what the real allocator promises at least
constexpr std::uint64_t guardBytes = std::uint64_t{1} << 21; // an overrun lands in nothing, not in a neighbour
constexpr std::size_t maxFreedRecords = 1 << 15;
// Each device has addresses of its own, so that an address alone tells where it lies.
constexpr unsigned rangeBits = 42;
constexpr std::uint64_t rangeStart = 0x7'0000'0000;

std::uint8_t *mapZeroed(std::uint64_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::uint8_t *>(p);
}

std::uint64_t distance(const Allocation &a, std::uint64_t address) {
  if (address < a.base) return a.base - address;
  const std::uint64_t end = a.base + a.bytes;
  return address >= end ? address - end : 0;
}

} // namespace

DeviceMemory::DeviceMemory(std::uint64_t capacityBytes, bool tracksWrites, bool watchesRaces, unsigned ordinal)
    : capacity(capacityBytes), shadowed(tracksWrites), watched(watchesRaces),
      firstBase(rangeStart + (std::uint64_t{ordinal} << rangeBits)),
      endOfRange(std::uint64_t{ordinal + 1} << rangeBits), nextBase(firstBase),
      kernelHeap(std::make_shared<DeviceHeap>()) {}

DeviceMemory::~DeviceMemory() {
  for (DeviceMemory *peer : peers) std::erase(peer->viewers, this);
  for (DeviceMemory *viewer : viewers) std::erase(viewer->peers, this);
  for (auto &[base, allocation] : table) release(*allocation);
}

Allocation *DeviceMemory::allocate(std::uint64_t bytes, Allocation::Kind kind, const std::string &name) {
  if (bytes == 0 || bytes > capacity || used > capacity - bytes) return nullptr;
  const std::uint64_t taken = (bytes + guardBytes + granularity - 1) / granularity * granularity, base = place(taken);
  if (base == 0) return nullptr;
  auto a = std::make_unique<Allocation>();
  a->data = mapZeroed(bytes);
  if (shadowed) a->shadow = mapZeroed(bytes);
  a->bytes = bytes;
  // Only this is ever written by kernels.
  const bool watch = watched && kind != Allocation::Kind::ConstVariable;
  if (watch) a->races = CellStates::map(bytes);
  if (!a->data || (shadowed && !a->shadow) || (watch && !a->races)) {
    release(*a);
    return nullptr;
  }
  a->base = base;
  a->kind = kind;
  a->name = name;
  a->serial = nextSerial++;
  nextBase = base + taken;
  used += bytes;
  changed();
  return (table[a->base] = std::move(a)).get();
}

std::uint64_t DeviceMemory::gapFrom(std::uint64_t cursor, std::uint64_t bytes) const {
  auto next = table.lower_bound(cursor);
  if (next != table.begin()) {
    const Allocation &before = *std::prev(next)->second;
    cursor = std::max(cursor, (before.base + before.bytes + guardBytes + granularity - 1) / granularity * granularity);
  }
  for (; cursor < endOfRange && bytes <= endOfRange - cursor; ++next) {
    if (next == table.end() || next->first >= endOfRange || next->first - cursor >= bytes) return cursor;
    const Allocation &a = *next->second;
    cursor = (a.base + a.bytes + guardBytes + granularity - 1) / granularity * granularity;
  }
  return 0;
}

std::uint64_t DeviceMemory::place(std::uint64_t bytes) {
  if (!usedUp && bytes <= endOfRange - nextBase) return nextBase;
  usedUp = true;
  for (;;) {
    for (const std::uint64_t from : {nextBase, firstBase})
      if (const std::uint64_t found = gapFrom(from, bytes)) return found;
    if (freedOrder.empty()) return 0;
    forgetOldest();
  }
}

Allocation *DeviceMemory::mapHost(void *pointer, std::uint64_t bytes) {
  auto a = std::make_unique<Allocation>();
  a->base = reinterpret_cast<std::uintptr_t>(pointer);
  a->data = static_cast<std::uint8_t *>(pointer);
  a->bytes = bytes;
  if (watched) a->races = CellStates::map(bytes); // nobody looks when there is no room
  a->kind = Allocation::Kind::Pinned;
  a->serial = nextSerial++;
  changed();
  auto &place = table[a->base];
  if (place) release(*place);
  return (place = std::move(a)).get();
}

bool DeviceMemory::free(std::uint64_t address) {
  const auto found = table.find(address);
  if (found == table.end() || found->second->freed) return false;
  Allocation &a = *found->second;
  changed();
  if (a.kind == Allocation::Kind::Pinned) {
    release(a);
    table.erase(found); // the host may reuse the address, so no record is kept
    return true;
  }
  release(a);
  used -= a.bytes;
  a.freed = true;
  freedOrder.push_back(a.base);
  if (freedOrder.size() > maxFreedRecords) forgetOldest();
  return true;
}

void DeviceMemory::release(Allocation &a) {
  CellStates::unmap(a.races, a.bytes);
  a.races = nullptr;
  if (a.kind == Allocation::Kind::Pinned) return;
  if (a.data) munmap(a.data, a.bytes);
  if (a.shadow) munmap(a.shadow, a.bytes);
  a.data = a.shadow = nullptr;
}

void DeviceMemory::forgetOldest() {
  const auto oldest = static_cast<std::ptrdiff_t>((freedOrder.size() + 1) / 2);
  std::for_each(freedOrder.begin(), freedOrder.begin() + oldest, [&](std::uint64_t base) { table.erase(base); });
  freedOrder.erase(freedOrder.begin(), freedOrder.begin() + oldest);
}

void DeviceMemory::addPeer(DeviceMemory &peer) {
  removePeer(peer);
  peers.push_back(&peer);
  peer.viewers.push_back(this);
}

void DeviceMemory::removePeer(DeviceMemory &peer) {
  std::erase(peers, &peer);
  std::erase(peer.viewers, this);
  changed();
}

void DeviceMemory::changed() {
  ++changes;
  for (DeviceMemory *viewer : viewers) ++viewer->changes;
}

const Allocation *DeviceMemory::findOwn(std::uint64_t address) const {
  auto it = table.upper_bound(address);
  if (it == table.begin()) return nullptr;
  --it;
  return address - it->first < it->second->bytes ? it->second.get() : nullptr;
}

const Allocation *DeviceMemory::find(std::uint64_t address) const {
  const Allocation *found = findOwn(address);
  for (std::size_t i = 0; !found && i < peers.size(); ++i) found = peers[i]->findOwn(address);
  return found;
}

bool DeviceMemory::owns(std::uint64_t address) const { return findOwn(address) != nullptr; }

Allocation *DeviceMemory::findLive(std::uint64_t address) {
  auto *found = const_cast<Allocation *>(find(address));
  return found && !found->freed ? found : nullptr;
}

const Allocation *DeviceMemory::nearest(std::uint64_t address) const {
  const Allocation *best = nullptr;
  auto it = table.upper_bound(address);
  if (it != table.end()) best = it->second.get();
  if (it != table.begin()) {
    const Allocation *below = std::prev(it)->second.get();
    if (!best || distance(*below, address) <= distance(*best, address)) best = below;
  }
  return best;
}

std::vector<const Allocation *> DeviceMemory::leaks() const {
  std::vector<const Allocation *> result;
  for (const auto &[base, a] : table)
    if (!a->freed && a->kind == Allocation::Kind::Device) result.push_back(a.get());
  return result;
}

} // namespace sage::sim
