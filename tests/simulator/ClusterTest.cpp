// Thread block clusters: which blocks form one, the special registers, the cluster's barrier, and shared memory of
// other blocks through every kind of address and access. Planted mistakes come with twins that must be silent.
#include <catch2/catch.hpp>

#include "Planted.h"

namespace sage::simtest {
namespace {

std::string kernel90(const std::string &parameters, const std::string &body) {
  return kernelText(parameters,
                    ".reg .b32 %r<20>, %t, %rank, %peer, %size; .reg .b64 %rd<20>; .reg .pred %p<6>;\n"
                    "mov.u32 %t, %tid.x; mov.u32 %rank, %cluster_ctarank; mov.u32 %size, %cluster_nctarank;\n"
                    "add.u32 %peer, %rank, 1; rem.u32 %peer, %peer, %size;\n" +
                        body,
                    "sm_90a", ".extern .shared .align 1024 .b8 s[];\n");
}

const std::string sync = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
/// p[the thread's number in the grid] = VALUE.
std::string result(const std::string &value) {
  return "{ .reg .b32 %g, %n; .reg .b64 %a, %o; mov.u32 %g, %ctaid.x; mov.u32 %n, %ntid.x; mad.lo.u32 %g, %g, %n, %t;\n"
         "mul.wide.u32 %o, %g, 4; ld.param.u64 %a, [p]; add.s64 %a, %a, %o; st.global.b32 [%a], " +
         value + "; }\n";
}

} // namespace

TEST_CASE("the special registers of a cluster tell its place, its size and the block's rank") {
  const Device device("sm_90a");
  const std::vector<std::string> names = {
      "%clusterid.x",      "%clusterid.y",      "%clusterid.z",     "%nclusterid.x",    "%nclusterid.y",
      "%nclusterid.z",     "%cluster_ctaid.x",  "%cluster_ctaid.y", "%cluster_ctaid.z", "%cluster_nctaid.x",
      "%cluster_nctaid.y", "%cluster_nctaid.z", "%cluster_ctarank", "%cluster_nctarank"};
  std::string body = ".reg .b32 %x, %y, %z, %nx, %ny; mov.u32 %x, %ctaid.x; mov.u32 %y, %ctaid.y; mov.u32 %z, "
                     "%ctaid.z;\nmov.u32 %nx, %nctaid.x; mov.u32 %ny, %nctaid.y; mad.lo.u32 %y, %z, %ny, %y; "
                     "mad.lo.u32 %x, %y, %nx, %x; ld.param.u64 %rd1, [p]; mul.wide.u32 %rd2, %x, 64; add.s64 %rd1, "
                     "%rd1, %rd2;\nmov.pred %p1, %is_explicit_cluster; selp.b32 %r2, 1, 0, %p1; "
                     "st.global.b32 [%rd1+56], %r2; st.global.b32 [%rd1+60], 0;\n";
  for (std::size_t k = 0; k < names.size(); ++k)
    body += "mov.u32 %r1, " + names[k] + "; st.global.b32 [%rd1+" + std::to_string(4 * k) + "], %r1;\n";
  Kernel kernel(kernel90(".param .u64 p", body));
  const auto check = [&](Kernel::Shape shape, std::array<unsigned, 3> c, unsigned isExplicit) {
    const Array<unsigned> out(shape.gridX * shape.gridY * shape.gridZ * 16);
    kernel(shape, out.address());
    const auto got = out.get();
    for (unsigned z = 0, at = 0; z < shape.gridZ; ++z)
      for (unsigned y = 0; y < shape.gridY; ++y)
        for (unsigned x = 0; x < shape.gridX; ++x, at += 16) {
          const std::vector<unsigned> want = {x / c[0],
                                              y / c[1],
                                              z / c[2],
                                              shape.gridX / c[0],
                                              shape.gridY / c[1],
                                              shape.gridZ / c[2],
                                              x % c[0],
                                              y % c[1],
                                              z % c[2],
                                              c[0],
                                              c[1],
                                              c[2],
                                              x % c[0] + c[0] * (y % c[1] + c[1] * (z % c[2])),
                                              c[0] * c[1] * c[2],
                                              isExplicit,
                                              0};
          REQUIRE(std::vector<unsigned>(got.begin() + at, got.begin() + at + 16) == want);
        }
  };
  Kernel::Shape shape{6, 4, 2, 1};
  check(shape, {1, 1, 1}, 0);
  shape.clusterX = 3, shape.clusterY = 1, shape.clusterZ = 2;
  check(shape, {3, 1, 2}, 1);
  shape.clusterX = 2, shape.clusterY = 2, shape.clusterZ = 2;
  check(shape, {2, 2, 2}, 1);
  shape.clusterX = 1, shape.clusterY = 1, shape.clusterZ = 1;
  check(shape, {1, 1, 1}, 1);
}

TEST_CASE("every way to reach another block's shared memory") {
  const Device device("sm_90a");
  // Each thread gives its number to the next block's thread of the same number, then reads what it was given.
  const std::string start = "mov.u32 %r1, s; shl.b32 %r2, %t, 2; add.u32 %r1, %r1, %r2; mov.u32 %r5, %ctaid.x;\n"
                            "mad.lo.u32 %r3, %r5, 1000, %t; cvt.u64.u32 %rd1, %r1;\n";
  const std::string end = sync + "ld.shared.b32 %r4, [%r1];\n" + result("%r4") + sync;
  const std::vector<std::string> ways = {
      "mapa.shared::cluster.u32 %r6, %r1, %peer; st.shared::cluster.u32 [%r6], %r3;\n",
      "mapa.shared::cluster.u64 %rd2, %rd1, %peer; st.shared::cluster.u32 [%rd2], %r3;\n",
      "cvta.shared.u64 %rd3, %rd1; mapa.u64 %rd2, %rd3, %peer; st.u32 [%rd2], %r3;\n",
      "mapa.shared::cluster.u32 %r6, s, %peer; add.u32 %r6, %r6, %r2; st.volatile.shared::cluster.u32 [%r6], %r3;\n",
      "mapa.shared::cluster.u64 %rd2, %rd1, %peer; cvta.shared::cluster.u64 %rd2, %rd2; st.relaxed.cluster.u32 [%rd2], "
      "%r3;\n",
      "cvta.shared.u64 %rd3, %rd1; mapa.u64 %rd2, %rd3, %peer; cvta.to.shared::cluster.u64 %rd2, %rd2; cvt.u32.u64 "
      "%r6, "
      "%rd2; st.release.cluster.shared::cluster.u32 [%r6], %r3;\n",
      "st.shared.u32 [%r1], 1000000;\n" + sync +
          "mapa.shared::cluster.u32 %r6, %r1, %peer; sub.u32 %r7, %r3, 1000000; red.shared::cluster.add.u32 [%r6], "
          "%r7;\n",
      "st.shared.u32 [%r1], 5;\n" + sync +
          "cvta.shared.u64 %rd3, %rd1; mapa.u64 %rd2, %rd3, %peer; atom.exch.b32 %r7, [%rd2], %r3;\n",
      "st.shared.u32 [%r1], 5;\n" + sync +
          "mapa.shared::cluster.u32 %r6, %r1, %peer; atom.acq_rel.cluster.shared::cluster.cas.b32 %r7, [%r6], 5, "
          "%r3;\n"};
  for (const unsigned size : {1u, 2u, 4u, 8u})
    for (const std::string &way : ways) {
      INFO(way);
      Kernel kernel(kernel90(".param .u64 p", start + sync + way + end));
      const Array<unsigned> out(8 * 64);
      kernel({.gridX = 8, .blockX = 64, .sharedBytes = 256, .clusterX = size}, out.address());
      const auto got = out.get();
      for (unsigned k = 0; k < got.size(); ++k) {
        const unsigned block = k / 64, first = block / size * size, from = first + (block - first + size - 1) % size;
        REQUIRE(got[k] == from * 1000 + k % 64);
      }
    }
}

TEST_CASE("lanes of one load may read different blocks, vectors too") {
  const Device device("sm_90a");
  Kernel kernel(kernel90(
      ".param .u64 p",
      "mov.u32 %r1, s; shl.b32 %r2, %t, 4; add.u32 %r1, %r1, %r2; mul.lo.u32 %r3, %rank, 100; add.u32 %r3, %r3, %t;\n"
      "add.u32 %r4, %r3, 10000; add.u32 %r5, %r3, 20000; st.shared.v2.u32 [%r1], {%r3, %r4};\n"
      "st.shared.v2.u32 [%r1+8], {%r5, %r3};\n" +
          sync +
          "and.b32 %r6, %t, 3; mapa.shared::cluster.u32 %r7, %r1, %r6;\n"
          "ld.shared::cluster.v4.u32 {%r8, %r9, %r10, %r11}, [%r7]; sub.u32 %r10, %r10, %r9; add.u32 %r8, %r8, "
          "%r10;\n" +
          result("%r8") + sync));
  const Array<unsigned> out(4 * 32);
  kernel({.gridX = 4, .sharedBytes = 512, .clusterX = 4}, out.address());
  const auto got = out.get();
  for (unsigned k = 0; k < got.size(); ++k) REQUIRE(got[k] == k % 4 * 100 + k % 32 + 10000);
}

TEST_CASE("getctarank and isspacep tell whose shared memory an address names") {
  const Device device("sm_90a");
  Kernel kernel(kernel90(
      ".param .u64 p",
      "mov.u32 %r1, s; cvt.u64.u32 %rd1, %r1; cvta.shared.u64 %rd1, %rd1; mapa.u64 %rd2, %rd1, %peer; ld.param.u64 "
      "%rd5, "
      "[p];\nmapa.shared::cluster.u32 %r2, %r1, %peer; cvt.u64.u32 %rd3, %r2;\n"
      "getctarank.u64 %r3, %rd1; getctarank.u64 %r4, %rd2; getctarank.shared::cluster.u32 %r5, %r2;\n"
      "getctarank.shared::cluster.u64 %r6, %rd3; getctarank.shared::cluster.u32 %r7, %r1;\n"
      "shl.b32 %r4, %r4, 4; shl.b32 %r5, %r5, 8; shl.b32 %r6, %r6, 12; shl.b32 %r7, %r7, 16; or.b32 %r3, %r3, %r4;\n"
      "or.b32 %r3, %r3, %r5; or.b32 %r3, %r3, %r6; or.b32 %r3, %r3, %r7; isspacep.shared::cluster %p1, %rd2;\n"
      "isspacep.shared::cta %p2, %rd2; isspacep.shared %p3, %rd1; isspacep.shared::cluster %p4, %rd5;\n"
      "@%p1 or.b32 %r3, %r3, 0x100000; @%p2 or.b32 %r3, %r3, 0x200000; @%p3 or.b32 %r3, %r3, 0x400000;\n"
      "@%p4 or.b32 %r3, %r3, 0x800000;\n" +
          result("%r3")));
  const Array<unsigned> out(4);
  kernel({.gridX = 4, .blockX = 1, .sharedBytes = 16, .clusterX = 4}, out.address());
  const auto got = out.get();
  for (unsigned k = 0; k < 4; ++k) {
    const unsigned peer = (k + 1) % 4;
    REQUIRE(got[k] == (k | peer << 4 | peer << 8 | peer << 12 | k << 16 | 0x500000));
  }
}

TEST_CASE("the cluster's barrier holds all threads, round after round, and exited ones are not waited for") {
  const Device device("sm_90a");
  // Round by round each block adds what the next block had before the round.
  const std::string rounds = "mov.u32 %r1, s; mapa.shared::cluster.u32 %r2, %r1, %peer; add.u32 %r3, %rank, 1; mov.u32 "
                             "%r9, 0;\nsetp.ne.u32 %p1, %t, 0; @!%p1 st.shared.u32 [%r1], %r3;\n";
  const std::string loop = "LOOP: barrier.cluster.arrive.release; barrier.cluster.wait.acquire;\n"
                           "ld.shared::cluster.u32 %r4, [%r2]; barrier.cluster.arrive; barrier.cluster.wait;\n"
                           "@%p1 bra NEXT; ld.shared.u32 %r5, [%r1]; add.u32 %r5, %r5, %r4; st.shared.u32 [%r1], %r5;\n"
                           "NEXT: add.u32 %r9, %r9, 1; setp.lt.u32 %p2, %r9, 5; @%p2 bra LOOP;\n" +
                           sync + "ld.shared::cluster.u32 %r4, [%r2];\n";
  const auto run = [&](const std::string &head) {
    Kernel kernel(kernel90(".param .u64 p", head + rounds + loop + result("%r4") + sync));
    const Array<unsigned> out(std::vector<unsigned>(8 * 64, 0));
    kernel({.gridX = 8, .blockX = 64, .sharedBytes = 16, .clusterX = 4}, out.address());
    return out.get();
  };
  std::array<unsigned, 4> value{1, 2, 3, 4};
  for (int k = 0; k < 5; ++k) {
    const auto old = value;
    for (unsigned b = 0; b < 4; ++b) value[b] += old[(b + 1) % 4];
  }
  const auto all = run(""), half = run("setp.ge.u32 %p3, %t, 32; @%p3 exit;\n");
  for (unsigned k = 0; k < all.size(); ++k) {
    REQUIRE(all[k] == value[(k / 64 + 1) % 4]);
    REQUIRE(half[k] == (k % 64 < 32 ? value[(k / 64 + 1) % 4] : 0));
  }
}

TEST_CASE("without a cluster launch a block is alone in its cluster") {
  const Device device("sm_90a");
  Kernel kernel(kernel90(".param .u64 p", "mov.u32 %r1, s; mapa.shared::cluster.u32 %r2, %r1, 0; add.u32 %r3, %t, 7;\n"
                                          "setp.eq.u32 %p1, %t, 3; @%p1 st.shared::cluster.u32 [%r2], %r3;\n" +
                                              sync + "ld.shared.u32 %r4, [%r1];\n" + result("%r4")));
  const Array<unsigned> out(64);
  kernel({.blockX = 64, .sharedBytes = 16}, out.address());
  CHECK(out.get() == std::vector<unsigned>(64, 10));
}

TEST_CASE("barrier.cluster, mapa and shared::cluster need sm_90") {
  const Device device("sm_80");
  for (const std::string text : {"barrier.cluster.arrive;", "mapa.shared::cluster.u32 %r1, %r1, 0;",
                                 "ld.shared::cluster.u32 %r1, [%r1];", "red.shared::cluster.add.u32 [%r1], 1;",
                                 "getctarank.shared::cluster.u32 %r1, %r1;", "isspacep.shared::cluster %p1, %rd1;"}) {
    const auto loaded = tryLoad(kernelText("", ".reg .b32 %r1; .reg .b64 %rd1; .reg .pred %p1;\n" + text));
    CHECK(loaded.result == Result::InvalidPtx);
    CHECK(loaded.log.find("sm_90") != std::string::npos);
  }
}

namespace {

const std::string registers = ".reg .b32 %r<10>, %t, %rank; .reg .b64 %rd<4>; .reg .pred %p<4>; mov.u32 %t, %tid.x;\n"
                              "mov.u32 %rank, %cluster_ctarank; .shared .align 16 .b8 s[256]; shl.b32 %r1, %t, 2;\n"
                              "mov.u32 %r2, s; add.u32 %r2, %r2, %r1; xor.b32 %r4, %rank, 1;\n"
                              "setp.eq.u32 %p1, %rank, 0; mapa.shared::cluster.u32 %r3, %r2, %r4;\n";

/// A pair of blocks of one warp each.
void expectPlanted(const std::string &bad, const std::string &good, const std::string &kind, Result code,
                   const std::string &mark, unsigned threads = 32) {
  expectFault(registers + bad, registers + good, kind, code, mark, {.gridX = 2, .blockX = threads, .clusterX = 2},
              "sm_90a");
}

} // namespace

TEST_CASE("shared memory of a block that has exited is gone") {
  const std::string body = "st.shared.u32 [%r2], %t;\n" + sync + "@%p1 nanosleep.u32 20;\n";
  const std::string read = "@%p1 ld.shared::cluster.u32 %r5, [%r3]; // late\n";
  expectPlanted(body + read, body + read + sync, "use_after_free", Result::IllegalAddress, "// late");
}

TEST_CASE("accesses stay within the other block's shared memory") {
  const std::string body = "st.shared.u32 [%r2], %t;\n" + sync;
  expectPlanted(body + "ld.shared::cluster.u32 %r5, [%r3+256]; // beyond\n" + sync,
                body + "ld.shared::cluster.u32 %r5, [%r3];\n" + sync, "out_of_bounds", Result::IllegalAddress,
                "// beyond");
  CHECK(lastReport().details.at(0).find("of the cluster") != std::string::npos);
}

TEST_CASE("an address of another block is none for shared::cta") {
  const std::string body = "st.shared.u32 [%r2], %t;\n" + sync;
  expectPlanted(body + "ld.shared.u32 %r5, [%r3]; // own only\n" + sync,
                body + "ld.shared::cluster.u32 %r5, [%r3];\n" + sync, "out_of_bounds", Result::IllegalAddress,
                "// own only");
}

TEST_CASE("mapa takes the ranks that the cluster has") {
  expectPlanted("mapa.shared::cluster.u32 %r5, %r2, 2; // third\n", "mapa.shared::cluster.u32 %r5, %r2, 1;\n",
                "illegal_instruction", Result::IllegalInstruction, "// third");
}

TEST_CASE("what no block wrote cannot be read from another one") {
  expectPlanted(sync + "ld.shared::cluster.u32 %r5, [%r3]; // unwritten\n" + sync,
                "st.shared.u32 [%r2], %t;\n" + sync + "ld.shared::cluster.u32 %r5, [%r3];\n" + sync,
                "uninitialised_read", Result::LaunchFailed, "// unwritten");
}

TEST_CASE("a thread arrives once at the cluster's barrier, and waits only after that") {
  expectPlanted("barrier.cluster.arrive;\nbarrier.cluster.arrive; // twice\nbarrier.cluster.wait;\n", sync + sync,
                "illegal_instruction", Result::IllegalInstruction, "// twice");
  expectPlanted("barrier.cluster.wait; // first\n", sync, "illegal_instruction", Result::IllegalInstruction,
                "// first");
}

TEST_CASE("a barrier of the cluster that a block leaves out is a deadlock, with all who wait") {
  // The second block waits for a barrier of its own that half of its threads never reach.
  const std::string half = "setp.lt.u32 %p2, %t, 32; @%p1 bra ALL; @%p2 bra ALL;\nbar.sync 1, 64; // stuck\nALL:\n";
  expectPlanted(half + "barrier.cluster.arrive;\nbarrier.cluster.wait; // all\n", sync, "deadlock",
                Result::LaunchTimeout, "// all", 64);
  const auto details = lastReport().details;
  REQUIRE(details.size() == 4);
  CHECK(details[0].find("block 0 of the cluster") != std::string::npos);
  CHECK(details[0].find("cluster's barrier with 96 threads of all 128") != std::string::npos);
  CHECK(details[3].find("// stuck") != std::string::npos);
}

TEST_CASE("an aligned barrier of the cluster needs the whole warp") {
  expectPlanted("setp.lt.u32 %p2, %t, 7; @%p2 bra SKIP;\nbarrier.cluster.arrive.aligned; // part\n"
                "barrier.cluster.wait.aligned;\nSKIP: bar.warp.sync 0xffffffff;\n",
                "setp.lt.u32 %p2, %t, 7; @%p2 bra SKIP;\nbarrier.cluster.arrive;\nbarrier.cluster.wait; bra END;\n"
                "SKIP: barrier.cluster.arrive; barrier.cluster.wait;\nEND: bar.warp.sync 0xffffffff;\n",
                "divergence", Result::LaunchFailed, "// part");
}

} // namespace sage::simtest
