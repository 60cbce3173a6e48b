// What the driver says about clusters: launches that are refused and their codes, sizes that are compiled in, function
// attributes, occupancy.
#include <catch2/catch.hpp>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {
namespace {

using cuda::FunctionAttribute;

/// A kernel that does nothing, with DIRECTIVES between its parameters and its body.
std::string kernelWith(const std::string &directives, const std::string &target = "sm_90a") {
  return ".version 8.7\n.target " + target + "\n.address_size 64\n.visible .entry k()\n" + directives +
         "\n{\n.reg .b32 %r; mov.u32 %r, %tid.x;\nret;\n}\n";
}

Result launch(const Kernel &kernel, unsigned grid, unsigned cluster, unsigned block = 32) {
  Kernel::Shape shape{.gridX = grid, .blockX = block, .clusterX = cluster};
  return const_cast<Kernel &>(kernel).tryLaunch(shape);
}

int attribute(const Kernel &kernel, FunctionAttribute which) {
  int value = -1;
  CHECK(cuda::cuFuncGetAttribute(&value, which, kernel.handle()) == Result::Success);
  return value;
}
Result set(const Kernel &kernel, FunctionAttribute which, int value) {
  return cuda::cuFuncSetAttribute(kernel.handle(), which, value);
}

} // namespace

TEST_CASE("cluster sizes: a divisor of the grid, eight blocks, sixteen where that is allowed") {
  const Device device("sm_90a");
  const Kernel kernel(kernelWith(""));
  CHECK(launch(kernel, 8, 4) == Result::Success);
  CHECK(launch(kernel, 8, 8) == Result::Success);
  CHECK(launch(kernel, 8, 3) == Result::InvalidClusterSize);
  CHECK(launch(kernel, 16, 16) == Result::InvalidClusterSize);
  CHECK(set(kernel, FunctionAttribute::NonPortableClusterSizeAllowed, 1) == Result::Success);
  CHECK(launch(kernel, 16, 16) == Result::Success);
  CHECK(launch(kernel, 32, 32) == Result::InvalidClusterSize);
  Kernel::Shape flat{.gridX = 4, .clusterX = 2};
  flat.clusterY = 0;
  CHECK(const_cast<Kernel &>(kernel).tryLaunch(flat) == Result::InvalidClusterSize);
}

TEST_CASE("a cluster size that is compiled in holds for every launch") {
  const Device device("sm_90a");
  const Kernel kernel(kernelWith(".explicitcluster .reqnctapercluster 2, 1, 1"));
  CHECK(launch(kernel, 8, 0) == Result::Success);
  CHECK(launch(kernel, 8, 2) == Result::Success);
  CHECK(launch(kernel, 8, 4) == Result::InvalidClusterSize);
  CHECK(launch(kernel, 7, 0) == Result::InvalidClusterSize);
  CHECK(attribute(kernel, FunctionAttribute::RequiredClusterWidth) == 2);
  CHECK(attribute(kernel, FunctionAttribute::RequiredClusterDepth) == 1);
  CHECK(attribute(kernel, FunctionAttribute::ClusterSizeMustBeSet) == 1);
  CHECK(set(kernel, FunctionAttribute::RequiredClusterWidth, 4) == Result::NotPermitted);
}

TEST_CASE(".explicitcluster needs a size, .maxclusterrank limits it") {
  const Device device("sm_90a");
  const Kernel open(kernelWith(".explicitcluster")), capped(kernelWith(".maxclusterrank 4"));
  CHECK(launch(open, 8, 0) == Result::InvalidClusterSize);
  CHECK(launch(open, 8, 1) == Result::Success);
  CHECK(launch(capped, 8, 0) == Result::Success);
  CHECK(launch(capped, 8, 4) == Result::Success);
  CHECK(launch(capped, 8, 8) == Result::InvalidClusterSize);
  CHECK(tryLoad(kernelWith(".maxclusterrank 4 .reqnctapercluster 2")).result == Result::InvalidPtx);
  CHECK(tryLoad(kernelWith(".blocksareclusters")).result == Result::InvalidPtx);
}

