// The table itself, and the attributes that follow from it.
#include "driver/DeviceTable.h"

#include <array>

namespace sage::sim {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr int mib = 1 << 20;

constexpr std::array<DeviceSpec, 5> specs{{
    {"sm_80", 8, 0, 108, 167936, 166912, 2048, 32, 40 * mib, 1410000, 1215000, 5120, 40 * gib},
    {"sm_86", 8, 6, 84, 102400, 101376, 1536, 16, 6 * mib, 1695000, 9751000, 384, 24 * gib},
    {"sm_89", 8, 9, 128, 102400, 101376, 1536, 24, 72 * mib, 2520000, 10501000, 384, 24 * gib},
    {"sm_90a", 9, 0, 132, 233472, 232448, 2048, 32, 50 * mib, 1980000, 2619000, 5120, 80 * gib},
    {"sm_120a", 12, 0, 170, 102400, 101376, 1536, 24, 96 * mib, 2407000, 14001000, 512, 32 * gib},
}};

} // namespace

const DeviceSpec *deviceSpec(std::string_view arch) {
  for (const DeviceSpec &spec : specs)
    if (spec.arch == arch) return &spec;
  return nullptr;
}

std::string_view knownArchs() { return "sm_80, sm_86, sm_89, sm_90a, sm_120a"; }

std::optional<int> attributeOf(const DeviceSpec &s, int ordinal, cuda::DeviceAttribute attribute) {
  using A = cuda::DeviceAttribute;
  switch (attribute) {
  case A::MaxThreadsPerBlock:
  case A::MaxBlockDimX:
  case A::MaxBlockDimY: return 1024;
  case A::MaxBlockDimZ: return 64;
  case A::MaxGridDimX: return 2147483647;
  case A::MaxGridDimY:
  case A::MaxGridDimZ: return 65535;
  case A::MaxSharedMemoryPerBlock: return 49152;
  case A::TotalConstantMemory: return 65536;
  case A::WarpSize: return 32;
  case A::MaxPitch: return 2147483647;
  case A::MaxRegistersPerBlock:
  case A::MaxRegistersPerMultiprocessor: return 65536;
  case A::ClockRateKhz: return s.clockKhz;
  case A::TextureAlignment: return 512;
  case A::MultiprocessorCount: return s.smCount;
  case A::MemoryClockRateKhz: return s.memoryClockKhz;
  case A::GlobalMemoryBusWidthBits: return s.memoryBusBits;
  case A::L2CacheSizeBytes: return s.l2Bytes;
  case A::MaxThreadsPerMultiprocessor: return s.threadsPerSm;
  case A::ComputeCapabilityMajor: return s.major;
  case A::ComputeCapabilityMinor: return s.minor;
  case A::MaxSharedMemoryPerMultiprocessor: return s.sharedPerSmBytes;
  case A::MaxSharedMemoryPerBlockOptin: return s.sharedOptinBytes;
  case A::MaxBlocksPerMultiprocessor: return s.blocksPerSm;
  case A::ReservedSharedMemoryPerBlock: return 1024;
  case A::PciBusId: return ordinal + 1;
  case A::CanMapHostMemory:
  case A::ConcurrentKernels:
  case A::UnifiedAddressing:
  case A::StreamPrioritiesSupported:
  case A::GlobalL1CacheSupported:
  case A::LocalL1CacheSupported:
  case A::CooperativeLaunch:
  case A::ManagedMemory:
  case A::MemoryPoolsSupported:
  case A::ComputePreemptionSupported: return 1;
  case A::AsyncEngineCount: return 2;
  case A::ClusterLaunch:
  case A::TensorMapAccessSupported: return s.major >= 9;
  // Virtual memory, textures and sharing between processes are not simulated.
  default: break;
  }
  const int number = static_cast<int>(attribute);
  // CAN_USE_STREAM_MEM_OPS, of 64 bits, WAIT_VALUE_NOR; the two of the second version.
  for (const int streamMemory : {92, 93, 94, 122, 123})
    if (number == streamMemory) return 1;
  return number >= 1 && number <= 147 ? std::optional<int>(0) : std::nullopt;
}

} // namespace sage::sim
