// The frame around calls about graphs and their nodes, for the files that export them; see Call.h. The handle is
// checked first, then what the call brings.
#pragma once

#include <algorithm>

#include "driver/Call.h"
#include "driver/Graph.h"
#include "driver/GraphExports.h"

namespace sage::cuda {

using namespace sim;

template <class Body> Result graphCall(const char *name, Graph graph, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.graphs.contains(graph) ? body(s) : Result::InvalidHandle; });
}
template <class Body> Result execCall(const char *name, GraphExec exec, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.graphExecs.contains(exec) ? body(s) : Result::InvalidHandle; });
}

/// Whether any graph has this node.
inline bool isNode(const DriverState &s, GraphNode node) {
  return std::any_of(s.graphs.begin(), s.graphs.end(), [&](void *g) { return static_cast<Graph>(g)->has(node); });
}

template <class Body> Result nodeCall(const char *name, GraphNode node, Body body) {
  return initialisedCall(name, [&](DriverState &s) { return isNode(s, node) ? body(s) : Result::InvalidHandle; });
}

/// Adds what MAKE fills in to a graph.
Result addNode(const char *name, GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, auto make) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!s.graphs.contains(graph)) return Result::InvalidHandle;
    if (!node || (count > 0 && !after)) return Result::InvalidValue;
    for (std::size_t i = 0; i < count; ++i)
      if (!graph->has(after[i])) return Result::InvalidValue;
    Work work = EmptyWork{};
    if (const Result r = make(s, c, work); r != Result::Success) return r;
    *node = graph->add(std::move(work), {after, after + count});
    return Result::Success;
  });
}

// What a node shall do, from the caller's description.
Result readKernel(DriverState &s, ContextHandle &c, const KernelNodeParameters *p, void *handle, Work &work);
Result readKernel(DriverState &s, ContextHandle &c, const KernelNodeParameters2 *p, Work &work);
Result readFill(const MemsetNodeParameters *p, Work &work);
Result readCopy(const Memcpy3D *p, Work &work);
Result readHost(const HostNodeParameters *p, Work &work);
Result readEvent(const DriverState &s, Event event, bool isRecord, Work &work);
/// A copy of CHILD, which GRAPH then owns.
Result readChild(const DriverState &s, Graph graph, Graph child, Work &work);
/// Memory that the graph makes, with its address, and memory that it gives back.
Result readAllocate(ContextHandle &c, AllocateNodeParameters *p, Work &work);
Result readFree(ContextHandle &c, const GraphHandle &graph, DevicePtr pointer, Work &work);

/// Replaces the work of a node by some of the same kind.
inline Result replace(GraphNode node, Work work) {
  if (node->work.index() != work.index()) return Result::InvalidValue;
  node->work = std::move(work);
  return Result::Success;
}

/// The node of an instantiated graph that was made from NODE.
inline GraphNode inside(GraphExec exec, GraphNode node) {
  const auto found = exec->graph->cloneOf.find(node);
  return found == exec->graph->cloneOf.end() ? nullptr : found->second;
}

Result setNode(const char *name, GraphNode node, auto make) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!isNode(s, node)) return Result::InvalidHandle;
    Work work = EmptyWork{};
    const Result r = make(s, c, work);
    return r == Result::Success ? replace(node, std::move(work)) : r;
  });
}
Result setExecNode(const char *name, GraphExec exec, GraphNode node, auto make) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!s.graphExecs.contains(exec)) return Result::InvalidHandle;
    GraphNode target = inside(exec, node);
    Work work = EmptyWork{};
    if (!target) return Result::InvalidValue;
    const Result r = make(s, c, work);
    return r == Result::Success ? replace(target, std::move(work)) : r;
  });
}

/// The driver's way to hand out a list: the count alone when there is no room, else as many as fit.
template <class T> Result list(const std::vector<T> &all, T *to, std::size_t *count) {
  if (!count) return Result::InvalidValue;
  if (to) {
    std::copy_n(all.begin(), std::min(*count, all.size()), to);
    std::fill(to + std::min(*count, all.size()), to + *count, T{});
    *count = std::min(*count, all.size());
  } else {
    *count = all.size();
  }
  return Result::Success;
}

/// Adds or removes edges.
Result connect(const char *name, Graph graph, const GraphNode *from, const GraphNode *to, std::size_t count, bool add);

} // namespace sage::cuda
