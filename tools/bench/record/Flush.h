// Makes the L2 cache cold and clean in front of a timed call: a write of a buffer larger than the cache, then reads of
// all of it. The write alone would leave the cache full of lines that are not yet in memory, and the call would pay for
// writing them back. Meanwhile the host queues the call.
#pragma once

#include "sage/runtime/Kernel.h"

namespace sage::bench {

class Flush {
public:
  static constexpr std::size_t blockBytes = 32768; // what one block of threads reads; buffers are multiples of it

  // Allocates the buffer and compiles the kernel that reads it (kernels/sum.tile). The kernel is tried: its sums must
  // be those of known words.
  static Result<Flush> create(const DeviceRef &device, KernelCache &cache, std::size_t bytes);

  // Queues one write and as many READS; returns at once.
  Status queue(Stream &stream, int reads);

private:
  Status read(Stream &stream);
  Status check(Stream &stream);

  KernelRef kernel;
  Buffer data, sums; // a sum for each block of data
};

} // namespace sage::bench
