// The numeric tests' main: Catch2's, with more options: `--device auto|cuda:N|sim:ARCH` (default sim:sm_80), so that
// the same binary runs on the simulator and on a GPU, and `--data DIR` for where the tensors are on another machine.
//
// After an error of the device that stays, and after a test on a GPU that has no end, it goes on behind that test in a
// new process: `--after NAME`, among the tests that the rest of the command line chooses.
#define CATCH_CONFIG_RUNNER
#include "Rig.h"
#include "record/Restart.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <optional>

namespace {

using namespace sage;

constexpr double testSeconds = 20; // none should take half of it on a GPU

std::string deviceSpec = "sim:sm_80";

struct Successor : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo &test) override {
    if (!deviceSpec.starts_with("sim:"))
      watchdog.emplace(testSeconds, [name = test.name] {
        std::fprintf(stderr, "'%s': no end within %.0f seconds\n", name.c_str(), testSeconds);
        goOnBehind(name);
      });
  }

  void testCaseEnded(const Catch::TestCaseStats &stats) override {
    const bool isLost = !stats.totals.assertions.allOk() && numerics::deviceIsLost();
    watchdog.reset();
    if (isLost) goOnBehind(stats.testInfo.name);
  }

private:
  static void goOnBehind(const std::string &name) {
    std::fflush(nullptr);
    bench::talk("numerics-tests: error: " + bench::restartAfter(name).message());
  }
  std::optional<bench::Watchdog> watchdog;
};
CATCH_REGISTER_LISTENER(Successor)

// Runs what is behind AFTER of the tests that the command line chooses. Whatever that gives, a test has failed.
int runRest(Catch::Session &session, const std::string &after) {
  const Catch::Config &config = session.config();
  std::string rest;
  bool isBehind = false;
  for (const Catch::TestCase &test :
       Catch::filterTests(Catch::getAllTestCasesSorted(config), config.testSpec(), config)) {
    if (isBehind) {
      rest += rest.empty() ? "" : ",";
      for (char c : test.name) rest += std::string(c == ',' || c == '[' || c == '"' || c == '\\' ? "\\" : "") + c;
    }
    isBehind = isBehind || test.name == after;
  }
  if (!isBehind) {
    std::fprintf(stderr, "numerics-tests: --after: there is no test '%s'\n", after.c_str());
    return 2;
  }
  if (rest.empty()) return 1;
  Catch::ConfigData chosen = session.configData();
  chosen.testsOrTags = {rest};
  session.useConfigData(chosen);
  session.run();
  bench::talk("numerics-tests: error: '" + after + "' failed, and lost the device or had no end");
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  Catch::Session session;
  std::string data = SAGE_TEST_DATA, after;
  session.cli(
      session.cli() |
      Catch::clara::Opt(deviceSpec, "auto|cuda:N|sim:ARCH")["--device"]("the device to run on (default sim:sm_80)") |
      Catch::clara::Opt(data, "DIR")["--data"]("where the bundled tensors are (default: the source tree)") |
      Catch::clara::Opt(after, "NAME")["--after"]("start behind this test, which has lost the device"));
  if (int code = session.applyCommandLine(argc, argv)) return code;
  numerics::chooseDevice(deviceSpec);
  numerics::chooseData(data);
  return after.empty() ? session.run() : runRest(session, after);
}
