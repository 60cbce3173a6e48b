// Expressions (Parser.h), by precedence from the loosest to the tightest:
//   c ? a : b   or   and   == != < <= > >=   |   ^   &   << >>   + -   * / %   as   - not ~   load   x[i] x.y f<t>(x)
#include "Parser.h"

#include <charconv>

namespace sage::dsl {
namespace {

struct Operator {
  std::string_view symbol;
  unsigned level;
  BinaryOp op;
};
constexpr Operator Operators[] = {
    {"or", 0, BinaryOp::Or},   {"and", 1, BinaryOp::And},  {"==", 2, BinaryOp::Eq},    {"!=", 2, BinaryOp::Ne},
    {"<=", 2, BinaryOp::Le},   {">=", 2, BinaryOp::Ge},    {"<", 2, BinaryOp::Lt},     {">", 2, BinaryOp::Gt},
    {"|", 3, BinaryOp::BitOr}, {"^", 4, BinaryOp::BitXor}, {"&", 5, BinaryOp::BitAnd}, {"<<", 6, BinaryOp::Shl},
    {"+", 7, BinaryOp::Add},   {"-", 7, BinaryOp::Sub},    {"*", 8, BinaryOp::Mul},    {"/", 8, BinaryOp::Div},
    {"%", 8, BinaryOp::Rem},
};
constexpr unsigned Tightest = 8, Sum = 7, Comparison = 2;

bool adjacent(const Token &first, const Token &second) {
  return first.location.offset + first.location.length == second.location.offset;
}

} // namespace

bool isComparison(BinaryOp op) { return op >= BinaryOp::Eq && op <= BinaryOp::Ge; }

const char *spelling(BinaryOp op) {
  static const char *const names[] = {"+",  "-",  "*",  "/",  "%", "and", "or", "&",  "|",   "^",
                                      "<<", ">>", "==", "!=", "<", "<=",  ">",  ">=", "max", "min"};
  return names[static_cast<size_t>(op)];
}

Expr &Parser::node(Expr::Kind kind, Location location) {
  Expr &expr = tree_.expressions.emplace_back();
  expr.kind = kind;
  expr.location = expr.at = location;
  return expr;
}

// Depth and extent of a node whose children are in place. Long chains of operators are deep trees too, hence the second
// check of the limit.
const Expr *Parser::finish(Expr &node) {
  auto child = [&](const Expr *expr) {
    node.depth = std::max(node.depth, expr->depth + 1);
    node.location =
        cover({std::min(node.location.offset, expr->location.offset), 0}, cover(node.location, expr->location));
  };
  for (const Expr *arg : node.args)
    child(arg);
  for (const Expr *arg : node.generics)
    child(arg);
  for (const NamedArgument &arg : node.named)
    child(arg.value);
  if (node.depth <= MaxDepth)
    return &node;
  diagnostics_.error(source_, node.at,
                     "this is nested too deeply: at most " + std::to_string(MaxDepth) + " levels are allowed");
  return nullptr;
}

// expression = or-expression ["?" expression ":" expression]
const Expr *Parser::expression() {
  DepthScope depth(*this);
  if (depth.tooDeep())
    return nullptr;
  const Expr *condition = binary(0);
  if (!condition || !peek().is("?"))
    return condition;
  Expr &choice = node(Expr::Kind::Choose, take().location);
  const Expr *yes = expression();
  if (!yes || !expect(":", "between the two sides of '?'"))
    return nullptr;
  const Expr *no = expression();
  if (!no)
    return nullptr;
  choice.args = {condition, yes, no};
  return finish(choice);
}

std::optional<BinaryOp> Parser::binaryOperator(unsigned level, size_t &tokens) const {
  tokens = 1;
  if (peek().is(">") && peek(1).is(">") && adjacent(peek(), peek(1))) {
    tokens = 2;
    return level == 6 ? std::optional(BinaryOp::Shr) : std::nullopt;
  }
  for (const Operator &candidate : Operators)
    if (candidate.level == level && peek().is(candidate.symbol))
      return candidate.op;
  return std::nullopt;
}

const Expr *Parser::binary(unsigned level) {
  if (level > Tightest)
    return cast();
  const Expr *left = binary(level + 1);
  size_t tokens = 0;
  for (unsigned count = 0; left; ++count) {
    std::optional<BinaryOp> op = binaryOperator(level, tokens);
    if (!op)
      return left;
    if (level == Comparison && count)
      return fail(peek(), "comparisons do not chain: write 'a < b and b < c'"), nullptr;
    Token at = take();
    if (tokens == 2)
      take();
    const Expr *right = binary(level + 1);
    left = right ? binaryNode(*op, at, left, right) : nullptr;
  }
  return nullptr;
}

const Expr *Parser::binaryNode(BinaryOp op, const Token &at, const Expr *left, const Expr *right) {
  Expr &expr = node(Expr::Kind::Binary, at.location);
  expr.binary = op;
  expr.args = {left, right};
  return finish(expr);
}

// cast = unary {"as" type}
const Expr *Parser::cast() {
  const Expr *value = unary();
  while (value && peek().is("as")) {
    Expr &expr = node(Expr::Kind::Cast, take().location);
    const Expr *type = postfix();
    if (!type)
      return nullptr;
    expr.args = {value, type};
    value = finish(expr);
  }
  return value;
}

// unary = ("-" | "not" | "~") unary | "load" postfix | postfix
const Expr *Parser::unary() {
  DepthScope depth(*this);
  if (depth.tooDeep())
    return nullptr;
  const Token &token = peek();
  bool load = token.is("load");
  if (!load && !token.is("-") && !token.is("not") && !token.is("~"))
    return postfix();
  Expr &expr = node(load ? Expr::Kind::Load : Expr::Kind::Unary, take().location);
  expr.unary = token.is("-") ? UnaryOp::Negate : token.is("not") ? UnaryOp::Not : UnaryOp::Invert;
  // `not a == b` negates the comparison; the others bind tightly.
  const Expr *operand = load ? postfix() : token.is("not") ? binary(Comparison) : unary();
  if (!operand)
    return nullptr;
  expr.args = {operand};
  return finish(expr);
}

// postfix = primary {"[" index {"," index} "]" | "." NAME}
const Expr *Parser::postfix() {
  const Expr *value = primary();
  while (value && (peek().is("[") || peek().is("."))) {
    if (peek().is("[")) {
      value = index(value);
      continue;
    }
    Expr &expr = node(Expr::Kind::Member, take().location);
    if (!expectName("a property", expr.text, expr.at))
      return nullptr;
    expr.args = {value};
    expr.location = cover(value->location, expr.at);
    value = finish(expr);
  }
  return value;
}

const Expr *Parser::index(const Expr *base) {
  Expr &expr = node(Expr::Kind::Index, take().location);
  expr.args = {base};
  auto item = [&] {
    expr.args.push_back(indexItem());
    return expr.args.back() != nullptr;
  };
  if (!list("]", "after an index", item))
    return nullptr;
  expr.at = base->at;
  expr.location = cover(base->location, tokens_[position_ - 1].location);
  return finish(expr);
}

// index = ":" | "_" | expression
const Expr *Parser::indexItem() {
  if (peek().is(":"))
    return &node(Expr::Kind::Whole, take().location);
  if (peek().kind == TokenKind::Name && peek().text == "_")
    return &node(Expr::Kind::NewAxis, take().location);
  return expression();
}

const Expr *Parser::primary() {
  const Token &token = peek();
  switch (token.kind) {
  case TokenKind::Integer:
  case TokenKind::Real:
    return number();
  case TokenKind::Name:
    return name();
  case TokenKind::String: {
    Expr &expr = node(Expr::Kind::Text, take().location);
    expr.text = printable(token.text);
    return &expr;
  }
  default:
    break;
  }
  if (token.is("("))
    return parenthesized();
  if (token.is("true") || token.is("false")) {
    Expr &expr = node(Expr::Kind::Truth, take().location);
    expr.integer = token.is("true");
    return &expr;
  }
  fail(token, "expected an expression, found " + describe(token));
  return nullptr;
}

const Expr *Parser::parenthesized() {
  Location open = take().location;
  const Expr *inner = expression();
  if (!inner)
    return nullptr;
  if (accept(")"))
    return inner;
  diagnostics_.error(source_, peek().location, "expected ')', found " + describe(peek()))
      .note(source_, open, "to close this one");
  return nullptr;
}

const Expr *Parser::number() {
  const Token &token = take();
  bool real = token.kind == TokenKind::Real, hex = token.text.starts_with("0x") || token.text.starts_with("0X");
  Expr &expr = node(real ? Expr::Kind::Real : Expr::Kind::Integer, token.location);
  const char *begin = token.text.data() + (hex ? 2 : 0), *end = token.text.data() + token.text.size();
  auto result =
      real ? std::from_chars(begin, end, expr.real) : std::from_chars(begin, end, expr.integer, hex ? 16 : 10);
  if (result.ec == std::errc::result_out_of_range)
    return fail(token,
                "the number " + printable(token.text, 24) + " is too large" + (real ? "" : ": integers have 63 bits")),
           nullptr;
  if (result.ec != std::errc() || result.ptr != end)
    return fail(token, "'" + printable(token.text, 24) + "' is not a number"), nullptr;
  return &expr;
}

// NAME | NAME ["<" generic {"," generic} ">"] "(" arguments ")"
const Expr *Parser::name() {
  const Token &token = take();
  Expr &expr = node(Expr::Kind::Name, token.location);
  expr.text = token.text;
  bool generics = peek().is("<") && opensGenerics();
  if (!generics && (!peek().is("(") || peek().startsLine))
    return &expr;
  expr.kind = Expr::Kind::Call;
  if (generics) {
    take();
    auto item = [&] {
      expr.generics.push_back(generic());
      return expr.generics.back() != nullptr;
    };
    if (!list(">", "after a compile-time argument", item))
      return nullptr;
  }
  return call(expr);
}

const Expr *Parser::call(Expr &node) {
  if (!expect("(", "to call '" + printable(node.text, 40) + "'") ||
      !list(")", "after an argument", [&] { return callArgument(node); }))
    return nullptr;
  node.location = cover(node.at, tokens_[position_ - 1].location);
  return finish(node);
}

// [NAME ":"] expression
bool Parser::callArgument(Expr &node) {
  if (peek().kind == TokenKind::Name && peek(1).is(":")) {
    const Token &name = take();
    take();
    const Expr *value = expression();
    if (value)
      node.named.push_back({std::string(name.text), name.location, value});
    return value;
  }
  const Expr *value = expression();
  if (value)
    node.args.push_back(value);
  return value;
}

// A compile-time argument: no comparisons, since '>' closes the list.
const Expr *Parser::generic() {
  DepthScope depth(*this);
  return depth.tooDeep() ? nullptr : binary(Sum);
}

// `f<a, b>(`: names, numbers and sums up to a '>' that '(' follows. A comparison followed by a parenthesis,
// `(a < b, c > (d))`, reads as a call too; it takes parentheses to say otherwise.
bool Parser::opensGenerics() const {
  constexpr size_t Reach = 64;
  size_t angles = 0, round = 0;
  for (size_t i = 0; i < Reach; ++i) {
    const Token &token = peek(i);
    bool word = token.kind == TokenKind::Name || token.kind == TokenKind::Integer || token.kind == TokenKind::Real ||
                token.kind == TokenKind::String || token.is("true") || token.is("false");
    if (token.is("<"))
      ++angles;
    else if (token.is(">") && --angles == 0)
      return round == 0 && peek(i + 1).is("(");
    else if (token.is("("))
      ++round;
    else if (token.is(")") && round-- == 0)
      return false;
    else if (!word && !token.is(",") && !token.is(".") && !token.is("+") && !token.is("-") && !token.is("*") &&
             !token.is("/") && !token.is("%") && !token.is(">") && !token.is(")") && !token.is("("))
      return false;
  }
  return false;
}

} // namespace sage::dsl
