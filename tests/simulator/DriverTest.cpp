// The driver side: error codes of wrong calls, handles, streams and events, attributes, occupancy, look-up by name.
#include <catch2/catch.hpp>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {

using namespace cuda;

TEST_CASE("devices are chosen by name and described by their table") {
  CHECK(sagesimConfigure("sm_70") == Result::InvalidValue);
  CHECK(sagesimConfigure("") == Result::InvalidValue);
  CHECK(sagesimConfigure(nullptr) == Result::InvalidValue);
  REQUIRE(sagesimConfigure("sm_80,sm_86,sm_89,sm_90a,sm_120a") == Result::Success);
  REQUIRE(cuInit(0) == Result::Success);
  int count = 0;
  CHECK(cuDeviceGetCount(&count) == Result::Success);
  CHECK(count == 5);
  const int majors[] = {8, 8, 8, 9, 12}, minors[] = {0, 6, 9, 0, 0};
  for (int i = 0; i < count; ++i) {
    cuda::Device device = -1;
    int major = 0, minor = 0;
    char name[64];
    Uuid uuid{};
    std::size_t bytes = 0;
    CHECK(cuDeviceGet(&device, i) == Result::Success);
    CHECK(cuDeviceGetAttribute(&major, DeviceAttribute::ComputeCapabilityMajor, device) == Result::Success);
    CHECK(cuDeviceGetAttribute(&minor, DeviceAttribute::ComputeCapabilityMinor, device) == Result::Success);
    CHECK(major == majors[i]);
    CHECK(minor == minors[i]);
    CHECK(cuDeviceGetName(name, sizeof name, device) == Result::Success);
    CHECK(std::string(name).find("sagesim sm_") == 0);
    CHECK(cuDeviceGetUuid(&uuid, device) == Result::Success);
    CHECK(cuDeviceTotalMem_v2(&bytes, device) == Result::Success);
    CHECK(bytes > 0);
  }
  cuda::Device device = -1;
  CHECK(cuDeviceGet(&device, 5) == Result::InvalidDevice);
  CHECK(cuDeviceGet(&device, -1) == Result::InvalidDevice);
  int value = 0;
  CHECK(cuDeviceGetAttribute(&value, static_cast<DeviceAttribute>(9999), 0) == Result::InvalidValue);
}

TEST_CASE("devices stay as they are while a context is in use") {
  const simtest::Device device("sm_86");
  CHECK(sagesimConfigure("sm_86") == Result::Success);
  CHECK(sagesimConfigure("sm_80") == Result::IllegalState);
}

TEST_CASE("a created context keeps its device and its memory too") {
  REQUIRE(sagesimConfigure("sm_80") == Result::Success);
  REQUIRE(cuInit(0) == Result::Success);
  Context context = nullptr;
  REQUIRE(cuCtxCreate_v2(&context, 0, 0) == Result::Success);
  DevicePtr pointer = 0;
  REQUIRE(cuMemAlloc_v2(&pointer, 64) == Result::Success);
  CHECK(sagesimConfigure("sm_86") == Result::IllegalState);
  CHECK(sagesimConfigure("sm_80") == Result::Success);
  CHECK(cuMemsetD8_v2(pointer, 1, 64) == Result::Success);
  CHECK(cuCtxPushCurrent_v2(context) == Result::Success);
  CHECK(cuCtxPopCurrent_v2(&context) == Result::Success);
  CHECK(cuCtxSetCurrent(context) == Result::Success);
  REQUIRE(cuCtxDestroy_v2(context) == Result::Success);
  CHECK(sagesimConfigure("sm_86") == Result::Success);
}

TEST_CASE("a thread's current context stays a context when the devices change") {
  const simtest::Device device;
  CHECK(cuDevicePrimaryCtxRelease_v2(0) == Result::Success);
  CHECK(sagesimConfigure("sm_86") == Result::Success);
  CHECK(cuCtxSynchronize() == Result::ContextIsDestroyed); // it must not be read when it is gone: sanitizers see that
  Context context = nullptr;
  CHECK(cuDevicePrimaryCtxRetain(&context, 0) == Result::Success);
}

