// conformance: proves the shipped configs on a device, size by size, and compares every integer with the simulator's.
// On a simulated device that comparison is one of the simulator with itself, which the record says.
#include "Case.h"
#include "record/Restart.h"
#include "sage/runtime/Compiler.h"

#include <algorithm>
#include <cstdio>
#include <optional>

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

// No case should take half of it on a GPU, the simulator's part included.
constexpr double caseSeconds = 30;

bool isBad(const Json &entry) {
  return std::any_of(entry["checks"].begin(), entry["checks"].end(),
                     [](const Json &check) { return check["status"] == "failed"; });
}

class Run {
public:
  Run(Target &target, std::optional<Target> &twin, bench::Record &record)
      : target(target), twin(twin), record(record) {}

  Status one(const Case &what) {
    const double began = bench::epochSeconds();
    std::optional<bench::Watchdog> watchdog;
    if (!target.device->simulated())
      watchdog.emplace(caseSeconds, [&, began] {
        (void)keep(notChecked(what, "no end within 30 seconds"), began);
        bench::talk("conformance: error: " + bench::restartAfter(what.name()).message());
      });
    Result<Json> entry = check(what, target, twin ? &*twin : nullptr);
    watchdog.reset();
    SAGE_TRY(keep(entry ? *entry : notChecked(what, entry.status().message()), began));
    if (entry || entry.status().code() != Code::Device || bench::isUsable(*target.device)) return {};
    return bench::restartAfter(what.name());
  }

private:
  static Json notChecked(const Case &what, const std::string &reason) {
    return {{"name", what.name()},      {"config", what.config},
            {"head_dim", what.headDim}, {"tokens", what.tokens},
            {"mask", what.mask},        {"checks", {{{"what", "accuracy"}, {"status", "failed"}, {"detail", reason}}}}};
  }

  Status keep(Json entry, double began) {
    entry["began"] = began;
    entry["ended"] = bench::epochSeconds();
    for (const Json &check : entry["checks"])
      if (check["status"] == "failed")
        bench::talk(std::string(entry["name"]) + ": " + std::string(check["what"]) +
                    " failed: " + std::string(check["detail"]));
    record["cases"].push_back(std::move(entry));
    const Json &all = record["cases"];
    const auto failed = std::count_if(all.begin(), all.end(), isBad);
    record["passed"] = std::int64_t(all.size()) - failed;
    record["failed"] = failed;
    return record.save();
  }

  Target &target;
  std::optional<Target> &twin;
  bench::Record &record;
};

// Behind the case that --after names.
Result<std::size_t> firstOf(const std::vector<Case> &wanted, const std::string &after) {
  if (after.empty()) return std::size_t(0);
  for (std::size_t k = 0; k < wanted.size(); ++k)
    if (wanted[k].name() == after) return k + 1;
  return invalidInput("--after: there is no case '" + after + "'; see --list");
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
  SAGE_ASSIGN(std::size_t next, firstOf(wanted, options.after));
  SAGE_ASSIGN(Target target, Target::open(options.device));
  bench::talk("device: " + target.device->description());
  SAGE_ASSIGN(const CompilerRef compiler, CompilerLibrary::open());
  std::optional<Target> twin = openTwin(target);
  bench::Record record(options.out, "conformance", *target.device, compiler->id());
  if (options.after.empty()) {
    record["twin"] = twin ? Json(twin->device->spec()) : Json();
    record["cases"] = Json::array();
    record["passed"] = record["failed"] = 0;
  } else {
    SAGE_TRY(record.resume());
  }
  Run work(target, twin, record);
  for (; next < wanted.size(); ++next) {
    if (options.timeLimitSeconds > 0 && record.seconds() > options.timeLimitSeconds) {
      bench::talk("stopped by --time-limit before '" + wanted[next].name() + "'");
      break; // not complete
    }
    SAGE_TRY(work.one(wanted[next]));
  }
  SAGE_TRY(next == wanted.size() ? record.finish() : record.save());
  const std::int64_t passed = record["passed"], failed = record["failed"];
  bench::talk(std::to_string(passed) + " cases passed, " + std::to_string(failed) + " failed");
  return failed == 0 ? Status() : Status(Code::CheckFailed, std::to_string(failed) + " cases failed");
}

} // namespace

int main(int argc, char **argv) {
  Result<std::optional<bench::Options>> options = bench::parseOptions(
      argc, argv, "conformance", "Prove the shipped configs on a device, against double precision and the simulator.",
      bench::Restarts::Yes, bench::SavesTensors::No);
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
