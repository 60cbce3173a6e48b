// Several devices with one address space; advice about managed memory; limits of contexts; names of errors.
#include <catch2/catch.hpp>
#include <cstring>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"

namespace sage::simtest {

using namespace cuda;

namespace {

const std::string copyWord =
    kernelText(".param .u64 to, .param .u64 from", ".reg .b64 %t, %f; .reg .b32 %x; ld.param.b64 %t, [to]; "
                                                   "ld.param.b64 %f, [from]; ld.global.b32 %x, [%f]; "
                                                   "st.global.b32 [%t], %x;");

/// Two devices; the first one's context is current.
class Pair {
public:
  Pair() : first("sm_80,sm_86") {
    cuCtxGetCurrent(&a);
    REQUIRE(cuDevicePrimaryCtxRetain(&b, 1) == Result::Success);
  }
  ~Pair() { cuDevicePrimaryCtxRelease_v2(1); }
  /// Memory on the second device that holds VALUE.
  DevicePtr onSecond(std::uint32_t value) {
    DevicePtr p = 0;
    REQUIRE(cuCtxSetCurrent(b) == Result::Success);
    REQUIRE(cuMemAlloc_v2(&p, 4) == Result::Success);
    REQUIRE(cuMemsetD32_v2(p, value, 1) == Result::Success);
    REQUIRE(cuCtxSetCurrent(a) == Result::Success);
    return p;
  }

private:
  simtest::Device first;

public:
  Context a = nullptr, b = nullptr;
};

/// A device function that calls itself n times, 64 bytes a frame; the kernel stores its result.
const std::string recursive = R"(.version 8.0
.target sm_80
.address_size 64
.visible .func (.param .b32 r) deep(.param .b32 n) {
  .local .align 4 .b8 room[64];
  .reg .b32 %n, %x; .reg .pred %p;
  ld.param.b32 %n, [n];
  st.local.b32 [room], %n;
  setp.eq.u32 %p, %n, 0;
  mov.b32 %x, 0;
  @%p bra done;
  sub.u32 %n, %n, 1;
  { .param .b32 q; .param .b32 s; st.param.b32 [q], %n; call (s), deep, (q); ld.param.b32 %x, [s]; }
  add.u32 %x, %x, 1;
done:
  st.param.b32 [r], %x;
  ret;
}
.visible .entry k(.param .u64 p, .param .u32 n) {
  .reg .b64 %p; .reg .b32 %n, %x;
  ld.param.b64 %p, [p]; ld.param.b32 %n, [n];
  { .param .b32 q; .param .b32 s; st.param.b32 [q], %n; call (s), deep, (q); ld.param.b32 %x, [s]; }
  st.global.b32 [%p], %x;
  ret;
})";

const std::string allocating = ".version 8.0\n.target sm_80\n.address_size 64\n"
                               ".extern .func (.param .b64 r) malloc(.param .b64 n);\n"
                               ".visible .entry k(.param .u64 p, .param .u64 n) {\n"
                               ".reg .b64 %p, %n, %x; ld.param.b64 %p, [p]; ld.param.b64 %n, [n];\n"
                               "{ .param .b64 q; .param .b64 s; st.param.b64 [q], %n; call (s), malloc, (q); "
                               "ld.param.b64 %x, [s]; }\nst.global.b64 [%p], %x; ret; }";

} // namespace

