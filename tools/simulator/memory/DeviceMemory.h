// The device's global memory: an address space of its own (device addresses are never host addresses, except for pinned
// host memory, which is mapped where it lies), an allocation table, and a shadow byte for every byte that says whether
// it was ever written.
//
// A stale pointer hits its freed record: addresses are given out again only when a device's range is used up, and then
// those first that were freed longest ago. The table changes only between launches; kernels read it without a lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/Segments.h"

namespace sage::sim {

/// Values of a shadow byte, for global and for shared memory.
/// What is above `shadowSet` may be neither read nor written by ordinary accesses.
enum ShadowState : std::uint8_t {
  shadowUnset = 0,
  shadowSet = 1,
  shadowInFlight = 2,
  shadowMbarrier = 3, ///< the object of an mbarrier
};

struct Allocation {
  enum class Kind : std::uint8_t { Device, Pinned, GlobalVariable, ConstVariable };
  std::uint64_t base = 0;
  std::uint64_t bytes = 0;
  std::uint8_t *data = nullptr;   ///< null once freed
  std::uint8_t *shadow = nullptr; ///< null where all counts as set: pinned memory, or the detector is off
  std::uint32_t *races = nullptr; ///< cells (CellStates.h); null where nobody looks
  Kind kind = Kind::Device;
  bool freed = false;
  bool isHeap = false; ///< kernels allocate from it, so only parts of it may be touched
  std::uint64_t serial = 0;
  std::string name; ///< of a variable

  bool contains(std::uint64_t address, std::uint64_t size) const {
    return address >= base && size <= bytes && address - base <= bytes - size;
  }
};

class DeviceHeap; // DeviceHeap.h

class DeviceMemory {
public:
  /// Without TRACKS_WRITES nobody looks for reads of unwritten bytes, and there is no shadow.
  /// WATCHES_RACES: there are cells for races in global memory (memory/CellStates.h).
  DeviceMemory(std::uint64_t capacityBytes, bool tracksWrites, bool watchesRaces, unsigned ordinal = 0);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  /// Null when the device or the host has no room.
  Allocation *allocate(std::uint64_t bytes, Allocation::Kind kind, const std::string &name = "");
  /// Makes [pointer, pointer + bytes) of the host visible at its own address; free() forgets it, the memory stays.
  Allocation *mapHost(void *pointer, std::uint64_t bytes);
  /// False when ADDRESS is not the start of a live allocation.
  bool free(std::uint64_t address);

  /// The allocation, live or freed, whose range holds ADDRESS; or null.
  const Allocation *find(std::uint64_t address) const;
  Allocation *findLive(std::uint64_t address);
  /// Whether the address lies in an allocation of this memory itself, no peer's.
  bool owns(std::uint64_t address) const;
  /// The allocation that lies closest to ADDRESS, for reports; null when there is none.
  const Allocation *nearest(std::uint64_t address) const;

  /// Makes another device's memory visible at its own addresses, or hides it again. Between launches.
  void addPeer(DeviceMemory &peer);
  void removePeer(DeviceMemory &peer);

  std::uint64_t capacityBytes() const { return capacity; }
  std::uint64_t usedBytes() const { return used; }
  /// Live allocations made by the user, for a leak report.
  std::vector<const Allocation *> leaks() const;
  /// Who touched what, for races.
  SegmentTable &segments() { return segmentTable; }
  /// What kernels allocate from.
  DeviceHeap &heap() { return *kernelHeap; }
  /// Changes whenever an allocation comes or goes; caches of look-ups compare it.
  std::uint64_t epoch() const { return changes; }

private:
  void release(Allocation &allocation);
  const Allocation *findOwn(std::uint64_t address) const;
  /// Drops the older half of the records of freed memory, at least one.
  void forgetOldest();
  /// Where BYTES fit between allocations and records, from CURSOR on; 0: nowhere.
  std::uint64_t gapFrom(std::uint64_t cursor, std::uint64_t bytes) const;
  std::uint64_t place(std::uint64_t bytes);
  /// To be called when an allocation came or went: also those who see this memory must look again.
  void changed();

  std::map<std::uint64_t, std::unique_ptr<Allocation>> table;
  std::vector<std::uint64_t> freedOrder;
  std::uint64_t capacity;
  bool shadowed, watched;
  SegmentTable &segmentTable = SegmentTable::instance();
  std::uint64_t used = 0;
  std::uint64_t firstBase, endOfRange;
  std::uint64_t nextBase; ///< where the next allocation is tried first
  bool usedUp = false;    ///< the range is; else nothing lies behind nextBase
  std::uint64_t nextSerial = 1;
  std::uint64_t changes = 1;
  std::vector<DeviceMemory *> peers, viewers; ///< whose memory is seen from here, and who sees this one
  std::shared_ptr<DeviceHeap> kernelHeap;
};

} // namespace sage::sim