TEST_CASE("addresses last, and a device's never reach the next one's") {
  REQUIRE(sagesimConfigure("sm_80,sm_80") == Result::Success);
  REQUIRE(cuInit(0) == Result::Success);
  Context contexts[2] = {};
  DevicePtr first = 0, held = 0, last = 0;
  for (int d : {1, 0}) {
    REQUIRE(cuDevicePrimaryCtxRetain(&contexts[d], d) == Result::Success);
    REQUIRE(cuCtxSetCurrent(contexts[d]) == Result::Success);
    REQUIRE(cuMemAlloc_v2(d == 1 ? &first : &held, 4096) == Result::Success);
  }
  std::size_t room = 0, total = 0;
  REQUIRE(cuMemGetInfo_v2(&room, &total) == Result::Success);
  const std::size_t bytes = room / 2;
  DevicePtr low = ~DevicePtr{0};
  bool fits = true;
  for (std::uint64_t sum = 0; sum < std::uint64_t{9} << 40 && fits; sum += bytes) { // a range has 4 TiB
    DevicePtr p = 0;
    fits = cuMemAlloc_v2(&p, bytes) == Result::Success;
    fits &= p + bytes <= first && (p + bytes <= held || p >= held + 4096) && p != last;
    fits &= cuMemFree_v2(p) == Result::Success;
    low = std::min(low, p), last = p;
  }
  CHECK(fits);
  CHECK(held < low);
  const std::size_t before = reportCount();
  CHECK(cuMemFree_v2(last) == Result::InvalidValue);
  CHECK(reportCount() == before + 1);
  CHECK(lastReport().kind == "double_free");
  CHECK(cuMemsetD8_v2(held, 1, 4096) == Result::Success);
  CHECK(cuMemsetD8_v2(first, 1, 4096) == Result::Success);
  CHECK(cuMemFree_v2(held) == Result::Success);
  cuCtxSetCurrent(nullptr);
  for (int d : {0, 1}) CHECK(cuDevicePrimaryCtxRelease_v2(d) == Result::Success);
}

TEST_CASE("calls without a context are refused") {
  REQUIRE(sagesimConfigure("sm_80") == Result::Success);
  REQUIRE(cuInit(0) == Result::Success);
  CHECK(cuInit(1) == Result::InvalidValue);
  DevicePtr pointer = 0;
  CHECK(cuMemAlloc_v2(&pointer, 16) == Result::InvalidContext);
  CHECK(cuCtxSynchronize() == Result::InvalidContext);
  int invented = 0;
  CHECK(cuCtxSetCurrent(reinterpret_cast<Context>(&invented)) == Result::InvalidContext);
  CHECK(cuDevicePrimaryCtxRelease_v2(0) == Result::InvalidContext);
}

TEST_CASE("contexts are a stack for each thread") {
  const simtest::Device device;
  Context current = nullptr, popped = nullptr;
  REQUIRE(cuCtxGetCurrent(&current) == Result::Success);
  REQUIRE(current != nullptr);
  CHECK(cuCtxPushCurrent_v2(current) == Result::Success);
  CHECK(cuCtxPopCurrent_v2(&popped) == Result::Success);
  CHECK(popped == current);
  Context other = current;
  std::thread([&] { cuCtxGetCurrent(&other); }).join();
  CHECK(other == nullptr);
}

