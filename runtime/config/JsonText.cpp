// See JsonText.h. The positions of keys come from a second, simple walk over a text that is already known to be valid
// JSON.
#include "runtime/config/JsonText.h"

#include <algorithm>
#include <vector>

namespace sage {

namespace {

constexpr int maxDepth = 64;

/// The offset of the first bracket that is nested too deep, or npos. Works on any text, valid JSON or not.
std::size_t tooDeep(std::string_view text) {
  int depth = 0;
  bool inString = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '{' || c == '[') && ++depth > maxDepth)
      return i;
    else if (!inString && (c == '}' || c == ']'))
      --depth;
  }
  return std::string_view::npos;
}

} // namespace

Result<nlohmann::json> parseJson(std::string_view text) {
  if (tooDeep(text) != std::string_view::npos) return invalidInput("JSON is nested deeper than 64 levels");
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return invalidInput("not valid JSON");
  return value;
}

Result<JsonText> JsonText::parse(std::string_view text, const std::string &file) {
  JsonText result;
  result.text = text;
  result.file = file;
  if (std::size_t deep = tooDeep(text); deep != std::string_view::npos)
    return result.errorAtOffset(deep, "nested deeper than 64 levels");
  try {
    result.value = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error &error) {
    std::string reason = error.what();
    if (std::size_t detail = reason.find(": ", reason.find("parse error")); detail != std::string::npos)
      reason = reason.substr(detail + 2);
    return result.errorAtOffset(error.byte > 0 ? error.byte - 1 : 0, "not valid JSON: " + reason.substr(0, 200));
  } catch (const nlohmann::json::exception &error) {
    return result.errorAtOffset(0, std::string("not valid JSON: ") + error.what());
  }
  if (!result.value.is_object()) return result.errorAtOffset(0, "expected a JSON object");
  SAGE_TRY(result.locateKeys());
  return result;
}

Status JsonText::locateKeys() {
  std::vector<char> open; // brackets around the current position
  std::string outer;      // the current key of the outermost object
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') open.push_back(c);
    if ((c == '}' || c == ']') && !open.empty()) open.pop_back();
    if (c != '"') continue;
    const std::size_t start = i;
    for (++i; i < text.size() && text[i] != '"'; ++i)
      if (text[i] == '\\') ++i;
    const std::size_t next = text.find_first_not_of(" \t\r\n", i + 1);
    const bool isKey = next != std::string::npos && text[next] == ':' && open.back() == '{';
    if (!isKey || open.size() > 2) continue;
    const std::string key = text.substr(start + 1, i - start - 1);
    if (open.size() == 1) outer = key;
    const std::string path = open.size() == 1 ? key : outer + "." + key;
    if (!offsets.emplace(path, start).second) return errorAtOffset(start, "key '" + path + "' is given twice");
  }
  return {};
}

Status JsonText::errorAt(const std::string &path, const std::string &message) const {
  auto found = offsets.find(path);
  return errorAtOffset(found == offsets.end() ? 0 : found->second, message);
}

Status JsonText::errorAtOffset(std::size_t offset, const std::string &message) const {
  offset = std::min(offset, text.size());
  const std::size_t previous = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = previous == std::string::npos ? 0 : previous + 1;
  const std::size_t column = offset - begin;
  const std::size_t number = std::count(text.begin(), text.begin() + std::ptrdiff_t(begin), '\n') + 1;
  std::string rendered = file + ":" + std::to_string(number) + ":" + std::to_string(column + 1) + ": error: " + message;
  std::string line = text.substr(begin, text.find('\n', begin) - begin);
  std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  if (line.size() <= 160) rendered += "\n  " + line + "\n  " + std::string(column, ' ') + "^";
  return invalidInput(std::move(rendered));
}

} // namespace sage
