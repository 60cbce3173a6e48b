// Looking an exported function up by the name and the driver version that a program asks for.
#pragma once

#include <cstdint>

#include "runtime/driver/CudaAbi.h"

namespace sage::sim {

struct NameAnswer {
  void *pointer = nullptr;
  cuda::ProcAddressStatus status = cuda::ProcAddressStatus::SymbolNotFound;
};

/// The newest function called NAME (without suffix, or an exported name itself) that VERSION knew. PER_THREAD takes the
/// one whose default stream is the thread's, where there is one.
NameAnswer findName(const char *name, int version, bool perThread);

} // namespace sage::sim