TEST_CASE(".blocksareclusters: the grid counts clusters") {
  const Device device("sm_90a");
  Kernel kernel(".version 8.7\n.target sm_90a\n.address_size 64\n.visible .entry k(.param .u64 p)\n"
                ".reqntid 1 .reqnctapercluster 4 .blocksareclusters\n{ .reg .b32 %r<2>; .reg .b64 %a;\n"
                "ld.param.u64 %a, [p]; red.global.add.u32 [%a], 1; mov.u32 %r0, %nctaid.x;\n"
                "st.global.u32 [%a+4], %r0;\n}\n");
  const Array<unsigned> out(std::vector<unsigned>{0, 0});
  kernel({.gridX = 3, .blockX = 1}, out.address());
  CHECK(out.get() == std::vector<unsigned>{12, 12});
}

TEST_CASE("a required cluster size may be set where none is compiled in, all of it or none") {
  const Device device("sm_90a");
  const Kernel kernel(kernelWith(""));
  CHECK(set(kernel, FunctionAttribute::RequiredClusterWidth, 4) == Result::Success);
  CHECK(launch(kernel, 8, 0) == Result::InvalidClusterSize);
  CHECK(set(kernel, FunctionAttribute::RequiredClusterHeight, 1) == Result::Success);
  CHECK(set(kernel, FunctionAttribute::RequiredClusterDepth, 1) == Result::Success);
  CHECK(launch(kernel, 8, 0) == Result::Success);
  CHECK(launch(kernel, 8, 2) == Result::InvalidClusterSize);
  CHECK(set(kernel, FunctionAttribute::ClusterSchedulingPolicyPreference, 2) == Result::Success);
  CHECK(attribute(kernel, FunctionAttribute::ClusterSchedulingPolicyPreference) == 2);
  CHECK(set(kernel, FunctionAttribute::ClusterSchedulingPolicyPreference, 3) == Result::InvalidValue);
}

TEST_CASE("devices before sm_90 have no clusters") {
  const Device device("sm_80");
  const Kernel kernel(kernelWith("", "sm_80"));
  CHECK(launch(kernel, 8, 1) == Result::Success);
  CHECK(launch(kernel, 8, 2) == Result::InvalidValue);
  int value = -1;
  CHECK(cuda::cuDeviceGetAttribute(&value, cuda::DeviceAttribute::ClusterLaunch, 0) == Result::Success);
  CHECK(value == 0);
}

TEST_CASE("occupancy of clusters") {
  const Device device("sm_90a");
  const Kernel kernel(kernelWith("")), sized(kernelWith(".reqnctapercluster 4"));
  int value = -1;
  CHECK(cuda::cuDeviceGetAttribute(&value, cuda::DeviceAttribute::ClusterLaunch, 0) == Result::Success);
  CHECK(value == 1);
  cuda::LaunchAttribute size{cuda::LaunchAttributeId::ClusterDimension, {}, {}};
  size.value.clusterDim = {2, 1, 1};
  cuda::LaunchConfig config{8, 1, 1, 1024, 1, 1, 0, nullptr, &size, 1};
  CHECK(cuda::cuOccupancyMaxActiveClusters(&value, kernel.handle(), &config) == Result::Success);
  int blocks = 0, processors = 0;
  cuda::cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel.handle(), 1024, 0);
  cuda::cuDeviceGetAttribute(&processors, cuda::DeviceAttribute::MultiprocessorCount, 0);
  CHECK(value == blocks * processors / 2);
  CHECK(cuda::cuOccupancyMaxActiveClusters(&value, sized.handle(), &config) == Result::InvalidClusterSize);
  config.numAttributes = 0;
  CHECK(cuda::cuOccupancyMaxActiveClusters(&value, kernel.handle(), &config) == Result::InvalidClusterSize);
  CHECK(cuda::cuOccupancyMaxActiveClusters(&value, sized.handle(), &config) == Result::Success);
  CHECK(cuda::cuOccupancyMaxPotentialClusterSize(&value, kernel.handle(), &config) == Result::Success);
  CHECK(value == 8);
  CHECK(cuda::cuOccupancyMaxPotentialClusterSize(&value, sized.handle(), &config) == Result::Success);
  CHECK(value == 4);
  CHECK(set(kernel, FunctionAttribute::NonPortableClusterSizeAllowed, 1) == Result::Success);
  CHECK(cuda::cuOccupancyMaxPotentialClusterSize(&value, kernel.handle(), &config) == Result::Success);
  CHECK(value == 16);
}

