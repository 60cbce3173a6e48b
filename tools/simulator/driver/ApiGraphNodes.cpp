// Exports: graph nodes one by one — described, changed, switched off — and the edges between them.
#include <cstring>

#include "driver/GraphCalls.h"

namespace sage::cuda {
namespace {

/// What a node of one kind does, in the caller's terms.
template <class T, class Body> Result workCall(const char *name, GraphNode node, const void *to, Body body) {
  return nodeCall(name, node, [&](DriverState &) {
    auto *work = std::get_if<T>(&node->work);
    if (!work || !to) return Result::InvalidValue;
    return body(*work), Result::Success;
  });
}

KernelNodeParameters2 describe(DriverState &s, GraphNode node, const KernelWork &w) {
  KernelNodeParameters2 p{};
  p.base.gridDimX = w.grid[0], p.base.gridDimY = w.grid[1], p.base.gridDimZ = w.grid[2];
  p.base.blockDimX = w.block[0], p.base.blockDimY = w.block[1], p.base.blockDimZ = w.block[2];
  p.base.sharedMemBytes = w.dynamicSharedBytes;
  if (s.kernels.contains(w.function))
    p.kernel = static_cast<Kernel>(w.function);
  else
    p.base.function = static_cast<Function>(w.function);
  ContextHandle *c = currentContext();
  const FunctionHandle *f = c ? functionOf(s, *c, w.function) : nullptr;
  p.context = f ? f->module->context : nullptr;
  node->argumentPointers.clear();
  if (f)
    for (const auto &parameter : f->program->parameters)
      node->argumentPointers.push_back(const_cast<std::uint8_t *>(w.arguments.data()) + parameter.offset);
  p.base.kernelParams = node->argumentPointers.data();
  return p;
}

// Offsets within a box have been added to the addresses.
Memcpy3D describe(const CopyWork &w) {
  using Where = CopySide::Where;
  const auto type = [](Where where) {
    return where == Where::Host ? MemoryType::Host : where == Where::Device ? MemoryType::Device : MemoryType::Unified;
  };
  const auto rows = [](const CopySide &side) { return side.pitch ? side.slice / side.pitch : 0; };
  Memcpy3D p{};
  p.srcMemoryType = type(w.from.where), p.dstMemoryType = type(w.to.where);
  if (w.from.where == Where::Host)
    p.srcHost = reinterpret_cast<const void *>(w.from.address);
  else
    p.srcDevice = w.from.address;
  if (w.to.where == Where::Host)
    p.dstHost = reinterpret_cast<void *>(w.to.address);
  else
    p.dstDevice = w.to.address;
  p.srcPitch = w.from.pitch, p.dstPitch = w.to.pitch;
  p.srcHeight = rows(w.from), p.dstHeight = rows(w.to);
  p.WidthInBytes = w.width, p.Height = w.height, p.Depth = w.depth;
  return p;
}

Result read(DriverState &s, ContextHandle &c, Graph graph, GraphNodeParameters *p, Work &work) {
  if (!p) return Result::InvalidValue;
  switch (p->type) {
  case GraphNodeType::Kernel: return readKernel(s, c, &p->kernel, work);
  case GraphNodeType::Copy: return readCopy(&p->copy.copy, work);
  case GraphNodeType::Fill: return readFill(&p->fill.base, work);
  case GraphNodeType::Host: return readHost(&p->host, work);
  case GraphNodeType::Child: return readChild(s, graph, p->child.graph, work);
  case GraphNodeType::Empty: return Result::Success;
  case GraphNodeType::EventWait: return readEvent(s, p->event, false, work);
  case GraphNodeType::EventRecord: return readEvent(s, p->event, true, work);
  case GraphNodeType::Allocate: return readAllocate(c, &p->allocate, work);
  case GraphNodeType::Free: return readFree(c, *graph, p->free, work);
  }
  return Result::NotSupported; // semaphores of other interfaces, memory operations, conditions
}

// Only edges that mean "wholly before" exist here.
Result noData(GraphEdgeData *data, const std::size_t *count) {
  if (data && count) std::memset(data, 0, *count * sizeof *data);
  return Result::Success;
}

std::vector<GraphNode> dependents(GraphNode node) {
  std::vector<GraphNode> result;
  for (const auto &other : node->graph->nodes)
    if (std::find(other->after.begin(), other->after.end(), node) != other->after.end()) result.push_back(other.get());
  return result;
}

Result listEdges(const char *name, Graph graph, GraphNode *from, GraphNode *to, GraphEdgeData *data,
                 std::size_t *count) {
  return graphCall(name, graph, [&](DriverState &) {
    if (!count || !from != !to) return Result::InvalidValue;
    std::vector<GraphNode> starts, ends;
    for (const auto &node : graph->nodes)
      for (GraphNode before : node->after) starts.push_back(before), ends.push_back(node.get());
    std::size_t room = *count;
    list(starts, from, &room);
    list(ends, to, count);
    return from ? noData(data, count) : Result::Success;
  });
}

} // namespace

extern "C" {

Result cuGraphAddNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, GraphNodeParameters *p) {
  return addNode("cuGraphAddNode", node, graph, after, count,
                 [&](auto &s, auto &c, Work &w) { return read(s, c, graph, p, w); });
}
Result cuGraphAddNode_v2(GraphNode *node, Graph graph, const GraphNode *after, const GraphEdgeData *, std::size_t count,
                         GraphNodeParameters *p) {
  return addNode("cuGraphAddNode_v2", node, graph, after, count,
                 [&](auto &s, auto &c, Work &w) { return read(s, c, graph, p, w); });
}
Result cuGraphNodeSetParams(GraphNode node, GraphNodeParameters *p) {
  return setNode("cuGraphNodeSetParams", node, [&](auto &s, auto &c, Work &w) {
    return p && p->type == GraphNodeType::Allocate ? Result::NotSupported : read(s, c, node->graph, p, w);
  });
}
Result cuGraphExecNodeSetParams(GraphExec exec, GraphNode node, GraphNodeParameters *p) {
  return setExecNode("cuGraphExecNodeSetParams", exec, node, [&](auto &s, auto &c, Work &w) {
    return p && p->type >= GraphNodeType::Allocate ? Result::NotSupported : read(s, c, exec->graph.get(), p, w);
  });
}

Result cuGraphKernelNodeGetParams(GraphNode node, KernelNodeParameters *p) {
  return nodeCall("cuGraphKernelNodeGetParams", node, [&](DriverState &s) {
    const auto *work = std::get_if<KernelWork>(&node->work);
    if (!work || !p) return Result::InvalidValue;
    KernelNodeParameters2 all = describe(s, node, *work);
    if (!all.base.function) all.base.function = functionOf(s, *currentContext(), all.kernel);
    *p = all.base;
    return Result::Success;
  });
}
Result cuGraphKernelNodeGetParams_v2(GraphNode node, KernelNodeParameters2 *p) {
  return nodeCall("cuGraphKernelNodeGetParams_v2", node, [&](DriverState &s) {
    const auto *work = std::get_if<KernelWork>(&node->work);
    if (!work || !p) return Result::InvalidValue;
    *p = describe(s, node, *work);
    return Result::Success;
  });
}

Result cuGraphKernelNodeGetAttribute(GraphNode node, LaunchAttributeId id, LaunchAttributeValue *value) {
  return workCall<KernelWork>("cuGraphKernelNodeGetAttribute", node, value, [&](const KernelWork &w) {
    const auto set = node->attributes.find(static_cast<int>(id));
    *value = set == node->attributes.end() ? LaunchAttributeValue{} : set->second;
    if (id == LaunchAttributeId::Cooperative) value->cooperative = w.cooperative;
    if (id == LaunchAttributeId::ClusterDimension) value->clusterDim = {w.cluster[0], w.cluster[1], w.cluster[2]};
  });
}
Result cuGraphKernelNodeSetAttribute(GraphNode node, LaunchAttributeId id, const LaunchAttributeValue *value) {
  return workCall<KernelWork>("cuGraphKernelNodeSetAttribute", node, value, [&](KernelWork &w) {
    node->attributes[static_cast<int>(id)] = *value;
    if (id == LaunchAttributeId::Cooperative) w.cooperative = value->cooperative != 0;
    if (id == LaunchAttributeId::ClusterDimension)
      w.cluster = {value->clusterDim.x, value->clusterDim.y, value->clusterDim.z};
  });
}
Result cuGraphKernelNodeCopyAttributes(GraphNode to, GraphNode from) {
  return nodeCall("cuGraphKernelNodeCopyAttributes", to, [&](DriverState &s) {
    if (!isNode(s, from)) return Result::InvalidHandle;
    auto *target = std::get_if<KernelWork>(&to->work);
    const auto *source = std::get_if<KernelWork>(&from->work);
    if (!target || !source) return Result::InvalidValue;
    to->attributes = from->attributes;
    target->cooperative = source->cooperative;
    target->cluster = source->cluster;
    return Result::Success;
  });
}

Result cuGraphMemcpyNodeGetParams(GraphNode node, Memcpy3D *p) {
  return workCall<CopyWork>("cuGraphMemcpyNodeGetParams", node, p, [&](const CopyWork &w) { *p = describe(w); });
}
Result cuGraphMemsetNodeGetParams(GraphNode node, MemsetNodeParameters *p) {
  return workCall<FillWork>("cuGraphMemsetNodeGetParams", node, p, [&](const FillWork &w) {
    *p = {w.to, w.pitch, w.value, w.elementBytes, w.width, w.height};
  });
}
Result cuGraphHostNodeGetParams(GraphNode node, HostNodeParameters *p) {
  return workCall<HostWork>("cuGraphHostNodeGetParams", node, p, [&](const HostWork &w) { *p = {w.function, w.data}; });
}
Result cuGraphHostNodeSetParams(GraphNode node, const HostNodeParameters *p) {
  return setNode("cuGraphHostNodeSetParams", node, [&](auto &, auto &, Work &w) { return readHost(p, w); });
}
Result cuGraphExecHostNodeSetParams(GraphExec exec, GraphNode node, const HostNodeParameters *p) {
  return setExecNode("cuGraphExecHostNodeSetParams", exec, node,
                     [&](auto &, auto &, Work &w) { return readHost(p, w); });
}
Result cuGraphChildGraphNodeGetGraph(GraphNode node, Graph *graph) {
  return nodeCall("cuGraphChildGraphNodeGetGraph", node, [&](DriverState &s) {
    const auto *work = std::get_if<ChildWork>(&node->work);
    if (!work || !graph) return Result::InvalidValue;
    *graph = work->graph;
    s.graphs.insert(*graph); // a handle from now on, though its parent's
    return Result::Success;
  });
}
Result cuGraphExecChildGraphNodeSetParams(GraphExec exec, GraphNode node, Graph child) {
  return setExecNode("cuGraphExecChildGraphNodeSetParams", exec, node,
                     [&](auto &s, auto &, Work &w) { return readChild(s, exec->graph.get(), child, w); });
}

Result cuGraphEventRecordNodeGetEvent(GraphNode node, Event *event) {
  return workCall<EventRecordWork>("cuGraphEventRecordNodeGetEvent", node, event,
                                   [&](const EventRecordWork &w) { *event = w.event; });
}
Result cuGraphEventRecordNodeSetEvent(GraphNode node, Event event) {
  return setNode("cuGraphEventRecordNodeSetEvent", node,
                 [&](auto &s, auto &, Work &w) { return readEvent(s, event, true, w); });
}
Result cuGraphEventWaitNodeGetEvent(GraphNode node, Event *event) {
  return workCall<EventWaitWork>("cuGraphEventWaitNodeGetEvent", node, event,
                                 [&](const EventWaitWork &w) { *event = w.event; });
}
Result cuGraphEventWaitNodeSetEvent(GraphNode node, Event event) {
  return setNode("cuGraphEventWaitNodeSetEvent", node,
                 [&](auto &s, auto &, Work &w) { return readEvent(s, event, false, w); });
}
Result cuGraphExecEventRecordNodeSetEvent(GraphExec exec, GraphNode node, Event event) {
  return setExecNode("cuGraphExecEventRecordNodeSetEvent", exec, node,
                     [&](auto &s, auto &, Work &w) { return readEvent(s, event, true, w); });
}
Result cuGraphExecEventWaitNodeSetEvent(GraphExec exec, GraphNode node, Event event) {
  return setExecNode("cuGraphExecEventWaitNodeSetEvent", exec, node,
                     [&](auto &s, auto &, Work &w) { return readEvent(s, event, false, w); });
}

Result cuGraphAddMemAllocNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                              AllocateNodeParameters *p) {
  return addNode("cuGraphAddMemAllocNode", node, graph, after, count,
                 [&](auto &, auto &c, Work &w) { return readAllocate(c, p, w); });
}
Result cuGraphMemAllocNodeGetParams(GraphNode node, AllocateNodeParameters *p) {
  return workCall<AllocateWork>("cuGraphMemAllocNodeGetParams", node, p, [&](const AllocateWork &w) {
    *p = {};
    p->pool.allocationType = p->pool.location.type = 1; // pinned memory of a device
    p->pool.location.id = w.owner->ordinal;
    p->bytes = w.bytes;
    p->pointer = w.pointer;
  });
}
Result cuGraphAddMemFreeNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                             DevicePtr pointer) {
  return addNode("cuGraphAddMemFreeNode", node, graph, after, count,
                 [&](auto &, auto &c, Work &w) { return readFree(c, *graph, pointer, w); });
}
Result cuGraphMemFreeNodeGetParams(GraphNode node, DevicePtr *pointer) {
  return workCall<FreeWork>("cuGraphMemFreeNodeGetParams", node, pointer,
                            [&](const FreeWork &w) { *pointer = w.pointer; });
}

