// The runtime on the simulator, with a kernel written by hand: devices, buffers, modules, launches. Needs no compiler.
#include "sage/runtime/Device.h"
#include "sage/runtime/Kernel.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <numeric>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

/// Y[n, c] = factor · X[n, c] for rows of 64 floats; one block of 64 threads a row.
constexpr const char *scalePtx = R"(
.version 7.0
.target sm_80
.address_size 64
.visible .entry scale(.param .u64 x, .param .u64 xStride, .param .u64 y, .param .u64 yStride, .param .u64 n,
                      .param .f32 factor)
.reqntid 64, 1, 1
{
  .reg .b32 %r<4>;
  .reg .b64 %d<16>;
  .reg .f32 %f<4>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %tid.x;
  cvt.u64.u32 %d1, %r1;
  cvt.u64.u32 %d2, %r2;
  ld.param.u64 %d3, [x];
  ld.param.u64 %d4, [xStride];
  ld.param.u64 %d5, [y];
  ld.param.u64 %d6, [yStride];
  ld.param.f32 %f1, [factor];
  mad.lo.s64 %d7, %d1, %d4, %d2;
  shl.b64 %d8, %d7, 2;
  add.s64 %d9, %d3, %d8;
  ld.global.f32 %f2, [%d9];
  mul.rn.f32 %f3, %f2, %f1;
  mad.lo.s64 %d10, %d1, %d6, %d2;
  shl.b64 %d11, %d10, 2;
  add.s64 %d12, %d5, %d11;
  st.global.f32 [%d12], %f3;
  ret;
}
)";

std::shared_ptr<Artifact> scaleArtifact(const std::string &arch = "sm_80") {
  const nlohmann::json row = {{"of", "N"}, {"divisor", 1}, {"times", 1}};
  const nlohmann::json column = {{"of", nullptr}, {"divisor", 1}, {"times", 64}};
  const nlohmann::json metadata = {
      {"format", 1},
      {"entry", "scale"},
      {"program", "scale.tile"},
      {"arch", arch},
      {"ptx_version", "7.0"},
      {"min_driver", 11000},
      {"grid", {row}},
      {"block", {64, 1, 1}},
      {"shared_bytes", 0},
      {"cluster", {1, 1, 1}},
      {"views",
       {{{"name", "X"}, {"dtype", "f32"}, {"access", "read"}, {"extents", {row, column}}},
        {{"name", "Y"}, {"dtype", "f32"}, {"access", "write"}, {"extents", {row, column}}}}},
      {"extents", {"N"}},
      {"scalars", {{{"name", "factor"}, {"dtype", "f32"}}}},
      {"compiler", "hand"},
      {"hash", "0"}};
  auto artifact = std::make_shared<Artifact>();
  artifact->ptx = scalePtx;
  artifact->metadataJson = metadata.dump();
  Result<KernelMetadata> parsed = KernelMetadata::parse(artifact->metadataJson);
  REQUIRE(parsed.ok());
  artifact->metadata = *parsed;
  return artifact;
}

DeviceRef simulator() {
  Result<DeviceRef> device = Device::open("sim:sm_80");
  INFO(device.status().message());
  REQUIRE(device.ok());
  return *device;
}

KernelRef scaleKernel(const DeviceRef &device) {
  Result<KernelRef> kernel = Kernel::load(device, scaleArtifact());
  INFO(kernel.status().message());
  REQUIRE(kernel.ok());
  return *kernel;
}

} // namespace

TEST_CASE("the simulator says what it simulates") {
  const DeviceRef device = simulator();
  CHECK(device->simulated());
  CHECK(device->spec() == "sim:sm_80");
  CHECK(device->arch() == "sm_80");
  CHECK(device->limits().maxSharedBytesPerBlock == 166912);
  CHECK(device->limits().maxGrid[1] == 65535);
  CHECK(device->runs("sm_80"));
  CHECK_FALSE(device->runs("sm_86"));
  CHECK_THAT(device->description(), Contains("sim:sm_80"));
}

TEST_CASE("an arch that the simulator does not know is refused with those it knows") {
  const Status status = Device::open("sim:sm_12").status();
  CHECK(status.code() == Code::InvalidInput);
  CHECK_THAT(status.message(), Contains("no device 'sm_12'") && Contains("sm_80"));
}

