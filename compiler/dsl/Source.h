// A tile program's text and the places in it: byte offsets become line:column pairs and printable excerpts here and
// nowhere else. Text comes from a user, so it may hold anything: excerpts are always short, valid UTF-8 without control
// characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage::dsl {

/// A span of the text, in bytes.
struct Location {
  uint32_t offset = 0;
  uint32_t length = 0;
};

/// The smallest span that covers both.
Location cover(Location first, Location last);

/// Counted from 1, columns in characters (UTF-8 code points), as editors do.
struct LineColumn {
  unsigned line = 1;
  unsigned column = 1;
};

/// The source line of a location and a second line with a caret under it.
struct Excerpt {
  std::string line;
  std::string marker;
};

class Source {
public:
  Source(std::string name, std::string text);

  const std::string &name() const { return name_; }
  std::string_view text() const { return text_; }
  std::string_view text(Location where) const;
  LineColumn position(uint32_t offset) const;
  Excerpt excerpt(Location where) const;

private:
  uint32_t lineStart(uint32_t offset) const;

  std::string name_;
  std::string text_;
  std::vector<uint32_t> lineStarts_;
};

/// `bytes` fit for a message: at most `limit` characters, anything that is not printable UTF-8 replaced by '?'.
std::string printable(std::string_view bytes, size_t limit = 60);

} // namespace sage::dsl
