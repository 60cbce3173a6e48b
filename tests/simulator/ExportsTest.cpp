// The driver side beyond launches: names and versions, created contexts, libraries, linking, copies of boxes, graphs.
#include <dlfcn.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {

using namespace cuda;

namespace {

const std::string addOne = kernelText(".param .u64 p", ".reg .b64 %p; .reg .b32 %x; ld.param.b64 %p, [p]; "
                                                       "ld.global.b32 %x, [%p]; add.u32 %x, %x, 1; "
                                                       "st.global.b32 [%p], %x;");

void *address(const char *name, int version, std::uint64_t flags = 0) {
  void *pointer = nullptr;
  cuGetProcAddress_v2(name, &pointer, version, flags, nullptr);
  return pointer;
}

} // namespace

TEST_CASE("every name of the driver is exported, and what is not simulated says so") {
  void *library = dlopen(nullptr, RTLD_NOW);
  REQUIRE(library != nullptr);
#define N(name, version) CHECK(dlsym(library, #name) != nullptr);
#define J(name, target, version) CHECK(dlsym(library, #name) != nullptr);
#include "tools/simulator/driver/Names.inc"
#undef N
#undef J
  const auto notBuilt = reinterpret_cast<Result (*)()>(dlsym(library, "cuTexRefCreate"));
  CHECK(notBuilt() == Result::NotSupported);
  dlclose(library);
}

TEST_CASE("look-ups respect the version and the default stream that is asked for") {
  CHECK(address("cuCtxGetDevice", 2000) == dlsym(RTLD_DEFAULT, "cuCtxGetDevice"));
  CHECK(address("cuCtxGetDevice", 13000) == dlsym(RTLD_DEFAULT, "cuCtxGetDevice_v2"));
  CHECK(address("cuCtxSynchronize", 12090) == dlsym(RTLD_DEFAULT, "cuCtxSynchronize"));
  CHECK(address("cuStreamGetCtx", 12050) == dlsym(RTLD_DEFAULT, "cuStreamGetCtx_v2"));
  CHECK(address("cuStreamGetCtx", 9020) == dlsym(RTLD_DEFAULT, "cuStreamGetCtx"));
  CHECK(address("cuMemcpyHtoD", 7000, 2) == dlsym(RTLD_DEFAULT, "cuMemcpyHtoD_v2_ptds"));
  CHECK(address("cuMemAlloc", 7000, 2) == dlsym(RTLD_DEFAULT, "cuMemAlloc_v2"));
  void *pointer = &pointer;
  ProcAddressStatus status{};
  CHECK(cuGetProcAddress_v2("cuLibraryLoadData", &pointer, 11000, 0, &status) == Result::NotFound);
  CHECK(pointer == nullptr);
  CHECK(status == ProcAddressStatus::VersionNotSufficient);
}

TEST_CASE("created contexts are current at once and end with what they own") {
  const simtest::Device device;
  Context primary = nullptr, created = nullptr, now = nullptr;
  cuCtxGetCurrent(&primary);
  REQUIRE(cuCtxCreate_v4(&created, nullptr, 0, 0) == Result::Success);
  cuCtxGetCurrent(&now);
  CHECK(now == created);
  std::size_t before = 0, during = 0, after = 0, total = 0;
  cuMemGetInfo_v2(&before, &total);
  DevicePtr p = 0;
  REQUIRE(cuMemAlloc_v2(&p, 4096) == Result::Success);
  cuMemGetInfo_v2(&during, &total);
  CHECK(during < before);
  CHECK(cuCtxDestroy_v2(created) == Result::Success);
  cuCtxGetCurrent(&now);
  CHECK(now == primary);
  cuMemGetInfo_v2(&after, &total);
  CHECK(after == before);
  CHECK(cuCtxDestroy_v2(created) == Result::InvalidContext);
  CHECK(cuCtxSetLimit(Limit::StackSize, 4000) == Result::Success);
  std::size_t limit = 0;
  CHECK(cuCtxGetLimit(&limit, Limit::StackSize) == Result::Success);
  CHECK(limit == 4000);
}

