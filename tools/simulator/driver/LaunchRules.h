// What a launch must fulfil before it starts: the shape of grid and block, shared memory, arguments. Whoever breaks a
// rule gets the driver's code, and the reason in words (State.h, refuse).
#pragma once

#include <string>

#include "driver/Graph.h"
#include "driver/State.h"

namespace sage::sim {

/// "kernel 'k'".
std::string nameOf(const Program &program);
/// The limits of the device, and the promises of the kernel (PTX ISA §11.4).
cuda::Result checkShape(const cuda::ContextHandle &context, const cuda::FunctionHandle &function,
                        const KernelWork &work);
/// Arguments one by one, or packed in a buffer described by EXTRA.
cuda::Result collectArguments(const Program &program, void **parameters, void **extra, std::vector<std::uint8_t> &to);

} // namespace sage::sim
