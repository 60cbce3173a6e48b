// How many blocks of a kernel fit on a multiprocessor at a time.
#pragma once

#include <cstddef>

#include "core/Program.h"
#include "driver/DeviceTable.h"

namespace sage::sim {

/// 0 when not even one fits. Registers count by the estimate of the decoder: the real compiler may need more or fewer.
int blocksPerSm(const DeviceSpec &spec, const Program &program, unsigned threads, std::size_t dynamicSharedBytes);

} // namespace sage::sim
