// Exports: names and descriptions of error codes. One table.
#include "driver/Call.h"

namespace sage::cuda {
namespace {

struct ErrorRow {
  Result code;
  const char *name;
  const char *text;
};

// What no call of the simulator returns has no name in the code.
constexpr Result code(int number) { return static_cast<Result>(number); }

constexpr ErrorRow errorRows[] = {
    {Result::Success, "CUDA_SUCCESS", "no error"},
    {Result::InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {Result::OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {Result::NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {Result::Deinitialized, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {Result::StubLibrary, "CUDA_ERROR_STUB_LIBRARY", "the library is a stub"},
    {Result::NoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {Result::InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {Result::InvalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {Result::InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {Result::NoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {Result::UnsupportedLimit, "CUDA_ERROR_UNSUPPORTED_LIMIT", "limit is not supported on this architecture"},
    {Result::PeerAccessUnsupported, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED",
     "peer access is not supported between these two devices"},
    {Result::InvalidPtx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {Result::JitCompilerNotFound, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "PTX JIT compiler library not found"},
    {Result::UnsupportedPtxVersion, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain"},
    {Result::InvalidSource, "CUDA_ERROR_INVALID_SOURCE", "device kernel source is invalid"},
    {Result::FileNotFound, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"},
    {Result::SharedObjectSymbolNotFound, "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND", "shared object symbol not found"},
    {Result::OperatingSystem, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {Result::InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {Result::IllegalState, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {Result::NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {Result::NotReady, "CUDA_ERROR_NOT_READY", "device not ready"},
    {Result::IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {Result::LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {Result::LaunchTimeout, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {Result::PeerAccessAlreadyEnabled, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED", "peer access is already enabled"},
    {Result::PeerAccessNotEnabled, "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED", "peer access has not been enabled"},
    {Result::PrimaryContextActive, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE",
     "cannot set while device is active in this process"},
    {Result::ContextIsDestroyed, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {Result::Assert, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {Result::HostMemoryAlreadyRegistered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {Result::HostMemoryNotRegistered, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
    {Result::HardwareStackError, "CUDA_ERROR_HARDWARE_STACK_ERROR", "hardware stack error"},
    {Result::IllegalInstruction, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"},
    {Result::MisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {Result::InvalidAddressSpace, "CUDA_ERROR_INVALID_ADDRESS_SPACE",
     "operation not supported on global/shared address space"},
    {Result::InvalidPc, "CUDA_ERROR_INVALID_PC", "invalid program counter"},
    {Result::LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {Result::CooperativeLaunchTooLarge, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
     "too many blocks in cooperative launch"},
    {Result::NotPermitted, "CUDA_ERROR_NOT_PERMITTED", "operation not permitted"},
    {Result::NotSupported, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {Result::StreamCaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {Result::StreamCaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {Result::StreamCaptureMerge, "CUDA_ERROR_STREAM_CAPTURE_MERGE",
     "operation would result in a merge of separate capture sequences"},
    {Result::StreamCaptureUnmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "capture was not ended in the same stream as it began"},
    {Result::StreamCaptureUnjoined, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {Result::StreamCaptureIsolation, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
    {Result::CapturedEvent, "CUDA_ERROR_CAPTURED_EVENT",
     "operation not permitted on an event last recorded in a capturing stream"},
    {Result::StreamCaptureWrongThread, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {Result::GraphExecUpdateFailure, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE",
     "the graph update was not performed because it included changes which violated constraints specific to "
     "instantiated graph update"},
    {Result::StreamCaptureImplicit, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {Result::InvalidClusterSize, "CUDA_ERROR_INVALID_CLUSTER_SIZE", "invalid cluster size"},
    {code(5), "CUDA_ERROR_PROFILER_DISABLED", "profiler disabled while using external profiling tool"},
    {code(6), "CUDA_ERROR_PROFILER_NOT_INITIALIZED", "profiler not initialized"},
    {code(7), "CUDA_ERROR_PROFILER_ALREADY_STARTED", "profiler already started"},
    {code(8), "CUDA_ERROR_PROFILER_ALREADY_STOPPED", "profiler already stopped"},
    {code(36), "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "the call requires a newer driver"},
    {code(46), "CUDA_ERROR_DEVICE_UNAVAILABLE", "the device is busy or unavailable"},
    {code(102), "CUDA_ERROR_DEVICE_NOT_LICENSED", "the device has no valid license"},
    {code(202), "CUDA_ERROR_CONTEXT_ALREADY_CURRENT", "context is already current"},
    {code(205), "CUDA_ERROR_MAP_FAILED", "mapping of buffer object failed"},
    {code(206), "CUDA_ERROR_UNMAP_FAILED", "unmapping of buffer object failed"},
    {code(207), "CUDA_ERROR_ARRAY_IS_MAPPED", "array is mapped"},
    {code(208), "CUDA_ERROR_ALREADY_MAPPED", "resource already mapped"},
    {code(210), "CUDA_ERROR_ALREADY_ACQUIRED", "resource already acquired"},
    {code(211), "CUDA_ERROR_NOT_MAPPED", "resource not mapped"},
    {code(212), "CUDA_ERROR_NOT_MAPPED_AS_ARRAY", "resource not mapped as array"},
    {code(213), "CUDA_ERROR_NOT_MAPPED_AS_POINTER", "resource not mapped as pointer"},
    {code(214), "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {code(216), "CUDA_ERROR_CONTEXT_ALREADY_IN_USE", "exclusive-thread device already in use by a different thread"},
    {code(219), "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT", "invalid graphics context"},
    {code(220), "CUDA_ERROR_NVLINK_UNCORRECTABLE", "uncorrectable NVLink error detected during the execution"},
    {code(223), "CUDA_ERROR_JIT_COMPILATION_DISABLED", "PTX JIT compilation was disabled"},
    {code(224), "CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY", "the execution affinity is not supported by the device"},
    {code(225), "CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC",
     "the code to be compiled calls for device-side synchronization, which is not supported"},
    {code(226), "CUDA_ERROR_CONTAINED", "an error that could be contained was detected"},
    {code(303), "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED", "shared object initialization failed"},
    {code(402), "CUDA_ERROR_LOSSY_QUERY", "the object cannot be described without loss by this query"},
    {code(703), "CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING", "launch uses incompatible texturing mode"},
    {code(711), "CUDA_ERROR_TOO_MANY_PEERS", "peer mapping resources exhausted"},
    {code(721), "CUDA_ERROR_TENSOR_MEMORY_LEAK", "tensor memory was not released when the kernel ended"},
    {code(802), "CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"},
    {code(803), "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "unsupported combination of display driver and driver library"},
    {code(804), "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
     "forward compatibility was attempted on a device that does not have it"},
    {code(805), "CUDA_ERROR_MPS_CONNECTION_FAILED",
     "MPS client failed to connect to the MPS control daemon or the MPS server"},
    {code(806), "CUDA_ERROR_MPS_RPC_FAILURE",
     "the remote procedural call between the MPS server and the MPS client failed"},
    {code(807), "CUDA_ERROR_MPS_SERVER_NOT_READY", "MPS server is not ready to accept new MPS client requests"},
    {code(808), "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED",
     "the hardware resources required to create MPS client have been exhausted"},
    {code(809), "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED",
     "the hardware resources required to support device connections have been exhausted"},
    {code(810), "CUDA_ERROR_MPS_CLIENT_TERMINATED", "the MPS client has been terminated by the server"},
    {code(811), "CUDA_ERROR_CDP_NOT_SUPPORTED",
     "the program uses device-side launches, which are not supported in this configuration"},
    {code(812), "CUDA_ERROR_CDP_VERSION_MISMATCH", "the program mixes versions of device-side launches"},
    {code(909), "CUDA_ERROR_TIMEOUT", "wait operation timed out"},
    {code(911), "CUDA_ERROR_EXTERNAL_DEVICE", "an asynchronous error occurred on an external device"},
    {code(913), "CUDA_ERROR_FUNCTION_NOT_LOADED", "the function is not loaded"},
    {code(914), "CUDA_ERROR_INVALID_RESOURCE_TYPE", "invalid resource type"},
    {code(915), "CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION", "invalid resource configuration"},
    {code(916), "CUDA_ERROR_KEY_ROTATION", "key rotation in progress"},
    {Result::Unknown, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorRow *find(Result code) {
  for (const ErrorRow &row : errorRows)
    if (row.code == code) return &row;
  return nullptr;
}

Result describe(Result error, const char **to, const char *ErrorRow::*member) {
  if (!to) return Result::InvalidValue;
  const ErrorRow *row = find(error);
  *to = row ? row->*member : nullptr;
  return row ? Result::Success : Result::InvalidValue;
}

} // namespace

extern "C" {

Result cuGetErrorName(Result error, const char **name) { return describe(error, name, &ErrorRow::name); }
Result cuGetErrorString(Result error, const char **text) { return describe(error, text, &ErrorRow::text); }

} // extern "C"

} // namespace sage::cuda