TEST_CASE("memory calls check their ranges") {
  const simtest::Device device;
  DevicePtr p = 0;
  CHECK(cuMemAlloc_v2(&p, 0) == Result::InvalidValue);
  CHECK(cuMemAlloc_v2(nullptr, 16) == Result::InvalidValue);
  CHECK(cuMemAlloc_v2(&p, std::size_t{1} << 60) == Result::OutOfMemory);
  REQUIRE(cuMemAlloc_v2(&p, 100) == Result::Success);
  CHECK(p % 256 == 0);
  char host[128] = "hello";
  CHECK(cuMemcpyHtoD_v2(p, host, 100) == Result::Success);
  CHECK(cuMemcpyHtoD_v2(p, host, 101) == Result::InvalidValue);
  CHECK(cuMemcpyDtoH_v2(host, p + 90, 11) == Result::InvalidValue);
  CHECK(cuMemsetD32_v2(p + 2, 0, 1) == Result::InvalidValue);
  CHECK(cuMemsetD8_v2(p, 1, 101) == Result::InvalidValue);
  CHECK(cuMemFree_v2(p + 4) == Result::InvalidValue);
  CHECK(cuMemFree_v2(p) == Result::Success);
  CHECK(cuMemFree_v2(p) == Result::InvalidValue);
  CHECK(cuMemFree_v2(0) == Result::Success);
  std::size_t free = 0, total = 0;
  CHECK(cuMemGetInfo_v2(&free, &total) == Result::Success);
  CHECK(free == total);
}

TEST_CASE("copies and fills move the bytes") {
  const simtest::Device device;
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{1, 2, 3, 4}), b(4);
  CHECK(cuMemsetD32_v2(b.address(), 9, 4) == Result::Success);
  CHECK(cuMemcpyDtoD_v2(b.address() + 4, a.address(), 8) == Result::Success);
  CHECK(b.get() == std::vector<std::uint32_t>{9, 1, 2, 9});
  std::uint32_t host[4] = {};
  CHECK(cuMemcpy(reinterpret_cast<DevicePtr>(host), b.address(), 16) == Result::Success);
  CHECK(host[2] == 2);
  CHECK(cuMemsetD16_v2(b.address(), 0x1234, 2) == Result::Success);
  CHECK(b.get()[0] == 0x12341234);
}

TEST_CASE("kernels read pinned host memory where it lies") {
  const simtest::Device device;
  void *host = nullptr;
  REQUIRE(cuMemAllocHost_v2(&host, 64) == Result::Success);
  *static_cast<std::uint32_t *>(host) = 41;
  DevicePtr seen = 0;
  CHECK(cuMemHostGetDevicePointer_v2(&seen, host, 0) == Result::Success);
  const Kernel kernel(kernelText(".param .u64 p", ".reg .b64 %p; .reg .b32 %v; ld.param.b64 %p, [p]; ld.global.b32 %v, "
                                                  "[%p]; add.u32 %v, %v, 1; st.global.b32 [%p], %v;"));
  void *arguments[] = {&seen};
  kernel.run({1, 1, 1, 1}, arguments);
  CHECK(*static_cast<std::uint32_t *>(host) == 42);
  CHECK(cuMemFreeHost(host) == Result::Success);
  CHECK(cuMemFreeHost(host) == Result::InvalidValue);
}