TEST_CASE("a library's kernels launch under either handle") {
  const simtest::Device device;
  Library library = nullptr;
  cuda::Kernel kernel = nullptr;
  Function function = nullptr;
  REQUIRE(cuLibraryLoadData(&library, addOne.c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0) == Result::Success);
  REQUIRE(cuLibraryGetKernel(&kernel, library, "k") == Result::Success);
  REQUIRE(cuKernelGetFunction(&function, kernel) == Result::Success);
  int threads = 0;
  CHECK(cuKernelGetAttribute(&threads, FunctionAttribute::MaxThreadsPerBlock, kernel, 0) == Result::Success);
  CHECK(threads == 1024);
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{40});
  DevicePtr p = a.address();
  void *arguments[] = {&p};
  CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr) == Result::Success);
  CHECK(cuLaunchKernel(reinterpret_cast<Function>(kernel), 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr) ==
        Result::Success);
  CHECK(a.get()[0] == 42);
  CHECK(cuLibraryGetKernel(&kernel, library, "none") == Result::NotFound);
  CHECK(cuLibraryUnload(library) == Result::Success);
  CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr) == Result::InvalidHandle);
}

TEST_CASE("the launch interface from before CUDA 4 works") {
  const simtest::Device device;
  const simtest::Kernel kernel(addOne);
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{1});
  DevicePtr p = a.address();
  CHECK(cuFuncSetBlockShape(kernel.handle(), 1, 1, 1) == Result::Success);
  CHECK(cuParamSetv(kernel.handle(), 0, &p, sizeof p) == Result::Success);
  CHECK(cuParamSetSize(kernel.handle(), sizeof p) == Result::Success);
  CHECK(cuLaunchGrid(kernel.handle(), 1, 1) == Result::Success);
  CHECK(a.get()[0] == 2);
}

TEST_CASE("boxes are copied row by row and checked to their ends") {
  const simtest::Device device;
  const Array<std::uint32_t> a(16);
  CHECK(cuMemsetD2D32_v2(a.address(), 16, 7, 2, 4) == Result::Success);
  std::uint32_t host[8] = {};
  Memcpy2D copy{};
  copy.srcMemoryType = MemoryType::Device;
  copy.srcDevice = a.address();
  copy.srcPitch = 16;
  copy.dstMemoryType = MemoryType::Host;
  copy.dstHost = host;
  copy.WidthInBytes = 8;
  copy.Height = 4;
  CHECK(cuMemcpy2D_v2(&copy) == Result::Success);
  for (const std::uint32_t v : host) CHECK(v == 7);
  copy.Height = 5;
  CHECK(cuMemcpy2D_v2(&copy) == Result::InvalidValue);
}

TEST_CASE("a captured stream's work runs when its graph is launched") {
  const simtest::Device device;
  const simtest::Kernel kernel(addOne);
  const Array<std::uint32_t> a(1);
  DevicePtr p = a.address();
  void *arguments[] = {&p};
  Stream stream = nullptr, side = nullptr;
  Event event = nullptr, back = nullptr;
  REQUIRE(cuStreamCreate(&stream, StreamNonBlocking) == Result::Success);
  REQUIRE(cuStreamCreate(&side, StreamNonBlocking) == Result::Success);
  REQUIRE(cuEventCreate(&event, 0) == Result::Success);
  REQUIRE(cuEventCreate(&back, 0) == Result::Success);
  REQUIRE(cuMemsetD32_v2(p, 100, 1) == Result::Success);
  REQUIRE(cuStreamBeginCapture_v2(stream, 0) == Result::Success);
  CHECK(cuMemsetD32Async(p, 5, 1, stream) == Result::Success);
  CHECK(cuEventRecord(event, stream) == Result::Success);
  CHECK(cuStreamWaitEvent(side, event, 0) == Result::Success);
  CHECK(cuLaunchKernel(kernel.handle(), 1, 1, 1, 1, 1, 1, 0, side, arguments, nullptr) == Result::Success);
  CHECK(cuEventRecord(back, side) == Result::Success);
  CHECK(cuStreamWaitEvent(stream, back, 0) == Result::Success);
  int calls = 0;
  CHECK(cuLaunchHostFunc(stream, [](void *n) { ++*static_cast<int *>(n); }, &calls) == Result::Success);
  Graph graph = nullptr;
  REQUIRE(cuStreamEndCapture(stream, &graph) == Result::Success);
  CHECK(a.get()[0] == 100);
  CHECK(calls == 0);
  std::size_t nodes = 0;
  CHECK(cuGraphGetNodes(graph, nullptr, &nodes) == Result::Success);
  CHECK(nodes == 3);
  GraphExec exec = nullptr;
  REQUIRE(cuGraphInstantiateWithFlags(&exec, graph, 0) == Result::Success);
  CHECK(cuGraphLaunch(exec, stream) == Result::Success);
  CHECK(cuGraphLaunch(exec, stream) == Result::Success);
  CHECK(a.get()[0] == 6);
  CHECK(calls == 2);
  CHECK(cuGraphExecDestroy(exec) == Result::Success);
  CHECK(cuGraphDestroy(graph) == Result::Success);
  REQUIRE(cuStreamBeginCapture_v2(stream, 0) == Result::Success);
  CHECK(cuStreamSynchronize(stream) == Result::StreamCaptureUnsupported);
  CHECK(cuStreamEndCapture(stream, &graph) == Result::StreamCaptureInvalidated);
  CHECK(graph == nullptr);
}

