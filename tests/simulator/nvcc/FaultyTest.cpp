// faulty.cu: every mistake is reported as what it is, with the line of the source; the same kernel without it is
// silent.
#include <fstream>

#include "Harness.h"

namespace sage::simtest {
namespace {

/// The line of faulty.cu that is marked with NAME.
std::size_t markedLine(const std::string &name) {
  std::ifstream file(SAGESIM_NVCC_SOURCE_FOLDER "/faulty.cu");
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number)
    if (line.find("// here: " + name) != std::string::npos) return number;
  FAIL("no line is marked with " << name);
  return 0;
}

void checkMistake(const Foreign &cu, const std::string &name, const std::string &kind) {
  INFO(name << " on " << cu.arch);
  std::vector<int> values(128);
  for (std::size_t i = 0; i < 128; ++i) values[i] = static_cast<int>(i + 1);
  for (const int bad : {0, 1}) {
    Device device(cu.arch);
    const std::size_t before = reportCount();
    const Array<int> in(values), out(128);
    Kernel kernel(cu.ptx, name);
    const Result result =
        kernel.tryLaunch({1, 1, 1, 160u - 32u * (name != "offByOne")}, in.address(), out.address(), 128, bad);
    CHECK((result == Result::Success) == (bad == 0));
    REQUIRE(reportCount() == before + static_cast<std::size_t>(bad));
    if (bad) device.reset(); // the error is sticky
  }
  const Report report = lastReport();
  CHECK(report.kind == kind);
  const bool inHeader = name == "wrongMask"; // the shuffle is inlined from one of nvcc's own
  const std::string line = inHeader ? "intrinsics" : "faulty.cu:" + std::to_string(markedLine(name));
  INFO(report.source);
  CHECK(report.source.find(line) != std::string::npos);
}

} // namespace

TEST_CASE("nvcc: mistakes in CUDA C++ are reported with their source line") {
  const std::pair<const char *, const char *> mistakes[] = {
      {"offByOne", "out_of_bounds"},    {"missingBarrier", "race"},           {"neverWritten", "uninitialised_read"},
      {"barrierForSome", "divergence"}, {"freedTooEarly", "use_after_free"},  {"crooked", "misaligned"},
      {"beyondLocal", "out_of_bounds"}, {"readInFlight", "in_flight_access"}, {"wrongMask", "invalid_mask"},
      {"atomicMissing", "lane_race"}};
  onEachArch(
      "faulty",
      [&](const Foreign &cu) {
        for (const auto &[name, kind] : mistakes) checkMistake(cu, name, kind);
      },
      Reports::Wanted);
}

} // namespace sage::simtest
