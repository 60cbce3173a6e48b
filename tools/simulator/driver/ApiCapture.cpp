// Exports: recording a stream's work into a graph.
#include <algorithm>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Graph.h"

namespace sage::cuda {
namespace {

using namespace sim;

enum CaptureStatus : int { None = 0, Active = 1, Invalidated = 2 };

Result begin(const char *name, Stream stream, Graph into, GraphNode *after, std::size_t count, int mode) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &) {
    StreamHandle *origin = streamObject(s, stream);
    if (!origin) return Result::StreamCaptureUnsupported; // the legacy default stream cannot
    if (origin->capture) return Result::IllegalState;
    if (mode < 0 || mode > 2) return Result::InvalidValue;
    if (into && !s.graphs.contains(into)) return Result::InvalidHandle;
    auto capture = std::make_shared<Capture>();
    capture->ownsGraph = !into;
    capture->graph = into ? into : new GraphHandle;
    capture->origin = origin;
    capture->mode = mode;
    capture->id = s.nextId++;
    if (!into) s.graphs.insert(capture->graph);
    origin->capture = std::move(capture);
    origin->ahead.assign(after, after + (after ? count : 0));
    return Result::Success;
  });
}

/// Every node of the recording that another stream made must be one that the first stream came to wait for.
bool joined(const DriverState &s, const StreamHandle &origin) {
  std::vector<GraphNodeHandle *> reached = origin.ahead;
  for (std::size_t i = 0; i < reached.size(); ++i)
    for (GraphNodeHandle *before : reached[i]->after)
      if (std::find(reached.begin(), reached.end(), before) == reached.end()) reached.push_back(before);
  for (void *p : s.streams) {
    const auto *other = static_cast<const StreamHandle *>(p);
    if (other == &origin || other->capture != origin.capture) continue;
    for (GraphNodeHandle *node : other->ahead)
      if (std::find(reached.begin(), reached.end(), node) == reached.end()) return false;
  }
  return true;
}

void endCapture(DriverState &s, const std::shared_ptr<Capture> &capture) {
  capture->graph = nullptr;
  for (void *p : s.streams) {
    auto *stream = static_cast<StreamHandle *>(p);
    if (stream->capture == capture) stream->capture.reset(), stream->ahead.clear();
  }
}

struct InfoSlots {
  int *status;
  std::uint64_t *id = nullptr;
  Graph *graph = nullptr;
  const GraphNode **ahead = nullptr;
  const void **edges = nullptr;
  std::size_t *count = nullptr;
};

Result info(const char *name, Stream stream, const InfoSlots &to) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &) {
    if (!to.status) return Result::InvalidValue;
    StreamHandle *captured = capturing(s, stream);
    *to.status = !captured ? None : captured->capture->invalid ? Invalidated : Active;
    if (!captured) return Result::Success;
    if (to.id) *to.id = captured->capture->id;
    if (to.graph) *to.graph = captured->capture->graph;
    if (to.ahead) *to.ahead = captured->ahead.data();
    if (to.edges) *to.edges = nullptr;
    if (to.count) *to.count = captured->ahead.size();
    return Result::Success;
  });
}

Result updateDependencies(const char *name, Stream stream, GraphNode *nodes, std::size_t count, unsigned flags) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &) {
    StreamHandle *captured = capturing(s, stream);
    if (!captured) return Result::IllegalState;
    if (flags > 1 || (count > 0 && !nodes)) return Result::InvalidValue;
    for (std::size_t i = 0; i < count; ++i)
      if (!captured->capture->graph->has(nodes[i])) return Result::InvalidValue;
    constexpr unsigned replace = 1;
    if (flags == replace) captured->ahead.clear();
    captured->ahead.insert(captured->ahead.end(), nodes, nodes + count);
    return Result::Success;
  });
}

} // namespace

extern "C" {

Result cuStreamBeginCapture(Stream stream) { return begin("cuStreamBeginCapture", stream, nullptr, nullptr, 0, 0); }
Result cuStreamBeginCapture_v2(Stream stream, int mode) {
  return begin("cuStreamBeginCapture_v2", stream, nullptr, nullptr, 0, mode);
}
Result cuStreamBeginCaptureToGraph(Stream stream, Graph graph, GraphNode *after, const void *, std::size_t count,
                                   int mode) {
  if (!graph) return traced("cuStreamBeginCaptureToGraph", Result::InvalidHandle);
  return begin("cuStreamBeginCaptureToGraph", stream, graph, after, count, mode);
}

Result cuStreamEndCapture(Stream stream, Graph *graph) {
  Destructions later;
  const Result ended = streamCall("cuStreamEndCapture", stream, [&](DriverState &s, ContextHandle &) {
    if (!graph) return Result::InvalidValue;
    StreamHandle *captured = capturing(s, stream);
    if (!captured) return Result::IllegalState;
    const std::shared_ptr<Capture> capture = captured->capture;
    if (capture->origin != captured) return Result::StreamCaptureUnmatched;
    const Result result = capture->invalid       ? Result::StreamCaptureInvalidated
                          : joined(s, *captured) ? Result::Success
                                                 : Result::StreamCaptureUnjoined;
    *graph = result == Result::Success ? capture->graph : nullptr;
    if (result != Result::Success && capture->ownsGraph) dropGraph(s, capture->graph, later);
    endCapture(s, capture);
    return result;
  });
  destroyNow(later);
  return ended;
}

Result cuStreamIsCapturing(Stream stream, int *status) { return info("cuStreamIsCapturing", stream, {status}); }
Result cuStreamGetCaptureInfo(Stream stream, int *status, std::uint64_t *id) {
  return info("cuStreamGetCaptureInfo", stream, {status, id});
}
Result cuStreamGetCaptureInfo_v2(Stream stream, int *status, std::uint64_t *id, Graph *graph, const GraphNode **ahead,
                                 std::size_t *count) {
  return info("cuStreamGetCaptureInfo_v2", stream, {status, id, graph, ahead, nullptr, count});
}
Result cuStreamGetCaptureInfo_v3(Stream stream, int *status, std::uint64_t *id, Graph *graph, const GraphNode **ahead,
                                 const void **edges, std::size_t *count) {
  return info("cuStreamGetCaptureInfo_v3", stream, {status, id, graph, ahead, edges, count});
}
Result cuStreamUpdateCaptureDependencies(Stream stream, GraphNode *nodes, std::size_t count, unsigned flags) {
  return updateDependencies("cuStreamUpdateCaptureDependencies", stream, nodes, count, flags);
}
Result cuStreamUpdateCaptureDependencies_v2(Stream stream, GraphNode *nodes, const void *, std::size_t count,
                                            unsigned flags) {
  return updateDependencies("cuStreamUpdateCaptureDependencies_v2", stream, nodes, count, flags);
}

Result cuThreadExchangeStreamCaptureMode(int *mode) {
  thread_local int current = 0;
  if (!mode || *mode < 0 || *mode > 2) return traced("cuThreadExchangeStreamCaptureMode", Result::InvalidValue);
  std::swap(*mode, current);
  return traced("cuThreadExchangeStreamCaptureMode", Result::Success);
}

} // extern "C"

} // namespace sage::cuda
