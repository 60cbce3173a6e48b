// Forms of the asynchronous proxy's instructions that other tests do not write: cache hints, destinations in the own
// block, multicasts of every rank, prefetches, st.async and red.async in every operation and type.
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <numeric>

#include "Async.h"
#include "Forms.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;
using std::uint64_t;

const std::string policy = "createpolicy.fractional.L2::evict_first.b64 %rd9;\n";
std::string hint(bool hinted) { return hinted ? ".L2::cache_hint" : ""; }
std::string policyOf(bool hinted) { return hinted ? ", %rd9" : ""; }
const std::string sync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";

/// Thread 0 opens a phase for BYTES at s+4096 in every block of the cluster. %p1: the other threads; %p2: of other
/// blocks too.
std::string phase(unsigned bytes) {
  return "setp.ne.u32 %p1, %t, 0; mov.u32 %r1, %cluster_ctarank; or.b32 %r2, %r1, %t; setp.ne.u32 %p2, %r2, 0;\n"
         "@!%p1 mbarrier.init.shared.b64 [s+4096], 1;\n@!%p1 mbarrier.arrive.expect_tx.shared.b64 _, [s+4096], " +
         std::to_string(bytes) + ";\nfence.mbarrier_init.release.cluster;\n" + sync;
}

} // namespace

TEST_CASE("bulk copies to the own block or the cluster, out again and prefetched, with cache hints and without") {
  const Device device("sm_90a");
  std::vector<u32> values(64);
  std::iota(values.begin(), values.end(), 1000);
  const Array<u32> in(values);
  for (const std::string to : {"shared::cluster", "shared::cta"})
    for (const bool hinted : {false, true}) {
      const std::string h = hint(hinted), p = policyOf(hinted);
      Kernel kernel(
          kernel90(".param .u64 p, .param .u64 q",
                   policy + "ld.param.u64 %rd1, [p]; ld.param.u64 %rd2, [q]; mbarrier.init.shared.b64 [s+4096], 1;\n" +
                       "cp.async.bulk.prefetch.L2.global" + h + " [%rd2], 256" + p +
                       ";\nmbarrier.arrive.expect_tx.shared.b64 _, [s+4096], 256;\ncp.async.bulk." + to +
                       ".global.mbarrier::complete_tx::bytes" + h + " [s], [%rd2], 256, [s+4096]" + p + ";\n" +
                       waitFor("s+4096", "0") + "cp.async.bulk.global.shared::cta.bulk_group" + h +
                       " [%rd1], [s], 256" + p + ";\ncp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n"));
      const Array<u32> out(64);
      kernel({.blockX = 1, .sharedBytes = 4104}, out.address(), in.address());
      REQUIRE(out.get() == values);
    }
}

TEST_CASE("multicasts of bytes and of tensors of every rank, with cache hints and without") {
  const Device device("sm_90a");
  // Rows of 64 elements; the tile is a row, in all other dimensions the second.
  std::vector<u32> image(64 * 16);
  std::iota(image.begin(), image.end(), 1);
  const Array<u32> in(image);
  for (unsigned rank = 0; rank <= 5; ++rank) // 0: plain bytes
    for (const bool hinted : {false, true}) {
      sim::TensorMap map;
      map.magic = sim::TensorMap::magicValue;
      map.element = sim::TensorElement::U32;
      map.rank = static_cast<std::uint8_t>(rank);
      map.address = in.address();
      map.elementStride = {1, 1, 1, 1, 1};
      map.size = {63, 1, 1, 1, 1};
      map.box = {64, 1, 1, 1, 1};
      map.stride = {256, 512, 1024, 2048};
      std::string coordinates = "{%r5";
      unsigned first = 0;
      for (unsigned d = 1; d < rank; ++d) coordinates += ", %r6", first += 32u << d;
      coordinates += "}";
      const std::string source = rank == 0 ? "[%rd3], 256" : "[%rd5, " + coordinates + "]";
      const std::string name = rank == 0 ? "cp.async.bulk" : "cp.async.bulk.tensor." + std::to_string(rank) + "d";
      Kernel kernel(kernel90(".param .align 64 .b8 m[128], .param .u64 p, .param .u64 q",
                             phase(256) + policy +
                                 "mov.b64 %rd5, m; cvta.param.u64 %rd5, %rd5; ld.param.u64 %rd3, [q]; .reg .b16 %h;\n"
                                 "mov.b16 %h, 5; mov.b32 %r5, 0; mov.b32 %r6, 1; ld.param.u64 %rd1, [p];\n@!%p2 " +
                                 name + ".shared::cluster.global" + (hinted && rank > 0 ? ".tile" : "") +
                                 ".mbarrier::complete_tx::bytes.multicast::cluster" + hint(hinted) + " [s], " +
                                 (rank == 0 ? "[%rd3], 256, [s+4096], %h" : source + ", [s+4096], %h") +
                                 policyOf(hinted) + ";\nsetp.eq.u32 %p3, %r1, 1; @%p3 bra OTHER;\n" +
                                 waitFor("s+4096", "0") +
                                 "mad.wide.u32 %rd1, %r1, 256, %rd1; mad.wide.u32 %rd1, %t, 8, %rd1; mov.u32 %r7, s; "
                                 "mad.lo.u32 %r7, %t, 8, %r7;\nld.shared.b64 %rd7, [%r7]; st.global.b64 [%rd1], "
                                 "%rd7;\nOTHER:\n" +
                                 sync));
      const Array<u32> out(std::vector<u32>(3 * 64, 7));
      const MapArgument argument(map);
      Kernel::Shape shape{.gridX = 3, .sharedBytes = 4104, .clusterX = 3};
      kernel(shape, argument, out.address(), in.address());
      const auto got = out.get();
      INFO("rank " << rank << (hinted ? ", hinted" : ""));
      for (unsigned k = 0; k < 192; ++k) REQUIRE(got[k] == (k / 64 == 1 ? 7 : first + k % 64 + 1));
    }
}

