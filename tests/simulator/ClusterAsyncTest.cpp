// The asynchronous proxy across the blocks of a cluster: mbarriers of other blocks, st.async and red.async, copies from
// block to block, multicast. Every element is a number of its own.
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "Planted.h"
#include "tools/simulator/memory/TensorMap.h"

namespace sage::simtest {
namespace {

// %s: shared memory, its mbarrier at byte 4096; %fs and %fb the same of the next block; %one: the first thread.
const std::string head =
    ".reg .b32 %r<20>, %t, %rank, %size, %peer, %s, %b, %fs, %fb; .reg .b64 %rd<20>; .reg .pred %p<6>, %one;\n"
    ".reg .b16 %h; mov.u32 %t, %tid.x; mov.u32 %rank, %cluster_ctarank; mov.u32 %size, %cluster_nctarank;\n"
    "add.u32 %peer, %rank, 1; rem.u32 %peer, %peer, %size; mov.u32 %s, s; add.u32 %b, %s, 4096; setp.eq.u32 %one, %t, "
    "0;\nmapa.shared::cluster.u32 %fs, %s, %peer; mapa.shared::cluster.u32 %fb, %b, %peer; shl.b32 %r1, %t, 2;\n";
const std::string sync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";

std::string kernel90(const std::string &parameters, const std::string &body) {
  return kernelText(parameters, head + body, "sm_90a", ".extern .shared .align 1024 .b8 s[];\n");
}
/// A phase that waits for one arrival and BYTES.
std::string expectBytes(unsigned bytes) {
  return "@%one mbarrier.init.shared.b64 [%b], 1;\n@%one mbarrier.arrive.expect_tx.shared.b64 _, [%b], " +
         std::to_string(bytes) + ";\nfence.mbarrier_init.release.cluster;\n" + sync;
}
const std::string wait = "{ .reg .pred done; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [%b], 0; @!done bra "
                         "AGAIN; }\n";
/// p[block][thread] = the thread's word of the block's shared memory at OFFSET.
std::string dump(unsigned offset = 0) {
  return "add.u32 %r2, %s, %r1; ld.shared.b32 %r3, [%r2+" + std::to_string(offset) +
         "]; mov.u32 %r4, %ctaid.x; mov.u32 %r5, %ntid.x; mad.lo.u32 %r4, %r4, %r5, %t; mul.wide.u32 %rd2, %r4, 4;\n"
         "ld.param.u64 %rd1, [p]; add.s64 %rd1, %rd1, %rd2; st.global.b32 [%rd1], %r3;\n";
}
/// What a thread sends: 1000 · rank + its number, in %r7.
const std::string own = "mad.lo.u32 %r7, %rank, 1000, %t;\n";

Kernel::Shape shape(unsigned grid, unsigned cluster) {
  return {.gridX = grid, .blockX = 64, .sharedBytes = 4112, .clusterX = cluster};
}

/// Runs BODY on two clusters of SIZE blocks; every thread must get what the thread of the block before sent it.
void expectFromBlockBefore(const std::string &body, unsigned size) {
  Kernel kernel(kernel90(".param .u64 p", body));
  const Array<unsigned> out(2 * size * 64);
  kernel(shape(2 * size, size), out.address());
  const auto got = out.get();
  for (unsigned k = 0; k < got.size(); ++k) REQUIRE(got[k] == (k / 64 % size + size - 1) % size * 1000 + k % 64);
}

} // namespace

TEST_CASE("st.async stores into another block and reports to its mbarrier") {
  const Device device("sm_90a");
  const std::string to = own + "add.u32 %r8, %fs, %r1;\n";
  for (const unsigned size : {1u, 2u, 4u}) {
    expectFromBlockBefore(expectBytes(256) + to +
                              "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r8], %r7, [%fb];\n" +
                              wait + dump() + sync,
                          size);
    // Even threads send a pair.
    expectFromBlockBefore(
        expectBytes(256) + to +
            "add.u32 %r9, %r7, 1; and.b32 %r6, %t, 1; setp.eq.u32 %p1, %r6, 0;\n@%p1 "
            "st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.s32 [%r8], {%r7, %r9}, [%fb];\n" +
            wait + dump() + sync,
        size);
    expectFromBlockBefore(
        expectBytes(256) + to +
            "add.u32 %r9, %r7, 1; mov.b64 %rd5, {%r7, %r9}; and.b32 %r6, %t, 1; setp.eq.u32 %p1, %r6, 0;\n"
            "@%p1 st.async.shared::cluster.mbarrier::complete_tx::bytes.b64 [%r8], %rd5, [%fb];\n" +
            wait + dump() + sync,
        size);
  }
}

TEST_CASE("red.async adds up what several blocks send") {
  const Device device("sm_90a");
  // All four blocks add to the first one's words; each of its words gets 4 · 4 bytes.
  Kernel kernel(kernel90(
      ".param .u64 p", "add.u32 %r2, %s, %r1; st.shared.u32 [%r2], 5;\n" + expectBytes(4 * 256) + own +
                           "mapa.shared::cluster.u32 %r8, %r2, 0; mapa.shared::cluster.u32 %r9, %b, 0;\n"
                           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r8], %r7, "
                           "[%r9];\nsetp.eq.u32 %p2, %rank, 0; @!%p2 bra END;\n" +
                           wait + dump() + "END:\n" + sync));
  const Array<unsigned> out(std::vector<unsigned>(4 * 64, 0));
  kernel(shape(4, 4), out.address());
  const auto got = out.get();
  for (unsigned k = 0; k < 64; ++k) REQUIRE(got[k] == 5 + 6000 + 4 * k);
}