TEST_CASE("without a GPU, auto takes the simulator and says why") {
  Result<DeviceRef> device = Device::open("auto", {"/nowhere/libcuda.so.1", ""});
  REQUIRE(device.ok());
  CHECK((*device)->spec() == "sim:sm_80");
  CHECK_THAT((*device)->description(), Contains("no usable GPU") && Contains("/nowhere/libcuda.so.1"));
}

TEST_CASE("bytes survive the way to the device and back") {
  const DeviceRef device = simulator();
  Result<Buffer> buffer = device->allocate(1000);
  REQUIRE(buffer.ok());
  std::vector<unsigned char> sent(1000), received(1000);
  std::iota(sent.begin(), sent.end(), 0);
  REQUIRE(buffer->upload(sent.data(), 1000).ok());
  REQUIRE(buffer->download(received.data(), 1000).ok());
  CHECK(sent == received);
  REQUIRE(buffer->download(received.data(), 10, 500).ok());
  CHECK(received[0] == sent[500]);
  REQUIRE(buffer->fill(7).ok());
  REQUIRE(buffer->download(received.data(), 1000).ok());
  CHECK(received == std::vector<unsigned char>(1000, 7));
  Stream stream = *device->createStream();
  REQUIRE(buffer->fill(9, stream).ok());
  REQUIRE(stream.synchronize().ok());
  REQUIRE(buffer->download(received.data(), 1000).ok());
  CHECK(received == std::vector<unsigned char>(1000, 9));
  Stream nobodys;
  CHECK(buffer->fill(9, nobodys).code() == Code::InvalidInput);
}

TEST_CASE("copies stay inside their buffer") {
  const DeviceRef device = simulator();
  Buffer buffer = *device->allocate(16);
  char bytes[32] = {};
  CHECK(buffer.upload(bytes, 17).code() == Code::InvalidInput);
  CHECK(buffer.upload(bytes, 8, 9).code() == Code::InvalidInput);
  CHECK(buffer.download(bytes, 1, ~std::size_t(0)).code() == Code::InvalidInput);
  CHECK(Buffer().upload(bytes, 1).code() == Code::InvalidInput);
  CHECK(device->allocate(std::size_t(1) << 60).status().code() == Code::Device);
}

TEST_CASE("a kernel sees pointers, strides and scalars as its metadata says") {
  const DeviceRef device = simulator();
  const KernelRef kernel = scaleKernel(device);
  Stream stream = *device->createStream();
  std::vector<float> x(5 * 96), y(5 * 64);
  std::iota(x.begin(), x.end(), 0.0f);
  Buffer input = *device->allocate(x.size() * 4), output = *device->allocate(y.size() * 4);
  REQUIRE(input.upload(x.data(), x.size() * 4).ok());
  TensorView source = TensorView::contiguous(input.pointer(), DType::F32, {5, 64});
  source.strides[0] = 96;
  const NamedView views[] = {{"X", source}, {"Y", TensorView::contiguous(output.pointer(), DType::F32, {5, 64})}};
  const NamedScalar scalars[] = {{"factor", 0.5}};
  REQUIRE(kernel->launch(stream, {views, scalars, {}}).ok());
  REQUIRE(stream.synchronize().ok());
  REQUIRE(output.download(y.data(), y.size() * 4).ok());
  for (std::size_t n = 0; n < 5; ++n)
    for (std::size_t c = 0; c < 64; ++c) REQUIRE(y[n * 64 + c] == 0.5f * float(n * 96 + c));
  Result<std::string> counters = device->counters();
  REQUIRE(counters.ok());
  CHECK(nlohmann::json::accept(*counters));
}

TEST_CASE("what a kernel does wrong is an error, not a crash") {
  const DeviceRef device = simulator();
  const KernelRef kernel = scaleKernel(device);
  Stream stream = *device->createStream();
  Buffer input = *device->allocate(4 * 64 * 4), output = *device->allocate(4 * 64 * 4);
  REQUIRE(input.fill(0).ok());
  // The views claim a row more than the buffers hold.
  const NamedView views[] = {{"X", TensorView::contiguous(input.pointer(), DType::F32, {5, 64})},
                             {"Y", TensorView::contiguous(output.pointer() + 1024 * 1024, DType::F32, {5, 64})}};
  const NamedScalar scalars[] = {{"factor", 1.0}};
  Status status = kernel->launch(stream, {views, scalars, {}});
  if (status.ok()) status = stream.synchronize();
  CHECK(status.code() == Code::Device);
  CHECK_FALSE(status.message().empty());
}

