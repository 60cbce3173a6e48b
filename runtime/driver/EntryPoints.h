// The driver's entry points that the runtime calls: one list, from which the table's fields, their types and the
// look-up are all made. To use another function of the driver, add a line here, and to the simulator if it lacks it.
// Symbols are those that a driver of CUDA 11.0 or later exports; where an older form exists under the plain name, the
// list says _v2.
#pragma once

#include "runtime/driver/CudaAbi.h"

namespace sage::cuda {

// clang-format off
#define SAGE_DRIVER_ENTRY_POINTS(ENTRY)                                                                                \
  ENTRY(cuInit, (unsigned flags))                                                                                      \
  ENTRY(cuDriverGetVersion, (int *version))                                                                            \
  ENTRY(cuGetErrorName, (Result error, const char **name))                                                             \
  ENTRY(cuGetErrorString, (Result error, const char **text))                                                           \
  ENTRY(cuDeviceGetCount, (int *count))                                                                                \
  ENTRY(cuDeviceGet, (Device *device, int ordinal))                                                                    \
  ENTRY(cuDeviceGetName, (char *name, int size, Device device))                                                        \
  ENTRY(cuDeviceGetAttribute, (int *value, DeviceAttribute attribute, Device device))                                  \
  ENTRY(cuDeviceTotalMem_v2, (std::size_t *bytes, Device device))                                                      \
  ENTRY(cuDevicePrimaryCtxRetain, (Context *context, Device device))                                                   \
  ENTRY(cuDevicePrimaryCtxRelease_v2, (Device device))                                                                 \
  ENTRY(cuCtxGetCurrent, (Context *context))                                                                           \
  ENTRY(cuCtxPushCurrent_v2, (Context context))                                                                        \
  ENTRY(cuCtxPopCurrent_v2, (Context *context))                                                                        \
  ENTRY(cuCtxSynchronize, ())                                                                                          \
  ENTRY(cuMemAlloc_v2, (DevicePtr *pointer, std::size_t bytes))                                                        \
  ENTRY(cuMemFree_v2, (DevicePtr pointer))                                                                             \
  ENTRY(cuMemcpyHtoD_v2, (DevicePtr target, const void *source, std::size_t bytes))                                    \
  ENTRY(cuMemcpyDtoH_v2, (void *target, DevicePtr source, std::size_t bytes))                                          \
  ENTRY(cuMemsetD8_v2, (DevicePtr target, unsigned char value, std::size_t bytes))                                     \
  ENTRY(cuMemsetD8Async, (DevicePtr target, unsigned char value, std::size_t bytes, Stream stream))                    \
  ENTRY(cuStreamCreate, (Stream *stream, unsigned flags))                                                              \
  ENTRY(cuStreamDestroy_v2, (Stream stream))                                                                           \
  ENTRY(cuStreamSynchronize, (Stream stream))                                                                          \
  ENTRY(cuEventCreate, (Event *event, unsigned flags))                                                                 \
  ENTRY(cuEventDestroy_v2, (Event event))                                                                              \
  ENTRY(cuEventRecord, (Event event, Stream stream))                                                                   \
  ENTRY(cuEventQuery, (Event event))                                                                                   \
  ENTRY(cuEventSynchronize, (Event event))                                                                             \
  ENTRY(cuEventElapsedTime, (float *milliseconds, Event start, Event end))                                             \
  ENTRY(cuModuleLoadDataEx, (Module *module, const void *image, unsigned count, JitOption *options, void **values))    \
  ENTRY(cuModuleUnload, (Module module))                                                                               \
  ENTRY(cuModuleGetFunction, (Function *function, Module module, const char *name))                                    \
  ENTRY(cuFuncGetAttribute, (int *value, FunctionAttribute attribute, Function function))                              \
  ENTRY(cuFuncSetAttribute, (Function function, FunctionAttribute attribute, int value))                               \
  ENTRY(cuLinkCreate_v2, (unsigned count, JitOption *options, void **values, Linker *linker))                          \
  ENTRY(cuLinkAddData_v2, (Linker linker, JitInput type, void *data, std::size_t bytes, const char *name,              \
                           unsigned count, JitOption *options, void **values))                                         \
  ENTRY(cuLinkComplete, (Linker linker, void **image, std::size_t *bytes))                                             \
  ENTRY(cuLinkDestroy, (Linker linker))                                                                                \
  ENTRY(cuLaunchKernel, (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,           \
                         unsigned blockY, unsigned blockZ, unsigned sharedBytes, Stream stream, void **arguments,      \
                         void **extra))

// Those that a driver may lack, with the CUDA version that brought them. Null then; whoever calls one says what to do.
#define SAGE_OPTIONAL_DRIVER_ENTRY_POINTS(ENTRY)                                                                       \
  /* 12.0 */                                                                                                           \
  ENTRY(cuTensorMapEncodeTiled, (TensorMap *map, TensorMapDataType type, unsigned rank, void *address,                 \
                                 const std::uint64_t *size, const std::uint64_t *strides, const unsigned *box,         \
                                 const unsigned *elementStrides, TensorMapInterleave interleave,                       \
                                 TensorMapSwizzle swizzle, TensorMapL2Promotion promotion, TensorMapOobFill fill))
// clang-format on

/// The table. Every field is set in an open Driver, but for the optional ones.
struct EntryPoints {
#define SAGE_DRIVER_FIELD(symbol, parameters) Result(*symbol) parameters = nullptr;
  SAGE_DRIVER_ENTRY_POINTS(SAGE_DRIVER_FIELD)
  SAGE_OPTIONAL_DRIVER_ENTRY_POINTS(SAGE_DRIVER_FIELD)
#undef SAGE_DRIVER_FIELD
};

} // namespace sage::cuda