TEST_CASE("a bulk copy from block to block") {
  const Device device("sm_90a");
  const std::string fill =
      own + "add.u32 %r2, %s, %r1; st.shared.u32 [%r2+1024], %r7; fence.proxy.async; bar.sync 0;\n";
  const std::string copy =
      "add.u32 %r8, %s, 1024; @%one cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx"
      "::bytes [%fs], [%r8], 256, [%fb];\n";
  expectFromBlockBefore(fill + expectBytes(256) + copy + wait + dump() + sync, 2);
  expectFromBlockBefore(fill + expectBytes(256) + copy + wait + dump() + sync, 4);
}

TEST_CASE("a multicast copy lands at the same place of every block of its mask") {
  const Device device("sm_90a");
  std::vector<unsigned> values(64);
  std::iota(values.begin(), values.end(), 500);
  const Array<unsigned> in(values);
  // The second block of four sends to the first and the last one.
  Kernel kernel(
      kernel90(".param .u64 p, .param .u64 q",
               "setp.eq.u32 %p1, %rank, 0; setp.eq.u32 %p2, %rank, 3; or.pred %p3, %p1, %p2;\n"
               "add.u32 %r2, %s, %r1; st.shared.u32 [%r2], 7; fence.proxy.async; bar.sync 0;\n"
               "selp.b32 %r6, 256, 0, %p3; @%one mbarrier.init.shared.b64 [%b], 1;\n"
               "@%one mbarrier.arrive.expect_tx.shared.b64 _, [%b], %r6;\n" +
                   sync +
                   "setp.eq.u32 %p4, %rank, 1; and.pred %p4, %p4, %one; ld.param.u64 %rd3, [q]; mov.b16 %h, 9;\n"
                   "@%p4 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
                   "[%s], [%rd3], 256, [%b], %h;\n" +
                   wait + dump() + sync));
  const Array<unsigned> out(4 * 64);
  kernel(shape(4, 4), out.address(), in.address());
  const auto got = out.get();
  for (unsigned k = 0; k < got.size(); ++k) REQUIRE(got[k] == (k / 64 == 0 || k / 64 == 3 ? 500 + k % 64 : 7));
}

namespace {

struct alignas(64) MapArgument {
  std::array<std::uint8_t, 128> bytes{};
};

} // namespace

