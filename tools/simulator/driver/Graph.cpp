// Graphs as data: adding, copying, ordering.
#include "driver/Graph.h"

#include <algorithm>
#include <unordered_set>

namespace sage::sim {

GraphMemory::~GraphMemory() {
  if (givenBack) memory->free(pointer);
}

static void dropHandles(DriverState &s, cuda::GraphHandle &graph, Destructions &later) {
  s.graphs.erase(&graph);
  releaseUserObjects(s, graph, later);
  for (const auto &child : graph.children) dropHandles(s, *child, later);
}

void dropGraph(DriverState &s, cuda::GraphHandle *graph, Destructions &later) {
  dropHandles(s, *graph, later);
  delete graph;
}

} // namespace sage::sim

namespace sage::cuda {

GraphNodeHandle *GraphHandle::add(sim::Work work, const std::vector<GraphNodeHandle *> &after) {
  auto node = std::make_unique<GraphNodeHandle>();
  node->graph = this;
  node->work = std::move(work);
  node->after = after;
  node->serial = nextSerial++;
  nodes.push_back(std::move(node));
  return nodes.back().get();
}

bool GraphHandle::has(const GraphNodeHandle *node) const {
  return std::any_of(nodes.begin(), nodes.end(), [&](const auto &n) { return n.get() == node; });
}

std::unique_ptr<GraphHandle> GraphHandle::clone() const {
  auto copy = std::make_unique<GraphHandle>();
  copy->nextSerial = nextSerial;
  copy->userObjects = userObjects;
  sim::retainUserObjects(*copy);
  for (const auto &node : nodes) {
    GraphNodeHandle *fresh = copy->add(node->work, {});
    fresh->serial = node->serial;
    fresh->enabled = node->enabled;
    fresh->attributes = node->attributes;
    copy->cloneOf[node.get()] = fresh;
    if (auto *child = std::get_if<sim::ChildWork>(&fresh->work)) {
      copy->children.push_back(child->graph->clone());
      child->graph = copy->children.back().get();
      child->graph->parent = copy.get();
    }
  }
  for (const auto &node : nodes)
    for (GraphNodeHandle *before : node->after) copy->cloneOf[node.get()]->after.push_back(copy->cloneOf[before]);
  return copy;
}

std::vector<GraphNodeHandle *> GraphHandle::ordered() const {
  std::vector<GraphNodeHandle *> result;
  std::unordered_set<GraphNodeHandle *> done;
  for (bool progress = true; progress && result.size() < nodes.size();) {
    progress = false;
    for (const auto &node : nodes) {
      if (done.contains(node.get())) continue;
      if (!std::all_of(node->after.begin(), node->after.end(), [&](auto *n) { return done.contains(n); })) continue;
      done.insert(node.get());
      result.push_back(node.get());
      progress = true;
    }
  }
  return result;
}

} // namespace sage::cuda