TEST_CASE("PTX files are linked: extern functions, weak and common names, equal local names") {
  const simtest::Device device;
  const std::string head = ".version 8.0\n.target sm_80\n.address_size 64\n";
  const std::string caller = head + R"(.common .global .u32 shared_word;
.global .u32 own = 1;
.extern .func (.param .u32 r) twice(.param .u32 a);
.visible .entry k(.param .u64 p) {
.reg .b64 %p; .reg .b32 %x, %y;
ld.param.b64 %p, [p]; ld.global.u32 %y, [own]; ld.global.u32 %x, [%p]; add.u32 %x, %x, %y;
{ .param .u32 a; .param .u32 r; st.param.b32 [a], %x; call (r), twice, (a); ld.param.b32 %x, [r]; }
st.global.u32 [%p], %x; ret; })";
  const std::string callee = head + R"(.common .global .u32 shared_word;
.global .u32 own = 100;
.visible .func (.param .u32 r) twice(.param .u32 a) {
.reg .b32 %x, %y; ld.param.b32 %x, [a]; ld.global.u32 %y, [own]; add.u32 %x, %x, %x; add.u32 %x, %x, %y;
st.param.b32 [r], %x; ret; })";
  char log[512] = "";
  JitOption options[] = {JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  Link link = nullptr;
  void *image = nullptr;
  std::size_t bytes = 0;
  REQUIRE(cuLinkCreate_v2(2, options, values, &link) == Result::Success);
  const auto add = [&](const std::string &text) {
    return cuLinkAddData_v2(link, 1, const_cast<char *>(text.c_str()), text.size() + 1, "x", 0, nullptr, nullptr);
  };
  REQUIRE(add(caller) == Result::Success);
  CHECK(cuLinkComplete(link, &image, &bytes) == Result::InvalidPtx);
  CHECK(std::string(log).find("twice") != std::string::npos);
  REQUIRE(add(callee) == Result::Success);
  REQUIRE(cuLinkComplete(link, &image, &bytes) == Result::Success);
  const std::string copy(static_cast<char *>(image), bytes);
  CHECK(cuLinkDestroy(link) == Result::Success);
  simtest::Kernel kernel(copy);
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{4});
  kernel({1, 1, 1, 1}, a.address());
  CHECK(a.get()[0] == 110); // (4 + 1) * 2 + 100
}

TEST_CASE("binary code without PTX has no binary for this GPU") {
  const simtest::Device device;
  const char elf[64] = "\x7f"
                       "ELF";
  Module module = nullptr;
  CHECK(cuModuleLoadData(&module, elf) == Result::NoBinaryForGpu);
}

TEST_CASE("tensor maps are checked when they are made") {
  const simtest::Device device("sm_90a");
  alignas(64) unsigned char map[128];
  std::uint64_t size[] = {128, 64}, strides[] = {256};
  unsigned box[] = {64, 64}, steps[] = {1, 1};
  const auto encode = [&](std::uintptr_t address, int swizzle) {
    return cuTensorMapEncodeTiled(map, 6, 2, reinterpret_cast<void *>(address), size, strides, box, steps, 0, swizzle,
                                  0, 0);
  };
  CHECK(encode(0x1000, 3) == Result::Success);
  CHECK(encode(0x1008, 3) == Result::InvalidValue); // address
  CHECK(encode(0x1000, 2) == Result::InvalidValue); // a row of 128 bytes in a swizzle of 64
  strides[0] = 250;
  CHECK(encode(0x1000, 3) == Result::InvalidValue);
  strides[0] = 256, box[1] = 257;
  CHECK(encode(0x1000, 3) == Result::InvalidValue);
}

} // namespace sage::simtest