TEST_CASE("red.async in every operation and type") {
  const Device device("sm_90a");
  struct Operation {
    std::string name;
    unsigned bytes;
    std::function<uint64_t(uint64_t, uint64_t)> define;
  };
  const auto u = [](uint64_t x) { return static_cast<u32>(x); };
  const auto s = [](uint64_t x) { return static_cast<std::int32_t>(x); };
  const std::vector<Operation> operations = {
      {"inc.u32", 4, [=](uint64_t x, uint64_t y) { return u(x) >= u(y) ? 0u : u(x) + 1; }},
      {"dec.u32", 4, [=](uint64_t x, uint64_t y) { return u(x) == 0 || u(x) > u(y) ? u(y) : u(x) - 1; }},
      {"min.u32", 4, [=](uint64_t x, uint64_t y) { return std::min(u(x), u(y)); }},
      {"max.u32", 4, [=](uint64_t x, uint64_t y) { return std::max(u(x), u(y)); }},
      {"min.s32", 4, [=](uint64_t x, uint64_t y) { return u(std::min(s(x), s(y))); }},
      {"max.s32", 4, [=](uint64_t x, uint64_t y) { return u(std::max(s(x), s(y))); }},
      {"add.u32", 4, [=](uint64_t x, uint64_t y) { return u(x + y); }},
      {"add.s32", 4, [=](uint64_t x, uint64_t y) { return u(x + y); }},
      {"add.u64", 8, [](uint64_t x, uint64_t y) { return x + y; }},
      {"and.b32", 4, [](uint64_t x, uint64_t y) { return x & y; }},
      {"or.b32", 4, [](uint64_t x, uint64_t y) { return x | y; }},
      {"xor.b32", 4, [](uint64_t x, uint64_t y) { return x ^ y; }}};
  const uint64_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 5, 6, 0x12345678};
  for (const Operation &o : operations)
    for (const bool generic : {false, true}) {
      const std::string n = std::to_string(o.bytes), bits = std::to_string(8 * o.bytes);
      // Every thread of both blocks changes one element of the other block.
      Kernel kernel(kernel90(
          ".param .u64 m, .param .u64 b",
          ".reg .b" + bits + " %v; .reg .b64 %to, %bar;\nmov.u32 %r1, %cluster_ctarank; xor.b32 %r3, %r1, 1;\n" +
              "ld.param.u64 %rd1, [m]; ld.param.u64 %rd2, [b]; mad.lo.u32 %r4, %r1, 64, %t; mad.lo.u32 %r5, %r3, 64, "
              "%t;\nmad.wide.u32 %rd1, %r4, " +
              n + ", %rd1; mad.wide.u32 %rd2, %r5, " + n +
              ", %rd2; mov.u64 %to, s; "
              "mad.wide.u32 %to, %t, " +
              n + ", %to;\nld.global.b" + bits + " %v, [%rd1]; st.shared.b" + bits +
              " [%to], %v; fence.proxy.async; bar.sync 0;\n" + phase(64 * o.bytes) + "ld.global.b" + bits +
              " %v, [%rd2]; mov.u64 %bar, s; add.u64 %bar, %bar, 4096; mov.b64 %rd3, %to;\n" +
              "mapa.shared::cluster.u64 %to, %to, %r3; mapa.shared::cluster.u64 %bar, %bar, %r3;\n" +
              (generic ? "cvta.shared::cluster.u64 %to, %to; cvta.shared::cluster.u64 %bar, %bar;\n" : "") +
              "red.async.relaxed.cluster" + (generic ? "" : ".shared::cluster") + ".mbarrier::complete_tx::bytes." +
              o.name + " [%to], %v, [%bar];\n" + waitFor("s+4096", "0") + "ld.shared.b" + bits +
              " %v, [%rd3]; st.global.b" + bits + " [%rd1], %v;\n" + sync));
      std::vector<std::uint8_t> m(128 * o.bytes), b(m.size());
      std::vector<uint64_t> x(128), y(128);
      for (unsigned k = 0; k < 128; ++k) {
        x[k] = edges[k % 8] | (o.bytes == 8 ? edges[k / 8 % 8] << 32 : 0);
        y[k] = edges[k / 8 % 8] | (o.bytes == 8 ? edges[k % 8] << 32 : 0);
        std::memcpy(&m[k * o.bytes], &x[k], o.bytes);
        std::memcpy(&b[k * o.bytes], &y[k], o.bytes);
      }
      const Array<std::uint8_t> memory(m), values(b);
      kernel({.gridX = 2, .blockX = 64, .sharedBytes = 4104, .clusterX = 2}, memory.address(), values.address());
      const auto got = memory.get();
      INFO(o.name << (generic ? ", generic" : ""));
      for (unsigned k = 0; k < 128; ++k) {
        const uint64_t want = o.define(x[k], y[k]);
        INFO(x[k] << " and " << y[k]);
        REQUIRE(std::memcmp(&got[k * o.bytes], &want, o.bytes) == 0);
      }
    }
}

