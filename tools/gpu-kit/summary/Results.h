// The directory of one run, read for its summary: what is missing or malformed reads as empty, and is told.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace sage::kit {

using Json = nlohmann::json;

// A member of an object, or an empty value of the kind asked for.
std::string text(const Json &object, const char *key);
std::optional<double> number(const Json &object, const char *key);
const Json &member(const Json &object, const char *key);
// The objects of the array at `key`.
std::vector<Json> objects(const Json &object, const char *key);

struct Results {
  Json run, conformance, machine, attention, peers;
  std::vector<std::string> problems; // one sentence for each file that could not be read
  static Results read(const std::filesystem::path &directory);

  Json device; // of the first program that wrote one; null if none did
  bool simulated = false;
};

// A shape that timings belong to, as text: B×H×N×D and the mask, in ASCII. Empty where a field is missing.
std::string shapeOf(const Json &entry);
// 4·B·H·N²·D, half for causal.
double operationsOf(const Json &entry);
// The median of a timing {"median_us": …} in microseconds.
std::optional<double> medianUs(const Json &timing);
// Whether a timing may hold some of the host's time.
bool isHostBound(const Json &timing);

} // namespace sage::kit
