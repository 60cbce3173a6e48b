// What the driver remembers: devices, contexts, modules, streams, events. One mutex guards all of it; a launch runs
// under that mutex, so work is done in the order of the calls and every asynchronous call is complete when it returns.
//
// Handles are pointers to these objects. A handle that is not in its set of living objects is refused, so a stale or
// made-up one is an error code and never a crash.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/Decoder.h"
#include "core/Program.h"
#include "driver/DeviceTable.h"
#include "memory/DeviceMemory.h"
#include "report/Counters.h"
#include "report/Violation.h"
#include "runtime/driver/CudaAbi.h"

namespace sage::cuda {

struct FunctionHandle {
  ModuleHandle *module = nullptr;
  std::unique_ptr<const sim::Program> program;
  int maxDynamicSharedBytes = 49152;
  int sharedCarveout = -1;
  int nonPortableCluster = 0;
};

struct ModuleHandle {
  ContextHandle *context = nullptr;
  std::map<std::string, std::unique_ptr<FunctionHandle>> functions;
  struct Global {
    std::uint64_t address;
    std::uint64_t bytes;
  };
  std::map<std::string, Global> globals;
  int ptxVersion = 0;
};

struct StreamHandle {
  ContextHandle *context = nullptr;
  unsigned flags = 0;
  int priority = 0;
};

struct EventHandle {
  ContextHandle *context = nullptr;
  unsigned flags = 0;
  bool recorded = false;
  std::uint64_t timeNs = 0;
};

struct ContextHandle {
  int ordinal = 0;
  const sim::DeviceSpec *spec = nullptr;
  unsigned retained = 0;
  Result sticky = Result::Success; ///< of a faulted kernel: every later call returns it
  std::unique_ptr<sim::DeviceMemory> memory;
  std::vector<std::unique_ptr<ModuleHandle>> modules;
  std::map<void *, bool> pinned; ///< host pointers; true when allocated here, false when only registered
  std::uint64_t launches = 0;
};

} // namespace sage::cuda

namespace sage::sim {

struct DriverState {
  std::mutex mutex;
  bool initialised = false;
  std::string configured;                                    ///< from sagesimConfigure
  std::vector<std::unique_ptr<cuda::ContextHandle>> devices; ///< each with its primary context
  std::unordered_set<void *> modules, functions, streams, events;
  std::map<std::string, KernelCounters> counters;
  std::vector<std::string> reports; ///< violations as JSON
};

/// Lives until the process ends; calls from late destructors still find it.
DriverState &state();

/// Parses "sm_80,sm_90a"; false when a name is unknown or the list is empty.
bool makeDevices(DriverState &s, const std::string &names);

/// The calling thread's stack of contexts; the last one is current.
std::vector<cuda::ContextHandle *> &contextStack();
cuda::ContextHandle *currentContext();

/// Prints the violation, adds it to the report file, and makes the context unusable.
void raise(DriverState &s, cuda::ContextHandle &context, const Violation &violation);

} // namespace sage::sim
