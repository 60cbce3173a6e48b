// See JsonFields.h.
#include "runtime/compiler/JsonFields.h"

namespace sage {
namespace {

Result<const nlohmann::json *> field(const nlohmann::json &object, const char *key) {
  if (!object.is_object()) return invalidInput("expected an object");
  auto found = object.find(key);
  if (found == object.end()) return invalidInput(std::string("field '") + key + "' is missing");
  return &*found;
}

Status wrong(const char *key, const std::string &expected) {
  return invalidInput(std::string("field '") + key + "': expected " + expected);
}

} // namespace

Result<std::int64_t> integerField(const nlohmann::json &object, const char *key, std::int64_t low, std::int64_t high) {
  SAGE_ASSIGN(const nlohmann::json *value, field(object, key));
  const std::string expected = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  if (!value->is_number_integer()) return wrong(key, expected);
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t(INT64_MAX))
    return wrong(key, expected);
  const std::int64_t number = value->get<std::int64_t>();
  if (number < low || number > high) return wrong(key, expected);
  return number;
}

Result<std::string> stringField(const nlohmann::json &object, const char *key) {
  SAGE_ASSIGN(const nlohmann::json *value, field(object, key));
  if (!value->is_string()) return wrong(key, "a string");
  return value->get<std::string>();
}

Result<const nlohmann::json *> arrayField(const nlohmann::json &object, const char *key, std::size_t maxSize) {
  SAGE_ASSIGN(const nlohmann::json *value, field(object, key));
  if (!value->is_array() || value->size() > maxSize)
    return wrong(key, "an array of at most " + std::to_string(maxSize) + " elements");
  return value;
}

} // namespace sage