TEST_CASE("PTX that the driver refuses is an error with its log") {
  const DeviceRef device = simulator();
  const std::string header = ".version 7.0\n.target sm_80\n.address_size 64\n";
  const Status status = device->loadModule(header + ".entry f() { frobnicate; }").status();
  CHECK(status.code() == Code::Device);
  CHECK_THAT(status.message(), Contains("cuModuleLoadDataEx") && Contains("frobnicate"));
  CHECK_FALSE(device->loadModule("").ok());
}

TEST_CASE("an entry point that a module lacks is named") {
  const DeviceRef device = simulator();
  Result<Module> module = device->loadModule(scalePtx);
  REQUIRE(module.ok());
  CHECK_THAT(module->function("scail").status().message(), Contains("entry point 'scail'"));
  CHECK_THAT(module->function("scale", 1 << 19).status().message(), Contains("needs 524288 bytes of shared memory"));
  CHECK_FALSE(Module().function("scale").ok());
}

TEST_CASE("a kernel for another arch is refused before it is loaded") {
  CHECK_THAT(Kernel::load(simulator(), scaleArtifact("sm_90a")).status().message(),
             Contains("compiled for sm_90a, which sim:sm_80 cannot run"));
}

TEST_CASE("events measure a stream") {
  const DeviceRef device = simulator();
  Stream stream = *device->createStream();
  Event start = *device->createEvent(), end = *device->createEvent();
  REQUIRE(start.record(stream).ok());
  REQUIRE(end.record(stream).ok());
  REQUIRE(end.synchronize().ok());
  Result<float> time = end.millisecondsSince(start);
  REQUIRE(time.ok());
  CHECK(*time >= 0.0f);
  CHECK(Event().record(stream).code() == Code::InvalidInput);
}

TEST_CASE("an event tells whether it was reached, and waits for nothing") {
  for (const char *driver : {"", BUSY_DRIVER}) {
    Result<DeviceRef> device = Device::open("sim:sm_80", {"", driver});
    INFO(device.status().message());
    REQUIRE(device.ok());
    Stream stream = *(*device)->createStream();
    Event event = *(*device)->createEvent();
    REQUIRE(event.record(stream).ok());
    Result<bool> reached = event.reached();
    REQUIRE(reached.ok());
    CHECK(*reached == (*driver == 0));
  }
  CHECK(Event().reached().status().code() == Code::InvalidInput);
}

TEST_CASE("a moved-from object is empty, and an empty one is harmless") {
  const DeviceRef device = simulator();
  Buffer first = *device->allocate(16), second = std::move(first);
  CHECK(second.pointer() != 0);
  Stream stream;
  CHECK(stream.synchronize().code() == Code::InvalidInput);
  CHECK_FALSE(Event().synchronize().ok());
}

TEST_CASE("one process simulates one arch at a time, and another after it") {
  {
    const DeviceRef device = simulator();
    CHECK_THAT(Device::open("sim:sm_90a").status().message(), Contains("another arch is open"));
  }
  Result<DeviceRef> hopper = Device::open("sim:sm_90a");
  INFO(hopper.status().message());
  REQUIRE(hopper.ok());
  CHECK((*hopper)->arch() == "sm_90a");
  CHECK((*hopper)->runs("sm_80"));
}

TEST_CASE("a module says what its functions take, and PTX can be assembled ahead of loading") {
  Result<DeviceRef> device = Device::open("sim:sm_80");
  REQUIRE(device.ok());
  const std::string ptx = std::string(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k() {\n"
                                      ".shared .b32 s[12];\nst.shared.b32 [s], 1;\n.local .b8 l[16];\nret;\n}\n");
  Result<std::string> assembled = (*device)->assemble(ptx);
  REQUIRE(assembled.ok());
  for (const std::string &image : {ptx, *assembled}) {
    std::string notes = "old";
    Result<Module> module = (*device)->loadModule(image, &notes);
    REQUIRE(module.ok());
    CHECK(notes != "old");
    Result<Function> function = module->function("k");
    REQUIRE(function.ok());
    Result<FunctionFacts> facts = module->facts(*function);
    REQUIRE(facts.ok());
    CHECK(facts->sharedBytes == 48);
    CHECK(facts->localBytes == 16);
    CHECK(facts->registers > 0);
  }
  CHECK_THAT((*device)->assemble("not PTX").status().message(), Contains("cuLinkAddData_v2"));
  CHECK_FALSE(Module().facts({}).ok());
}