Result cuGraphGetEdges(Graph graph, GraphNode *from, GraphNode *to, std::size_t *count) {
  return listEdges("cuGraphGetEdges", graph, from, to, nullptr, count);
}
Result cuGraphGetEdges_v2(Graph graph, GraphNode *from, GraphNode *to, GraphEdgeData *data, std::size_t *count) {
  return listEdges("cuGraphGetEdges_v2", graph, from, to, data, count);
}
Result cuGraphNodeGetDependencies_v2(GraphNode node, GraphNode *nodes, GraphEdgeData *data, std::size_t *count) {
  const Result result = cuGraphNodeGetDependencies(node, nodes, count);
  return result == Result::Success && nodes ? noData(data, count) : result;
}
Result cuGraphNodeGetDependentNodes(GraphNode node, GraphNode *nodes, std::size_t *count) {
  return nodeCall("cuGraphNodeGetDependentNodes", node,
                  [&](DriverState &) { return list(dependents(node), nodes, count); });
}
Result cuGraphNodeGetDependentNodes_v2(GraphNode node, GraphNode *nodes, GraphEdgeData *data, std::size_t *count) {
  const Result result = cuGraphNodeGetDependentNodes(node, nodes, count);
  return result == Result::Success && nodes ? noData(data, count) : result;
}
Result cuGraphRemoveDependencies_v2(Graph graph, const GraphNode *from, const GraphNode *to, const GraphEdgeData *,
                                    std::size_t count) {
  return connect("cuGraphRemoveDependencies_v2", graph, from, to, count, false);
}

// Kernels, copies and fills can be left out of an instance.
Result cuGraphNodeSetEnabled(GraphExec exec, GraphNode node, unsigned enabled) {
  return execCall("cuGraphNodeSetEnabled", exec, [&](DriverState &) {
    GraphNode own = inside(exec, node);
    if (!own || own->work.index() > 2) return Result::InvalidValue;
    own->enabled = enabled != 0;
    return Result::Success;
  });
}
Result cuGraphNodeGetEnabled(GraphExec exec, GraphNode node, unsigned *enabled) {
  return execCall("cuGraphNodeGetEnabled", exec, [&](DriverState &) {
    const GraphNodeHandle *own = inside(exec, node);
    if (!own || !enabled || own->work.index() > 2) return Result::InvalidValue;
    *enabled = own->enabled;
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
