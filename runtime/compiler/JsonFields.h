// Reading JSON that another component wrote: each function checks presence, type and range, and its error names the
// field.
#pragma once

#include "sage/runtime/Result.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace sage {

Result<std::int64_t> integerField(const nlohmann::json &object, const char *key, std::int64_t low, std::int64_t high);
Result<std::string> stringField(const nlohmann::json &object, const char *key);
/// An array of at most `maxSize` elements. The pointer is valid as long as `object`.
Result<const nlohmann::json *> arrayField(const nlohmann::json &object, const char *key, std::size_t maxSize);

} // namespace sage
