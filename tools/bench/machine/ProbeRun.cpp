// See ProbeRun.h.
#include "ProbeRun.h"

#include "sage/runtime/Compiler.h"

#include <algorithm>

namespace sage::machine {
namespace {

void addReading(const Reading &reading, Json &entry) {
  entry["value"] = reading.value ? Json(*reading.value) : Json(nullptr);
  entry["raw"] = reading.raw;
  entry["verified"] = reading.verified;
  if (!reading.detail.empty()) entry["detail"] = reading.detail;
  if (!reading.skipped.empty()) entry["skipped"] = reading.skipped;
}

Result<std::vector<Reading>> measure(const DeviceRef &device, const CompilerLibrary &compiler, const Probe &probe,
                                     bench::Extent extent) {
  SAGE_ASSIGN(Bench bench, Bench::create(device, compiler, probe.kernel(device->arch()), extent));
  return probe.measure(bench);
}

// Of an error in loading a kernel: the driver is older than the PTX version that the kernel's instructions take.
bool isPtxTooNew(const Status &error) {
  return error.message().find("CUDA_ERROR_UNSUPPORTED_PTX_VERSION") != std::string::npos;
}

std::string summary(const Json &entry) {
  std::string line = entry["name"].get<std::string>() + ": ";
  if (entry.contains("skipped")) return line + "skipped, " + entry["skipped"].get<std::string>();
  if (entry.contains("failed")) return line + "FAILED, " + entry["failed"].get<std::string>();
  line += entry["value"].dump() + " " + entry["unit"].get<std::string>();
  return line + (entry["verified"] == true ? "" : ", WRONG RESULT");
}

} // namespace

Json entriesOf(const Probe &probe, const std::function<void(std::size_t, Json &)> &fill) {
  Json entries = Json::array();
  for (std::size_t k = 0; k < probe.quantities.size(); ++k) {
    const Quantity &quantity = probe.quantities[k];
    Json entry = {{"name", quantity.name}, {"group", probe.group},  {"value", nullptr}, {"unit", quantity.unit},
                  {"raw", Json::array()},  {"what", quantity.what}, {"verified", false}};
    fill(k, entry);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json failedEntries(const Probe &probe, const std::string &reason) {
  return entriesOf(probe, [&](std::size_t, Json &entry) { entry["failed"] = reason; });
}

void stamp(Json &entries, double began) {
  const double ended = bench::epochSeconds();
  for (Json &entry : entries) {
    entry["began"] = began;
    entry["ended"] = ended;
  }
}

bool isGood(const Json &entry) { return entry["verified"] == true || entry.contains("skipped"); }

Status runProbes(const bench::Options &options, const std::vector<const Probe *> &probes, const Progress &progress,
                 const RunEvents &events) {
  SAGE_ASSIGN(const DeviceRef device, Device::open(options.device));
  SAGE_ASSIGN(const CompilerRef compiler, CompilerLibrary::open());
  events.opened(device->simulated());
  if (progress.next == 0) bench::talk("device: " + device->description());
  bench::Record record(options.out, "bench-machine", *device, compiler->id(), progress.began);
  record["measurements"] = progress.done;
  SAGE_TRY(record.save());
  for (std::size_t number = progress.next; number < probes.size(); ++number) {
    if (events.timeIsUp()) return record.stop();
    const Probe &probe = *probes[number];
    const double began = bench::epochSeconds();
    events.began(number);
    Json entries;
    bool goesOn = true;
    if (std::find(probe.archs.begin(), probe.archs.end(), device->arch()) == probe.archs.end()) {
      entries = entriesOf(
          probe, [&](std::size_t, Json &entry) { entry["skipped"] = device->arch() + " has no such instructions"; });
    } else if (Result<std::vector<Reading>> readings = measure(device, *compiler, probe, options.extent);
               readings.ok()) {
      entries = entriesOf(probe, [&](std::size_t k, Json &entry) { addReading((*readings)[k], entry); });
    } else if (isPtxTooNew(readings.status())) {
      entries = entriesOf(probe, [&](std::size_t, Json &entry) { entry["skipped"] = readings.status().message(); });
    } else {
      entries = failedEntries(probe, readings.status().message());
      goesOn = readings.status().code() != Code::Device;
    }
    stamp(entries, began);
    for (const Json &entry : entries) {
      bench::talk(summary(entry));
      record["measurements"].push_back(entry);
    }
    SAGE_TRY(record.save());
    events.finished(number, entries);
    if (!goesOn && number + 1 < probes.size() && !events.timeIsUp()) return {};
  }
  return record.finish();
}

} // namespace sage::machine
