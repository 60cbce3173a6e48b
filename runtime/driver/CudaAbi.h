// The binary interface of the CUDA Driver API, in our own declarations: handle types, enumerators and structs, with their sizes pinned.
//
// Who uses it: the runtime's table of entry points (which adds the function types it needs) and the simulator (which exports the same
// functions). Both must agree to the byte, so both include this one file. It declares no function, includes no CUDA header, and needs
// no toolkit. Numbers are the documented ABI values; only those that somebody here uses are listed. Enumerations have a fixed
// underlying type, so a value without a name is still a valid value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sage::cuda {

using Device = int;
using DevicePtr = unsigned long long;

// Opaque to everybody but the driver that made them.
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;
using Linker = struct LinkerHandle *;

enum class Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  Deinitialized = 4,
  StubLibrary = 34,
  NoDevice = 100,
  InvalidDevice = 101,
  InvalidImage = 200,
  InvalidContext = 201,
  NoBinaryForGpu = 209,
  UnsupportedLimit = 215,
  PeerAccessUnsupported = 217,
  InvalidPtx = 218,
  JitCompilerNotFound = 221,
  UnsupportedPtxVersion = 222,
  InvalidSource = 300,
  FileNotFound = 301,
  SharedObjectSymbolNotFound = 302,
  OperatingSystem = 304,
  InvalidHandle = 400,
  IllegalState = 401,
  NotFound = 500,
  NotReady = 600,
  IllegalAddress = 700,
  LaunchOutOfResources = 701,
  LaunchTimeout = 702,
  PeerAccessAlreadyEnabled = 704,
  PeerAccessNotEnabled = 705,
  PrimaryContextActive = 708,
  ContextIsDestroyed = 709,
  Assert = 710,
  HostMemoryAlreadyRegistered = 712,
  HostMemoryNotRegistered = 713,
  HardwareStackError = 714,
  IllegalInstruction = 715,
  MisalignedAddress = 716,
  InvalidAddressSpace = 717,
  InvalidPc = 718,
  LaunchFailed = 719,
  CooperativeLaunchTooLarge = 720,
  NotPermitted = 800,
  NotSupported = 801,
  StreamCaptureUnsupported = 900,
  StreamCaptureInvalidated = 901,
  StreamCaptureMerge = 902,
  StreamCaptureUnmatched = 903,
  StreamCaptureUnjoined = 904,
  StreamCaptureIsolation = 905,
  StreamCaptureImplicit = 906,
  CapturedEvent = 907,
  StreamCaptureWrongThread = 908,
  GraphExecUpdateFailure = 910,
  InvalidClusterSize = 912,
  Unknown = 999,
};

enum class DeviceAttribute : int {
  MaxThreadsPerBlock = 1,
  MaxBlockDimX = 2,
  MaxBlockDimY = 3,
  MaxBlockDimZ = 4,
  MaxGridDimX = 5,
  MaxGridDimY = 6,
  MaxGridDimZ = 7,
  MaxSharedMemoryPerBlock = 8,
  TotalConstantMemory = 9,
  WarpSize = 10,
  MaxPitch = 11,
  MaxRegistersPerBlock = 12,
  ClockRateKhz = 13,
  TextureAlignment = 14,
  MultiprocessorCount = 16,
  KernelExecTimeout = 17,
  Integrated = 18,
  CanMapHostMemory = 19,
  ComputeMode = 20,
  ConcurrentKernels = 31,
  EccEnabled = 32,
  PciBusId = 33,
  PciDeviceId = 34,
  TccDriver = 35,
  MemoryClockRateKhz = 36,
  GlobalMemoryBusWidthBits = 37,
  L2CacheSizeBytes = 38,
  MaxThreadsPerMultiprocessor = 39,
  AsyncEngineCount = 40,
  UnifiedAddressing = 41,
  PciDomainId = 50,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
  StreamPrioritiesSupported = 78,
  GlobalL1CacheSupported = 79,
  LocalL1CacheSupported = 80,
  MaxSharedMemoryPerMultiprocessor = 81,
  MaxRegistersPerMultiprocessor = 82,
  ManagedMemory = 83,
  ComputePreemptionSupported = 90,
  CooperativeLaunch = 95,
  MaxSharedMemoryPerBlockOptin = 97,
  VirtualMemoryManagementSupported = 102,
  MaxBlocksPerMultiprocessor = 106,
  ReservedSharedMemoryPerBlock = 111,
  MemoryPoolsSupported = 115,
  ClusterLaunch = 120,
  TensorMapAccessSupported = 127,
};

enum class FunctionAttribute : int {
  MaxThreadsPerBlock = 0,
  SharedSizeBytes = 1,
  ConstSizeBytes = 2,
  LocalSizeBytes = 3,
  NumRegs = 4,
  PtxVersion = 5,
  BinaryVersion = 6,
  CacheModeCa = 7,
  MaxDynamicSharedSizeBytes = 8,
  PreferredSharedMemoryCarveout = 9,
  ClusterSizeMustBeSet = 10,
  RequiredClusterWidth = 11,
  RequiredClusterHeight = 12,
  RequiredClusterDepth = 13,
  NonPortableClusterSizeAllowed = 14,
  ClusterSchedulingPolicyPreference = 15,
};

