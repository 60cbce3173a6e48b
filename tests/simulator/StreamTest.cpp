// The default streams of threads, linked programs across units (grid barriers, results), children of a process.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "Device.h"
#include "tools/simulator/driver/Exports.h"
#include "tools/simulator/driver/StreamMemory.h"

namespace sage::simtest {

using namespace cuda;

namespace {

/// What a program compiled for per-thread default streams calls.
template <class F> F perThread(const char *name, F) {
  void *pointer = nullptr;
  constexpr std::uint64_t perThreadFlag = 2;
  REQUIRE(cuGetProcAddress_v2(name, &pointer, 13000, perThreadFlag, nullptr) == Result::Success);
  return reinterpret_cast<F>(pointer);
}

unsigned long long streamId(Stream stream) {
  unsigned long long id = 0;
  CHECK(cuStreamGetId(stream, &id) == Result::Success);
  return id;
}

} // namespace

TEST_CASE("a null stream is the thread's own one for programs that are compiled so") {
  const simtest::Device device;
  const auto own = reinterpret_cast<Stream>(perThreadStreamValue);
  const Array<std::uint32_t> word(std::vector<std::uint32_t>{1});
  const auto begin = perThread("cuStreamBeginCapture", &cuStreamBeginCapture_v2);
  const auto end = perThread("cuStreamEndCapture", &cuStreamEndCapture);
  const auto set = perThread("cuMemsetD32Async", &cuMemsetD32Async);
  CHECK(cuStreamBeginCapture_v2(nullptr, 0) == Result::StreamCaptureUnsupported);
  REQUIRE(begin(nullptr, 0) == Result::Success);
  CHECK(set(word.address(), 7, 1, nullptr) == Result::Success);
  int status = 0;
  CHECK(cuStreamIsCapturing(own, &status) == Result::Success);
  CHECK(status == 1);
  // The legacy stream would have to wait for work that only gets recorded.
  CHECK(cuMemsetD32Async(word.address(), 8, 1, nullptr) == Result::StreamCaptureImplicit);
  Graph graph = nullptr;
  REQUIRE(end(nullptr, &graph) == Result::Success);
  std::size_t nodes = 0;
  CHECK(cuGraphGetNodes(graph, nullptr, &nodes) == Result::Success);
  CHECK(nodes == 1);
  CHECK(word.get()[0] == 1);
  CHECK(cuGraphDestroy(graph) == Result::Success);
  CHECK(cuStreamDestroy_v2(own) == Result::InvalidHandle);
}

TEST_CASE("calls that wait use the thread's own stream for programs that are compiled so") {
  const simtest::Device device;
  const auto own = reinterpret_cast<Stream>(perThreadStreamValue);
  const Array<std::uint32_t> word(std::vector<std::uint32_t>{1});
  const auto copy = perThread("cuMemcpyHtoD", &cuMemcpyHtoD_v2);
  const auto fill = perThread("cuMemsetD32", &cuMemsetD32_v2);
  const std::uint32_t nine = 9;
  Stream other = nullptr;
  REQUIRE(cuStreamCreate(&other, 0) == Result::Success);
  REQUIRE(cuStreamBeginCapture_v2(other, 0) == Result::Success);
  // The legacy stream would wait for what is being recorded; the thread's own one has nothing to do with it.
  CHECK(cuMemcpyHtoD_v2(word.address(), &nine, 4) == Result::StreamCaptureImplicit);
  CHECK(copy(word.address(), &nine, 4) == Result::Success);
  Graph graph = nullptr;
  REQUIRE(cuStreamEndCapture(other, &graph) == Result::Success);
  CHECK(cuGraphDestroy(graph) == Result::Success);
  CHECK(word.get()[0] == 9);
  // What is only recorded cannot be waited for.
  REQUIRE(cuStreamBeginCapture_v2(own, 0) == Result::Success);
  CHECK(fill(word.address(), 3, 1) == Result::StreamCaptureUnsupported);
  CHECK(cuStreamEndCapture(own, &graph) == Result::StreamCaptureInvalidated);
  CHECK(word.get()[0] == 9);
  CHECK(cuStreamDestroy_v2(other) == Result::Success);
}

TEST_CASE("streams write words and wait for them") {
  const simtest::Device device;
  const Buffer words(16);
  const DevicePtr p = words.address();
  const auto word = [&](std::size_t at) {
    std::uint64_t all[2] = {};
    words.read(all, sizeof all);
    return all[at];
  };
  CHECK(cuStreamWriteValue64_v2(nullptr, p, 0x1'0000'0005, 0) == Result::Success);
  CHECK(cuStreamWriteValue32(nullptr, p, 7, 1) == Result::Success);
  CHECK(word(0) == 0x1'0000'0007);
  enum : unsigned { AtLeast, Equal, AnyBit, NotAllBits };
  CHECK(cuStreamWaitValue32_v2(nullptr, p, 7, Equal) == Result::Success);
  CHECK(cuStreamWaitValue32(nullptr, p, 0xfffffff0, AtLeast) == Result::Success); // 23 ahead, around the end
  CHECK(cuStreamWaitValue64(nullptr, p, 0x1'0000'0000, AnyBit) == Result::Success);
  CHECK(cuStreamWaitValue64_v2(nullptr, p, ~std::uint64_t{0x10}, NotAllBits) == Result::Success);
  CHECK(cuStreamWaitValue32(nullptr, p + 2, 0, Equal) == Result::InvalidValue);
  CHECK(cuStreamWriteValue64(nullptr, p + 16, 0, 0) == Result::InvalidValue);
  CHECK(cuStreamWaitValue32(nullptr, p, 7, 4) == Result::InvalidValue);
  MemoryOperationParameters batch[] = {{MemoryOperation::Write32, p + 8, 3, 0, 0, 0},
                                       {MemoryOperation::Barrier, 0, 0, 0, 0, 0},
                                       {MemoryOperation::Wait32, p + 8, 3, Equal, 0, 0},
                                       {MemoryOperation::Write64, p + 8, 4, 0, 0, 0}};
  CHECK(cuStreamBatchMemOp_v2(nullptr, 4, batch, 0) == Result::Success);
  CHECK(word(1) == 4);
  CHECK(cuStreamBatchMemOp(nullptr, 257, batch, 0) == Result::InvalidValue);
  int can = 0;
  CHECK(cuDeviceGetAttribute(&can, static_cast<DeviceAttribute>(92), 0) == Result::Success);
  CHECK(can == 1);
}

TEST_CASE("a stream's wait is met by another thread, or ends as a kernel's time-out does") {
  simtest::Device device;
  Context context = nullptr;
  REQUIRE(cuCtxGetCurrent(&context) == Result::Success);
  const Array<std::uint32_t> word(std::vector<std::uint32_t>{0});
  std::thread writer([&] {
    CHECK(cuCtxSetCurrent(context) == Result::Success);
    CHECK(cuStreamWriteValue32(nullptr, word.address(), 5, 0) == Result::Success);
  });
  CHECK(cuStreamWaitValue32(nullptr, word.address(), 5, 0) == Result::Success);
  writer.join();
  CHECK(cuStreamWaitValue32(nullptr, word.address(), 6, 0) == Result::LaunchTimeout);
  CHECK(lastReport().kind == "timeout");
  CHECK(lastReport().message.find("waits for 6, and the word holds 5") != std::string::npos);
  CHECK(cuCtxSynchronize() == Result::LaunchTimeout);
  device.reset();
}

TEST_CASE("a batch of copies is done in order, and says which one cannot be") {
  const simtest::Device device;
  const Array<std::uint32_t> a(std::vector<std::uint32_t>{1, 2}), b(std::vector<std::uint32_t>{0, 0});
  const auto own = reinterpret_cast<Stream>(perThreadStreamValue);
  DevicePtr to[] = {b.address(), b.address() + 4, a.address()}, from[] = {a.address() + 4, b.address(), b.address()};
  std::size_t bytes[] = {4, 4, 4}, first = 0, failed = 0;
  int attributes[16] = {};
  CHECK(cuMemcpyBatchAsync(to, from, bytes, 3, attributes, &first, 1, &failed, own) == Result::Success);
  CHECK(b.get() == std::vector<std::uint32_t>{2, 2});
  CHECK(a.get() == std::vector<std::uint32_t>{2, 2});
  CHECK(failed == ~std::size_t{0});
  bytes[1] = 4096;
  CHECK(cuMemcpyBatchAsync(to, from, bytes, 3, attributes, &first, 1, &failed, own) == Result::InvalidValue);
  CHECK(failed == 1);
  CHECK(cuMemcpyBatchAsync_v2(to, from, bytes, 1, attributes, &first, 1, nullptr) == Result::InvalidValue);
  const auto perThreadBatch = perThread("cuMemcpyBatchAsync", &cuMemcpyBatchAsync_v2);
  CHECK(perThreadBatch(to, from, bytes, 1, attributes, &first, 1, nullptr) == Result::Success);
}

TEST_CASE("each thread has a default stream of its own") {
  const simtest::Device device;
  const auto own = reinterpret_cast<Stream>(perThreadStreamValue);
  Context context = nullptr;
  cuCtxGetCurrent(&context);
  const auto legacy = streamId(nullptr), mine = streamId(own);
  auto other = mine;
  int status = 1;
  REQUIRE(cuStreamBeginCapture_v2(own, 0) == Result::Success);
  std::thread([&] {
    cuCtxSetCurrent(context);
    cuStreamGetId(own, &other);
    cuStreamIsCapturing(own, &status);
  }).join();
  CHECK(other != mine);
  CHECK(mine != legacy);
  CHECK(streamId(own) == mine);
  CHECK(status == 0);
  Graph graph = nullptr;
  CHECK(cuStreamEndCapture(own, &graph) == Result::Success);
  cuGraphDestroy(graph);
}

TEST_CASE("a linked program's blocks wait for the whole grid") {
  const simtest::Device device;
  // Each block writes its word, then block b reads the word of the block behind it.
  const std::string text = R"(.version 8.0
.target sm_80
.address_size 64
.extern .func (.param .b64 h) cudaCGGetIntrinsicHandle(.param .b32 s);
.extern .func (.param .b32 r) cudaCGSynchronize(.param .b64 h, .param .b32 f);
.visible .entry k(.param .u64 p, .param .u64 q) {
  .reg .b64 %p, %q, %h, %at; .reg .b32 %b, %n, %x; .reg .pred %last;
  ld.param.b64 %p, [p]; ld.param.b64 %q, [q];
  mov.u32 %b, %ctaid.x; mov.u32 %n, %nctaid.x;
  { .param .b32 s; .param .b64 h; st.param.b32 [s], 1; call (h), cudaCGGetIntrinsicHandle, (s); ld.param.b64 %h, [h]; }
  mul.wide.u32 %at, %b, 4; add.u64 %at, %at, %p; add.u32 %x, %b, 100;
  st.global.u32 [%at], %x;
  { .param .b64 h; .param .b32 f; .param .b32 r; st.param.b64 [h], %h; st.param.b32 [f], 0;
    call (r), cudaCGSynchronize, (h, f); }
  add.u32 %x, %b, 1; setp.eq.u32 %last, %x, %n; @%last mov.b32 %x, 0;
  mul.wide.u32 %at, %x, 4; add.u64 %at, %at, %p; ld.global.u32 %x, [%at];
  mul.wide.u32 %at, %b, 4; add.u64 %at, %at, %q; st.global.u32 [%at], %x;
  ret;
})";
  Link link = nullptr;
  void *image = nullptr;
  REQUIRE(cuLinkCreate_v2(0, nullptr, nullptr, &link) == Result::Success);
  constexpr int ptx = 1, archive = 4;
  char library[] = "!<arch>\n";
  CHECK(cuLinkAddData_v2(link, archive, library, 8, "x", 0, nullptr, nullptr) == Result::Success);
  REQUIRE(cuLinkAddData_v2(link, ptx, const_cast<char *>(text.c_str()), text.size() + 1, "x", 0, nullptr, nullptr) ==
          Result::Success);
  REQUIRE(cuLinkComplete(link, &image, nullptr) == Result::Success);
  simtest::Kernel kernel(static_cast<const char *>(image));
  CHECK(cuLinkDestroy(link) == Result::Success);
  constexpr std::uint32_t blocks = 12;
  const Array<std::uint32_t> words(blocks), seen(blocks);
  DevicePtr p = words.address(), q = seen.address();
  void *arguments[] = {&p, &q};
  for (int launch = 0; launch < 2; ++launch)
    REQUIRE(cuLaunchCooperativeKernel(kernel.handle(), blocks, 1, 1, 64, 1, 1, 0, nullptr, arguments) ==
            Result::Success);
  for (std::uint32_t b = 0; b < blocks; ++b) CHECK(seen.get()[b] == 100 + (b + 1) % blocks);
}

