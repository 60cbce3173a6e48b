// Packing of kernel arguments: the layout of docs/artifact.md, and each thing that a launch refuses.
#include "sage/runtime/Kernel.h"

#include "TestMetadata.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

std::size_t allocations = 0; // of the whole program, by the operator below

} // namespace

void *operator new(std::size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr std::array<std::int64_t, 3> maxGrid{2147483647, 65535, 65535};

/// A call of the test kernel with H = 3, N = 130, correct until a test changes it.
struct Call {
  KernelMetadata metadata = *KernelMetadata::parse(testMetadata().dump());
  std::vector<NamedView> views{{"X", TensorView::contiguous(0x100000, DType::F16, {3, 130, 64})},
                               {"S", TensorView::contiguous(0x300000, DType::F32, {3, 12})},
                               {"Y", TensorView::contiguous(0x200000, DType::I8, {3, 130, 64})}};
  std::vector<NamedScalar> scalars{{"steps", -2}, {"scale", 0.5}};
  std::vector<NamedExtent> extents;
  PackedArguments packed;

  TensorView &x() { return views[0].view; }
  TensorView &s() { return views[1].view; }
  TensorView &y() { return views[2].view; }
  Status pack() { return packArguments(metadata, {views, scalars, extents}, maxGrid, packed); }
  std::string error() {
    const Status status = pack();
    CHECK(status.code() == Code::InvalidInput);
    CHECK_THAT(status.message(), Catch::Matchers::StartsWith("kernel 'quantize': "));
    return status.message();
  }
};

} // namespace

