// One thing to find out about a machine: a small kernel, a way to run it, and what the host expects it to compute.
// A probe is data and two functions; Catalogue.cpp lists them all, a file a group defines them.
#pragma once

#include "Bench.h"
#include "KernelText.h"

#include "sage/runtime/Result.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sage::machine {

// A number that a probe gives: "rate.fma", "lane operations per clock and SM".
struct Quantity {
  std::string name, unit, what;
};

struct Reading {
  std::optional<double> value;
  std::vector<double> raw; // single repetitions, in order, unless the quantity says otherwise
  bool verified = false;   // the kernel computed what the host expected
  std::string detail;      // facts beside the numbers, for a person
  std::string skipped;     // why there is no value: the machine lacks what it takes
};

struct Probe {
  std::string group;
  std::vector<std::string_view> archs; // that have the instructions
  std::vector<Quantity> quantities;
  std::function<KernelText(std::string_view arch)> kernel;
  // One reading for each quantity. An error of the device may be one that stays: the process ends after it.
  std::function<Result<std::vector<Reading>>(Bench &)> measure;
};

// All probes, those last that may harm what comes after them.
const std::vector<Probe> &catalogue();

// One group each, in files of these names.
std::vector<Probe> rateProbes();
std::vector<Probe> softmaxProbes();
std::vector<Probe> scoreProbes();
std::vector<Probe> mmaProbes();
std::vector<Probe> wgmmaProbes();
std::vector<Probe> sharedProbes();
std::vector<Probe> readProbes();
std::vector<Probe> bulkProbes();
std::vector<Probe> launchProbes();
std::vector<Probe> loadProbes();
std::vector<Probe> registerProbes();
std::vector<Probe> fp8Probes();

} // namespace sage::machine