TEST_CASE("the other attributes of a launch are taken, and a dependent launch waits for nothing") {
  const Device device("sm_90a");
  Kernel kernel(kernelText(".param .u64 p",
                           ".reg .b64 %a; ld.param.u64 %a, [p]; griddepcontrol.wait; red.global.add.u32 [%a], 1;\n"
                           "griddepcontrol.launch_dependents;\n",
                           "sm_90a"));
  const Array<unsigned> out(std::vector<unsigned>{0});
  cuda::LaunchAttribute attributes[4] = {{cuda::LaunchAttributeId::ClusterDimension, {}, {}},
                                         {cuda::LaunchAttributeId::ClusterSchedulingPolicyPreference, {}, {}},
                                         {cuda::LaunchAttributeId::ProgrammaticStreamSerialization, {}, {}},
                                         {cuda::LaunchAttributeId::Cooperative, {}, {}}};
  attributes[0].value.clusterDim = {2, 1, 1};
  attributes[1].value.clusterSchedulingPolicyPreference = 1;
  attributes[2].value.programmaticStreamSerializationAllowed = 1;
  attributes[3].value.cooperative = 1;
  cuda::LaunchConfig config{4, 1, 1, 1, 1, 1, 0, nullptr, attributes, 4};
  auto pointer = out.address();
  void *arguments[] = {&pointer};
  CHECK(cuda::cuLaunchKernelEx(&config, kernel.handle(), arguments, nullptr) == Result::Success);
  CHECK(out.get()[0] == 4);
  attributes[1].value.clusterSchedulingPolicyPreference = 7;
  CHECK(cuda::cuLaunchKernelEx(&config, kernel.handle(), arguments, nullptr) == Result::InvalidValue);
}

TEST_CASE("a graph keeps the clusters of a captured launch") {
  const Device device("sm_90a");
  Kernel kernel(kernelText(".param .u64 p",
                           ".reg .b64 %a; .reg .b32 %r; ld.param.u64 %a, [p]; mov.u32 %r, %cluster_nctarank;\n"
                           "red.global.add.u32 [%a], %r;\n",
                           "sm_90a"));
  const Array<unsigned> out(std::vector<unsigned>{0});
  cuda::LaunchAttribute size{cuda::LaunchAttributeId::ClusterDimension, {}, {}};
  size.value.clusterDim = {4, 1, 1};
  cuda::Stream stream = nullptr;
  REQUIRE(cuda::cuStreamCreate(&stream, 1) == Result::Success);
  cuda::LaunchConfig config{8, 1, 1, 1, 1, 1, 0, stream, &size, 1};
  auto pointer = out.address();
  void *arguments[] = {&pointer};
  cuda::Graph graph = nullptr;
  cuda::GraphExec exec = nullptr;
  REQUIRE(cuda::cuStreamBeginCapture_v2(stream, 0) == Result::Success);
  CHECK(cuda::cuLaunchKernelEx(&config, kernel.handle(), arguments, nullptr) == Result::Success);
  REQUIRE(cuda::cuStreamEndCapture(stream, &graph) == Result::Success);
  REQUIRE(cuda::cuGraphInstantiateWithFlags(&exec, graph, 0) == Result::Success);
  CHECK(cuda::cuGraphLaunch(exec, stream) == Result::Success);
  CHECK(out.get()[0] == 32);
  cuda::cuGraphExecDestroy(exec);
  cuda::cuGraphDestroy(graph);
  cuda::cuStreamDestroy_v2(stream);
}

} // namespace sage::simtest
