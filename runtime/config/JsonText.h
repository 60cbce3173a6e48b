// A JSON object together with its text, so that an error about a key can say file:line:column and show the line with
// a caret.
#pragma once

#include "sage/runtime/Result.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sage {

/// JSON of at most 64 levels: the library's copies and prints recurse, so that deeper text could overflow the stack.
Result<nlohmann::json> parseJson(std::string_view text);

class JsonText {
public:
  /// The text must be one JSON object without duplicate keys.
  static Result<JsonText> parse(std::string_view text, const std::string &file);

  const nlohmann::json &root() const { return value; }
  /// An error at the key of this path ("schedule.warps"); at the start of the text if there is none.
  Status errorAt(const std::string &path, const std::string &message) const;

private:
  Status errorAtOffset(std::size_t offset, const std::string &message) const;
  Status locateKeys();
  std::string text, file;
  nlohmann::json value;
  std::map<std::string, std::size_t> offsets; ///< of the keys of the two outer levels
};

} // namespace sage
