// Words in memory that streams write and wait for, and batches of copies; for the files that export or test them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/driver/CudaAbi.h"

namespace sage::cuda {

enum class MemoryOperation : int { Wait32 = 1, Write32 = 2, FlushRemote = 3, Wait64 = 4, Write64 = 5, Barrier = 6 };

/// One entry of a batch; a wait and a write have the same fields.
struct MemoryOperationParameters {
  MemoryOperation operation;
  DevicePtr address;
  std::uint64_t value; ///< of 32 bits: the lower half
  unsigned flags;
  DevicePtr alias; ///< the driver's own
  std::uint64_t pad;
};
static_assert(sizeof(MemoryOperationParameters) == 48);

extern "C" {
#define SAGESIM_STREAM_MEMORY(X)                                                                                       \
  X(cuStreamWriteValue32, (Stream stream, DevicePtr address, std::uint32_t value, unsigned flags))                     \
  X(cuStreamWriteValue32_v2, (Stream stream, DevicePtr address, std::uint32_t value, unsigned flags))                  \
  X(cuStreamWriteValue64, (Stream stream, DevicePtr address, std::uint64_t value, unsigned flags))                     \
  X(cuStreamWriteValue64_v2, (Stream stream, DevicePtr address, std::uint64_t value, unsigned flags))                  \
  X(cuStreamWaitValue32, (Stream stream, DevicePtr address, std::uint32_t value, unsigned flags))                      \
  X(cuStreamWaitValue32_v2, (Stream stream, DevicePtr address, std::uint32_t value, unsigned flags))                   \
  X(cuStreamWaitValue64, (Stream stream, DevicePtr address, std::uint64_t value, unsigned flags))                      \
  X(cuStreamWaitValue64_v2, (Stream stream, DevicePtr address, std::uint64_t value, unsigned flags))                   \
  X(cuStreamBatchMemOp, (Stream stream, unsigned count, MemoryOperationParameters *batch, unsigned flags))             \
  X(cuStreamBatchMemOp_v2, (Stream stream, unsigned count, MemoryOperationParameters *batch, unsigned flags))          \
  X(cuMemcpyBatchAsync, (DevicePtr * to, DevicePtr * from, std::size_t *bytes, std::size_t count, void *attributes,    \
                         std::size_t *firstOf, std::size_t attributeCount, std::size_t *failed, Stream stream))        \
  X(cuMemcpyBatchAsync_v2, (DevicePtr * to, DevicePtr * from, std::size_t *bytes, std::size_t count, void *attributes, \
                            std::size_t *firstOf, std::size_t attributeCount, Stream stream))
#define SAGESIM_DECLARE(name, parameters) [[gnu::visibility("default")]] Result name parameters;
SAGESIM_STREAM_MEMORY(SAGESIM_DECLARE)
#undef SAGESIM_DECLARE
}

} // namespace sage::cuda
