// The numeric tests' main: Catch2's, with one more option, `--device auto|cuda:N|sim:ARCH` (default sim:sm_80), so
// that the same binary runs on the simulator and on a GPU.
#define CATCH_CONFIG_RUNNER
#include "Rig.h"

#include <catch2/catch.hpp>
#include <cstdio>

int main(int argc, char **argv) {
  Catch::Session session;
  std::string device = "sim:sm_80";
  session.cli(session.cli() | Catch::clara::Opt(device, "auto|cuda:N|sim:ARCH")["--device"](
                                  "the device to run on (default sim:sm_80)"));
  if (int code = session.applyCommandLine(argc, argv)) return code;
  numerics::chooseDevice(device);
  return session.run();
}
