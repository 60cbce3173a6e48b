// Device memory of a context, for the exports that hand it out.
#pragma once

#include "driver/State.h"

namespace sage::cuda {

Result allocateDevice(ContextHandle &context, DevicePtr *pointer, std::size_t bytes);
Result releaseDevice(ContextHandle &context, DevicePtr pointer);

} // namespace sage::cuda
