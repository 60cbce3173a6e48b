// The devices that can be simulated: limits and sizes of one typical GPU for each architecture (CUDA C++ Programming
// Guide, table of technical specifications; board data from the vendor's public specifications).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/driver/CudaAbi.h"

namespace sage::sim {

struct DeviceSpec {
  std::string_view arch; ///< "sm_90a"
  int major, minor;
  int smCount;
  int sharedPerSmBytes;
  int sharedOptinBytes; ///< most dynamic + static shared memory of a block
  int threadsPerSm;
  int blocksPerSm;
  int l2Bytes;
  int clockKhz, memoryClockKhz, memoryBusBits;
  std::uint64_t memoryBytes;
};

/// The device called ARCH, or null.
const DeviceSpec *deviceSpec(std::string_view arch);
/// "sm_80, sm_86, …", for messages.
std::string_view knownArchs();
/// The value of a device attribute; nothing when the attribute is unknown.
std::optional<int> attributeOf(const DeviceSpec &spec, int ordinal, cuda::DeviceAttribute attribute);

} // namespace sage::sim