TEST_CASE("races in mapped host memory are noticed, with the lane of the other side") {
  simtest::Device device;
  std::uint32_t host[64] = {};
  REQUIRE(cuMemHostRegister_v2(host, sizeof host, 0) == Result::Success);
  DevicePtr seen = 0;
  REQUIRE(cuMemHostGetDevicePointer_v2(&seen, host, 0) == Result::Success);
  Kernel kernel(kernelText(".param .u64 p, .param .u32 n", R"(.reg .b64 %p, %o; .reg .b32 %b, %t, %n; .reg .pred %q;
ld.param.b64 %p, [p]; ld.param.b32 %n, [n]; mov.u32 %b, %ctaid.x; mov.u32 %t, %tid.x; setp.eq.u32 %q, %t, 9;
mul.lo.u32 %n, %b, %n; mul.wide.u32 %o, %n, 4; add.s64 %p, %p, %o; @%q st.global.b32 [%p], %b;)"));
  CHECK(kernel.tryLaunch({2}, seen, 1) == Result::Success);
  CHECK(host[1] == 1);
  CHECK(kernel.tryLaunch({2}, seen, 0) == Result::LaunchFailed);
  CHECK(lastReport().kind == "global_race");
  REQUIRE(lastReport().details.size() == 1);
  CHECK(lastReport().details[0].find("thread (9,0,0)") != std::string::npos);
  device.reset();
}

TEST_CASE("stale and invented handles are refused") {
  const simtest::Device device;
  Stream stream = nullptr;
  Event event = nullptr;
  REQUIRE(cuStreamCreate(&stream, StreamNonBlocking) == Result::Success);
  REQUIRE(cuEventCreate(&event, EventDefault) == Result::Success);
  CHECK(cuEventRecord(event, stream) == Result::Success);
  CHECK(cuStreamWaitEvent(stream, event, 0) == Result::Success);
  CHECK(cuStreamDestroy_v2(stream) == Result::Success);
  CHECK(cuStreamDestroy_v2(stream) == Result::InvalidHandle);
  CHECK(cuStreamSynchronize(stream) == Result::InvalidHandle);
  CHECK(cuEventRecord(event, stream) == Result::InvalidHandle);
  CHECK(cuEventDestroy_v2(event) == Result::Success);
  CHECK(cuEventQuery(event) == Result::InvalidHandle);
  int value = 0;
  CHECK(cuFuncGetAttribute(&value, FunctionAttribute::NumRegs, reinterpret_cast<Function>(&value)) ==
        Result::InvalidHandle);
}

TEST_CASE("events measure the time between them") {
  const simtest::Device device;
  Event start = nullptr, end = nullptr, untimed = nullptr;
  REQUIRE(cuEventCreate(&start, 0) == Result::Success);
  REQUIRE(cuEventCreate(&end, 0) == Result::Success);
  REQUIRE(cuEventCreate(&untimed, EventDisableTiming) == Result::Success);
  float ms = -1;
  CHECK(cuEventElapsedTime(&ms, start, end) == Result::InvalidHandle);
  cuEventRecord(start, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  cuEventRecord(end, nullptr);
  cuEventRecord(untimed, nullptr);
  CHECK(cuEventElapsedTime(&ms, start, end) == Result::Success);
  CHECK(ms >= 4.9f);
  CHECK(cuEventElapsedTime(&ms, start, untimed) == Result::InvalidHandle);
}

TEST_CASE("a launch is checked as the driver does") {
  const simtest::Device device;
  Kernel kernel(kernelText(".param .u64 p", ""));
  const std::uint64_t argument = 0;
  CHECK(kernel.tryLaunch({0, 1, 1, 32}, argument) == Result::InvalidValue);
  CHECK(kernel.tryLaunch({1, 65536, 1, 32}, argument) == Result::InvalidValue);
  CHECK(kernel.tryLaunch({1, 1, 1, 1025}, argument) == Result::InvalidValue);
  CHECK(kernel.tryLaunch({1, 1, 1, 32, 1, 65}, argument) == Result::InvalidValue);
  CHECK(cuLaunchKernel(kernel.handle(), 1, 1, 1, 32, 1, 1, 49153, nullptr, nullptr, nullptr) == Result::InvalidValue);
  CHECK(cuLaunchKernel(kernel.handle(), 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr) == Result::InvalidValue);
  CHECK(cuFuncSetAttribute(kernel.handle(), FunctionAttribute::MaxDynamicSharedSizeBytes, 166912) == Result::Success);
  CHECK(cuFuncSetAttribute(kernel.handle(), FunctionAttribute::MaxDynamicSharedSizeBytes, 166913) ==
        Result::InvalidValue);
  Kernel fixed(".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n.reqntid 64, 1, 1\n{ ret; }");
  CHECK(fixed.tryLaunch({1, 1, 1, 64}) == Result::Success);
  CHECK(fixed.tryLaunch({1, 1, 1, 32}) == Result::InvalidValue);
}

TEST_CASE("arguments may come packed, and launches may come with attributes") {
  const simtest::Device device;
  const Kernel kernel(kernelText(".param .u64 p, .param .u8 a, .param .u32 b",
                                 ".reg .b64 %p; .reg .b32 %a, %b; ld.param.b64 %p, [p]; ld.param.u8 %a, [a]; "
                                 "ld.param.u32 %b, [b]; add.u32 %a, %a, %b; st.global.b32 [%p], %a;"));
  const Array<std::uint32_t> out(1);
  unsigned char packed[16] = {};
  const DevicePtr address = out.address();
  const std::uint32_t b = 1000;
  std::memcpy(packed, &address, 8);
  packed[8] = 7;
  std::memcpy(packed + 12, &b, 4);
  std::size_t size = sizeof packed;
  void *extra[] = {reinterpret_cast<void *>(launchParamBufferPointer), packed,
                   reinterpret_cast<void *>(launchParamBufferSize), &size, nullptr};
  LaunchAttribute attribute{};
  attribute.id = LaunchAttributeId::ProgrammaticStreamSerialization;
  attribute.value.programmaticStreamSerializationAllowed = 1;
  const LaunchConfig config{1, 1, 1, 1, 1, 1, 0, nullptr, &attribute, 1};
  CHECK(cuLaunchKernelEx(&config, kernel.handle(), nullptr, extra) == Result::Success);
  CHECK(out.get()[0] == 1007);
  size = 8;
  CHECK(cuLaunchKernelEx(&config, kernel.handle(), nullptr, extra) == Result::InvalidValue);
}

TEST_CASE("occupancy follows threads and shared memory") {
  const simtest::Device device;
  const Kernel kernel(kernelText("", ""));
  int blocks = 0;
  CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel.handle(), 1024, 0) == Result::Success);
  CHECK(blocks == 2);
  CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel.handle(), 128, 65536) == Result::Success);
  CHECK(blocks == 2);
  CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel.handle(), 32, 0) == Result::Success);
  CHECK(blocks == 32);
}