TEST_CASE("a box is copied from one device to another") {
  Pair pair;
  Memcpy3D box{};
  const std::vector<std::uint32_t> words{0, 1, 2, 3, 4, 5, 6, 7};
  const Array<std::uint32_t> source(words);
  const DevicePtr target = pair.onSecond(9);
  box.srcMemoryType = box.dstMemoryType = MemoryType::Device;
  box.srcDevice = source.address(), box.dstDevice = target;
  box.reserved0 = pair.a, box.reserved1 = pair.b;
  box.srcPitch = 8, box.srcHeight = 2, box.dstPitch = 2, box.dstHeight = 1;
  box.srcXInBytes = 4, box.WidthInBytes = 2, box.Height = 1, box.Depth = 2; // the lower halves of words 1 and 5
  CHECK(cuMemcpy3DPeer(&box) == Result::Success);
  std::uint32_t value = 0;
  CHECK(cuMemcpyDtoH_v2(&value, target, 4) == Result::Success);
  CHECK(value == 0x0005'0001);
  CHECK(cuMemcpy3DPeerAsync(&box, nullptr) == Result::Success);
  box.reserved1 = pair.a;
  CHECK(cuMemcpy3DPeer(&box) == Result::InvalidValue);
  box.reserved1 = &value;
  CHECK(cuMemcpy3DPeer(&box) == Result::InvalidContext);
  box.dstMemoryType = MemoryType::Host, box.dstHost = &value; // the host needs no context
  CHECK(cuMemcpy3DPeer(&box) == Result::Success);
}

TEST_CASE("copies between devices need no permission, and addresses tell the device") {
  Pair pair;
  const DevicePtr there = pair.onSecond(77);
  const Array<std::uint32_t> here(std::vector<std::uint32_t>{0});
  CHECK(cuMemcpyPeer(here.address(), pair.a, there, pair.b, 4) == Result::Success);
  CHECK(here.get()[0] == 77);
  CHECK(cuMemcpyPeerAsync(there, pair.b, here.address(), pair.a, 4, nullptr) == Result::Success);
  CHECK(cuMemcpyPeer(here.address(), pair.b, there, pair.b, 4) == Result::InvalidValue);
  CHECK(cuMemcpyPeer(here.address(), pair.a, there, pair.b, 8) == Result::InvalidValue);
  CHECK(cuMemsetD32_v2(here.address(), 5, 1) == Result::Success);
  CHECK(cuMemcpy(there, here.address(), 4) == Result::Success);
  std::uint32_t host = 0;
  CHECK(cuMemcpyDtoH_v2(&host, there, 4) == Result::Success);
  CHECK(host == 5);
  int ordinal = -1;
  CHECK(cuPointerGetAttribute(&ordinal, PointerAttribute::DeviceOrdinal, there) == Result::Success);
  CHECK(ordinal == 1);
  Context owner = nullptr;
  CHECK(cuPointerGetAttribute(&owner, PointerAttribute::Context, there) == Result::Success);
  CHECK(owner == pair.b);
  DevicePtr base = 0;
  std::size_t bytes = 0;
  CHECK(cuMemGetAddressRange_v2(&base, &bytes, there + 1) == Result::Success);
  CHECK(base == there);
}

TEST_CASE("a kernel uses another device's memory only while its access is enabled") {
  Pair pair;
  const DevicePtr there = pair.onSecond(9);
  int can = 0;
  CHECK(cuDeviceCanAccessPeer(&can, 0, 1) == Result::Success);
  CHECK(can == 1);
  CHECK(cuDeviceCanAccessPeer(&can, 0, 0) == Result::Success);
  CHECK(can == 0);
  CHECK(cuDeviceCanAccessPeer(&can, 0, 7) == Result::InvalidDevice);
  CHECK(cuCtxEnablePeerAccess(pair.a, 0) == Result::InvalidContext);
  CHECK(cuCtxDisablePeerAccess(pair.b) == Result::PeerAccessNotEnabled);
  REQUIRE(cuCtxEnablePeerAccess(pair.b, 0) == Result::Success);
  CHECK(cuCtxEnablePeerAccess(pair.b, 0) == Result::PeerAccessAlreadyEnabled);
  simtest::Kernel kernel(copyWord);
  const Array<std::uint32_t> here(std::vector<std::uint32_t>{0});
  CHECK(kernel.tryLaunch({1, 1, 1, 1}, here.address(), there) == Result::Success);
  CHECK(here.get()[0] == 9);
  REQUIRE(cuCtxDisablePeerAccess(pair.b) == Result::Success);
  CHECK(kernel.tryLaunch({1, 1, 1, 1}, here.address(), there) == Result::IllegalAddress);
}

TEST_CASE("pinned memory is every device's") {
  Pair pair;
  void *host = nullptr;
  REQUIRE(cuMemAllocHost_v2(&host, 4) == Result::Success);
  const std::uint32_t value = 1234;
  std::memcpy(host, &value, sizeof value);
  REQUIRE(cuCtxSetCurrent(pair.b) == Result::Success);
  {
    simtest::Kernel kernel(copyWord);
    const Array<std::uint32_t> word(std::vector<std::uint32_t>{0});
    CHECK(kernel.tryLaunch({1, 1, 1, 1}, word.address(), reinterpret_cast<DevicePtr>(host)) == Result::Success);
    CHECK(word.get()[0] == 1234);
  }
  REQUIRE(cuCtxSetCurrent(pair.a) == Result::Success);
  CHECK(cuMemHostRegister_v2(&pair, 4, 0x100) == Result::InvalidValue);
  CHECK(cuMemFreeHost(host) == Result::Success);
}

TEST_CASE("what was advised about managed memory is told again") {
  Pair pair;
  DevicePtr p = 0;
  REQUIRE(cuMemAllocManaged(&p, 64, 1) == Result::Success);
  int told = 9;
  CHECK(cuMemRangeGetAttribute(&told, sizeof told, 4, p, 64) == Result::Success);
  CHECK(told == -2);
  CHECK(cuMemPrefetchAsync(p, 64, 1, nullptr) == Result::Success);
  CHECK(cuMemRangeGetAttribute(&told, sizeof told, 4, p, 64) == Result::Success);
  CHECK(told == 1);
  CHECK(cuMemPrefetchAsync_v2(p, 64, {2, 0}, 0, nullptr) == Result::Success);
  CHECK(cuMemRangeGetAttribute(&told, sizeof told, 4, p, 64) == Result::Success);
  CHECK(told == -1);
  CHECK(cuMemPrefetchAsync(p, 64, 5, nullptr) == Result::InvalidDevice);
  CHECK(cuMemPrefetchAsync(p, 65, 0, nullptr) == Result::InvalidValue);
  CHECK(cuMemAdvise(p, 64, 1, 0) == Result::Success);
  CHECK(cuMemAdvise(p, 64, 5, 1) == Result::Success);
  CHECK(cuMemAdvise_v2(p, 64, 3, {1, 0}) == Result::Success);
  CHECK(cuMemAdvise(p, 64, 7, 0) == Result::InvalidValue);
  int readMostly = 0, preferred = 0, accessedBy[2] = {};
  void *data[] = {&readMostly, &preferred, accessedBy};
  std::size_t bytes[] = {4, 4, 8};
  int attributes[] = {1, 2, 3};
  CHECK(cuMemRangeGetAttributes(data, bytes, attributes, 3, p, 64) == Result::Success);
  CHECK(readMostly == 1);
  CHECK(preferred == 0);
  CHECK((accessedBy[0] == 1 && accessedBy[1] == -2));
  CHECK(cuMemFree_v2(p) == Result::Success);
  REQUIRE(cuMemAlloc_v2(&p, 64) == Result::Success);
  CHECK(cuMemAdvise(p, 64, 1, 0) == Result::InvalidValue);
}

TEST_CASE("the stack of recursive functions follows its limit") {
  const simtest::Device device;
  simtest::Kernel kernel(recursive);
  const Array<std::uint32_t> word(std::vector<std::uint32_t>{0});
  CHECK(cuCtxSetLimit(Limit::StackSize, 1 << 20) == Result::InvalidValue);
  REQUIRE(cuCtxSetLimit(Limit::StackSize, 128 << 10) == Result::Success);
  CHECK(kernel.tryLaunch({1, 1, 1, 1}, word.address(), 1000u) == Result::Success);
  CHECK(word.get()[0] == 1000);
  REQUIRE(cuCtxSetLimit(Limit::StackSize, 4 << 10) == Result::Success);
  CHECK(kernel.tryLaunch({1, 1, 1, 1}, word.address(), 1000u) != Result::Success);
  CHECK(lastReport().kind == "stack_overflow");
}

TEST_CASE("the heap of kernels has the size that was set before its first use") {
  const simtest::Device device;
  REQUIRE(cuCtxSetLimit(Limit::MallocHeapSize, 1 << 20) == Result::Success);
  simtest::Kernel kernel(allocating);
  const Array<std::uint64_t> word(std::vector<std::uint64_t>{1});
  kernel({1, 1, 1, 1}, word.address(), std::uint64_t{2} << 20);
  CHECK(word.get()[0] == 0);
  kernel({1, 1, 1, 1}, word.address(), std::uint64_t{512} << 10);
  CHECK(word.get()[0] != 0);
  CHECK(cuCtxSetLimit(Limit::MallocHeapSize, 4 << 20) == Result::InvalidValue);
}

TEST_CASE("every error code has a name and a text") {
  unsigned named = 0;
  for (int code = 0; code < 1000; ++code) {
    const char *name = nullptr, *text = nullptr;
    const Result result = cuGetErrorName(static_cast<Result>(code), &name);
    CHECK(cuGetErrorString(static_cast<Result>(code), &text) == result);
    CHECK((name == nullptr) == (result != Result::Success));
    CHECK((text == nullptr) == (name == nullptr));
    named += name != nullptr;
  }
  CHECK(named == 101);
  const char *name = nullptr;
  CHECK(cuGetErrorName(static_cast<Result>(811), &name) == Result::Success);
  CHECK(std::string(name) == "CUDA_ERROR_CDP_NOT_SUPPORTED");
}

} // namespace sage::simtest