TEST_CASE("a linked function without a result may be declared with one elsewhere") {
  const simtest::Device device;
  const std::string head = ".version 8.0\n.target sm_80\n.address_size 64\n";
  const std::string caller = head + R"(.extern .func (.param .b64 r) put(.param .b64 p);
.visible .entry k(.param .u64 p) {
  .reg .b64 %p, %r; ld.param.b64 %p, [p];
  { .param .b64 a; .param .b64 r; st.param.b64 [a], %p; call (r), put, (a); ld.param.b64 %r, [r]; }
  ret; })";
  const std::string callee = head + R"(.visible .func put(.param .b64 p) {
  .reg .b64 %p; ld.param.b64 %p, [p]; st.u32 [%p], 42; ret; })";
  Link link = nullptr;
  void *image = nullptr;
  REQUIRE(cuLinkCreate_v2(0, nullptr, nullptr, &link) == Result::Success);
  for (const std::string &text : {caller, callee})
    REQUIRE(cuLinkAddData_v2(link, 1, const_cast<char *>(text.c_str()), text.size() + 1, "x", 0, nullptr, nullptr) ==
            Result::Success);
  REQUIRE(cuLinkComplete(link, &image, nullptr) == Result::Success);
  simtest::Kernel kernel(static_cast<const char *>(image));
  CHECK(cuLinkDestroy(link) == Result::Success);
  const Array<std::uint32_t> word(std::vector<std::uint32_t>{0});
  kernel({1, 1, 1, 1}, word.address());
  CHECK(word.get()[0] == 42);
}

TEST_CASE("the child of a process that has used the driver cannot") {
  const simtest::Device device;
  const pid_t child = fork();
  if (child == 0) {
    std::size_t free = 0, total = 0;
    const bool refused =
        cuInit(0) == Result::NotInitialized && cuMemGetInfo_v2(&free, &total) == Result::NotInitialized;
    _exit(refused ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(cuInit(0) == Result::Success);
}

} // namespace sage::simtest