TEST_CASE("st.async of every type and vector") {
  const Device device("sm_90a");
  for (const std::string type : {"b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"})
    for (const unsigned vector : {1u, 2u, 4u})
      for (const bool generic : {false, true}) {
        const unsigned bytes = type.ends_with("64") ? 8 : 4, chunk = bytes * vector;
        std::string body = ".reg .b" + std::to_string(8 * bytes) +
                           " %v<4>; .reg .b64 %to, %bar; mov.u32 %r1, %cluster_ctarank; xor.b32 %r3, %r1, 1;\n" +
                           phase(32 * chunk) + "mov.u64 %to, s; mad.wide.u32 %to, %t, " + std::to_string(chunk) +
                           ", %to; mov.b64 %rd3, %to; mov.u64 %bar, s; add.u64 %bar, %bar, 4096;\n"
                           "mapa.shared::cluster.u64 %to, %to, %r3; mapa.shared::cluster.u64 %bar, %bar, %r3;\n"
                           "mad.lo.u32 %r4, %r1, 32, %t;\n" +
                           (generic ? "cvta.shared::cluster.u64 %to, %to; cvta.shared::cluster.u64 %bar, %bar;\n" : "");
        for (unsigned k = 0; k < vector; ++k)
          body += "mad.lo.u32 %r5, %r4, 0x01234567, " + std::to_string(k * 0x1010101) + "; " +
                  (bytes == 8 ? "mov.b64 %v" + std::to_string(k) + ", {%r5, %r4};\n"
                              : "mov.b32 %v" + std::to_string(k) + ", %r5;\n");
        body += std::string("st.async") + (generic ? ".weak" : ".shared::cluster") + ".mbarrier::complete_tx::bytes" +
                (vector > 1 ? ".v" + std::to_string(vector) : "") + "." + type + " [%to], " +
                (vector > 1 ? registerList("%v", vector) : "%v0") + ", [%bar];\n" + waitFor("s+4096", "0") +
                "ld.param.u64 %rd1, [p]; mad.wide.u32 %rd1, %r4, " + std::to_string(chunk) + ", %rd1;\n";
        for (unsigned k = 0; k < chunk; k += 4)
          body += "ld.shared.b32 %r6, [%rd3+" + std::to_string(k) + "]; st.global.b32 [%rd1+" + std::to_string(k) +
                  "], %r6;\n";
        Kernel kernel(kernel90(".param .u64 p", body + sync));
        const Array<u32> out(64 * chunk / 4);
        kernel({.gridX = 2, .sharedBytes = 4104, .clusterX = 2}, out.address());
        const auto got = out.get();
        INFO(type << " v" << vector << (generic ? ", generic" : ""));
        for (u32 k = 0; k < got.size(); ++k) {
          const u32 thread = k / (chunk / 4) ^ 32, word = k % (chunk / 4);
          const u32 element = bytes == 8 ? word / 2 : word;
          REQUIRE(got[k] == (bytes == 8 && word % 2 ? thread : thread * 0x01234567 + element * 0x1010101));
        }
      }
}

} // namespace sage::simtest
