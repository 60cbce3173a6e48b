// See Arguments.h.
#include "tool/Arguments.h"

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sage::sim::tool {
namespace {

template <class T> bool parseNumber(const std::string &text, std::vector<std::uint8_t> &to) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  to.resize(sizeof value);
  std::memcpy(to.data(), &value, sizeof value);
  return true;
}

bool parseScalar(const std::string &kind, const std::string &value, std::vector<std::uint8_t> &to) {
  if (kind == "u8") return parseNumber<std::uint8_t>(value, to);
  if (kind == "u16") return parseNumber<std::uint16_t>(value, to);
  if (kind == "u32") return parseNumber<std::uint32_t>(value, to);
  if (kind == "u64") return parseNumber<std::uint64_t>(value, to);
  if (kind == "s8") return parseNumber<std::int8_t>(value, to);
  if (kind == "s16") return parseNumber<std::int16_t>(value, to);
  if (kind == "s32") return parseNumber<std::int32_t>(value, to);
  if (kind == "s64") return parseNumber<std::int64_t>(value, to);
  if (kind == "f32") return parseNumber<float>(value, to);
  return kind == "f64" && parseNumber<double>(value, to);
}

bool parseBuffer(const std::string &value, Argument &to, std::string &message) {
  to.isBuffer = true;
  if (value.starts_with("@")) {
    to.written = true;
    if (!readFile(value.substr(1), to.bytes)) return message = "cannot read '" + value.substr(1) + "'", false;
    to.size = to.bytes.size();
    return to.size != 0 || (message = "'" + value.substr(1) + "' is empty", false);
  }
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to.size);
  if (error == std::errc() && end == value.data() + value.size() && to.size != 0) return true;
  message = "'" + value + "' is no number of bytes";
  return false;
}

} // namespace

bool readFile(const std::string &path, std::vector<std::uint8_t> &to) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, error)) return false; // reading a directory would throw
  to.assign(std::istreambuf_iterator<char>(file), {});
  return !file.bad();
}

bool parseArgument(const std::string &text, Argument &to, std::string &message) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon), value = colon == std::string::npos ? "" : text.substr(colon + 1);
  to = {};
  to.text = text;
  if (kind == "buf") return parseBuffer(value, to, message);
  if (parseScalar(kind, value, to.bytes)) return true;
  message = "'" + text +
            "' is no argument; write u8, u16, u32, u64, s8, s16, s32, s64, f32, f64 with a colon and a "
            "value, buf:BYTES or buf:@FILE";
  return false;
}

bool parseTriple(const std::string &text, unsigned (&to)[3]) {
  const char *at = text.data(), *const end = text.data() + text.size();
  for (unsigned k = 0; k < 3; ++k) {
    to[k] = 1;
    if (k != 0 && at == end) continue;
    if (k != 0 && *at++ != ',') return false;
    const auto [next, error] = std::from_chars(at, end, to[k]);
    if (error != std::errc() || to[k] == 0) return false;
    at = next;
  }
  return at == end;
}

} // namespace sage::sim::tool
