// Hand-written scanner; see Lexer.h for what a token is.
#include "ptx/Lexer.h"

#include <bit>
#include <cctype>
#include <charconv>
#include <utility>

namespace sage::sim {
namespace {

bool isWordStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
}
bool isWordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

class Scanner {
public:
  explicit Scanner(std::string_view source) : text(source) {}

  Token next() {
    skipBlanks();
    Token token;
    token.line = line;
    const std::size_t start = at;
    if (openComment != 0) return endlessComment();
    if (at >= text.size()) return token;
    const char c = text[at];
    if (std::isdigit(static_cast<unsigned char>(c)))
      scanNumber(token);
    else if (isWordStart(c) && !(c == '%' && !isWordChar(peek(1)))) // a lone % is an operator
      scanWord(token);
    else if (c == '"')
      scanString(token);
    else {
      token.kind = Token::Kind::Punct;
      token.punct = c;
      ++at;
    }
    token.text = text.substr(start, at - start);
    return token;
  }

private:
  char peek(std::size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }

  void skipBlanks() {
    while (at < text.size()) {
      if (text[at] == '\n') {
        ++line;
        ++at;
      } else if (std::isspace(static_cast<unsigned char>(text[at]))) {
        ++at;
      } else if (text[at] == '/' && peek(1) == '/') {
        while (at < text.size() && text[at] != '\n') ++at;
      } else if (text[at] == '/' && peek(1) == '*') {
        skipBlockComment();
      } else {
        return;
      }
    }
  }

  void skipBlockComment() {
    const std::uint32_t start = line;
    at += 2;
    while (at < text.size() && !(text[at] == '*' && peek(1) == '/')) line += text[at++] == '\n';
    if (at >= text.size()) openComment = start;
    at = std::min(at + 2, text.size());
  }

  /// Stands where the comment began; the next token is the end.
  Token endlessComment() {
    Token token;
    token.kind = Token::Kind::OpenComment;
    token.line = std::exchange(openComment, 0);
    return token;
  }

  // Dots and `::` join the parts of an opcode or of a special register into one word; directives are words of their own
  // (`.reg.f32` is two).
  void scanWord(Token &token) {
    token.kind = Token::Kind::Word;
    const bool directive = peek() == '.';
    ++at;
    while (at < text.size()) {
      if (isWordChar(text[at]))
        ++at;
      else if (!directive && text[at] == '.' && isWordChar(peek(1)))
        ++at;
      else if (text[at] == ':' && peek(1) == ':' && isWordChar(peek(2)))
        at += 2;
      else
        return;
    }
  }

  void scanString(Token &token) {
    token.kind = Token::Kind::Bad;
    for (++at; at < text.size() && text[at] != '\n'; ++at)
      if (text[at] == '"') {
        token.kind = Token::Kind::String;
        ++at;
        return;
      }
  }

  void scanNumber(Token &token) {
    const char second = static_cast<char>(std::tolower(static_cast<unsigned char>(peek(1))));
    if (peek() == '0' && (second == 'f' || second == 'd') && std::isxdigit(static_cast<unsigned char>(peek(2))))
      return scanHexFloat(token, second == 'f');
    if (peek() == '0' && second == 'x') return scanDigits(token, 2, 16);
    if (peek() == '0' && second == 'b') return scanDigits(token, 2, 2);
    if (isDecimalFloat()) return scanDecimalFloat(token);
    scanDigits(token, 0, peek() == '0' && std::isdigit(static_cast<unsigned char>(second)) ? 8 : 10);
  }

  bool isDecimalFloat() const {
    std::size_t i = at;
    while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i;
    return i < text.size() && (text[i] == '.' || text[i] == 'e' || text[i] == 'E');
  }

  // 0f and eight, or 0d and sixteen hexadecimal digits: the bits themselves (§4.5.2).
  void scanHexFloat(Token &token, bool single) {
    const std::size_t digits = single ? 8 : 16;
    const std::size_t end = std::min(at + 2 + digits, text.size());
    const auto [stop, error] = std::from_chars(text.data() + at + 2, text.data() + end, token.bits, 16);
    const bool whole = error == std::errc() && stop == text.data() + at + 2 + digits;
    token.kind = !whole ? Token::Kind::Bad : single ? Token::Kind::Float32 : Token::Kind::Float64;
    at = static_cast<std::size_t>(stop - text.data());
  }

  void scanDecimalFloat(Token &token) {
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    token.kind = error == std::errc() ? Token::Kind::Float64 : Token::Kind::Bad;
    token.bits = std::bit_cast<std::uint64_t>(value);
    at = static_cast<std::size_t>(stop - text.data());
  }

  void scanDigits(Token &token, std::size_t prefix, int base) {
    at += prefix;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + text.size(), token.bits, base);
    token.kind = error == std::errc() ? Token::Kind::Integer : Token::Kind::Bad;
    at = static_cast<std::size_t>(stop - text.data());
    if (peek() == 'U') ++at;
  }

  std::string_view text;
  std::size_t at = 0;
  std::uint32_t line = 1;
  std::uint32_t openComment = 0; ///< where a comment began that does not end
};

} // namespace

std::vector<Token> tokenize(std::string_view source) {
  Scanner scanner(source);
  std::vector<Token> tokens;
  tokens.reserve(source.size() / 5);
  do tokens.push_back(scanner.next());
  while (tokens.back().kind != Token::Kind::End);
  return tokens;
}

} // namespace sage::sim
