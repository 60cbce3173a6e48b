// Config: from JSON and from key=value, and the relations between keys.
#include "sage/runtime/Config.h"

#include "runtime/config/ConfigKeys.h"
#include "runtime/config/Embedded.h"
#include "runtime/config/JsonText.h"
#include "sage/runtime/Compiler.h"
#include "sage/runtime/Environment.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sys/stat.h>

namespace sage {
namespace {

using nlohmann::json;

constexpr std::size_t maxConfigBytes = 1u << 20;

std::string unknownKey(const std::string &path) {
  std::string known;
  for (const std::string &name : configKeyNames()) known += (known.empty() ? "" : ", ") + name;
  return "unknown key '" + path + "'" + didYouMean(path, configKeyNames()) + "; known: " + known;
}

Status readKey(Config &config, const JsonText &text, const std::string &path, const json &value) {
  const ConfigKey *key = findConfigKey(path);
  if (!key) return text.errorAt(path, unknownKey(path));
  if (!key->read(config, value)) return text.errorAt(path, notAllowed(*key, value));
  return {};
}

bool exists(const std::string &path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
}

/// What a config can be called: the shipped names, and the files of the user's directory.
std::vector<std::string> knownConfigs(const std::string &directory) {
  std::vector<std::string> names = shippedConfigs();
  std::error_code error;
  if (!directory.empty())
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
      if (at->path().extension() == ".json") names.push_back(at->path().stem().string());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// A grain that a schedule's block must be a multiple of.
Status checkGrain(const char *key, const std::optional<int> &block, const char *grainKey, const Granularity &grain) {
  if (!block || *block % grain.slab == 0) return {};
  return invalidInput(std::string(key) + " is " + std::to_string(*block) + ", but " + grainKey + " has slabs of " +
                      std::to_string(grain.slab) + " rows: a block is a whole number of slabs");
}

} // namespace

std::int64_t Granularity::groupOf(std::int64_t row) const {
  std::int64_t group = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) group |= (row >> bits[i] & 1) << i;
  return row / slab * groupsPerSlab() + group;
}

std::string Granularity::json() const { return nlohmann::json{{"slab", slab}, {"bits", bits}}.dump(); }

Result<Config> Config::parse(std::string_view text, const std::string &file) {
  if (text.size() > maxConfigBytes) return invalidInput(file + ": a config is at most 1 MiB");
  SAGE_ASSIGN(const JsonText source, JsonText::parse(text, file));
  Config config;
  config.name = file.substr(file.rfind('/') + 1);
  for (const auto &[key, value] : source.root().items()) {
    if (key != "schedule") {
      SAGE_TRY(readKey(config, source, key, value));
      continue;
    }
    if (!value.is_object()) return source.errorAt(key, "schedule: expected an object");
    for (const auto &[inner, number] : value.items()) SAGE_TRY(readKey(config, source, "schedule." + inner, number));
  }
  SAGE_TRY(config.validate().context(file));
  return config;
}

Result<Config> Config::load(const std::string &nameOrPath, const std::string &directory) {
  if (nameOrPath.ends_with(".tile"))
    return invalidInput(nameOrPath + " is a tile program; a config is expected here: a shipped name or a .json file");
  const std::string where = directory.empty() ? readEnvironment().configs : directory;
  std::error_code error;
  const bool isPath = nameOrPath.find('/') != std::string::npos || nameOrPath.ends_with(".json");
  if (!where.empty() && !std::filesystem::is_directory(where, error))
    return invalidInput("there is no directory " + where);
  if (!isPath) {
    if (Result<SourceText> found = findSource(embeddedConfigs(), nameOrPath + ".json", where); found.ok())
      return parse(found->text, found->file);
    if (!exists(nameOrPath)) {
      std::string known;
      const std::vector<std::string> names = knownConfigs(where);
      for (const std::string &name : names) known += (known.empty() ? "" : ", ") + name;
      return invalidInput("unknown config '" + nameOrPath + "'" + didYouMean(nameOrPath, names) +
                          "; allowed: " + known + ", or the path of a JSON file");
    }
  }
  SAGE_ASSIGN(const std::string text, readTextFile(nameOrPath, maxConfigBytes));
  return parse(text, nameOrPath);
}

Status Config::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return invalidInput("'" + std::string(assignment) + "' is not of the form key=value");
  const std::string path(assignment.substr(0, equals));
  const ConfigKey *key = findConfigKey(path);
  if (!key) return invalidInput(unknownKey(path));
  const nlohmann::json value = nlohmann::json::parse(valueAsJson(assignment.substr(equals + 1)));
  Config changed = *this;
  if (!key->read(changed, value)) return invalidInput(notAllowed(*key, value));
  *this = std::move(changed);
  return {};
}

Status Config::validate() const {
  if (qk != DType::I8 && smoothK)
    return invalidInput("smooth_k: only Q and K of type i8 are smoothed, and qk is " + std::string(sage::name(qk)));
  if (qk != DType::I8 && (qGranularity || kGranularity))
    return invalidInput("q_granularity and k_granularity: only Q and K of type i8 have scales, and qk is " +
                        std::string(sage::name(qk)));
  if (accumulateKeys && accumulate == "f32")
    return invalidInput("accumulate_keys: belongs to an f16 accumulation, and accumulate is f32");
  if (qk != DType::I8) return {};
  SAGE_TRY(checkGrain("schedule.block_q", schedule.blockQ, "q_granularity", queryGranularity()));
  return checkGrain("schedule.block_k", schedule.blockK, "k_granularity", keyGranularity());
}

std::string Config::json() const {
  nlohmann::json result = nlohmann::json::object();
  for (const ConfigKey &key : configKeys()) {
    nlohmann::json value = key.write(*this);
    if (value.is_null()) continue;
    const std::string path = key.path;
    if (path.starts_with("schedule."))
      result["schedule"][path.substr(9)] = std::move(value);
    else
      result[path] = std::move(value);
  }
  return result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Schedule::json() const {
  Config config;
  config.schedule = *this;
  const nlohmann::json whole = nlohmann::json::parse(config.json());
  return whole.value("schedule", nlohmann::json::object()).dump();
}

double Config::softmaxScale(std::int64_t dim) const { return scale.value_or(1.0 / std::sqrt(double(dim))); }

std::vector<std::string> shippedConfigs() {
  std::vector<std::string> names;
  for (const EmbeddedFile &file : embeddedConfigs()) names.emplace_back(file.name.substr(0, file.name.size() - 5));
  return names;
}

} // namespace sage
