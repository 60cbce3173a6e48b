// Work, graphs of work, and its recording from streams.
//
// Whatever a stream is given is a Work. A stream that is not captured performs it at once; a captured one turns it into
// a node of a graph. A graph's launch performs the nodes in an order that respects their edges.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <variant>
#include <vector>

#include "driver/State.h"

namespace sage::sim {

struct KernelWork {
  void *function = nullptr; ///< of a module, or a library's kernel
  std::array<std::uint32_t, 3> grid{}, block{};
  std::uint32_t dynamicSharedBytes = 0;
  bool cooperative = false;
  std::array<std::uint32_t, 3> cluster{0, 0, 0}; ///< zeros: as the kernel says
  std::vector<std::uint8_t> arguments{};
};

/// A box of bytes; rows and slices lie pitch and slice bytes apart. Each side is in the device's memory or the host's,
/// which its address tells, unless the caller said so.
struct CopySide {
  enum class Where : std::uint8_t { ByAddress, Host, Device };
  Where where = Where::ByAddress;
  cuda::DevicePtr address = 0;
  std::uint64_t pitch = 0, slice = 0;
};
struct CopyWork {
  CopySide from, to;
  std::uint64_t width = 0, height = 1, depth = 1;
};

struct FillWork {
  cuda::DevicePtr to = 0;
  std::uint64_t pitch = 0;
  std::uint32_t value = 0;
  unsigned elementBytes = 1;
  std::uint64_t width = 0, height = 1;
};

struct HostWork {
  void (*function)(void *) = nullptr;
  void *data = nullptr;
};

struct EmptyWork {};
struct ChildWork {
  cuda::GraphHandle *graph = nullptr; ///< owned by the node
};
struct EventRecordWork {
  cuda::Event event = nullptr;
};
struct EventWaitWork {
  cuda::Event event = nullptr;
};
/// Memory that a graph makes. Its address is fixed when the node is added; the memory goes when the last graph or
/// instance with that node goes, unless it was never given back by a node and so is the caller's to free.
struct GraphMemory {
  std::shared_ptr<DeviceMemory> memory;
  cuda::DevicePtr pointer = 0;
  int ordinal = 0; ///< of its device
  bool givenBack = false;
  GraphMemory(std::shared_ptr<DeviceMemory> m, cuda::DevicePtr p, int device)
      : memory(std::move(m)), pointer(p), ordinal(device) {}
  ~GraphMemory();
  GraphMemory(const GraphMemory &) = delete;
  GraphMemory &operator=(const GraphMemory &) = delete;
};
struct AllocateWork {
  cuda::DevicePtr pointer = 0;
  std::size_t bytes = 0;
  std::shared_ptr<GraphMemory> owner;
};
struct FreeWork {
  cuda::DevicePtr pointer = 0;
  std::shared_ptr<GraphMemory> owner; ///< null: memory that was there before
};

using Work = std::variant<KernelWork, CopyWork, FillWork, HostWork, EmptyWork, ChildWork, EventRecordWork,
                          EventWaitWork, AllocateWork, FreeWork>;

/// The user's destructors that are due; called without the lock.
using Destructions = std::vector<std::pair<void (*)(void *), void *>>;
void destroyNow(const Destructions &all);
/// A copied graph holds references of its own, which end with it.
void retainUserObjects(const cuda::GraphHandle &graph);
void releaseUserObjects(DriverState &s, cuda::GraphHandle &graph, Destructions &later);
/// Ends a graph: its handle, those of its children, its references.
void dropGraph(DriverState &s, cuda::GraphHandle *graph, Destructions &later);

/// The bytes of an allocation count as never written from now on.
cuda::Result forgetContents(cuda::ContextHandle &context, cuda::DevicePtr pointer);
/// Frees memory that may come from a pool.
cuda::Result releasePooled(DriverState &s, cuda::ContextHandle &context, cuda::DevicePtr pointer);

/// Memory for a node of a graph, or of a stream that is being recorded.
cuda::Result graphMemory(cuda::ContextHandle &context, std::size_t bytes, Work &work);

/// Does the work now. Host functions are not done here: they are the user's code and run without the lock.
cuda::Result perform(DriverState &s, cuda::ContextHandle &context, const Work &work);
/// Performs the work, or records it when STREAM is captured.
cuda::Result submit(DriverState &s, cuda::ContextHandle &context, cuda::Stream stream, Work work);
/// The stream's object when it is being captured; null otherwise.
cuda::StreamHandle *capturing(DriverState &s, cuda::Stream stream);
/// Whether any stream that waits for the legacy one is being captured.
bool legacyBlocked(const DriverState &s);

cuda::Result performKernel(DriverState &s, cuda::ContextHandle &context, const KernelWork &work);
cuda::Result performCopy(cuda::ContextHandle &context, const CopyWork &work);
cuda::Result performFill(cuda::ContextHandle &context, const FillWork &work);

} // namespace sage::sim

namespace sage::cuda {

struct GraphNodeHandle {
  GraphHandle *graph = nullptr;
  sim::Work work = sim::EmptyWork{};
  std::vector<GraphNodeHandle *> after; ///< what it depends on
  std::uint64_t serial = 0;             ///< the same in a clone
  bool enabled = true;
  std::vector<void *> argumentPointers; ///< what a query of a kernel node hands out
  std::map<int, LaunchAttributeValue> attributes;
};

struct GraphHandle {
  std::vector<std::unique_ptr<GraphNodeHandle>> nodes;
  std::unordered_map<GraphNodeHandle *, GraphNodeHandle *> cloneOf; ///< original → this graph's
  std::vector<std::unique_ptr<GraphHandle>> children;
  GraphHandle *parent = nullptr; ///< of a child, which ends with it
  std::uint64_t nextSerial = 1;
  std::map<struct UserObjectHandle *, unsigned> userObjects; ///< references that the graph holds

  GraphNodeHandle *add(sim::Work work, const std::vector<GraphNodeHandle *> &after);
  bool has(const GraphNodeHandle *node) const;
  std::unique_ptr<GraphHandle> clone() const;
  /// Nodes so that each comes after what it depends on; fewer than all when there is a cycle.
  std::vector<GraphNodeHandle *> ordered() const;
};

struct GraphExecHandle {
  std::unique_ptr<GraphHandle> graph;
  std::uint64_t flags = 0;
};

struct Capture {
  GraphHandle *graph = nullptr;
  bool ownsGraph = true;
  StreamHandle *origin = nullptr;
  int mode = 0;
  std::uint64_t id = 0;
  bool invalid = false;
};

} // namespace sage::cuda
