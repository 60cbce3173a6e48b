// Graphs node by node: descriptions given back, changes of nodes and instances, edges, memory of graphs, references to
// objects of the user.
#include <catch2/catch.hpp>
#include <cstring>

#include "Device.h"
#include "tools/simulator/driver/GraphExports.h"

namespace sage::simtest {

using namespace cuda;

namespace {

const std::string addValue =
    kernelText(".param .u64 p, .param .u32 v", ".reg .b64 %p; .reg .b32 %x, %v; ld.param.b64 %p, [p]; "
                                               "ld.param.b32 %v, [v]; ld.global.b32 %x, [%p]; add.u32 %x, %x, %v; "
                                               "st.global.b32 [%p], %x;");

struct Setup {
  simtest::Device device;
  simtest::Kernel kernel{addValue};
  Array<std::uint32_t> word{std::vector<std::uint32_t>{0}};
  DevicePtr address = word.address();
  std::uint32_t value = 1;
  void *arguments[2] = {&address, &value};
  Graph graph = nullptr;

  Setup() { REQUIRE(cuGraphCreate(&graph, 0) == Result::Success); }
  ~Setup() { cuGraphDestroy(graph); }

  KernelNodeParameters adding() { return {kernel.handle(), 1, 1, 1, 1, 1, 1, 0, arguments, nullptr}; }
  GraphNode addKernel(std::uint32_t v, std::vector<GraphNode> after = {}) {
    GraphNode node = nullptr;
    value = v;
    const KernelNodeParameters p = adding();
    REQUIRE(cuGraphAddKernelNode(&node, graph, after.data(), after.size(), &p) == Result::Success);
    return node;
  }
  GraphExec instantiate() const {
    GraphExec exec = nullptr;
    REQUIRE(cuGraphInstantiateWithFlags(&exec, graph, 0) == Result::Success);
    return exec;
  }
  std::uint32_t run(GraphExec exec) const {
    REQUIRE(cuGraphLaunch(exec, nullptr) == Result::Success);
    return word.get()[0];
  }
};

} // namespace

TEST_CASE("kernel nodes tell what they do, and take other arguments before and after instantiation") {
  Setup s;
  GraphNode node = s.addKernel(5);
  s.value = 99; // arguments were copied
  KernelNodeParameters told{};
  REQUIRE(cuGraphKernelNodeGetParams(node, &told) == Result::Success);
  CHECK(told.function == s.kernel.handle());
  CHECK(told.blockDimX == 1);
  std::uint32_t argument = 0;
  std::memcpy(&argument, told.kernelParams[1], sizeof argument);
  CHECK(argument == 5);
  KernelNodeParameters2 more{};
  CHECK(cuGraphKernelNodeGetParams_v2(node, &more) == Result::Success);
  CHECK(more.base.function == s.kernel.handle());
  GraphExec exec = s.instantiate();
  CHECK(s.run(exec) == 5);
  s.value = 10;
  KernelNodeParameters p = s.adding();
  CHECK(cuGraphExecKernelNodeSetParams(exec, node, &p) == Result::Success);
  CHECK(s.run(exec) == 15);
  CHECK(cuGraphNodeSetEnabled(exec, node, 0) == Result::Success);
  unsigned enabled = 1;
  CHECK(cuGraphNodeGetEnabled(exec, node, &enabled) == Result::Success);
  CHECK(enabled == 0);
  CHECK(s.run(exec) == 15);
  CHECK(cuGraphMemsetNodeGetParams(node, nullptr) == Result::InvalidValue);
  HostNodeParameters host{};
  CHECK(cuGraphHostNodeGetParams(node, &host) == Result::InvalidValue);
  cuGraphExecDestroy(exec);
}

TEST_CASE("attributes of kernel nodes are kept and copied") {
  Setup s;
  GraphNode a = s.addKernel(1), b = s.addKernel(1);
  LaunchAttributeValue value{}, told{};
  value.priority = -3;
  CHECK(cuGraphKernelNodeSetAttribute(a, LaunchAttributeId::Priority, &value) == Result::Success);
  value.cooperative = 1;
  CHECK(cuGraphKernelNodeSetAttribute(a, LaunchAttributeId::Cooperative, &value) == Result::Success);
  CHECK(cuGraphKernelNodeCopyAttributes(b, a) == Result::Success);
  CHECK(cuGraphKernelNodeGetAttribute(b, LaunchAttributeId::Priority, &told) == Result::Success);
  CHECK(told.priority == -3);
  CHECK(cuGraphKernelNodeGetAttribute(b, LaunchAttributeId::Cooperative, &told) == Result::Success);
  CHECK(told.cooperative == 1);
}

TEST_CASE("nodes of every kind are added by one call and run in order") {
  Setup s;
  GraphNodeParameters p{};
  GraphNode fill = nullptr, kernel = nullptr, copy = nullptr, host = nullptr, empty = nullptr, record = nullptr;
  Event event = nullptr;
  REQUIRE(cuEventCreate(&event, 0) == Result::Success);
  p.type = GraphNodeType::Fill;
  p.fill.base = {s.address, 4, 40, 4, 1, 1};
  REQUIRE(cuGraphAddNode(&fill, s.graph, nullptr, 0, &p) == Result::Success);
  p = {};
  p.type = GraphNodeType::Kernel;
  s.value = 2;
  p.kernel.base = s.adding();
  REQUIRE(cuGraphAddNode_v2(&kernel, s.graph, &fill, nullptr, 1, &p) == Result::Success);
  std::uint32_t out = 0;
  p = {};
  p.type = GraphNodeType::Copy;
  p.copy.copy.srcMemoryType = MemoryType::Device;
  p.copy.copy.srcDevice = s.address;
  p.copy.copy.dstMemoryType = MemoryType::Host;
  p.copy.copy.dstHost = &out;
  p.copy.copy.WidthInBytes = 4, p.copy.copy.Height = 1, p.copy.copy.Depth = 1;
  REQUIRE(cuGraphAddNode(&copy, s.graph, &kernel, 1, &p) == Result::Success);
  std::uint32_t seen = 0;
  struct {
    std::uint32_t *from, *to;
  } pair{&out, &seen};
  p = {};
  p.type = GraphNodeType::Host;
  p.host = {[](void *d) {
              auto *x = static_cast<decltype(pair) *>(d);
              *x->to = *x->from;
            },
            &pair};
  REQUIRE(cuGraphAddNode(&host, s.graph, &copy, 1, &p) == Result::Success);
  p = {};
  p.type = GraphNodeType::Empty;
  REQUIRE(cuGraphAddNode(&empty, s.graph, &host, 1, &p) == Result::Success);
  p.type = GraphNodeType::EventRecord;
  p.event = event;
  REQUIRE(cuGraphAddNode(&record, s.graph, &empty, 1, &p) == Result::Success);
  p.type = static_cast<GraphNodeType>(13);
  GraphNode other = nullptr;
  CHECK(cuGraphAddNode(&other, s.graph, nullptr, 0, &p) == Result::NotSupported);
  GraphExec exec = s.instantiate();
  CHECK(s.run(exec) == 42);
  CHECK(out == 42);
  CHECK(seen == 42);
  CHECK(cuEventQuery(event) == Result::Success);
  Memcpy3D told{};
  CHECK(cuGraphMemcpyNodeGetParams(copy, &told) == Result::Success);
  CHECK(told.dstHost == &out);
  CHECK(told.WidthInBytes == 4);
  MemsetNodeParameters filled{};
  CHECK(cuGraphMemsetNodeGetParams(fill, &filled) == Result::Success);
  CHECK(filled.value == 40);
  Event same = nullptr;
  CHECK(cuGraphEventRecordNodeGetEvent(record, &same) == Result::Success);
  CHECK(same == event);
  // An instance takes another fill.
  p = {};
  p.type = GraphNodeType::Fill;
  p.fill.base = {s.address, 4, 50, 4, 1, 1};
  CHECK(cuGraphExecNodeSetParams(exec, fill, &p) == Result::Success);
  CHECK(cuGraphExecNodeSetParams(exec, kernel, &p) == Result::InvalidValue);
  CHECK(s.run(exec) == 52);
  cuGraphExecDestroy(exec);
  cuEventDestroy_v2(event);
}

TEST_CASE("edges are listed in both directions and removed") {
  Setup s;
  GraphNode a = s.addKernel(1), b = s.addKernel(1, {a}), c = s.addKernel(1, {a, b});
  std::size_t count = 0;
  REQUIRE(cuGraphGetEdges(s.graph, nullptr, nullptr, &count) == Result::Success);
  CHECK(count == 3);
  GraphNode from[3], to[3];
  GraphEdgeData data[3];
  std::memset(data, 0xff, sizeof data);
  REQUIRE(cuGraphGetEdges_v2(s.graph, from, to, data, &count) == Result::Success);
  CHECK((from[0] == a && to[0] == b && from[1] == a && to[1] == c && from[2] == b && to[2] == c));
  CHECK(data[2].type == 0);
  count = 3;
  GraphNode dependents[3];
  REQUIRE(cuGraphNodeGetDependentNodes(a, dependents, &count) == Result::Success);
  CHECK(count == 2);
  CHECK((dependents[0] == b && dependents[1] == c && dependents[2] == nullptr));
  CHECK(cuGraphRemoveDependencies_v2(s.graph, &a, &c, nullptr, 1) == Result::Success);
  REQUIRE(cuGraphNodeGetDependencies_v2(c, nullptr, nullptr, &count) == Result::Success);
  CHECK(count == 1);
}

TEST_CASE("an update takes over what nodes do, and names the node that does not fit") {
  Setup s;
  GraphNode first = s.addKernel(1);
  GraphExec exec = s.instantiate();
  CHECK(s.run(exec) == 1);
  Graph other = nullptr;
  REQUIRE(cuGraphClone(&other, s.graph) == Result::Success);
  GraphNode twin = nullptr;
  REQUIRE(cuGraphNodeFindInClone(&twin, first, other) == Result::Success);
  s.value = 20;
  KernelNodeParameters p = s.adding();
  REQUIRE(cuGraphKernelNodeSetParams(twin, &p) == Result::Success);
  GraphUpdateResult outcome{};
  CHECK(cuGraphExecUpdate_v2(exec, other, &outcome) == Result::Success);
  CHECK(s.run(exec) == 21);
  // The first graph's node still names the one in the instance.
  s.value = 100;
  p = s.adding();
  CHECK(cuGraphExecKernelNodeSetParams(exec, first, &p) == Result::Success);
  CHECK(s.run(exec) == 121);
  GraphNode extra = nullptr;
  REQUIRE(cuGraphAddEmptyNode(&extra, other, nullptr, 0) == Result::Success);
  CHECK(cuGraphExecUpdate_v2(exec, other, &outcome) == Result::GraphExecUpdateFailure);
  CHECK(outcome.result == 2);
  REQUIRE(cuGraphDestroyNode(twin) == Result::Success);
  CHECK(cuGraphExecUpdate_v2(exec, other, &outcome) == Result::GraphExecUpdateFailure);
  CHECK(outcome.result == 3);
  CHECK(outcome.errorNode == extra);
  cuGraphExecDestroy(exec);
  cuGraphDestroy(other);
}

TEST_CASE("a child's graph is a handle that ends with its parent") {
  Setup s;
  Graph inner = nullptr, told = nullptr;
  REQUIRE(cuGraphCreate(&inner, 0) == Result::Success);
  GraphNode child = nullptr, node = nullptr;
  REQUIRE(cuGraphAddEmptyNode(&node, inner, nullptr, 0) == Result::Success);
  REQUIRE(cuGraphAddChildGraphNode(&child, s.graph, nullptr, 0, inner) == Result::Success);
  REQUIRE(cuGraphDestroy(inner) == Result::Success);
  REQUIRE(cuGraphChildGraphNodeGetGraph(child, &told) == Result::Success);
  std::size_t count = 0;
  CHECK(cuGraphGetNodes(told, nullptr, &count) == Result::Success);
  CHECK(count == 1);
  CHECK(cuGraphDestroy(told) == Result::InvalidValue);
  REQUIRE(cuGraphDestroy(s.graph) == Result::Success);
  CHECK(cuGraphGetNodes(told, nullptr, &count) == Result::InvalidHandle);
  REQUIRE(cuGraphCreate(&s.graph, 0) == Result::Success);
}

TEST_CASE("memory of a graph is there in every launch and goes with its last instance") {
  Setup s;
  std::size_t before = 0, during = 0, after = 0, total = 0;
  cuMemGetInfo_v2(&before, &total);
  GraphNode made = nullptr, filled = nullptr, added = nullptr, copied = nullptr, freed = nullptr;
  AllocateNodeParameters p{};
  p.pool.allocationType = 1;
  p.pool.location = {1, 0};
  p.bytes = 4;
  REQUIRE(cuGraphAddMemAllocNode(&made, s.graph, nullptr, 0, &p) == Result::Success);
  const MemsetNodeParameters fill{p.pointer, 4, 6, 4, 1, 1};
  REQUIRE(cuGraphAddMemsetNode(&filled, s.graph, &made, 1, &fill, nullptr) == Result::Success);
  s.address = p.pointer;
  added = s.addKernel(1, {filled});
  s.address = s.word.address();
  Memcpy3D copy{};
  copy.srcMemoryType = copy.dstMemoryType = MemoryType::Device;
  copy.srcDevice = p.pointer;
  copy.dstDevice = s.address;
  copy.WidthInBytes = 4, copy.Height = 1, copy.Depth = 1;
  REQUIRE(cuGraphAddMemcpyNode(&copied, s.graph, &added, 1, &copy, nullptr) == Result::Success);
  REQUIRE(cuGraphAddMemFreeNode(&freed, s.graph, &copied, 1, p.pointer) == Result::Success);
  CHECK(cuGraphAddMemFreeNode(&freed, s.graph, &copied, 1, p.pointer) == Result::InvalidValue);
  AllocateNodeParameters told{};
  CHECK(cuGraphMemAllocNodeGetParams(made, &told) == Result::Success);
  CHECK(told.pointer == p.pointer);
  CHECK(told.bytes == 4);
  GraphExec exec = s.instantiate();
  CHECK(s.run(exec) == 7);
  CHECK(s.run(exec) == 7);
  cuMemGetInfo_v2(&during, &total);
  CHECK(during < before);
  cuGraphDestroy(s.graph);
  REQUIRE(cuGraphCreate(&s.graph, 0) == Result::Success);
  CHECK(s.run(exec) == 7);
  cuGraphExecDestroy(exec);
  cuMemGetInfo_v2(&after, &total);
  CHECK(after == before);
}

TEST_CASE("allocations in a captured stream become nodes") {
  Setup s;
  Stream stream = nullptr;
  REQUIRE(cuStreamCreate(&stream, StreamNonBlocking) == Result::Success);
  REQUIRE(cuStreamBeginCapture_v2(stream, 0) == Result::Success);
  DevicePtr p = 0;
  REQUIRE(cuMemAllocAsync(&p, 4, stream) == Result::Success);
  REQUIRE(cuMemsetD32Async(p, 3, 1, stream) == Result::Success);
  REQUIRE(cuMemcpyDtoDAsync_v2(s.word.address(), p, 4, stream) == Result::Success);
  REQUIRE(cuMemFreeAsync(p, stream) == Result::Success);
  Graph graph = nullptr;
  REQUIRE(cuStreamEndCapture(stream, &graph) == Result::Success);
  std::size_t count = 0;
  cuGraphGetNodes(graph, nullptr, &count);
  CHECK(count == 4);
  GraphExec exec = nullptr;
  REQUIRE(cuGraphInstantiateWithFlags(&exec, graph, 0) == Result::Success);
  CHECK(s.run(exec) == 3);
  cuGraphExecDestroy(exec);
  cuGraphDestroy(graph);
  CHECK(cuMemFree_v2(p) == Result::InvalidValue);
  // Memory from before is freed when the graph runs.
  REQUIRE(cuMemAlloc_v2(&p, 4) == Result::Success);
  REQUIRE(cuStreamBeginCapture_v2(stream, 0) == Result::Success);
  REQUIRE(cuMemFreeAsync(p, stream) == Result::Success);
  REQUIRE(cuStreamEndCapture(stream, &graph) == Result::Success);
  CHECK(cuMemsetD32_v2(p, 1, 1) == Result::Success);
  REQUIRE(cuGraphInstantiateWithFlags(&exec, graph, 0) == Result::Success);
  CHECK(cuGraphLaunch(exec, stream) == Result::Success);
  CHECK(cuMemsetD32_v2(p, 1, 1) == Result::InvalidValue);
  cuGraphExecDestroy(exec);
  cuGraphDestroy(graph);
  cuStreamDestroy_v2(stream);
}

TEST_CASE("an object of the user ends with the last graph or instance that refers to it") {
  Setup s;
  int destroyed = 0;
  UserObject object = nullptr;
  REQUIRE(cuUserObjectCreate(&object, &destroyed, [](void *n) { ++*static_cast<int *>(n); }, 1, 1) == Result::Success);
  constexpr unsigned move = 1;
  REQUIRE(cuGraphRetainUserObject(s.graph, object, 1, move) == Result::Success);
  CHECK(cuUserObjectRetain(object, 1) == Result::Success);
  CHECK(cuUserObjectRelease(object, 1) == Result::Success);
  GraphExec exec = s.instantiate();
  cuGraphDestroy(s.graph);
  CHECK(destroyed == 0);
  cuGraphExecDestroy(exec);
  CHECK(destroyed == 1);
  CHECK(cuUserObjectRelease(object, 1) == Result::InvalidValue);
  REQUIRE(cuGraphCreate(&s.graph, 0) == Result::Success);
  CHECK(cuUserObjectCreate(&object, nullptr, nullptr, 1, 1) == Result::InvalidValue);
}

} // namespace sage::simtest
