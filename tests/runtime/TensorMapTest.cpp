// Tensor maps: what they describe, shown by a copy on the simulator, and what cannot be described.
#include "sage/runtime/TensorMap.h"

#include <catch2/catch.hpp>
#include <numeric>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

/// Copies the box at {0, 0, 1} of a tensor of three axes to shared memory, and its `bytes` from there to `out`.
constexpr const char *boxPtx = R"(
.version 8.0
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 smem[];
.visible .entry box(.param .u64 out, .param .u32 bytes, .param .align 64 .b8 map[128])
.reqntid 1, 1, 1
{
  .reg .b32 s, barrier, n, x, zero, one;
  .reg .b64 m, o;
  .reg .pred p;
  mov.b64 m, map;
  cvta.param.u64 m, m;
  ld.param.u64 o, [out];
  ld.param.u32 n, [bytes];
  mov.u32 s, smem;
  add.u32 barrier, s, n;
  mov.b32 zero, 0;
  mov.b32 one, 1;
  mbarrier.init.shared::cta.b64 [barrier], 1;
  fence.mbarrier_init.release.cluster;
  mbarrier.arrive.expect_tx.shared::cta.b64 _, [barrier], n;
  cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [s], [m, {zero, zero, one}], [barrier];
WAIT:
  mbarrier.try_wait.parity.shared::cta.b64 p, [barrier], zero;
  @!p bra WAIT;
NEXT:
  ld.shared.b32 x, [s];
  st.global.b32 [o], x;
  add.u32 s, s, 4;
  add.u64 o, o, 4;
  sub.u32 n, n, 4;
  setp.ne.u32 p, n, 0;
  @p bra NEXT;
  ret;
}
)";

DeviceRef simulator(const char *arch) {
  Result<DeviceRef> device = Device::open(std::string("sim:") + arch);
  INFO(device.status().message());
  REQUIRE(device.ok());
  return *device;
}

/// Shared memory after the copy of a box of [1, 8, `columns`] of a tensor [2, 6, 64] whose elements count up.
std::vector<std::uint16_t> boxInShared(int columns, Swizzle swizzle) {
  const DeviceRef device = simulator("sm_90a");
  std::vector<std::uint16_t> elements(2 * 6 * 72), seen(std::size_t(8 * columns));
  std::iota(elements.begin(), elements.end(), std::uint16_t(1));
  Buffer in = *device->allocate(elements.size() * 2), out = *device->allocate(seen.size() * 2);
  REQUIRE(in.upload(elements.data(), elements.size() * 2).ok());
  TensorView tensor = TensorView::contiguous(in.pointer(), DType::F16, {2, 6, 64});
  tensor.strides = {6 * 72, 72, 1};
  const int box[] = {1, 8, columns};
  Result<TensorMap> map = encodeTensorMap(*device, tensor, box, swizzle);
  INFO(map.status().message());
  REQUIRE(map.ok());
  Result<Module> module = device->loadModule(boxPtx);
  INFO(module.status().message());
  REQUIRE(module.ok());
  Stream stream = *device->createStream();
  DevicePointer to = out.pointer();
  auto bytes = unsigned(seen.size() * 2);
  void *arguments[] = {&to, &bytes, &*map};
  REQUIRE(device->launch(stream, *module->function("box", bytes + 8), {1, 1, 1}, {1, 1, 1}, bytes + 8, arguments).ok());
  REQUIRE(stream.synchronize().ok());
  REQUIRE(out.download(seen.data(), bytes).ok());
  return seen;
}

} // namespace

