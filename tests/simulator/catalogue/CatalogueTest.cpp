// Runs the catalogue of planted bugs; see PlantedBug.h.
#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "../Device.h"
#include "PlantedBug.h"

namespace sage::simtest {

const char *const prologue = R"(
.shared .align 16 .b8 s[1024];
.reg .b32 %r<24>; .reg .b64 %rd<12>; .reg .pred %p<8>; .reg .f32 %f<4>;
ld.param.b64 %rd0, [p];
mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x;
mul.wide.u32 %rd1, %r0, 4; add.s64 %rd1, %rd0, %rd1;
mov.b32 %r2, s; shl.b32 %r3, %r0, 2; add.s32 %r2, %r2, %r3;
and.b32 %r4, %r0, 31;
setp.eq.u32 %p0, %r0, 0; setp.lt.u32 %p1, %r0, 32; setp.eq.u32 %p2, %r1, 0; setp.eq.u32 %p3, %r4, 0;
)";

namespace {

/// BODY with the first or the second of each pair.
std::string choose(const std::string &body, bool wrong) {
  std::string text;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t open = body.find('<', at);
    text += body.substr(at, open - at);
    if (open == std::string::npos) break;
    const std::size_t middle = body.find('?', open), close = body.find('>', middle);
    REQUIRE(close != std::string::npos);
    text += wrong ? body.substr(open + 1, middle - open - 1) : body.substr(middle + 1, close - middle - 1);
    at = close + 1;
  }
  return text;
}

bool isMarked(const std::string &ptx, unsigned line) {
  std::istringstream lines(ptx);
  std::string text;
  for (unsigned k = 0; k < line; ++k) std::getline(lines, text);
  return text.ends_with("//!");
}

/// The kernel of a row; its result, and what was reported.
Result launch(const PlantedBug &bug, const std::string &ptx) {
  Array<std::uint32_t> buffer(std::vector<std::uint32_t>(1024, 0));
  Kernel kernel(ptx);
  return kernel.tryLaunch({bug.blocks, 1, 1, bug.threads}, buffer.address());
}

void check(const PlantedBug &bug) {
  const auto textOf = [&](bool wrong) {
    return kernelText(".param .u64 p", prologue + choose(bug.body, wrong), bug.target, bug.globals);
  };
  const std::string target = bug.target;
  Device device(target);
  const std::size_t before = reportCount();
  CHECK(launch(bug, textOf(false)) == Result::Success);
  CHECK(reportCount() == before);
  const std::string wrong = textOf(true);
  CHECK(launch(bug, wrong) != Result::Success);
  REQUIRE(reportCount() == before + 1);
  const Report report = lastReport();
  CHECK(report.kind == bug.kind);
  INFO("reported at line " << report.line << ": " << report.text);
  CHECK(isMarked(wrong, report.line));
  if (report.kind.ends_with("race")) {
    const bool namesBoth = !report.details.empty() && report.details[0].starts_with("other side: ");
    CHECK((namesBoth || report.message.starts_with("lanes of one store")));
  }
  device.reset();
}

void checkAll(std::span<const PlantedBug> bugs) {
  for (const PlantedBug &bug : bugs) DYNAMIC_SECTION(bug.name) {
      check(bug);
    }
}

} // namespace

TEST_CASE("planted: bounds, alignment, unwritten memory") { checkAll(memoryBugs()); }
TEST_CASE("planted: the device heap") { checkAll(heapBugs()); }
TEST_CASE("planted: asynchronous copies") { checkAll(asyncBugs()); }
TEST_CASE("planted: races in shared memory") { checkAll(sharedRaceBugs()); }
TEST_CASE("planted: races of lanes") { checkAll(laneRaceBugs()); }
TEST_CASE("planted: races in global memory") { checkAll(globalRaceBugs()); }
TEST_CASE("planted: bulk copies and global memory") { checkAll(bulkBugs()); }
TEST_CASE("planted: collectives") { checkAll(collectiveBugs()); }
TEST_CASE("planted: barriers and deadlocks") { checkAll(barrierBugs()); }

TEST_CASE("the catalogue is as large as it says") {
  std::size_t count = 0;
  for (const auto bugs : {memoryBugs(), heapBugs(), asyncBugs(), sharedRaceBugs(), laneRaceBugs(), globalRaceBugs(),
                          bulkBugs(), collectiveBugs(), barrierBugs()})
    count += bugs.size();
  CHECK(count >= 60);
}

} // namespace sage::simtest
