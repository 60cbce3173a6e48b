// The keys of a config: one table with, for each, what it allows, how it is read, and how it is written. Parsing,
// --set and json() all use it.
#pragma once

#include "sage/runtime/Config.h"

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace sage {

struct ConfigKey {
  const char *path;    ///< "qk", "schedule.warps"
  const char *allowed; ///< for messages: "\"i8\" or \"f16\""
  /// Stores the value; false if it is not allowed.
  bool (*read)(Config &config, const nlohmann::json &value);
  /// The value, or null when it is left out.
  nlohmann::json (*write)(const Config &config);
};

std::span<const ConfigKey> configKeys();
const ConfigKey *findConfigKey(std::string_view path);
std::vector<std::string> configKeyNames();

/// "KEY: VALUE is not allowed; allowed: …"
std::string notAllowed(const ConfigKey &key, const nlohmann::json &value);

} // namespace sage
