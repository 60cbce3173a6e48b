// Exports: graphs made node by node, instantiated, updated, launched.
#include <algorithm>
#include <functional>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Graph.h"

namespace sage::cuda {
namespace {

using namespace sim;

template <class Body> Result graphCall(const char *name, Graph graph, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.graphs.contains(graph) ? body(s) : Result::InvalidHandle; });
}
template <class Body> Result execCall(const char *name, GraphExec exec, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.graphExecs.contains(exec) ? body(s) : Result::InvalidHandle; });
}

bool isNode(const DriverState &s, GraphNode node) {
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

/// Replaces the work of a node by some of the same kind.
Result replace(GraphNode node, Work work) {
  if (node->work.index() != work.index()) return Result::InvalidValue;
  node->work = std::move(work);
  return Result::Success;
}

/// The node of an instantiated graph that was made from NODE.
GraphNode inside(GraphExec exec, GraphNode node) {
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

Result instantiate(const char *name, GraphExec *exec, Graph graph, std::uint64_t flags) {
  return graphCall(name, graph, [&](DriverState &s) {
    if (!exec) return Result::InvalidValue;
    if (graph->ordered().size() != graph->nodes.size()) return Result::InvalidValue; // a cycle
    auto *created = new GraphExecHandle{graph->clone(), flags};
    s.graphExecs.insert(created);
    *exec = created;
    return Result::Success;
  });
}

/// All work in order, those of child graphs in their node's place.
void flatten(const GraphHandle &graph, std::vector<Work> &to) {
  for (const GraphNodeHandle *node : graph.ordered()) {
    if (!node->enabled) continue;
    if (const auto *child = std::get_if<ChildWork>(&node->work))
      flatten(*child->graph, to);
    else
      to.push_back(node->work);
  }
}

// An update keeps the nodes and their edges and takes over what they do.
bool sameShape(const GraphHandle &a, const GraphHandle &b) {
  if (a.nodes.size() != b.nodes.size()) return false;
  const auto indexOf = [](const GraphHandle &g, const GraphNodeHandle *n) {
    return std::find_if(g.nodes.begin(), g.nodes.end(), [&](const auto &x) { return x.get() == n; }) - g.nodes.begin();
  };
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const GraphNodeHandle &x = *a.nodes[i], &y = *b.nodes[i];
    if (x.work.index() != y.work.index() || x.after.size() != y.after.size()) return false;
    for (std::size_t k = 0; k < x.after.size(); ++k)
      if (indexOf(a, x.after[k]) != indexOf(b, y.after[k])) return false;
  }
  return true;
}

Result update(const char *name, GraphExec exec, Graph graph, int *outcome) {
  return execCall(name, exec, [&](DriverState &s) {
    if (!s.graphs.contains(graph)) return Result::InvalidHandle;
    constexpr int success = 0, topologyChanged = 2;
    const bool same = sameShape(*exec->graph, *graph);
    if (outcome) *outcome = same ? success : topologyChanged;
    if (!same) return Result::GraphExecUpdateFailure;
    exec->graph = graph->clone();
    return Result::Success;
  });
}

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

} // namespace