TEST_CASE("two blocks fetch halves of a tile and multicast them to each other") {
  const Device device("sm_90a");
  std::vector<unsigned> image(64 * 4);
  std::iota(image.begin(), image.end(), 1);
  const Array<unsigned> in(image);
  sim::TensorMap map;
  map.magic = sim::TensorMap::magicValue;
  map.element = sim::TensorElement::U32;
  map.swizzle = sim::TensorSwizzle::None;
  map.rank = 2;
  map.address = in.address();
  map.size = {63, 3};
  map.box = {32, 1};
  map.elementStride = {1, 1, 1, 1, 1};
  map.stride = {256};
  MapArgument argument;
  std::memcpy(argument.bytes.data(), &map, sizeof map);
  Kernel kernel(
      kernel90(".param .align 64 .b8 m[128], .param .u64 p",
               expectBytes(256) +
                   "mov.b64 %rd5, m; cvta.param.u64 %rd5, %rd5; shl.b32 %r6, %rank, 5; shl.b32 %r7, %rank, 7;\n"
                   "add.u32 %r7, %r7, %s; mov.b16 %h, 3; mov.u32 %r8, 2;\n@%one "
                   "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::"
                   "cluster [%r7], [%rd5, {%r6, %r8}], [%b], %h;\n" +
                   wait + dump() + sync));
  const Array<unsigned> out(2 * 64);
  kernel(shape(2, 2), argument, out.address());
  const auto got = out.get();
  for (unsigned k = 0; k < got.size(); ++k) REQUIRE(got[k] == 129 + k % 64);
}

namespace {

void expectAsyncFault(const std::string &bad, const std::string &good, const std::string &kind, Result code,
                      const std::string &mark) {
  const std::string memory = ".shared .align 128 .b8 s[4112];\n";
  expectFault(memory + head + bad, memory + head + good, kind, code, mark, {.gridX = 2, .blockX = 32, .clusterX = 2},
              "sm_90a");
}
const std::string send = "add.u32 %r8, %fs, %r1;\nst.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r8], %t, "
                         "[%fb]; // send\n";
const std::string look = "add.u32 %r2, %s, %r1;\nld.shared.u32 %r3, [%r2]; // look\n";

} // namespace

TEST_CASE("planted: what another block sends is read before the wait") {
  expectAsyncFault(expectBytes(128) + send + sync + look + wait, expectBytes(128) + send + sync + wait + look,
                   "in_flight_access", Result::LaunchFailed, "// look");
}

TEST_CASE("planted: a block ends before what was sent to it has been waited for") {
  expectAsyncFault(expectBytes(128) + send + sync, expectBytes(128) + send + wait + sync, "unfinished_copy",
                   Result::LaunchFailed, "// send");
}

TEST_CASE("planted: destination and mbarrier in different blocks") {
  expectAsyncFault(expectBytes(128) +
                       "add.u32 %r8, %fs, %r1;\nst.async.shared::cluster.mbarrier::complete_tx::bytes.u32 "
                       "[%r8], %t, [%b]; // mixed\n" +
                       wait + sync,
                   expectBytes(128) + send + wait + sync, "illegal_instruction", Result::IllegalInstruction,
                   "// mixed");
}

TEST_CASE("planted: the source of a copy between blocks is overwritten before it has been read") {
  const std::string fill =
      "add.u32 %r2, %s, %r1; st.shared.u32 [%r2+1024], %t; fence.proxy.async; bar.sync 0;\n" + expectBytes(128) +
      "add.u32 %r8, %s, 1024; @%one cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx"
      "::bytes [%fs], [%r8], 128, [%fb];\nbar.warp.sync 0xffffffff;\n";
  const std::string overwrite = "st.shared.u32 [%r2+1024], 0; // over\n";
  expectAsyncFault(fill + overwrite + wait + sync, fill + wait + sync + overwrite, "in_flight_access",
                   Result::LaunchFailed, "// over");
}

