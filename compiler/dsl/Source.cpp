// Offsets to lines and columns, and excerpts that are safe to print (Source.h).
#include "Source.h"

#include <algorithm>

namespace sage::dsl {
namespace {

// An excerpt shows at most this much of a line before and after the place.
constexpr size_t ExcerptBefore = 120, ExcerptAfter = 120;

bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the UTF-8 character at the front of `s`, or 0 when it is malformed (overlong, surrogate, truncated).
size_t characterLength(std::string_view s) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned lead = byte(0);
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xC2 && lead < 0xE0 ? 2
                  : (lead & 0xF0) == 0xE0       ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 0;
  if (length == 0 || length > s.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if (!isContinuation(s[i]))
      return 0;
  bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  bool outside = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

} // namespace

Location cover(Location first, Location last) {
  uint32_t end = std::max(first.offset + first.length, last.offset + last.length);
  return {first.offset, end - first.offset};
}

Source::Source(std::string name, std::string text) : name_(printable(name, 200)), text_(std::move(text)) {
  lineStarts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n')
      lineStarts_.push_back(static_cast<uint32_t>(i + 1));
}

std::string_view Source::text(Location where) const {
  size_t begin = std::min<size_t>(where.offset, text_.size());
  return std::string_view(text_).substr(begin, where.length);
}

uint32_t Source::lineStart(uint32_t offset) const { return lineStarts_[position(offset).line - 1]; }

LineColumn Source::position(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(text_.size()));
  auto next = std::upper_bound(lineStarts_.begin(), lineStarts_.end(), offset);
  LineColumn result;
  result.line = static_cast<unsigned>(next - lineStarts_.begin());
  auto begin = text_.begin() + *(next - 1);
  auto characters = std::count_if(begin, text_.begin() + offset, [](char c) { return !isContinuation(c); });
  result.column = static_cast<unsigned>(characters) + 1;
  return result;
}

Excerpt Source::excerpt(Location where) const {
  uint32_t offset = std::min<uint32_t>(where.offset, static_cast<uint32_t>(text_.size()));
  size_t begin = lineStart(offset), end = std::min(text_.find('\n', offset), text_.size());
  bool cutFront = offset - begin > ExcerptBefore;
  if (cutFront)
    begin = offset - ExcerptBefore;
  while (begin < offset && isContinuation(text_[begin]))
    ++begin;
  std::string_view line = std::string_view(text_).substr(begin, std::min(end - begin, offset - begin + ExcerptAfter));
  std::string before = printable(line.substr(0, offset - begin), line.size());
  std::string at = printable(line.substr(offset - begin), line.size());
  at.erase(at.find_last_not_of(' ') + 1);
  auto characters = std::count_if(before.begin(), before.end(), [](char c) { return !isContinuation(c); });
  size_t under = std::clamp<size_t>(where.length, 1, std::max<size_t>(at.size(), 1));
  std::string lead = cutFront ? "..." : "";
  return {lead + before + at, std::string(lead.size() + characters, ' ') + "^" + std::string(under - 1, '~')};
}

std::string printable(std::string_view bytes, size_t limit) {
  std::string out;
  size_t characters = 0;
  while (!bytes.empty()) {
    if (characters++ == limit)
      return out + "...";
    size_t length = characterLength(bytes);
    bool control = length == 1 && (static_cast<unsigned char>(bytes[0]) < 0x20 || bytes[0] == 0x7F);
    if (length == 0)
      out += '?';
    else if (control)
      out += bytes[0] == '\t' ? ' ' : bytes[0] == '\r' ? ' ' : '?';
    else
      out += bytes.substr(0, length);
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

} // namespace sage::dsl
