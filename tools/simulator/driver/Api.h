// The functions that every client of a driver needs, as they are exported; the exporting files include this to be
// checked against it. The further ones are in Exports.h; Names.inc has all names, also of what is not simulated.
#pragma once

#include <cstddef>

#include "runtime/driver/CudaAbi.h"

#define SAGESIM_FUNCTIONS(X)                                                                                           \
  X(cuInit, (unsigned flags))                                                                                          \
  X(cuDriverGetVersion, (int *version))                                                                                \
  X(cuGetErrorName, (Result error, const char **name))                                                                 \
  X(cuGetErrorString, (Result error, const char **text))                                                               \
  X(cuDeviceGetCount, (int *count))                                                                                    \
  X(cuDeviceGet, (Device * device, int ordinal))                                                                       \
  X(cuDeviceGetName, (char *name, int length, Device device))                                                          \
  X(cuDeviceGetAttribute, (int *value, DeviceAttribute attribute, Device device))                                      \
  X(cuDeviceGetUuid, (Uuid * uuid, Device device))                                                                     \
  X(cuDeviceGetUuid_v2, (Uuid * uuid, Device device))                                                                  \
  X(cuDeviceTotalMem_v2, (std::size_t *bytes, Device device))                                                          \
  X(cuDeviceComputeCapability, (int *major, int *minor, Device device))                                                \
  X(cuDeviceGetPCIBusId, (char *id, int length, Device device))                                                        \
  X(cuDevicePrimaryCtxRetain, (Context * context, Device device))                                                      \
  X(cuDevicePrimaryCtxRelease_v2, (Device device))                                                                     \
  X(cuDevicePrimaryCtxReset_v2, (Device device))                                                                       \
  X(cuDevicePrimaryCtxGetState, (Device device, unsigned *flags, int *active))                                         \
  X(cuDevicePrimaryCtxSetFlags_v2, (Device device, unsigned flags))                                                    \
  X(cuCtxSetCurrent, (Context context))                                                                                \
  X(cuCtxGetCurrent, (Context * context))                                                                              \
  X(cuCtxPushCurrent_v2, (Context context))                                                                            \
  X(cuCtxPopCurrent_v2, (Context * context))                                                                           \
  X(cuCtxGetDevice, (Device * device))                                                                                 \
  X(cuCtxGetApiVersion, (Context context, unsigned *version))                                                          \
  X(cuCtxSynchronize, ())                                                                                              \
  X(cuCtxGetLimit, (std::size_t *value, Limit limit))                                                                  \
  X(cuCtxSetLimit, (Limit limit, std::size_t value))                                                                   \
  X(cuCtxGetStreamPriorityRange, (int *least, int *greatest))                                                          \
  X(cuMemGetInfo_v2, (std::size_t *free, std::size_t *total))                                                          \
  X(cuMemAlloc_v2, (DevicePtr * pointer, std::size_t bytes))                                                           \
  X(cuMemFree_v2, (DevicePtr pointer))                                                                                 \
  X(cuMemAllocAsync, (DevicePtr * pointer, std::size_t bytes, Stream stream))                                          \
  X(cuMemFreeAsync, (DevicePtr pointer, Stream stream))                                                                \
  X(cuMemGetAddressRange_v2, (DevicePtr * base, std::size_t *bytes, DevicePtr pointer))                                \
  X(cuMemAllocHost_v2, (void **pointer, std::size_t bytes))                                                            \
  X(cuMemHostAlloc, (void **pointer, std::size_t bytes, unsigned flags))                                               \
  X(cuMemFreeHost, (void *pointer))                                                                                    \
  X(cuMemHostRegister_v2, (void *pointer, std::size_t bytes, unsigned flags))                                          \
  X(cuMemHostUnregister, (void *pointer))                                                                              \
  X(cuMemHostGetDevicePointer_v2, (DevicePtr * device, void *pointer, unsigned flags))                                 \
  X(cuMemcpy, (DevicePtr to, DevicePtr from, std::size_t bytes))                                                       \
  X(cuMemcpyAsync, (DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream))                                   \
  X(cuMemcpyHtoD_v2, (DevicePtr to, const void *from, std::size_t bytes))                                              \
  X(cuMemcpyDtoH_v2, (void *to, DevicePtr from, std::size_t bytes))                                                    \
  X(cuMemcpyDtoD_v2, (DevicePtr to, DevicePtr from, std::size_t bytes))                                                \
  X(cuMemcpyHtoDAsync_v2, (DevicePtr to, const void *from, std::size_t bytes, Stream stream))                          \
  X(cuMemcpyDtoHAsync_v2, (void *to, DevicePtr from, std::size_t bytes, Stream stream))                                \
  X(cuMemcpyDtoDAsync_v2, (DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream))                            \
  X(cuMemsetD8_v2, (DevicePtr to, unsigned char value, std::size_t count))                                             \
  X(cuMemsetD16_v2, (DevicePtr to, unsigned short value, std::size_t count))                                           \
  X(cuMemsetD32_v2, (DevicePtr to, unsigned value, std::size_t count))                                                 \
  X(cuMemsetD8Async, (DevicePtr to, unsigned char value, std::size_t count, Stream stream))                            \
  X(cuMemsetD16Async, (DevicePtr to, unsigned short value, std::size_t count, Stream stream))                          \
  X(cuMemsetD32Async, (DevicePtr to, unsigned value, std::size_t count, Stream stream))                                \
  X(cuPointerGetAttribute, (void *data, PointerAttribute attribute, DevicePtr pointer))                                \
  X(cuStreamCreate, (Stream * stream, unsigned flags))                                                                 \
  X(cuStreamCreateWithPriority, (Stream * stream, unsigned flags, int priority))                                       \
  X(cuStreamDestroy_v2, (Stream stream))                                                                               \
  X(cuStreamSynchronize, (Stream stream))                                                                              \
  X(cuStreamQuery, (Stream stream))                                                                                    \
  X(cuStreamWaitEvent, (Stream stream, Event event, unsigned flags))                                                   \
  X(cuStreamGetCtx, (Stream stream, Context * context))                                                                \
  X(cuStreamGetFlags, (Stream stream, unsigned *flags))                                                                \
  X(cuStreamGetPriority, (Stream stream, int *priority))                                                               \
  X(cuStreamIsCapturing, (Stream stream, int *status))                                                                 \
  X(cuLaunchHostFunc, (Stream stream, void (*function)(void *), void *data))                                           \
  X(cuEventCreate, (Event * event, unsigned flags))                                                                    \
  X(cuEventDestroy_v2, (Event event))                                                                                  \
  X(cuEventRecord, (Event event, Stream stream))                                                                       \
  X(cuEventSynchronize, (Event event))                                                                                 \
  X(cuEventQuery, (Event event))                                                                                       \
  X(cuEventElapsedTime, (float *milliseconds, Event start, Event end))                                                 \
  X(cuModuleLoadData, (Module * module, const void *image))                                                            \
  X(cuModuleLoadDataEx, (Module * module, const void *image, unsigned count, JitOption *options, void **values))       \
  X(cuModuleUnload, (Module module))                                                                                   \
  X(cuModuleGetFunction, (Function * function, Module module, const char *name))                                       \
  X(cuModuleGetGlobal_v2, (DevicePtr * pointer, std::size_t *bytes, Module module, const char *name))                  \
  X(cuModuleGetLoadingMode, (int *mode))                                                                               \
  X(cuFuncGetAttribute, (int *value, FunctionAttribute attribute, Function function))                                  \
  X(cuFuncSetAttribute, (Function function, FunctionAttribute attribute, int value))                                   \
  X(cuFuncSetCacheConfig, (Function function, int config))                                                             \
  X(cuFuncGetName, (const char **name, Function function))                                                             \
  X(cuFuncGetModule, (Module * module, Function function))                                                             \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor,                                                                       \
    (int *blocks, Function function, int threads, std::size_t dynamicSharedBytes))                                     \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,                                                              \
    (int *blocks, Function function, int threads, std::size_t dynamicSharedBytes, unsigned flags))                     \
  X(cuLaunchKernel,                                                                                                    \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,              \
     unsigned blockZ, unsigned dynamicSharedBytes, Stream stream, void **parameters, void **extra))                    \
  X(cuLaunchKernelEx, (const LaunchConfig *config, Function function, void **parameters, void **extra))                \
  X(cuGetProcAddress, (const char *name, void **pointer, int version, std::uint64_t flags))                            \
  X(cuGetProcAddress_v2,                                                                                               \
    (const char *name, void **pointer, int version, std::uint64_t flags, ProcAddressStatus *status))                   \
  X(cuGetExportTable, (const void **table, const Uuid *id))

namespace sage::cuda {

extern "C" {
#define SAGESIM_DECLARE(name, parameters) [[gnu::visibility("default")]] Result name parameters;
SAGESIM_FUNCTIONS(SAGESIM_DECLARE)
#undef SAGESIM_DECLARE

/// The first of the two functions that a real driver does not have: chooses the simulated devices, "sm_80" or
/// "sm_80,sm_90a". While a context of either kind is in use only the same devices again, all else is IllegalState; a
/// null pointer or an unknown name is InvalidValue.
[[gnu::visibility("default")]] Result sagesimConfigure(const char *devices);
/// The second one: the counters of all launches so far as JSON, valid until this thread calls again.
[[gnu::visibility("default")]] const char *sagesimCounters();
}

} // namespace sage::cuda
