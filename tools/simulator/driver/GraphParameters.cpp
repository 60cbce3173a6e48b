// What graph nodes do: read from a caller's description, and described again for one who asks; edges.
#include <cstring>

#include "driver/GraphCalls.h"
#include "driver/LaunchRules.h"
#include "driver/Memory.h"

namespace sage::cuda {

Result readKernel(DriverState &s, ContextHandle &c, const KernelNodeParameters *p, void *handle, Work &work) {
  if (!p) return Result::InvalidValue;
  const FunctionHandle *function = functionOf(s, c, handle);
  if (!function) return Result::InvalidHandle;
  KernelWork w;
  w.function = handle;
  w.grid = {p->gridDimX, p->gridDimY, p->gridDimZ};
  w.block = {p->blockDimX, p->blockDimY, p->blockDimZ};
  w.dynamicSharedBytes = p->sharedMemBytes;
  if (const Result r = collectArguments(*function->program, p->kernelParams, p->extra, w.arguments);
      r != Result::Success)
    return r;
  work = std::move(w);
  return Result::Success;
}
Result readKernel(DriverState &s, ContextHandle &c, const KernelNodeParameters2 *p, Work &work) {
  if (!p) return Result::InvalidValue;
  return readKernel(s, c, &p->base, p->base.function ? static_cast<void *>(p->base.function) : p->kernel, work);
}
Result readFill(const MemsetNodeParameters *p, Work &work) {
  if (!p || (p->elementSize != 1 && p->elementSize != 2 && p->elementSize != 4)) return Result::InvalidValue;
  work = FillWork{p->dst, p->pitch, p->value, p->elementSize, p->width, p->height};
  return Result::Success;
}
Result readCopy(const Memcpy3D *p, Work &work) {
  CopyWork copy;
  if (!p) return Result::InvalidValue;
  const Result r = readCopy3D(*p, copy);
  if (r == Result::Success) work = copy;
  return r;
}

Result readHost(const HostNodeParameters *p, Work &work) {
  if (!p || !p->function) return Result::InvalidValue;
  work = HostWork{p->function, p->data};
  return Result::Success;
}
Result readEvent(const DriverState &s, Event event, bool isRecord, Work &work) {
  if (!s.events.contains(event)) return Result::InvalidHandle;
  if (isRecord)
    work = EventRecordWork{event};
  else
    work = EventWaitWork{event};
  return Result::Success;
}
Result readChild(const DriverState &s, Graph graph, Graph child, Work &work) {
  if (!s.graphs.contains(child) || child == graph) return Result::InvalidValue;
  graph->children.push_back(child->clone());
  graph->children.back()->parent = graph;
  work = ChildWork{graph->children.back().get()};
  return Result::Success;
}
Result readAllocate(ContextHandle &c, AllocateNodeParameters *p, Work &work) {
  constexpr int pinnedMemory = 1, deviceLocation = 1;
  if (!p || p->pool.allocationType != pinnedMemory) return Result::InvalidValue;
  if (p->pool.location.type != deviceLocation || p->pool.location.id != c.ordinal) return Result::InvalidValue;
  const Result result = graphMemory(c, p->bytes, work);
  if (result == Result::Success) p->pointer = std::get<AllocateWork>(work).pointer;
  return result;
}
Result readFree(ContextHandle &c, const GraphHandle &graph, DevicePtr pointer, Work &work) {
  FreeWork w{pointer, nullptr};
  for (const auto &node : graph.nodes)
    if (const auto *made = std::get_if<AllocateWork>(&node->work); made && made->pointer == pointer)
      w.owner = made->owner;
  if (w.owner ? w.owner->givenBack : !c.memory->findLive(pointer)) return Result::InvalidValue;
  if (w.owner) w.owner->givenBack = true;
  work = std::move(w);
  return Result::Success;
}

Result connect(const char *name, Graph graph, const GraphNode *from, const GraphNode *to, std::size_t count, bool add) {
  return graphCall(name, graph, [&](DriverState &) {
    if (count > 0 && (!from || !to)) return Result::InvalidValue;
    for (std::size_t i = 0; i < count; ++i) {
      if (!graph->has(from[i]) || !graph->has(to[i]) || from[i] == to[i]) return Result::InvalidValue;
      auto &after = to[i]->after;
      const auto known = std::find(after.begin(), after.end(), from[i]);
      if ((known != after.end()) == add) return Result::InvalidValue;
      if (add)
        after.push_back(from[i]);
      else
        after.erase(known);
    }
    return Result::Success;
  });
}

} // namespace sage::cuda