extern "C" {

Result cuGraphCreate(Graph *graph, unsigned flags) {
  return initialisedCall("cuGraphCreate", [&](DriverState &s) {
    if (!graph || flags != 0) return Result::InvalidValue;
    *graph = new GraphHandle;
    s.graphs.insert(*graph);
    return Result::Success;
  });
}
Result cuGraphDestroy(Graph graph) {
  return graphCall("cuGraphDestroy", graph, [&](DriverState &s) {
    for (void *p : s.streams)
      if (const auto *stream = static_cast<StreamHandle *>(p); stream->capture && stream->capture->graph == graph)
        return Result::IllegalState;
    s.graphs.erase(graph);
    delete graph;
    return Result::Success;
  });
}
Result cuGraphClone(Graph *clone, Graph graph) {
  return graphCall("cuGraphClone", graph, [&](DriverState &s) {
    if (!clone) return Result::InvalidValue;
    *clone = graph->clone().release();
    s.graphs.insert(*clone);
    return Result::Success;
  });
}
Result cuGraphNodeFindInClone(GraphNode *node, GraphNode original, Graph clone) {
  return graphCall("cuGraphNodeFindInClone", clone, [&](DriverState &) {
    const auto found = clone->cloneOf.find(original);
    if (!node || found == clone->cloneOf.end()) return Result::InvalidValue;
    *node = found->second;
    return Result::Success;
  });
}

Result cuGraphAddKernelNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                            const KernelNodeParameters *p) {
  return addNode("cuGraphAddKernelNode", node, graph, after, count,
                 [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, p ? p->function : nullptr, w); });
}
Result cuGraphAddKernelNode_v2(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                               const KernelNodeParameters2 *p) {
  return addNode("cuGraphAddKernelNode_v2", node, graph, after, count,
                 [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, w); });
}
Result cuGraphAddMemcpyNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, const Memcpy3D *p,
                            Context) {
  return addNode("cuGraphAddMemcpyNode", node, graph, after, count,
                 [&](auto &, auto &, Work &w) { return readCopy(p, w); });
}
Result cuGraphAddMemsetNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                            const MemsetNodeParameters *p, Context) {
  return addNode("cuGraphAddMemsetNode", node, graph, after, count,
                 [&](auto &, auto &, Work &w) { return readFill(p, w); });
}
Result cuGraphAddHostNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count,
                          const HostNodeParameters *p) {
  return addNode("cuGraphAddHostNode", node, graph, after, count, [&](auto &, auto &, Work &w) {
    if (!p || !p->function) return Result::InvalidValue;
    w = HostWork{p->function, p->data};
    return Result::Success;
  });
}
Result cuGraphAddEmptyNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count) {
  return addNode("cuGraphAddEmptyNode", node, graph, after, count,
                 [](auto &, auto &, Work &) { return Result::Success; });
}
Result cuGraphAddChildGraphNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Graph child) {
  return addNode("cuGraphAddChildGraphNode", node, graph, after, count, [&](DriverState &s, auto &, Work &w) {
    if (!s.graphs.contains(child) || child == graph) return Result::InvalidValue;
    graph->children.push_back(child->clone());
    w = ChildWork{graph->children.back().get()};
    return Result::Success;
  });
}
Result cuGraphAddEventRecordNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Event event) {
  return addNode("cuGraphAddEventRecordNode", node, graph, after, count, [&](DriverState &s, auto &, Work &w) {
    if (!s.events.contains(event)) return Result::InvalidHandle;
    w = EventRecordWork{event};
    return Result::Success;
  });
}
Result cuGraphAddEventWaitNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Event event) {
  return addNode("cuGraphAddEventWaitNode", node, graph, after, count, [&](DriverState &s, auto &, Work &w) {
    if (!s.events.contains(event)) return Result::InvalidHandle;
    w = EventWaitWork{event};
    return Result::Success;
  });
}

Result cuGraphKernelNodeSetParams(GraphNode node, const KernelNodeParameters *p) {
  return setNode("cuGraphKernelNodeSetParams", node,
                 [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, p ? p->function : nullptr, w); });
}
Result cuGraphKernelNodeSetParams_v2(GraphNode node, const KernelNodeParameters2 *p) {
  return setNode("cuGraphKernelNodeSetParams_v2", node,
                 [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, w); });
}
Result cuGraphMemsetNodeSetParams(GraphNode node, const MemsetNodeParameters *p) {
  return setNode("cuGraphMemsetNodeSetParams", node, [&](auto &, auto &, Work &w) { return readFill(p, w); });
}
Result cuGraphMemcpyNodeSetParams(GraphNode node, const Memcpy3D *p) {
  return setNode("cuGraphMemcpyNodeSetParams", node, [&](auto &, auto &, Work &w) { return readCopy(p, w); });
}
Result cuGraphExecKernelNodeSetParams(GraphExec exec, GraphNode node, const KernelNodeParameters *p) {
  return setExecNode("cuGraphExecKernelNodeSetParams", exec, node,
                     [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, p ? p->function : nullptr, w); });
}
Result cuGraphExecKernelNodeSetParams_v2(GraphExec exec, GraphNode node, const KernelNodeParameters2 *p) {
  return setExecNode("cuGraphExecKernelNodeSetParams_v2", exec, node,
                     [&](auto &s, auto &c, Work &w) { return readKernel(s, c, p, w); });
}
Result cuGraphExecMemsetNodeSetParams(GraphExec exec, GraphNode node, const MemsetNodeParameters *p, Context) {
  return setExecNode("cuGraphExecMemsetNodeSetParams", exec, node,
                     [&](auto &, auto &, Work &w) { return readFill(p, w); });
}
Result cuGraphExecMemcpyNodeSetParams(GraphExec exec, GraphNode node, const Memcpy3D *p, Context) {
  return setExecNode("cuGraphExecMemcpyNodeSetParams", exec, node,
                     [&](auto &, auto &, Work &w) { return readCopy(p, w); });
}

