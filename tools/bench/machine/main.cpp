// What a machine can do, as far as kernels of attention care: instruction rates, peaks of the tensor cores, bandwidths,
// launches, loading, and what the driver's compiler does with setmaxnreg. docs/measuring.md, "What the machine can do".
//   bench-machine [--device D] [--tiny|--quick|--full] [--out FILE.json] [--only TEXT] [--list]
#include "Children.h"
#include "Probe.h"

#include <cstdio>

namespace {

using namespace sage;
using namespace sage::machine;

Status run(const bench::Options &options) {
  if (!options.list) return measureInChildren(options);
  for (const Probe &probe : catalogue())
    for (const Quantity &quantity : probe.quantities)
      std::printf("%-34s %s; %s\n", quantity.name.c_str(), quantity.what.c_str(), quantity.unit.c_str());
  return {};
}

} // namespace

int main(int argc, char **argv) {
  Result<std::optional<bench::Options>> options =
      bench::parseOptions(argc, argv, "bench-machine", "Measure what a device can do, and check what it computed.",
                          bench::Restarts::No, bench::SavesTensors::No);
  if (options.ok() && !*options) return 0;
  const Status status = options.ok() ? run(**options) : options.status();
  if (!status.message().empty()) bench::talk("bench-machine: error: " + status.message());
  return status.exitCode();
}
