// Doing work, and recording it from captured streams; see Graph.h.
#include <chrono>
#include <cstring>

#include "core/GridRunner.h"
#include "driver/Clusters.h"
#include "driver/Environment.h"
#include "driver/Graph.h"
#include "driver/LaunchRules.h"
#include "driver/Occupancy.h"

namespace sage::sim {
namespace {

using cuda::Result;

void count(DriverState &s, const Program &p, const LaunchOutcome &outcome, double seconds) {
  KernelCounters &k = s.counters[p.name];
  ++k.launches;
  k.hostSeconds += seconds;
  k.total.add(outcome.counters);
}

std::uint64_t nowNs() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

} // namespace

// Where a cooperative launch's blocks meet: a few words that start at zero.
class GridWorkspace {
public:
  GridWorkspace(DeviceMemory &m, bool cooperative) : memory(m) {
    if (!cooperative) return;
    held = memory.allocate(bytes, Allocation::Kind::GlobalVariable, "grid workspace");
    if (!held) return;
    std::memset(held->data, 0, bytes);
    if (held->shadow) std::memset(held->shadow, shadowSet, bytes);
  }
  ~GridWorkspace() {
    if (held) memory.free(held->base);
  }
  GridWorkspace(const GridWorkspace &) = delete;
  GridWorkspace &operator=(const GridWorkspace &) = delete;
  std::uint64_t address() const { return held ? held->base : 0; }

private:
  static constexpr std::uint64_t bytes = 256;
  DeviceMemory &memory;
  Allocation *held = nullptr;
};

Result performKernel(DriverState &s, cuda::ContextHandle &c, const KernelWork &w) {
  const cuda::FunctionHandle *function = functionOf(s, c, w.function);
  if (!function) return Result::InvalidHandle;
  if (const Result shape = checkShape(c, *function, w); shape != Result::Success) return shape;
  const auto limit = [&](cuda::Limit which) {
    const auto set = c.limits.find(static_cast<int>(which));
    return set == c.limits.end() ? std::size_t{0} : set->second;
  };
  const std::size_t stack = limit(cuda::Limit::StackSize);
  function->program->growStack(stack != 0 ? static_cast<std::uint32_t>(stack) : defaultRecursionBytes);
  const Program &p = *function->program;
  if (w.arguments.size() < p.parameterBytes)
    return refuse(Result::InvalidValue, nameOf(p) + " takes " + std::to_string(p.parameterBytes) +
                                            " bytes of parameters, and " + std::to_string(w.arguments.size()) +
                                            " were set");
  Launch l;
  l.parameters = w.arguments;
  l.program = &p;
  l.memory = c.memory.get();
  std::string why;
  if (const Result grouped = groupBlocks(c, *function, w, l, why); grouped != Result::Success)
    return refuse(grouped, nameOf(p) + " " + why);
  l.threads = w.block;
  l.dynamicSharedBytes = w.dynamicSharedBytes;
  l.smCount = static_cast<std::uint32_t>(c.spec->smCount);
  const int perSm = blocksPerSm(*c.spec, p, w.block[0] * w.block[1] * w.block[2], w.dynamicSharedBytes);
  l.residentBlocks = static_cast<std::uint32_t>(std::max(1, perSm)) * l.smCount;
  l.gridId = ++c.launches;
  l.heapBytes = limit(cuda::Limit::MallocHeapSize);
  l.timeoutSeconds = environment().timeoutSeconds;
  l.checks = environment().checks;
  if (const std::uint64_t blocks = std::uint64_t{l.grid[0]} * l.grid[1] * l.grid[2];
      w.cooperative && blocks > l.residentBlocks)
    return refuse(Result::CooperativeLaunchTooLarge, nameOf(p) + " is cooperative with " + std::to_string(blocks) +
                                                         " blocks, and the device holds " +
                                                         std::to_string(l.residentBlocks) + " at a time");
  const GridWorkspace workspace(*c.memory, w.cooperative);
  if (w.cooperative && workspace.address() == 0) return Result::OutOfMemory;
  l.gridWorkspace = workspace.address();
  const auto start = std::chrono::steady_clock::now();
  const LaunchOutcome outcome = runGrid(l, environment().hostThreads);
  count(s, p, outcome, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (outcome.violation) return raise(s, c, *outcome.violation);
  return outcome.outOfMemory ? Result::OutOfMemory : Result::Success;
}

Result perform(DriverState &s, cuda::ContextHandle &c, const Work &work) {
  if (const auto *kernel = std::get_if<KernelWork>(&work)) return performKernel(s, c, *kernel);
  if (const auto *copy = std::get_if<CopyWork>(&work)) return performCopy(c, *copy);
  if (const auto *fill = std::get_if<FillWork>(&work)) return performFill(c, *fill);
  // A graph's memory begins unwritten in every launch, and holds nothing behind the node that gives it back.
  if (const auto *made = std::get_if<AllocateWork>(&work)) return forgetContents(c, made->pointer);
  if (const auto *freed = std::get_if<FreeWork>(&work))
    return freed->owner ? forgetContents(c, freed->pointer) : releasePooled(s, c, freed->pointer);
  if (const auto *record = std::get_if<EventRecordWork>(&work)) {
    if (!s.events.contains(record->event)) return Result::InvalidHandle;
    record->event->recorded = true;
    record->event->timeNs = nowNs();
    record->event->capture.reset();
    record->event->ahead.clear();
  }
  return Result::Success;
}

cuda::StreamHandle *capturing(DriverState &s, cuda::Stream stream) {
  cuda::StreamHandle *own = streamObject(s, stream);
  return own && own->capture ? own : nullptr;
}

bool legacyBlocked(const DriverState &s) {
  for (void *p : s.streams) {
    const auto *stream = static_cast<const cuda::StreamHandle *>(p);
    if (stream->capture && stream->flags != cuda::StreamNonBlocking) return true;
  }
  return false;
}

Result submit(DriverState &s, cuda::ContextHandle &c, cuda::Stream stream, Work work) {
  cuda::StreamHandle *captured = capturing(s, stream);
  if (captured) {
    if (captured->capture->invalid) return Result::StreamCaptureInvalidated;
    captured->ahead = {captured->capture->graph->add(std::move(work), captured->ahead)};
    return Result::Success;
  }
  const auto value = reinterpret_cast<std::uintptr_t>(stream);
  if ((value == 0 || value == cuda::legacyStreamValue) && legacyBlocked(s)) return Result::StreamCaptureImplicit;
  return perform(s, c, work);
}

} // namespace sage::sim
