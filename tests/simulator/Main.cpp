// The simulator's tests, through its exported functions only. Violations are read back from the report file, which is
// set here before the library looks for it.
#define CATCH_CONFIG_RUNNER
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "Device.h"

int main(int argc, char **argv) {
  const auto path = std::filesystem::temp_directory_path() / ("sagesim-report-" + std::to_string(getpid()) + ".json");
  setenv("SAGESIM_REPORT", path.c_str(), 1);
  setenv("SAGESIM_TIMEOUT", "5", 0); // a build with sanitizers needs more
  sage::simtest::setReportFile(path);
  const int result = Catch::Session().run(argc, argv);
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return result;
}