Result cuGraphGetNodes(Graph graph, GraphNode *nodes, std::size_t *count) {
  return graphCall("cuGraphGetNodes", graph, [&](DriverState &) {
    std::vector<GraphNode> all;
    for (const auto &node : graph->nodes) all.push_back(node.get());
    return list(all, nodes, count);
  });
}
Result cuGraphGetRootNodes(Graph graph, GraphNode *nodes, std::size_t *count) {
  return graphCall("cuGraphGetRootNodes", graph, [&](DriverState &) {
    std::vector<GraphNode> all;
    for (const auto &node : graph->nodes)
      if (node->after.empty()) all.push_back(node.get());
    return list(all, nodes, count);
  });
}
Result cuGraphNodeGetDependencies(GraphNode node, GraphNode *nodes, std::size_t *count) {
  return nodeCall("cuGraphNodeGetDependencies", node, [&](DriverState &) { return list(node->after, nodes, count); });
}
Result cuGraphNodeGetType(GraphNode node, int *type) {
  return nodeCall("cuGraphNodeGetType", node, [&](DriverState &) {
    // In the order of Work's alternatives.
    static constexpr int types[] = {0, 1, 2, 3, 5, 4, 7, 6, 10, 11};
    if (!type) return Result::InvalidValue;
    *type = types[node->work.index()];
    return Result::Success;
  });
}
Result cuGraphDestroyNode(GraphNode node) {
  return nodeCall("cuGraphDestroyNode", node, [&](DriverState &) {
    GraphHandle &graph = *node->graph;
    for (const auto &other : graph.nodes) std::erase(other->after, node);
    std::erase_if(graph.nodes, [&](const auto &n) { return n.get() == node; });
    return Result::Success;
  });
}
Result cuGraphAddDependencies(Graph graph, const GraphNode *from, const GraphNode *to, std::size_t count) {
  return connect("cuGraphAddDependencies", graph, from, to, count, true);
}
Result cuGraphAddDependencies_v2(Graph graph, const GraphNode *from, const GraphNode *to, const void *,
                                 std::size_t count) {
  return connect("cuGraphAddDependencies_v2", graph, from, to, count, true);
}
Result cuGraphRemoveDependencies(Graph graph, const GraphNode *from, const GraphNode *to, std::size_t count) {
  return connect("cuGraphRemoveDependencies", graph, from, to, count, false);
}

Result cuGraphInstantiate_v2(GraphExec *exec, Graph graph, GraphNode *failed, char *log, std::size_t bytes) {
  if (failed) *failed = nullptr;
  if (log && bytes > 0) *log = '\0';
  return instantiate("cuGraphInstantiate_v2", exec, graph, 0);
}
Result cuGraphInstantiate(GraphExec *exec, Graph graph, GraphNode *failed, char *log, std::size_t bytes) {
  return cuGraphInstantiate_v2(exec, graph, failed, log, bytes);
}
Result cuGraphInstantiateWithFlags(GraphExec *exec, Graph graph, unsigned long long flags) {
  return instantiate("cuGraphInstantiateWithFlags", exec, graph, flags);
}
Result cuGraphInstantiateWithParams(GraphExec *exec, Graph graph, GraphInstantiateParameters *p) {
  if (!p) return traced("cuGraphInstantiateWithParams", Result::InvalidValue);
  p->failedNode = nullptr;
  const Result result = instantiate("cuGraphInstantiateWithParams", exec, graph, p->flags);
  p->outcome = result == Result::Success ? 0 : 1;
  return result;
}
Result cuGraphExecGetFlags(GraphExec exec, std::uint64_t *flags) {
  return execCall("cuGraphExecGetFlags", exec, [&](DriverState &) {
    if (!flags) return Result::InvalidValue;
    *flags = exec->flags;
    return Result::Success;
  });
}
Result cuGraphExecUpdate(GraphExec exec, Graph graph, GraphNode *failed, int *outcome) {
  if (failed) *failed = nullptr;
  return update("cuGraphExecUpdate", exec, graph, outcome);
}
Result cuGraphExecUpdate_v2(GraphExec exec, Graph graph, GraphUpdateResult *outcome) {
  if (outcome) *outcome = {};
  return update("cuGraphExecUpdate_v2", exec, graph, outcome ? &outcome->result : nullptr);
}
Result cuGraphExecDestroy(GraphExec exec) {
  return execCall("cuGraphExecDestroy", exec, [&](DriverState &s) {
    s.graphExecs.erase(exec);
    delete exec;
    return Result::Success;
  });
}
Result cuGraphUpload(GraphExec exec, Stream) {
  return execCall("cuGraphUpload", exec, [](DriverState &) { return Result::Success; });
}

// Each piece of work takes the lock for itself, for host functions run without it.
Result cuGraphLaunch(GraphExec exec, Stream stream) {
  std::vector<Work> works;
  bool recorded = false;
  const Result result = streamCall("cuGraphLaunch", stream, [&](DriverState &s, ContextHandle &) {
    if (!s.graphExecs.contains(exec)) return Result::InvalidHandle;
    if (StreamHandle *captured = capturing(s, stream)) {
      recorded = true;
      GraphHandle &into = *captured->capture->graph;
      into.children.push_back(exec->graph->clone());
      captured->ahead = {into.add(ChildWork{into.children.back().get()}, captured->ahead)};
      return Result::Success;
    }
    flatten(*exec->graph, works);
    return Result::Success;
  });
  if (result != Result::Success || recorded) return result;
  for (const Work &work : works) {
    if (const auto *host = std::get_if<HostWork>(&work)) {
      host->function(host->data);
      continue;
    }
    const Result done =
        contextCall("cuGraphLaunch node", [&](DriverState &s, ContextHandle &c) { return perform(s, c, work); });
    if (done != Result::Success) return done;
  }
  return Result::Success;
}

} // extern "C"

} // namespace sage::cuda
