// What a report says beside its class: source lines, both sides of a race, frees that only the driver sees; and the
// counters and the memory that launches take.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "Planted.h"

namespace sage::simtest {
namespace {

using u32 = std::uint32_t;

nlohmann::json countersOf(const std::string &name) {
  const nlohmann::json all = nlohmann::json::parse(cuda::sagesimCounters());
  for (const auto &k : all.at("kernels"))
    if (k.at("name") == name) return k;
  return {};
}

/// A kernel with NAME, so that it has counters of its own.
std::string named(const std::string &name, const std::string &body) {
  return ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry " + name + "(.param .u64 p)\n{\n" +
         ".reg .b64 %a, %o; .reg .b32 %r, %v, %w; ld.param.b64 %a, [p]; mov.u32 %r, %tid.x;\n" + body + "\nret;\n}\n";
}

std::size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

TEST_CASE("a report names the source line that .loc gives") {
  Device device;
  const std::string body = ".loc 1 7 3\nmul.wide.u32 %o, %r, 4;\n.loc 2 41 9\nadd.s64 %a, %a, %o;\n"
                           "ld.global.b32 %v, [%a+100000]; // far\n.loc 1 8 1\n";
  Kernel kernel(named("k", body) + ".file 1 \"sum.cu\"\n.file 2 \"include/load.h\"\n");
  Array<u32> buffer(32);
  CHECK(kernel.tryLaunch({}, buffer.address()) == Result::IllegalAddress);
  CHECK(lastReport().source == "include/load.h:41");
  CHECK(lastReport().text.find("// far") != std::string::npos);
  device.reset();
  Kernel plain(named("k", "ld.global.b32 %v, [%a+100000];"));
  Array<u32> other(32);
  CHECK(plain.tryLaunch({}, other.address()) == Result::IllegalAddress);
  CHECK(lastReport().source.empty());
  device.reset();
}

TEST_CASE("a race in global memory names block, thread, line and allocation of both sides") {
  Device device;
  Array<u32> buffer(std::vector<u32>(64, 0));
  Kernel kernel(named("k", R"(.reg .pred %q; mov.u32 %v, %ctaid.x; setp.eq.u32 %q, %v, 0;
mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o;
@%q st.global.b32 [%a], %r; // writer
@!%q ld.global.b32 %w, [%a]; // reader)"));
  CHECK(kernel.tryLaunch({2}, buffer.address()) == Result::LaunchFailed);
  const Report report = lastReport();
  CHECK(report.kind == "global_race");
  CHECK(report.nearest.find("of 256 bytes") != std::string::npos);
  REQUIRE(report.details.size() == 1);
  const std::string both = report.text + report.details[0];
  CHECK(both.find("// writer") != std::string::npos);
  CHECK(both.find("// reader") != std::string::npos);
  CHECK(report.details[0].find("block (" + std::to_string(1 - report.block[0]) + ",0,0), thread (" +
                               std::to_string(report.thread[0]) + ",0,0)") != std::string::npos);
  device.reset();
}

TEST_CASE("launches are in order, and so are their accesses") {
  Device device;
  Array<u32> buffer(std::vector<u32>(32, 0));
  Kernel kernel(named("k", "mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o; mov.u32 %v, %ctaid.x;\n"
                           "ld.global.b32 %w, [%a]; add.u32 %w, %w, 1; st.global.b32 [%a], %w;"));
  for (int k = 0; k < 5; ++k) kernel({}, buffer.address());
  CHECK(buffer.get() == std::vector<u32>(32, 5));
}

TEST_CASE("a second free and a free of nothing are reported, with the driver's code") {
  Device device;
  cuda::DevicePtr pointer = 0;
  REQUIRE(cuda::cuMemAlloc_v2(&pointer, 256) == Result::Success);
  REQUIRE(cuda::cuMemFree_v2(pointer) == Result::Success);
  const std::size_t before = reportCount();
  CHECK(cuda::cuMemFree_v2(pointer) == Result::InvalidValue);
  CHECK(lastReport().kind == "double_free");
  CHECK(lastReport().nearest.find("(freed) of 256 bytes") != std::string::npos);
  Array<u32> buffer(32);
  CHECK(cuda::cuMemFree_v2(buffer.address() + 4) == Result::InvalidValue);
  CHECK(lastReport().kind == "invalid_free");
  CHECK(reportCount() == before + 2);
  CHECK(cuda::cuCtxSynchronize() == Result::Success); // not sticky
}

TEST_CASE("what no GPU notices fails its launch alone, an illegal address every later call") {
  Device device;
  Array<u32> unwritten(64);
  Array<u32> written(std::vector<u32>(64, 3));
  Kernel kernel(
      named("k", "mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o; ld.global.b32 %w, [%a]; st.global.b32 [%a+128], %w;"));
  CHECK(kernel.tryLaunch({1}, unwritten.address()) == Result::LaunchFailed);
  CHECK(lastReport().kind == "uninitialised_read");
  CHECK(cuda::cuCtxSynchronize() == Result::Success);
  CHECK(kernel.tryLaunch({1}, written.address()) == Result::Success);
  CHECK(kernel.tryLaunch({1}, written.address() + 256) == Result::IllegalAddress);
  CHECK(cuda::cuCtxSynchronize() == Result::IllegalAddress);
  CHECK(kernel.tryLaunch({1}, written.address()) == Result::IllegalAddress);
  device.reset();
}

TEST_CASE("counters tell how well global accesses coalesce") {
  Device device;
  Array<u32> buffer(std::vector<u32>(32 * 32, 1));
  Kernel row(named("row", "mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o; ld.global.b32 %v, [%a];"), "row");
  row({}, buffer.address());
  CHECK(countersOf("row").at("global_requests") == 1);
  CHECK(countersOf("row").at("global_sectors") == 4);
  Kernel column(named("column", "mul.wide.u32 %o, %r, 128; add.s64 %a, %a, %o; ld.global.b32 %v, [%a];"), "column");
  column({}, buffer.address());
  CHECK(countersOf("column").at("global_sectors") == 32);
  Kernel one(named("one", "ld.global.b32 %v, [%a]; bar.warp.sync -1; red.global.add.u32 [%a], 1;"), "one");
  one({}, buffer.address());
  CHECK(countersOf("one").at("global_requests") == 2);
  CHECK(countersOf("one").at("global_sectors") == 2);
  Kernel wide(named("wide", ".reg .b32 %x<4>; mul.wide.u32 %o, %r, 16; add.s64 %a, %a, %o;\n"
                            "ld.global.v4.b32 {%x0, %x1, %x2, %x3}, [%a]; st.global.v4.b32 [%a+512], "
                            "{%x0, %x1, %x2, %x3};"),
              "wide");
  wide({}, buffer.address());
  CHECK(countersOf("wide").at("global_sectors") == 32);
}

TEST_CASE("counters tell classes, bytes, barriers, conflicts and divergence") {
  Device device;
  Array<u32> buffer(std::vector<u32>(1024, 1));
  Kernel kernel(named("tally", R"(.reg .pred %q; .shared .align 4 .b8 s[4096];
shl.b32 %v, %r, 7; mov.b32 %w, s; add.s32 %v, %v, %w;
st.shared.b32 [%v], %r;
bar.sync 0;
setp.lt.u32 %q, %r, 5; @%q bra SOME; add.s32 %v, %v, 1;
SOME: mul.wide.u32 %o, %r, 4; add.s64 %a, %a, %o; red.global.add.u32 [%a], 1;)"),
                "tally");
  kernel({}, buffer.address());
  const nlohmann::json k = countersOf("tally");
  CHECK(k.at("launches") == 1);
  CHECK(k.at("blocks") == 1);
  CHECK(k.at("bytes").at("shared_written") == 128);
  CHECK(k.at("bank_conflicts") == 31);
  CHECK(k.at("barriers") == 1);
  CHECK(k.at("divergent_branches") == 1);
  CHECK(k.at("atomics") == 32);
  CHECK(k.at("lane_by_class").at("barrier") == 32);
}

TEST_CASE("memory with all detectors is at most three times what was allocated") {
  Device device;
  constexpr std::size_t bytes = std::size_t{48} << 20;
  Kernel kernel(named("fill", R"(.reg .pred %q; .reg .b32 %n; mov.u32 %v, %ctaid.x; mov.u32 %n, %ntid.x;
mad.lo.u32 %r, %v, %n, %r; mul.wide.u32 %o, %r, 16; add.s64 %a, %a, %o;
st.global.v4.b32 [%a], {%r, %r, %r, %r}; ld.global.b32 %w, [%a+12];)"),
                "fill");
  const std::size_t before = residentBytes();
  Buffer buffer(bytes);
  kernel({bytes / 16 / 256, 1, 1, 256}, buffer.address());
  const std::size_t taken = residentBytes() - before;
  INFO("took " << taken << " bytes for " << bytes);
  CHECK(taken >= bytes);
  // Beside the shadows: the detector's table of segments, 16 MiB at most, and the blocks that run.
  CHECK(taken <= 3 * bytes + (std::size_t{20} << 20));
}

} // namespace sage::simtest
