// Exports: graphs made node by node, instantiated, updated, launched.
#include <algorithm>

#include "driver/GraphCalls.h"

namespace sage::cuda {
namespace {

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

// An update keeps the nodes and their edges and takes over what they do. The answer names the first node that differs.
enum UpdateOutcome : int { Updated = 0, TopologyChanged = 2, NodeTypeChanged = 3 };

GraphUpdateResult compare(const GraphHandle &mine, const GraphHandle &other) {
  if (mine.nodes.size() != other.nodes.size()) return {TopologyChanged, nullptr, nullptr};
  const auto indexOf = [](const GraphHandle &g, const GraphNodeHandle *n) {
    return std::find_if(g.nodes.begin(), g.nodes.end(), [&](const auto &x) { return x.get() == n; }) - g.nodes.begin();
  };
  for (std::size_t i = 0; i < mine.nodes.size(); ++i) {
    GraphNodeHandle &x = *mine.nodes[i], &y = *other.nodes[i];
    if (x.work.index() != y.work.index()) return {NodeTypeChanged, &y, nullptr};
    if (x.after.size() != y.after.size()) return {TopologyChanged, &y, nullptr};
    for (std::size_t k = 0; k < x.after.size(); ++k)
      if (indexOf(mine, x.after[k]) != indexOf(other, y.after[k])) return {TopologyChanged, &y, y.after[k]};
  }
  return {Updated, nullptr, nullptr};
}

Result update(const char *name, GraphExec exec, Graph graph, GraphUpdateResult &outcome) {
  Destructions later;
  const Result result = execCall(name, exec, [&](DriverState &s) {
    if (!s.graphs.contains(graph)) return Result::InvalidHandle;
    outcome = compare(*exec->graph, *graph);
    if (outcome.result != Updated) return Result::GraphExecUpdateFailure;
    // The nodes stay, so that those of the first graph still find them.
    std::unique_ptr<GraphHandle> fresh = graph->clone();
    for (std::size_t i = 0; i < fresh->nodes.size(); ++i) exec->graph->nodes[i]->work = fresh->nodes[i]->work;
    for (auto &child : fresh->children) child->parent = exec->graph.get();
    std::swap(exec->graph->children, fresh->children);
    std::swap(exec->graph->userObjects, fresh->userObjects);
    dropGraph(s, fresh.release(), later);
    return Result::Success;
  });
  destroyNow(later);
  return result;
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
  Destructions later;
  const Result result = graphCall("cuGraphDestroy", graph, [&](DriverState &s) {
    if (graph->parent) return Result::InvalidValue;
    for (void *p : s.streams)
      if (const auto *stream = static_cast<StreamHandle *>(p); stream->capture && stream->capture->graph == graph)
        return Result::IllegalState;
    dropGraph(s, graph, later);
    return Result::Success;
  });
  destroyNow(later);
  return result;
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
  return addNode("cuGraphAddHostNode", node, graph, after, count,
                 [&](auto &, auto &, Work &w) { return readHost(p, w); });
}
Result cuGraphAddEmptyNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count) {
  return addNode("cuGraphAddEmptyNode", node, graph, after, count,
                 [](auto &, auto &, Work &) { return Result::Success; });
}
Result cuGraphAddChildGraphNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Graph child) {
  return addNode("cuGraphAddChildGraphNode", node, graph, after, count,
                 [&](DriverState &s, auto &, Work &w) { return readChild(s, graph, child, w); });
}
Result cuGraphAddEventRecordNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Event event) {
  return addNode("cuGraphAddEventRecordNode", node, graph, after, count,
                 [&](DriverState &s, auto &, Work &w) { return readEvent(s, event, true, w); });
}
Result cuGraphAddEventWaitNode(GraphNode *node, Graph graph, const GraphNode *after, std::size_t count, Event event) {
  return addNode("cuGraphAddEventWaitNode", node, graph, after, count,
                 [&](DriverState &s, auto &, Work &w) { return readEvent(s, event, false, w); });
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
  GraphUpdateResult found{};
  const Result result = update("cuGraphExecUpdate", exec, graph, found);
  if (failed) *failed = found.errorNode;
  if (outcome) *outcome = found.result;
  return result;
}
Result cuGraphExecUpdate_v2(GraphExec exec, Graph graph, GraphUpdateResult *outcome) {
  GraphUpdateResult found{};
  const Result result = update("cuGraphExecUpdate_v2", exec, graph, found);
  if (outcome) *outcome = found;
  return result;
}
Result cuGraphExecDestroy(GraphExec exec) {
  Destructions later;
  const Result result = execCall("cuGraphExecDestroy", exec, [&](DriverState &s) {
    s.graphExecs.erase(exec);
    dropGraph(s, exec->graph.release(), later);
    delete exec;
    return Result::Success;
  });
  destroyNow(later);
  return result;
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
      into.children.back()->parent = &into;
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
