// The numeric tests' main: Catch2's, with two more options: `--device auto|cuda:N|sim:ARCH` (default sim:sm_80), so
// that the same binary runs on the simulator and on a GPU, and `--data DIR` for where the tensors are on another
// machine.
#define CATCH_CONFIG_RUNNER
#include "Rig.h"

#include <catch2/catch.hpp>
#include <cstdio>

int main(int argc, char **argv) {
  Catch::Session session;
  std::string device = "sim:sm_80";
  std::string data = SAGE_TEST_DATA;
  session.cli(
      session.cli() |
      Catch::clara::Opt(device, "auto|cuda:N|sim:ARCH")["--device"]("the device to run on (default sim:sm_80)") |
      Catch::clara::Opt(data, "DIR")["--data"]("where the bundled tensors are (default: the source tree)"));
  if (int code = session.applyCommandLine(argc, argv)) return code;
  numerics::chooseDevice(device);
  numerics::chooseData(data);
  return session.run();
}
