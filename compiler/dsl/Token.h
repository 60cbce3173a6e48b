// The tokens of the tile language and the lexer that makes them. Keywords are a closed list; everything else that looks
// like a name is one.
#pragma once

#include "Diagnostics.h"

#include <vector>

namespace sage::dsl {

enum class TokenKind : uint8_t { End, Name, Keyword, Integer, Real, String, Symbol };

/// `text` views the source, which must outlive the token (quotes of a string are not part of it).
struct Token {
  TokenKind kind = TokenKind::End;
  bool startsLine = false; // first on its line: what separates statements
  Location location;
  std::string_view text;

  bool is(std::string_view symbolOrKeyword) const {
    return (kind == TokenKind::Symbol || kind == TokenKind::Keyword) && text == symbolOrKeyword;
  }
};

const std::vector<std::string> &keywords();

/// The whole text as tokens, ended by one End token. Reports malformed ones and goes on; stops early when `diagnostics`
/// is full.
std::vector<Token> tokenize(const Source &source, Diagnostics &diagnostics);

} // namespace sage::dsl
