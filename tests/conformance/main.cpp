// conformance: proves the shipped configs on a device, size by size, and compares every integer with the simulator's.
// On a simulated device that comparison is one of the simulator with itself, which the record says.
#include "Case.h"
#include "sage/runtime/Compiler.h"

#include <chrono>
#include <cstdio>

namespace {

using namespace sage;
using namespace sage::conformance;
using bench::Json;

// The simulator with the same kernels; none when no simulated device has this arch.
std::optional<Target> openTwin(const Target &target) {
  Result<Target> twin = Target::open("sim:" + target.arch, target.arch);
  if (twin) return *std::move(twin);
  bench::talk("no simulator to compare with: " + twin.status().message());
  return std::nullopt;
}

int failures(const Json &entry) {
  int count = 0;
  for (const Json &check : entry["checks"]) {
    if (check["status"] != "failed") continue;
    ++count;
    bench::talk(std::string(entry["name"]) + ": " + std::string(check["what"]) +
                " failed: " + std::string(check["detail"]));
  }
  return count;
}

Status run(const bench::Options &options) {
  std::vector<Case> wanted;
  for (const Case &one : cases(options.extent))
    if (one.name().find(options.only) != std::string::npos) wanted.push_back(one);
  if (wanted.empty()) return invalidInput("--only: no case has '" + options.only + "' in its name; see --list");
  if (options.list) {
    for (const Case &one : wanted) std::printf("%s\n", one.name().c_str());
    return {};
  }
  const auto start = std::chrono::steady_clock::now();
  SAGE_ASSIGN(Target target, Target::open(options.device));
  bench::talk("device: " + target.device->description());
  SAGE_ASSIGN(const CompilerRef compiler, CompilerLibrary::open());
  std::optional<Target> twin = openTwin(target);
  bench::Record record(options.out, "conformance", *target.device, compiler->id());
  record["twin"] = twin ? Json(twin->device->spec()) : Json();
  record["cases"] = Json::array();
  int failed = 0, passed = 0;
  for (const Case &one : wanted) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (options.timeLimitSeconds > 0 && spent.count() > options.timeLimitSeconds)
      return Status(Code::CheckFailed, "stopped by --time-limit after " + std::to_string(passed + failed) + " of " +
                                           std::to_string(wanted.size()) + " cases");
    SAGE_ASSIGN(Json entry, check(one, target, twin ? &*twin : nullptr).context(one.name()));
    ++(failures(entry) == 0 ? passed : failed);
    record["cases"].push_back(std::move(entry));
    record["passed"] = passed;
    record["failed"] = failed;
    SAGE_TRY(record.save());
  }
  SAGE_TRY(record.finish());
  bench::talk(std::to_string(passed) + " cases passed, " + std::to_string(failed) + " failed");
  return failed == 0 ? Status() : Status(Code::CheckFailed, std::to_string(failed) + " cases failed");
}

} // namespace

int main(int argc, char **argv) {
  Result<std::optional<bench::Options>> options = bench::parseOptions(
      argc, argv, "conformance", "Prove the shipped configs on a device, against double precision and the simulator.");
  if (options && !*options) return 0;
  Status status;
  try {
    status = options ? run(**options) : options.status();
  } catch (const std::exception &error) {
    status = internalError(error.what());
  }
  if (!status.ok()) bench::talk("conformance: error: " + status.message());
  return status.exitCode();
}
