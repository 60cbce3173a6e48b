// The heap that kernels allocate from with malloc and free: one allocation of the device's memory, cut into blocks. A
// lock guards it, as blocks of a grid run on several host threads.
#pragma once

#include <cstdint>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "memory/DeviceMemory.h"

namespace sage::sim {

struct SourceMap; // ptx/Module.h

/// Where a kernel called malloc. It outlives the module, so it keeps the module's text.
struct HeapSite {
  std::string kernel;
  std::uint32_t line = 0;
  std::shared_ptr<const std::vector<std::string>> lines;
  std::shared_ptr<const SourceMap> sources;

  auto operator<=>(const HeapSite &) const = default;
};

class DeviceHeap {
public:
  static constexpr std::uint64_t defaultBytes = 8u << 20; // the driver's default limit

  /// Takes its memory from MEMORY at the first use; false when there is none. BYTES 0: the default. Called between
  /// launches.
  bool prepare(DeviceMemory &memory, std::uint64_t bytes);
  /// Its size is fixed from the first use on.
  bool isInUse() const { return storage != nullptr; }
  /// 0 when there is no room.
  std::uint64_t allocate(std::uint64_t bytes, const HeapSite &site);
  enum class Free : std::uint8_t { Done, Twice, Unknown };
  Free free(std::uint64_t address);

  /// Where ADDRESS lies: in a live block that has SIZE bytes from there, or not, and whether it was one before.
  enum class Place : std::uint8_t { Inside, Outside, Freed };
  Place placeOf(std::uint64_t address, std::uint64_t size);
  bool isStorage(const Allocation *a) const { return a == storage; }
  /// Start and size of the live blocks.
  std::map<std::uint64_t, std::uint64_t> blocks();
  /// The live blocks of each call of malloc.
  struct Held {
    std::uint64_t first = 0, count = 0, bytes = 0; ///< address of one, how many, their bytes
  };
  std::map<HeapSite, Held> held();

private:
  std::mutex mutex;
  Allocation *storage = nullptr;
  std::map<std::uint64_t, std::uint64_t> used;      ///< offset → bytes asked for, of live blocks
  std::map<std::uint64_t, const HeapSite *> madeAt; ///< offset → who asked for it, of live blocks
  std::set<HeapSite> sites;
  std::map<std::uint64_t, std::uint64_t> freed; ///< the same of blocks whose memory nobody got again
};

} // namespace sage::sim