TEST_CASE("planted: a multicast to a block that the cluster does not have") {
  const auto copy = [](const std::string &mask, const std::string &mark) {
    return expectBytes(128) +
           "setp.eq.u32 %p4, %rank, 0; and.pred %p4, %p4, %one; ld.param.u64 %rd3, [p]; mov.b16 %h, " + mask +
           ";\n@%p4 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%s], [%rd3], "
           "128, [%b], %h; // " +
           mark + "\n" + wait + sync;
  };
  expectAsyncFault(copy("7", "third"), copy("3", "both"), "illegal_instruction", Result::IllegalInstruction,
                   "// third");
}

TEST_CASE("planted: a multicast into what a consumer of the other block still reads") {
  // Block 1 reads its buffer, block 0 refills both; the twin waits for the consumer's arrival at block 0's mbarrier.
  const std::string start =
      "add.u32 %r2, %s, %r1; st.shared.u32 [%r2], 1; fence.proxy.async; bar.sync 0;\nadd.u32 %r9, "
      "%s, 4104; @%one mbarrier.init.shared.b64 [%r9], 32;\n" +
      expectBytes(128) +
      "setp.eq.u32 %p1, %rank, 0; mapa.shared::cluster.u32 %r10, %r9, 0; @%p1 bra SEND;\n"
      "ld.shared.u32 %r3, [%r2];\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r10];\nbra GET;\nSEND:\n";
  const std::string permit = "FREE: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [%r9], 0;\n@!%p2 bra "
                             "FREE;\n";
  const std::string copy =
      "ld.param.u64 %rd3, [p]; mov.b16 %h, 3;\n@%one cp.async.bulk.shared::cluster.global.mbarrier::"
      "complete_tx::bytes.multicast::cluster [%s], [%rd3], 128, [%b], %h; // refill\nGET:\n";
  const std::string late = "nanosleep.u32 20; nanosleep.u32 20;\n"; // so that the read comes first here
  expectAsyncFault(start + late + copy + wait + sync, start + permit + copy + wait + sync, "race", Result::LaunchFailed,
                   "// refill");
}

TEST_CASE("an arrival at another block's mbarrier gives no state") {
  const Device device("sm_90a");
  for (const std::string form : {"arrive", "arrive_drop", "arrive.expect_tx", "arrive_drop.expect_tx"}) {
    const std::string start = "mbarrier." + form + ".release.cluster.shared::cluster.b64 ", end = ", [%fb], 1;";
    CHECK(tryLoad(kernel90("", start + "_" + end)).result == Result::Success);
    CHECK(tryLoad(kernel90("", start + "%rd1" + end)).result == Result::InvalidPtx);
  }
}

TEST_CASE("expect_tx and arrivals of another block, with counts") {
  const Device device("sm_90a");
  // Each block opens the next one's phase for its bytes, arrives there three times and drops out once.
  expectFromBlockBefore("@%one mbarrier.init.shared.b64 [%b], 4;\nfence.mbarrier_init.release.cluster;\n" + sync + own +
                            "@%one mbarrier.expect_tx.relaxed.cluster.shared::cluster.b64 [%fb], 256;\n"
                            "@%one mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%fb], 3;\n"
                            "@%one mbarrier.arrive_drop.release.cluster.shared::cluster.b64 _, [%fb];\n"
                            "bar.sync 0;\nadd.u32 %r8, %fs, %r1;\n"
                            "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r8], %r7, [%fb];\n" +
                            wait + dump() + sync,
                        4);
}

TEST_CASE("a wait for bytes that never come lists what the cluster's warps do") {
  Device device("sm_90a");
  Kernel kernel(kernel90("", expectBytes(128) + "setp.eq.u32 %p1, %rank, 1; @%p1 bra END;\n" + wait + "END:\n" + sync));
  CHECK(kernel.tryLaunch({.gridX = 2, .blockX = 32, .sharedBytes = 4112, .clusterX = 2}) == Result::LaunchTimeout);
  const Report report = lastReport();
  CHECK(report.kind == "deadlock");
  CHECK(report.message.find("128 bytes") != std::string::npos);
  bool listed = false;
  for (const std::string &d : report.details) listed |= d.find("block 1 of the cluster, warp 0") != std::string::npos;
  CHECK(listed);
  device.reset();
}

} // namespace sage::simtest
