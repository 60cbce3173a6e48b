// The heap that kernels allocate from with malloc and free: one allocation of the device's memory, cut into blocks. A
// lock guards it, as blocks of a grid run on several host threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "memory/DeviceMemory.h"

namespace sage::sim {

class DeviceHeap {
public:
  static constexpr std::uint64_t defaultBytes = 8u << 20; // the driver's default limit

  /// Takes its memory from MEMORY at the first use; false when there is none. BYTES 0: the default. Called between
  /// launches.
  bool prepare(DeviceMemory &memory, std::uint64_t bytes);
  /// Its size is fixed from the first use on.
  bool isInUse() const { return storage != nullptr; }
  /// 0 when there is no room.
  std::uint64_t allocate(std::uint64_t bytes);
  enum class Free : std::uint8_t { Done, Twice, Unknown };
  Free free(std::uint64_t address);

  /// Where ADDRESS lies: in a live block that has SIZE bytes from there, or not, and whether it was one before.
  enum class Place : std::uint8_t { Inside, Outside, Freed };
  Place placeOf(std::uint64_t address, std::uint64_t size);
  bool isStorage(const Allocation *a) const { return a == storage; }
  /// Start and size of the live blocks.
  std::map<std::uint64_t, std::uint64_t> blocks();

private:
  std::mutex mutex;
  Allocation *storage = nullptr;
  std::map<std::uint64_t, std::uint64_t> used;  ///< offset → bytes asked for, of live blocks
  std::map<std::uint64_t, std::uint64_t> freed; ///< the same of blocks whose memory nobody got again
};

} // namespace sage::sim