TEST_CASE("a copy brings the box that the tensor map describes, in its swizzle, with zeros outside") {
  const auto [swizzle, span] = GENERATE(table<Swizzle, int>(
      {{Swizzle::None, 32}, {Swizzle::Bytes32, 32}, {Swizzle::Bytes64, 64}, {Swizzle::Bytes128, 128}}));
  const int columns = span / 2;
  const std::vector<std::uint16_t> seen = boxInShared(columns, swizzle);
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < columns; ++column) {
      const int address = row * span + 2 * column, mask = swizzle == Swizzle::None ? 0 : span - 16;
      const int wanted = row < 6 ? 1 + (6 + row) * 72 + column : 0;
      INFO("swizzle " << int(swizzle) << ", row " << row << ", column " << column);
      REQUIRE(seen[std::size_t(address ^ (address >> 3 & mask)) / 2] == wanted);
    }
}

TEST_CASE("a tensor that cannot be mapped is refused with the rule that it breaks") {
  const DeviceRef device = simulator("sm_90a");
  TensorView tensor = TensorView::contiguous(4096, DType::F16, {2, 6, 64});
  std::vector<int> box = {1, 8, 64};
  Swizzle swizzle = Swizzle::Bytes128;
  std::string rule;
  SECTION("rank") { rule = "a tensor of 1 to 5 axes", tensor.rank = 6; }
  SECTION("no rank") { rule = "a tensor of 1 to 5 axes", tensor.rank = -1; }
  SECTION("box") { rule = "f16[2, 6, 64]: the box has 2 axes, the tensor 3", box.pop_back(); }
  SECTION("address") { rule = "its address must be a multiple of 16", tensor.pointer = 4104; }
  SECTION("extent") { rule = "axis 1: its extent must be 1 to 2^32", tensor.shape[1] = 0; }
  SECTION("large extent") { rule = "axis 1: its extent", tensor.shape[1] = (std::int64_t(1) << 32) + 1; }
  SECTION("empty box") { rule = "axis 0: a box of 0 elements; 1 to 256", box[0] = 0; }
  SECTION("large box") { rule = "axis 1: a box of 257 elements; 1 to 256", box[1] = 257; }
  SECTION("columns") { rule = "axis 2: the last axis must be contiguous", tensor.strides[2] = 2; }
  SECTION("stride") { rule = "axis 1: its stride of 136 bytes must be a multiple of 16", tensor.strides[1] = 68; }
  SECTION("negative stride") { rule = "axis 0: its stride of -64 elements", tensor.strides[0] = -64; }
  SECTION("large stride") { rule = "axis 0: its stride of", tensor.strides[0] = std::int64_t(1) << 62; }
  SECTION("row") { rule = "a row of the box has 120 bytes; it must be a multiple of 16", box[2] = 60; }
  SECTION("swizzle") { rule = "a row of the box has 128 bytes; the swizzle spans 64", swizzle = Swizzle::Bytes64; }
  const Status status = encodeTensorMap(*device, tensor, box, swizzle).status();
  CHECK(status.code() == Code::InvalidInput);
  CHECK_THAT(status.message(), Contains(rule));
}

TEST_CASE("what the rules allow, the driver takes") {
  const DeviceRef device = simulator("sm_90a");
  const int box[] = {1, 1, 256, 1, 128}, wide[] = {256};
  for (DType type : {DType::I8, DType::E4M3, DType::E5M2}) {
    const TensorView tensor = TensorView::contiguous(4096, type, {std::int64_t(1) << 32, 1, 9, 1, 16});
    CHECK(encodeTensorMap(*device, tensor, box, Swizzle::Bytes128).ok());
  }
  for (DType type : {DType::F16, DType::BF16, DType::F32, DType::I32})
    CHECK(encodeTensorMap(*device, TensorView::contiguous(4096, type, {7}), wide, Swizzle::None).ok());
}

TEST_CASE("a device before sm_90 has no tensor maps") {
  const int box[] = {64};
  const TensorView tensor = TensorView::contiguous(4096, DType::F16, {64});
  const Status status = encodeTensorMap(*simulator("sm_80"), tensor, box, Swizzle::None).status();
  CHECK(status.code() == Code::InvalidInput);
  CHECK_THAT(status.message(), Contains("needs sm_90 or later; sim:sm_80 is sm_80"));
}