TEST_CASE("functions are found by their base names") {
  void *pointer = nullptr;
  ProcAddressStatus status{};
  CHECK(cuGetProcAddress_v2("cuMemAlloc", &pointer, 12000, 0, &status) == Result::Success);
  CHECK(pointer == reinterpret_cast<void *>(&cuMemAlloc_v2));
  CHECK(cuGetProcAddress_v2("cuLaunchKernelEx", &pointer, 12000, 0, nullptr) == Result::Success);
  CHECK(cuGetProcAddress_v2("cuNoSuchThing", &pointer, 12000, 0, &status) == Result::NotFound);
  CHECK(pointer == nullptr);
  CHECK(status == ProcAddressStatus::SymbolNotFound);
}

TEST_CASE("error codes have names") {
  const char *text = nullptr;
  CHECK(cuGetErrorName(Result::IllegalAddress, &text) == Result::Success);
  CHECK(std::string(text) == "CUDA_ERROR_ILLEGAL_ADDRESS");
  CHECK(cuGetErrorString(Result::MisalignedAddress, &text) == Result::Success);
  CHECK(std::string(text) == "misaligned address");
  CHECK(cuGetErrorName(static_cast<Result>(12345), &text) == Result::InvalidValue);
}

TEST_CASE("counters count lanes, not only warps") {
  const simtest::Device device;
  std::string text =
      kernelText(".param .u64 p",
                 R"(.reg .b64 %p, %t; .reg .b32 %l, %x; .reg .pred %q; ld.param.b64 %p, [p]; mov.u32 %l, %tid.x;
mul.wide.u32 %t, %l, 4; add.s64 %p, %p, %t;
setp.lt.u32 %q, %l, 5; @%q st.global.b32 [%p], %l; bar.sync 0;)");
  text.replace(text.find("k("), 1, "counted");
  Kernel kernel(text, "counted");
  const Array<std::uint32_t> out(40);
  kernel({3, 1, 1, 40}, out.address());
  const auto all = nlohmann::json::parse(sagesimCounters());
  for (const auto &k : all["kernels"]) {
    if (k["name"] != "counted") continue;
    CHECK(k["launches"] == 1);
    CHECK(k["blocks"] == 3);
    CHECK(k["warp_instructions"] == 3 * 2 * 8);
    // Eight instructions of 40 threads; the store runs in five.
    CHECK(k["lane_instructions"] == 3 * (7 * 40 + 5));
    CHECK(k["bytes"]["global_written"] == 3 * 5 * 4);
    CHECK(k["barriers"] == 6);
    return;
  }
  FAIL("the kernel is not in the counters");
}

} // namespace sage::simtest
