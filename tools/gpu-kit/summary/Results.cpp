// See Results.h.
#include "Results.h"

#include <fstream>

namespace sage::kit {
namespace {

Json readFile(const std::filesystem::path &path, std::vector<std::string> &problems) {
  std::ifstream file(path);
  if (!file) {
    problems.push_back(path.filename().string() + " is missing");
    return {};
  }
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object()) {
    problems.push_back(path.filename().string() + " is malformed");
    return {};
  }
  if (const Json &complete = member(json, "complete"); complete.is_boolean() && !complete.get<bool>())
    problems.push_back(path.filename().string() + " is incomplete: its program was stopped");
  return json;
}

} // namespace

const Json &member(const Json &object, const char *key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::string text(const Json &object, const char *key) {
  const Json &value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<double> number(const Json &object, const char *key) {
  const Json &value = member(object, key);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::vector<Json> objects(const Json &object, const char *key) {
  std::vector<Json> found;
  const Json &list = member(object, key);
  if (!list.is_array()) return found;
  for (const Json &entry : list)
    if (entry.is_object()) found.push_back(entry);
  return found;
}

Results Results::read(const std::filesystem::path &directory) {
  Results results;
  const auto file = [&](const char *name) { return readFile(directory / name, results.problems); };
  results.run = file("run.json");
  results.conformance = file("conformance.json");
  results.machine = file("machine.json");
  results.attention = file("attention.json");
  results.peers = file("peers.json");
  for (const Json *program : {&results.conformance, &results.machine, &results.attention}) {
    const Json &device = member(*program, "device");
    if (!device.is_object()) continue;
    if (results.device.is_null()) results.device = device;
    // Whatever does not say that it was measured was not.
    results.simulated = results.simulated || member(device, "simulated") != Json(false);
  }
  return results;
}

std::string shapeOf(const Json &entry) {
  std::string shape;
  for (const char *key : {"batch", "query_heads", "tokens", "head_dim"}) {
    const auto value = number(entry, key);
    if (!value || !(*value >= 1 && *value < 1e9)) return {};
    shape += (shape.empty() ? "" : "x") + std::to_string(long(*value));
  }
  const std::string mask = text(entry, "mask");
  if (number(entry, "key_heads") != number(entry, "query_heads")) shape += " gqa";
  return mask.empty() || mask == "none" ? shape : shape + " " + mask;
}

double operationsOf(const Json &entry) {
  double product = text(entry, "mask") == "causal" ? 2 : 4;
  for (const char *key : {"batch", "query_heads", "tokens", "tokens", "head_dim"})
    product *= number(entry, key).value_or(0);
  return product;
}

std::optional<double> medianUs(const Json &timing) {
  const auto median = number(timing, "median_us");
  return median && *median > 0 ? median : std::nullopt;
}

bool isHostBound(const Json &timing) { return member(timing, "host_bound") == Json(true); }

} // namespace sage::kit
