// Text to tokens (Token.h). One pass, no backtracking; a bad byte, string, comment or number is reported where it
// starts.
#include "Token.h"

#include <algorithm>

namespace sage::dsl {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }
bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Two characters before one: the first match is the longest. `>>` is left to the parser, since `>` also closes `<...>`.
constexpr std::string_view Symbols[] = {"==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "<<", "(", ")",
                                        "[",  "]",  "{",  "}",  "<",  ">",  ",",  ";",  ":",  ".", "=",
                                        "+",  "-",  "*",  "/",  "%",  "?",  "&",  "|",  "^",  "~"};

class Lexer {
public:
  Lexer(const Source &source, Diagnostics &diagnostics)
      : source_(source), text_(source.text()), diagnostics_(diagnostics) {}

  std::vector<Token> run() {
    while (skipBlank() && !diagnostics_.full())
      next();
    add(TokenKind::End, text_.size(), 0);
    return std::move(tokens_);
  }

private:
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  void error(size_t begin, size_t length, std::string message) {
    diagnostics_.error(source_, {static_cast<uint32_t>(begin), static_cast<uint32_t>(length)}, std::move(message));
  }

  void add(TokenKind kind, size_t begin, size_t length) {
    Location where{static_cast<uint32_t>(begin), static_cast<uint32_t>(length)};
    tokens_.push_back({kind, startsLine_, where, text_.substr(begin, length)});
    startsLine_ = false;
  }

  // Skips space and comments; false at the end of the text.
  bool skipBlank() {
    while (pos_ < text_.size()) {
      char c = text_[pos_];
      if (isSpace(c)) {
        startsLine_ |= c == '\n';
        ++pos_;
      } else if (c == '/' && at(pos_ + 1) == '/') {
        pos_ = std::min(text_.find('\n', pos_), text_.size());
      } else if (c == '/' && at(pos_ + 1) == '*') {
        skipBlockComment();
      } else {
        return true;
      }
    }
    return false;
  }

  void skipBlockComment() {
    size_t end = text_.find("*/", pos_ + 2);
    if (end == std::string_view::npos)
      error(pos_, 2, "this comment is never closed: '*/' is missing");
    size_t stop = end == std::string_view::npos ? text_.size() : end + 2;
    startsLine_ |= text_.substr(pos_, stop - pos_).find('\n') != std::string_view::npos;
    pos_ = stop;
  }

  void next() {
    char c = text_[pos_];
    if (isNameStart(c))
      return name();
    if (isDigit(c))
      return number();
    if (c == '"')
      return string();
    for (std::string_view symbol : Symbols)
      if (text_.substr(pos_, symbol.size()) == symbol) {
        add(TokenKind::Symbol, pos_, symbol.size());
        pos_ += symbol.size();
        return;
      }
    badByte();
  }

  void name() {
    size_t begin = pos_;
    while (isNamePart(at(pos_)))
      ++pos_;
    std::string_view word = text_.substr(begin, pos_ - begin);
    bool keyword = std::find(keywords().begin(), keywords().end(), word) != keywords().end();
    add(keyword ? TokenKind::Keyword : TokenKind::Name, begin, pos_ - begin);
  }

  void digits() {
    while (isDigit(at(pos_)))
      ++pos_;
  }

  // 12  0x1F  0.5  1e-7
  void number() {
    size_t begin = pos_;
    bool real = false;
    if (at(pos_) == '0' && (at(pos_ + 1) == 'x' || at(pos_ + 1) == 'X')) {
      pos_ += 2;
    } else {
      digits();
      if (at(pos_) == '.' && isDigit(at(pos_ + 1))) {
        real = true;
        ++pos_;
        digits();
      }
      bool sign = at(pos_ + 1) == '-' || at(pos_ + 1) == '+';
      if ((at(pos_) == 'e' || at(pos_) == 'E') && isDigit(at(pos_ + 1 + sign))) {
        real = true;
        pos_ += 1 + sign;
        digits();
      }
    }
    while (isNamePart(at(pos_)))
      ++pos_;
    add(real ? TokenKind::Real : TokenKind::Integer, begin,
        pos_ - begin); // the parser reads the value and reports what is left over
  }

  void string() {
    size_t begin = pos_;
    size_t end = text_.find_first_of("\"\n", pos_ + 1);
    if (end == std::string_view::npos || text_[end] == '\n') {
      error(begin, 1, "this string is never closed: '\"' is missing on its line");
      pos_ = std::min(end, text_.size());
      return;
    }
    add(TokenKind::String, begin + 1, end - begin - 1);
    pos_ = end + 1;
  }

  // One complaint a run of bytes that no program contains.
  void badByte() {
    size_t begin = pos_;
    auto known = [](char c) {
      return isNamePart(c) || isSpace(c) ||
             std::string_view("\"()[]{}<>,;:.=+-*/%?&|^~!").find(c) != std::string_view::npos;
    };
    do
      ++pos_;
    while (pos_ < text_.size() && !known(text_[pos_]));
    unsigned code = static_cast<unsigned char>(text_[begin]);
    static const char *hex = "0123456789abcdef";
    std::string shown = code > 0x20 && code < 0x7F ? std::string("'") + text_[begin] + "'"
                                                   : std::string("byte 0x") + hex[code >> 4] + hex[code & 15];
    error(begin, pos_ - begin, shown + " has no meaning in a tile program");
  }

  const Source &source_;
  std::string_view text_;
  Diagnostics &diagnostics_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  bool startsLine_ = true;
};

} // namespace

const std::vector<std::string> &keywords() {
  static const std::vector<std::string> list = {"kernel", "fn",   "grid",   "let",   "var",    "for",    "in", "if",
                                                "else",   "when", "repeat", "load",  "store",  "atomic", "as", "and",
                                                "or",     "not",  "true",   "false", "return", "require"};
  return list;
}

std::vector<Token> tokenize(const Source &source, Diagnostics &diagnostics) { return Lexer(source, diagnostics).run(); }

} // namespace sage::dsl
