// Graphs as data: adding, copying, ordering.
#include "driver/Graph.h"

#include <algorithm>
#include <unordered_set>

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
  for (const auto &node : nodes) {
    GraphNodeHandle *fresh = copy->add(node->work, {});
    fresh->serial = node->serial;
    fresh->enabled = node->enabled;
    copy->cloneOf[node.get()] = fresh;
    if (auto *child = std::get_if<sim::ChildWork>(&fresh->work)) {
      copy->children.push_back(child->graph->clone());
      child->graph = copy->children.back().get();
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
