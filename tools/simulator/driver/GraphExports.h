// The exported functions that look into graphs and change them node by node, with the structures that they take. What
// makes, instantiates and launches graphs is in Exports.h. Sizes are pinned.
#pragma once

#include "tools/simulator/driver/Exports.h"

namespace sage::cuda {

using UserObject = struct UserObjectHandle *;

struct MemoryAccess {
  MemoryLocation location;
  int flags;
};
struct AllocateNodeParameters {
  MemoryPoolProperties pool;
  const MemoryAccess *access;
  std::size_t accessCount, bytes;
  DevicePtr pointer;
};
struct GraphEdgeData {
  unsigned char fromPort, toPort, type, reserved[5];
};
struct CopyNodeParameters {
  int flags, reserved;
  Context context;
  Memcpy3D copy;
};
struct FillNodeParameters {
  MemsetNodeParameters base;
  Context context;
};
struct ChildNodeParameters {
  Graph graph;
  int ownership;
};
enum class GraphNodeType : int {
  Kernel = 0,
  Copy = 1,
  Fill = 2,
  Host = 3,
  Child = 4,
  Empty = 5,
  EventWait = 6,
  EventRecord = 7,
  Allocate = 10,
  Free = 11,
};
struct GraphNodeParameters {
  GraphNodeType type;
  int reserved0[3];
  union {
    long long reserved1[29];
    KernelNodeParameters2 kernel;
    CopyNodeParameters copy;
    FillNodeParameters fill;
    HostNodeParameters host;
    ChildNodeParameters child;
    Event event;
    AllocateNodeParameters allocate;
    DevicePtr free;
  };
  long long reserved2;
};

static_assert(sizeof(GraphNodeParameters) == 256 && sizeof(AllocateNodeParameters) == 120);
static_assert(sizeof(GraphEdgeData) == 8 && sizeof(CopyNodeParameters) == 216 && sizeof(FillNodeParameters) == 48);

#define SAGESIM_GRAPH_FUNCTIONS(X)                                                                                     \
  X(cuGraphAddNode,                                                                                                    \
    (GraphNode * node, Graph graph, const GraphNode *after, std::size_t count, GraphNodeParameters *p))                \
  X(cuGraphAddNode_v2, (GraphNode * node, Graph graph, const GraphNode *after, const GraphEdgeData *edges,             \
                        std::size_t count, GraphNodeParameters *p))                                                    \
  X(cuGraphNodeSetParams, (GraphNode node, GraphNodeParameters * p))                                                   \
  X(cuGraphExecNodeSetParams, (GraphExec exec, GraphNode node, GraphNodeParameters * p))                               \
  X(cuGraphKernelNodeGetParams, (GraphNode node, KernelNodeParameters * p))                                            \
  X(cuGraphKernelNodeGetParams_v2, (GraphNode node, KernelNodeParameters2 * p))                                        \
  X(cuGraphKernelNodeGetAttribute, (GraphNode node, LaunchAttributeId id, LaunchAttributeValue * value))               \
  X(cuGraphKernelNodeSetAttribute, (GraphNode node, LaunchAttributeId id, const LaunchAttributeValue *value))          \
  X(cuGraphKernelNodeCopyAttributes, (GraphNode to, GraphNode from))                                                   \
  X(cuGraphMemcpyNodeGetParams, (GraphNode node, Memcpy3D * p))                                                        \
  X(cuGraphMemsetNodeGetParams, (GraphNode node, MemsetNodeParameters * p))                                            \
  X(cuGraphHostNodeGetParams, (GraphNode node, HostNodeParameters * p))                                                \
  X(cuGraphHostNodeSetParams, (GraphNode node, const HostNodeParameters *p))                                           \
  X(cuGraphExecHostNodeSetParams, (GraphExec exec, GraphNode node, const HostNodeParameters *p))                       \
  X(cuGraphChildGraphNodeGetGraph, (GraphNode node, Graph * graph))                                                    \
  X(cuGraphExecChildGraphNodeSetParams, (GraphExec exec, GraphNode node, Graph child))                                 \
  X(cuGraphEventRecordNodeGetEvent, (GraphNode node, Event * event))                                                   \
  X(cuGraphEventRecordNodeSetEvent, (GraphNode node, Event event))                                                     \
  X(cuGraphEventWaitNodeGetEvent, (GraphNode node, Event * event))                                                     \
  X(cuGraphEventWaitNodeSetEvent, (GraphNode node, Event event))                                                       \
  X(cuGraphExecEventRecordNodeSetEvent, (GraphExec exec, GraphNode node, Event event))                                 \
  X(cuGraphExecEventWaitNodeSetEvent, (GraphExec exec, GraphNode node, Event event))                                   \
  X(cuGraphAddMemAllocNode,                                                                                            \
    (GraphNode * node, Graph graph, const GraphNode *after, std::size_t count, AllocateNodeParameters *p))             \
  X(cuGraphMemAllocNodeGetParams, (GraphNode node, AllocateNodeParameters * p))                                        \
  X(cuGraphAddMemFreeNode,                                                                                             \
    (GraphNode * node, Graph graph, const GraphNode *after, std::size_t count, DevicePtr pointer))                     \
  X(cuGraphMemFreeNodeGetParams, (GraphNode node, DevicePtr * pointer))                                                \
  X(cuGraphGetEdges, (Graph graph, GraphNode * from, GraphNode * to, std::size_t *count))                              \
  X(cuGraphGetEdges_v2, (Graph graph, GraphNode * from, GraphNode * to, GraphEdgeData * data, std::size_t *count))     \
  X(cuGraphNodeGetDependencies_v2, (GraphNode node, GraphNode * nodes, GraphEdgeData * data, std::size_t *count))      \
  X(cuGraphNodeGetDependentNodes, (GraphNode node, GraphNode * nodes, std::size_t *count))                             \
  X(cuGraphNodeGetDependentNodes_v2, (GraphNode node, GraphNode * nodes, GraphEdgeData * data, std::size_t *count))    \
  X(cuGraphRemoveDependencies_v2,                                                                                      \
    (Graph graph, const GraphNode *from, const GraphNode *to, const GraphEdgeData *data, std::size_t count))           \
  X(cuGraphNodeSetEnabled, (GraphExec exec, GraphNode node, unsigned enabled))                                         \
  X(cuGraphNodeGetEnabled, (GraphExec exec, GraphNode node, unsigned *enabled))                                        \
  X(cuUserObjectCreate,                                                                                                \
    (UserObject * object, void *data, void (*destroy)(void *), unsigned references, unsigned flags))                   \
  X(cuUserObjectRetain, (UserObject object, unsigned count))                                                           \
  X(cuUserObjectRelease, (UserObject object, unsigned count))                                                          \
  X(cuGraphRetainUserObject, (Graph graph, UserObject object, unsigned count, unsigned flags))                         \
  X(cuGraphReleaseUserObject, (Graph graph, UserObject object, unsigned count))

extern "C" {
#define SAGESIM_DECLARE(name, parameters) [[gnu::visibility("default")]] Result name parameters;
SAGESIM_GRAPH_FUNCTIONS(SAGESIM_DECLARE)
#undef SAGESIM_DECLARE
}

} // namespace sage::cuda