TEST_CASE("arguments are views in declared order, then extents, then scalars") {
  Call call;
  REQUIRE(call.pack().ok());
  const std::vector<std::uint64_t> expected{
      0x100000,         130 * 64, 64, 0x200000, 130 * 64, 64, 0x300000, 12, 3, 130, std::bit_cast<std::uint32_t>(0.5f),
      std::uint64_t(-2)};
  REQUIRE(call.packed.count == int(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(call.packed.slots[i] == expected[i]);
    CHECK(call.packed.pointers[i] == &call.packed.slots[i]);
  }
  CHECK(call.packed.grid == std::array<unsigned, 3>{3, 3, 1});
}

TEST_CASE("strides of the caller reach the kernel") {
  Call call;
  call.x().strides = {64, 3 * 64, 1};
  REQUIRE(call.pack().ok());
  CHECK(call.packed.slots[1] == 64);
  CHECK(call.packed.slots[2] == 192);
}

TEST_CASE("names must match") {
  Call missing;
  missing.views.pop_back();
  CHECK_THAT(missing.error(), Contains("view 'Y' is not given"));
  Call unknown;
  unknown.views.push_back({"Z", unknown.x()});
  CHECK_THAT(unknown.error(), Contains("there is no view 'Z'"));
  Call twice;
  twice.views.push_back(twice.views[0]);
  CHECK_THAT(twice.error(), Contains("view 'X' is given twice"));
  Call scalar;
  scalar.scalars.pop_back();
  CHECK_THAT(scalar.error(), Contains("scalar 'scale' is not given"));
  Call extra;
  extra.scalars.push_back({"fold", 1});
  CHECK_THAT(extra.error(), Contains("there is no scalar 'fold'"));
}

TEST_CASE("types and shapes must match the metadata") {
  Call type;
  type.x().dtype = DType::BF16;
  CHECK_THAT(type.error(), Contains("view 'X' is bf16[3, 130, 64]; its type must be f16"));
  Call rank;
  rank.s() = TensorView::contiguous(0x300000, DType::F32, {36});
  CHECK_THAT(rank.error(), Contains("must have 2 axes"));
  Call differing;
  differing.y().shape[1] = 131;
  CHECK_THAT(differing.error(), Contains("extent N is 131 in 'Y', but 130 before it"));
  Call fixed;
  fixed.x().shape[2] = 32;
  CHECK_THAT(fixed.error(), Contains("axis 2 must be 64"));
  Call groups;
  groups.s().shape[1] = 8;
  CHECK_THAT(groups.error(), Contains("axis 1 must be 12"));
}

TEST_CASE("extents stay between 1 and 2^31 - 1") {
  for (std::int64_t bad : {std::int64_t(0), std::int64_t(-1), std::int64_t(1) << 31}) {
    Call call;
    call.x().shape[1] = bad;
    CHECK_THAT(call.error(), Contains("allowed: 1 to 2147483647"));
  }
  Call explicitExtent;
  explicitExtent.extents = {{"N", 130}};
  CHECK(explicitExtent.pack().ok());
  explicitExtent.extents = {{"N", 128}};
  CHECK_THAT(explicitExtent.error(), Contains("extent N is 128 in 'N', but 130 before it"));
  explicitExtent.extents = {{"M", 1}};
  CHECK_THAT(explicitExtent.error(), Contains("there is no extent 'M'"));
}

TEST_CASE("rows are moved in 16-byte pieces, so addresses and strides are multiples of 16 bytes") {
  Call pointer;
  pointer.x().pointer += 8;
  CHECK_THAT(pointer.error(), Contains("its address must be a multiple of 16 bytes"));
  Call stride;
  stride.x().strides = {130 * 68, 68, 1};
  CHECK_THAT(stride.error(), Contains("axis 1: the stride must be a multiple of 16 bytes"));
  Call scales; // no rows: aligned to its elements only
  scales.s().pointer += 4;
  scales.s().strides[0] = 13;
  CHECK(scales.pack().ok());
  scales.s().pointer += 2;
  CHECK_THAT(scales.error(), Contains("its address must be a multiple of 4 bytes"));
  Call null;
  null.x().pointer = 0;
  CHECK_THAT(null.error(), Contains("view 'X' has no memory"));
}

TEST_CASE("strides that a kernel cannot use are refused") {
  Call last;
  last.x().strides[2] = 2;
  CHECK_THAT(last.error(), Contains("the last axis must be contiguous"));
  Call negative;
  negative.x().strides[0] = -8320;
  CHECK_THAT(negative.error(), Contains("out of range"));
  Call huge;
  huge.x().strides[0] = std::int64_t(1) << 62;
  CHECK_THAT(huge.error(), Contains("out of range"));
  Call broadcastInput;
  broadcastInput.x().strides[0] = 0;
  CHECK(broadcastInput.pack().ok());
  Call broadcastOutput;
  broadcastOutput.y().strides[0] = 0;
  CHECK_THAT(broadcastOutput.error(), Contains("an output cannot have the stride 0"));
}

TEST_CASE("outputs overlap neither inputs nor each other") {
  Call input;
  input.y().pointer = input.x().pointer + std::uint64_t(input.x().spanBytes()) - 16;
  CHECK_THAT(input.error(), Contains("output 'Y' overlaps 'X'"));
  Call touching;
  touching.y().pointer = touching.x().pointer + std::uint64_t(touching.x().spanBytes());
  CHECK(touching.pack().ok());
  Call outputs;
  outputs.s().pointer = outputs.y().pointer + 64;
  CHECK_THAT(outputs.error(), Contains("output 'Y' overlaps 'S'"));
}

TEST_CASE("the grid must fit the device") {
  Call call;
  const KernelArguments arguments{call.views, call.scalars, call.extents};
  const Status status = packArguments(call.metadata, arguments, {2, 65535, 65535}, call.packed);
  CHECK_THAT(status.message(), Contains("the grid needs 3 blocks along x; the device allows 1 to 2"));
}

TEST_CASE("an integer scalar takes only integers of its range") {
  for (double bad : {0.5, 2147483648.0, -2147483649.0, std::nan("")}) {
    Call call;
    call.scalars[0].value = bad;
    CHECK_THAT(call.error(), Contains("scalar 'steps'"));
  }
}

TEST_CASE("packing allocates nothing where nothing is wrong") {
  Call call;
  const std::size_t before = allocations;
  const bool good = call.pack().ok();
  const std::size_t after = allocations;
  REQUIRE(good);
  CHECK(after == before);
  call.scalars.pop_back();
  CHECK_FALSE(call.pack().ok());
  CHECK(allocations > after); // the message: so the counter does count the library's
}
