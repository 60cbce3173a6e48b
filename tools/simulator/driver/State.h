// What the driver remembers: devices, contexts, modules, libraries, streams, events, graphs. One mutex guards all of
// it; a launch runs under that mutex, so work is done in the order of the calls and every asynchronous call is complete
// when it returns.
//
// Handles are pointers to these objects. A handle that is not in its set of living objects is refused, so a stale or
// made-up one is an error code and never a crash.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/Decoder.h"
#include "core/Program.h"
#include "driver/DeviceTable.h"
#include "driver/JitOptions.h"
#include "memory/DeviceMemory.h"
#include "report/Counters.h"
#include "report/Violation.h"
#include "runtime/driver/CudaAbi.h"

namespace sage::cuda {

struct Capture;
struct GraphNodeHandle;
struct KernelHandle;
struct GraphHandle;

struct FunctionHandle {
  ModuleHandle *module = nullptr;
  std::unique_ptr<sim::Program> program; ///< its stack follows the context's limit
  int maxDynamicSharedBytes = 49152;
  int sharedCarveout = -1;
  int nonPortableCluster = 0;
  int clusterPolicy = 0;
  bool clusterMustBeSet = false;
  std::array<std::uint32_t, 3> requiredCluster{}; ///< set by an attribute; zeros: as the program says
  // What the launch calls from before CUDA 4 set one by one.
  std::array<std::uint32_t, 3> blockShape{1, 1, 1};
  std::uint32_t dynamicSharedBytes = 0;
  std::vector<std::uint8_t> packedArguments;
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
  std::uint64_t constBytes = 0; ///< of all its .const variables
};

/// A library's code belongs to no context: it is loaded into each one when that one first needs it.
struct LibraryHandle {
  std::string image;
  sim::JitSettings settings;
  std::map<std::string, std::unique_ptr<KernelHandle>> kernels;
  std::map<ContextHandle *, ModuleHandle *> modules;
};

struct KernelHandle {
  LibraryHandle *library = nullptr;
  std::string name;
};

struct StreamHandle {
  ContextHandle *context = nullptr;
  unsigned flags = 0;
  int priority = 0;
  std::uint64_t id = 0;
  std::shared_ptr<Capture> capture;     ///< set while its work is recorded into a graph
  std::vector<GraphNodeHandle *> ahead; ///< the nodes that the next one depends on
};

struct EventHandle {
  ContextHandle *context = nullptr;
  unsigned flags = 0;
  bool recorded = false;
  std::uint64_t timeNs = 0;
  std::shared_ptr<Capture> capture; ///< of the stream that recorded it last
  std::vector<GraphNodeHandle *> ahead;
};

struct PinnedRange {
  bool allocated; ///< here, or only registered
  unsigned flags;
  std::size_t bytes;
};

/// What a program said about managed memory. Locations are a type and a number; type 0 is none.
struct ManagedAdvice {
  bool readMostly = false;
  std::pair<int, int> preferred, prefetched;
  std::set<int> accessedBy; ///< devices, -1 for the host
};

struct ContextHandle {
  int ordinal = 0;
  const sim::DeviceSpec *spec = nullptr;
  bool isPrimary = true;
  unsigned retained = 0;
  unsigned flags = 0;
  std::uint64_t id = 0;
  Result sticky = Result::Success;           ///< of a faulted kernel: every later call returns it
  std::shared_ptr<sim::DeviceMemory> memory; ///< the device's, shared by its contexts
  std::unordered_set<DevicePtr> allocations; ///< made in this context
  std::unordered_set<ContextHandle *> peers; ///< whose memory kernels may use
  std::unordered_set<DevicePtr> ended;       ///< freed with the context, not by the program
  std::unordered_set<DevicePtr> managed;     ///< those of them that the host may touch
  std::vector<std::unique_ptr<ModuleHandle>> modules;
  std::map<void *, PinnedRange> pinned; ///< by host pointer
  std::map<int, std::size_t> limits;
  int cacheConfig = 0, sharedConfig = 0;
  std::uint64_t launches = 0;
};

} // namespace sage::cuda

namespace sage::sim {

struct DriverState {
  std::mutex mutex;
  bool initialised = false;
  std::string configured;                                    ///< from sagesimConfigure
  std::vector<std::unique_ptr<cuda::ContextHandle>> devices; ///< each with its primary context
  std::vector<std::unique_ptr<cuda::ContextHandle>>
      created; ///< stay here when destroyed, for threads that point at them
  std::vector<std::unique_ptr<cuda::ContextHandle>> retired; ///< of devices before those, for the same reason
  std::unordered_set<void *> modules, functions, libraries, kernels, links, streams, events, pools, graphs, graphExecs,
      userObjects;
  std::map<std::pair<std::uint64_t, cuda::ContextHandle *>, cuda::StreamHandle *> perThreadStreams; ///< by thread
  std::uint64_t nextId = 1;
  std::map<cuda::DevicePtr, cuda::ManagedAdvice> advice; ///< by the allocation's address
  std::map<std::string, KernelCounters> counters;
  std::vector<std::string> reports; ///< violations as JSON
  std::set<std::string> warned;     ///< what has been said once
};

/// Lives until the process ends; calls from late destructors still find it.
DriverState &state();

/// Parses "sm_80,sm_90a"; false when a name is unknown or the list is empty.
bool makeDevices(DriverState &s, const std::string &names);

/// The object behind a stream's handle; null for the legacy default stream and for what is no stream. The per-thread
/// default stream has one for each thread and context, made when it is first asked for.
cuda::StreamHandle *streamObject(DriverState &s, cuda::Stream stream);

/// A context that was made and perhaps destroyed since.
bool isContext(const DriverState &s, cuda::Context context);
/// What the context owns goes; its handles are stale from then on.
void destroyContents(DriverState &s, cuda::ContextHandle &context);

/// The function behind a handle of a function, or of a library's kernel; null when it is neither.
cuda::FunctionHandle *functionOf(DriverState &s, cuda::ContextHandle &context, void *handle);

/// The context of the device whose memory holds ADDRESS, CONTEXT itself when it is its own; null when no device knows
/// it.
cuda::ContextHandle *ownerOf(DriverState &s, cuda::ContextHandle &context, cuda::DevicePtr address);
/// Whether managed memory of any context begins at ADDRESS.
bool isManaged(const DriverState &s, cuda::DevicePtr address);
/// Host memory is visible to every device at its own address.
void mapHost(DriverState &s, void *pointer, std::size_t bytes);
void unmapHost(DriverState &s, void *pointer);

/// The calling thread's stack of contexts; the last one is current.
std::vector<cuda::ContextHandle *> &contextStack();
cuda::ContextHandle *currentContext();

/// A free of POINTER, which is not the start of an allocation, or of one that was freed.
void reportFree(const cuda::ContextHandle &context, cuda::DevicePtr pointer);
/// What CONTEXT allocated and nobody freed, on request (SAGESIM_LEAKS).
void reportLeaks(const cuda::ContextHandle &context);
/// One line on standard error, the first time that there is this to say; nothing after a hundred different ones.
void warnOnce(DriverState &s, const std::string &warning);
/// CODE, for a launch that cannot be, after saying WHY: to a trace every time, else once.
cuda::Result refuse(cuda::Result code, const std::string &why);
/// All violations so far as the file of SAGESIM_REPORT; nothing where none is wanted.
void writeReports(DriverState &s);
/// Prints the violation, adds it to the report file, and makes the context unusable where a GPU does so. Returns the
/// driver's code for it.
cuda::Result raise(DriverState &s, cuda::ContextHandle &context, const Violation &violation);

} // namespace sage::sim