// Options of module loading. Sizes and flags travel by value inside the void* slot; buffers as pointers.
enum class JitOption : int {
  MaxRegisters = 0,
  ThreadsPerBlock = 1,
  WallTime = 2,
  InfoLogBuffer = 3,
  InfoLogBufferSizeBytes = 4,
  ErrorLogBuffer = 5,
  ErrorLogBufferSizeBytes = 6,
  OptimizationLevel = 7,
  TargetFromContext = 8,
  Target = 9,
  FallbackStrategy = 10,
  GenerateDebugInfo = 11,
  LogVerbose = 12,
  GenerateLineInfo = 13,
  CacheMode = 14,
  GlobalSymbolNames = 17,
  GlobalSymbolAddresses = 18,
  GlobalSymbolCount = 19,
};

// What is given to the linker.
enum class JitInput : int { Cubin = 0, Ptx = 1 };

enum class PointerAttribute : int {
  Context = 1,
  MemoryType = 2,
  DevicePointer = 3,
  HostPointer = 4,
  SyncMemops = 6,
  BufferId = 7,
  IsManaged = 8,
  DeviceOrdinal = 9,
  IsLegacyIpcCapable = 10,
  RangeStartAddress = 11,
  RangeSize = 12,
  Mapped = 13,
  AllowedHandleTypes = 14,
  IsGpuDirectRdmaCapable = 15,
  AccessFlags = 16,
  MempoolHandle = 17,
};

enum class MemoryType : unsigned { Host = 1, Device = 2, Array = 3, Unified = 4 };

enum class Limit : int { StackSize = 0, PrintfFifoSize = 1, MallocHeapSize = 2 };

enum StreamFlags : unsigned { StreamDefault = 0, StreamNonBlocking = 1 };
enum EventFlags : unsigned { EventDefault = 0, EventBlockingSync = 1, EventDisableTiming = 2, EventInterprocess = 4 };
enum HostAllocFlags : unsigned { HostAllocPortable = 1, HostAllocDeviceMap = 2, HostAllocWriteCombined = 4 };

// Two stream handles that exist without being created; the null handle is the legacy default stream as well.
inline constexpr std::uintptr_t legacyStreamValue = 1;
inline constexpr std::uintptr_t perThreadStreamValue = 2;

enum class LaunchAttributeId : int {
  Ignore = 0,
  AccessPolicyWindow = 1,
  Cooperative = 2,
  SynchronizationPolicy = 3,
  ClusterDimension = 4,
  ClusterSchedulingPolicyPreference = 5,
  ProgrammaticStreamSerialization = 6,
  ProgrammaticEvent = 7,
  Priority = 8,
  MemSyncDomainMap = 9,
  MemSyncDomain = 10,
};

union LaunchAttributeValue {
  char pad[64];
  struct {
    unsigned x, y, z;
  } clusterDim;
  int cooperative;
  int clusterSchedulingPolicyPreference;
  int programmaticStreamSerializationAllowed;
  int priority;
};

struct LaunchAttribute {
  LaunchAttributeId id;
  char pad[8 - sizeof(LaunchAttributeId)];
  LaunchAttributeValue value;
};

struct LaunchConfig {
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};

// The slots of `extra` in cuLaunchKernel: a packed argument buffer instead of an array of pointers.
inline constexpr std::uintptr_t launchParamEnd = 0;
inline constexpr std::uintptr_t launchParamBufferPointer = 1;
inline constexpr std::uintptr_t launchParamBufferSize = 2;

struct Uuid {
  unsigned char bytes[16];
};

struct alignas(128) TensorMap {
  std::uint64_t opaque[16];
};

enum class TensorMapDataType : int {
  UInt8 = 0,
  UInt16 = 1,
  UInt32 = 2,
  Int32 = 3,
  UInt64 = 4,
  Int64 = 5,
  Float16 = 6,
  Float32 = 7,
  Float64 = 8,
  BFloat16 = 9,
};
enum class TensorMapInterleave : int { None = 0, Bytes16 = 1, Bytes32 = 2 };
enum class TensorMapSwizzle : int { None = 0, Bytes32 = 1, Bytes64 = 2, Bytes128 = 3 };
enum class TensorMapL2Promotion : int { None = 0, Bytes64 = 1, Bytes128 = 2, Bytes256 = 3 };
enum class TensorMapOobFill : int { Zeros = 0, NanRequestZeroFma = 1 };

// What cuGetProcAddress says about a name, beside the pointer.
enum class ProcAddressStatus : int { Success = 0, SymbolNotFound = 1, VersionNotSufficient = 2 };

static_assert(sizeof(Result) == 4 && sizeof(DeviceAttribute) == 4 && sizeof(FunctionAttribute) == 4 && sizeof(JitOption) == 4);
static_assert(sizeof(DevicePtr) == 8 && sizeof(Device) == 4 && sizeof(Stream) == 8);
static_assert(sizeof(LaunchAttributeValue) == 64 && sizeof(LaunchAttribute) == 72 && offsetof(LaunchAttribute, value) == 8);
static_assert(sizeof(LaunchConfig) == 56 && offsetof(LaunchConfig, sharedMemBytes) == 24);
static_assert(offsetof(LaunchConfig, stream) == 32 && offsetof(LaunchConfig, attributes) == 40);
static_assert(offsetof(LaunchConfig, numAttributes) == 48);
static_assert(sizeof(Uuid) == 16 && sizeof(TensorMap) == 128 && alignof(TensorMap) == 128);

} // namespace sage::cuda
