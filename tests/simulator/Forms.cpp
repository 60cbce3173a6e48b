// See Forms.h.
#include "Forms.h"

#include <algorithm>
#include <sstream>

namespace sage::simtest {
namespace {

std::vector<std::string> split(const std::string &text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

/// The alternatives of one part; an empty one where it may be absent.
std::vector<std::string> alternatives(std::string part) {
  const bool optional = part.starts_with("[");
  if (optional) part = part.substr(1, part.size() - 2);
  std::vector<std::string> all = split(part, '|');
  if (optional) all.emplace_back();
  return all;
}

} // namespace

std::string nthForm(const std::string &pattern, unsigned n) {
  std::string opcode;
  unsigned k = 0;
  for (const std::string &part : split(pattern, '.')) {
    const auto all = alternatives(part);
    const auto count = static_cast<unsigned>(all.size());
    const std::string &chosen = all[(n + k++ * (n / count)) % count];
    if (!chosen.empty()) opcode += (opcode.empty() ? "" : ".") + chosen;
  }
  return opcode;
}

unsigned formCount(const std::string &pattern) {
  std::size_t most = 1;
  for (const std::string &part : split(pattern, '.')) most = std::max(most, alternatives(part).size());
  return static_cast<unsigned>(most);
}

std::string copyWords(const std::string &from, const std::string &to, const std::string &fromSpace,
                      const std::string &toSpace, unsigned words) {
  std::string text;
  for (unsigned k = 0; k < words; ++k) {
    const std::string at = "+" + std::to_string(4 * k) + "]";
    text += "ld." + fromSpace + ".b32 %w0, [" + from + at + "; st." + toSpace + ".b32 [" + to + at + ", %w0;\n";
  }
  return text;
}

std::string hexadecimal(std::uint64_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

} // namespace sage::simtest
