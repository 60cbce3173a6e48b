// One process's share of a run: opens the device, measures probe after probe, keeps the record.
#pragma once

#include "Probe.h"

#include "record/Options.h"
#include "record/Record.h"

#include <functional>

namespace sage::machine {

using bench::Json;

// The entries of machine.json for PROBE, one a quantity; FILL adds to each what is known.
Json entriesOf(const Probe &probe, const std::function<void(std::size_t, Json &)> &fill);
// The same when it could not be measured.
Json failedEntries(const Probe &probe, const std::string &reason);
bool isGood(const Json &entry); // verified, or skipped with a reason

// When the probe of these ENTRIES BEGAN, and that it has ended now; in seconds since the epoch.
void stamp(Json &entries, double began);

struct RunEvents {
  std::function<void(bool simulated)> opened; // the device
  std::function<void(std::size_t probe)> began;
  std::function<void(std::size_t probe, const Json &entries)> finished;
  std::function<bool()> timeIsUp;
};

// Where a run stands when a process takes it up.
struct Progress {
  double began = bench::epochSeconds(); // the run, not the process
  std::size_t next = 0;                 // the first probe without entries
  Json done = Json::array();            // the entries of those before it
};

// Measures PROBES from where PROGRESS stands. Ends early, with success, after an error of the
// device, for which a new process is needed, and when the time is up: the record is not complete then.
Status runProbes(const bench::Options &options, const std::vector<const Probe *> &probes, const Progress &progress,
                 const RunEvents &events);

} // namespace sage::machine
