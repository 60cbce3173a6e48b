// Constant expressions (PTX ISA §4.6): integers in 64 bits, with C's operators and their precedence. A number with U,
// or one that needs all 64 bits, is unsigned, and so is what is computed from it.
#include <array>

#include "ptx/ParserImpl.h"

namespace sage::sim {
namespace {

struct OperatorRow {
  std::string_view text;
  int precedence;
};
// Longer operators first, since the scanner gives single characters.
constexpr std::array<OperatorRow, 18> operators{{
    {"<<", 8},
    {">>", 8},
    {"<=", 7},
    {">=", 7},
    {"==", 6},
    {"!=", 6},
    {"&&", 2},
    {"||", 1},
    {"*", 10},
    {"/", 10},
    {"%", 10},
    {"+", 9},
    {"-", 9},
    {"<", 7},
    {">", 7},
    {"&", 5},
    {"^", 4},
    {"|", 3},
}};
constexpr int maxDepth = 64;

} // namespace

bool Parser::startsExpression() const {
  if (peek().kind == Token::Kind::Integer) return true;
  if (!isPunct('-') && !isPunct('+') && !isPunct('~') && !isPunct('!') && !isPunct('(')) return false;
  const Token::Kind next = peek(1).kind;
  return next == Token::Kind::Integer || (next == Token::Kind::Punct && peek(1).punct != '-' && peek(1).punct != '+') ||
         isPunct('(');
}

std::uint64_t Parser::parseExpression() { return parseConditional(0).bits; }

Parser::Constant Parser::parseConditional(int depth) {
  const Constant condition = parseBinary(1, depth);
  if (!acceptPunct('?')) return condition;
  const Constant yes = parseConditional(depth + 1);
  expectPunct(':');
  const Constant no = parseConditional(depth + 1);
  return condition.bits != 0 ? yes : no;
}

std::size_t Parser::operatorHere(int lowest) const {
  for (std::size_t k = 0; k < operators.size(); ++k) {
    const std::string_view text = operators[k].text;
    const bool here = isPunct(text[0]) && (text.size() == 1 || isPunct(text[1], 1));
    if (here) return operators[k].precedence >= lowest ? k : operators.size();
  }
  return operators.size();
}

Parser::Constant Parser::parseBinary(int lowest, int depth) {
  Constant left = parseUnary(depth + 1);
  for (std::size_t k = operatorHere(lowest); k < operators.size(); k = operatorHere(lowest)) {
    for (std::size_t n = 0; n < operators[k].text.size(); ++n) take();
    left = combine(operators[k].text, left, parseBinary(operators[k].precedence + 1, depth + 1));
  }
  return left;
}

Parser::Constant Parser::parseUnary(int depth) {
  if (depth > maxDepth) fail("the expression is nested too deeply");
  if (acceptPunct('+')) return parseUnary(depth + 1);
  if (acceptPunct('-')) {
    const Constant c = parseUnary(depth + 1);
    return {0 - c.bits, c.isUnsigned};
  }
  if (acceptPunct('~')) {
    const Constant c = parseUnary(depth + 1);
    return {~c.bits, c.isUnsigned};
  }
  if (acceptPunct('!')) return {parseUnary(depth + 1).bits == 0, false};
  if (acceptPunct('(')) {
    if (isWord(".s64") || isWord(".u64")) {
      const bool isUnsigned = take().text == ".u64";
      expectPunct(')');
      return {parseUnary(depth + 1).bits, isUnsigned};
    }
    const Constant c = parseConditional(depth + 1);
    expectPunct(')');
    return c;
  }
  if (peek().kind != Token::Kind::Integer)
    fail("expected an operand, found '" + std::string(peek().text.substr(0, 60)) + "'");
  const Token &token = take();
  return {token.bits, token.text.ends_with('U') || token.bits >> 63 != 0};
}

Parser::Constant Parser::combine(std::string_view op, Constant a, Constant b) const {
  const bool isUnsigned = a.isUnsigned || b.isUnsigned;
  const auto x = static_cast<std::int64_t>(a.bits), y = static_cast<std::int64_t>(b.bits);
  const bool less = isUnsigned ? a.bits < b.bits : x < y;
  switch (op[0]) {
  case '+': return {a.bits + b.bits, isUnsigned};
  case '-': return {a.bits - b.bits, isUnsigned};
  case '*': return {a.bits * b.bits, isUnsigned};
  case '^': return {a.bits ^ b.bits, isUnsigned};
  case '&': return op.size() == 2 ? Constant{a.bits != 0 && b.bits != 0, false} : Constant{a.bits & b.bits, isUnsigned};
  case '|': return op.size() == 2 ? Constant{a.bits != 0 || b.bits != 0, false} : Constant{a.bits | b.bits, isUnsigned};
  case '=': return {a.bits == b.bits, false};
  case '!': return {a.bits != b.bits, false};
  case '<':
    if (op == "<<") return {b.bits < 64 ? a.bits << b.bits : 0, a.isUnsigned};
    return {op == "<=" ? less || a.bits == b.bits : less, false};
  case '>': {
    if (op != ">>") return {op == ">=" ? !less : !less && a.bits != b.bits, false};
    const std::uint64_t n = b.bits < 64 ? b.bits : 63;
    if (a.isUnsigned) return {b.bits < 64 ? a.bits >> n : 0, true};
    return {static_cast<std::uint64_t>(x >> n), false};
  }
  default: break;
  }
  if (b.bits == 0) fail("a constant is divided by zero");
  if (isUnsigned) return {op == "/" ? a.bits / b.bits : a.bits % b.bits, true};
  if (y == -1) return {op == "/" ? 0 - a.bits : 0, false}; // the only quotient that would overflow
  return {static_cast<std::uint64_t>(op == "/" ? x / y : x % y), false};
}

} // namespace sage::sim
