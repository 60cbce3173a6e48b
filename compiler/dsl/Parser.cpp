// Tokens and definitions: kernels, functions, their parameters, views and grids (Parser.h). Statements and expressions
// have files of their own.
#include "Parser.h"

#include "Names.h"
#include "Parameters.h"

namespace sage::dsl {

Parser::Parser(const Source &source, Diagnostics &diagnostics, SyntaxTree &tree)
    : source_(source), diagnostics_(diagnostics), tree_(tree), tokens_(tokenize(source, diagnostics)) {}

void Parser::run() {
  while (peek().kind != TokenKind::End && !diagnostics_.full())
    definition();
}

//===- Tokens --------------------------------------------------------------------------------===//

const Token &Parser::peek(size_t ahead) const { return tokens_[std::min(position_ + ahead, tokens_.size() - 1)]; }

const Token &Parser::take() {
  const Token &token = peek();
  if (position_ + 1 < tokens_.size())
    ++position_;
  return token;
}

bool Parser::accept(std::string_view symbol) {
  if (!peek().is(symbol))
    return false;
  take();
  return true;
}

bool Parser::fail(const Token &token, std::string message) {
  diagnostics_.error(source_, token.location, std::move(message));
  return false;
}

std::string Parser::describe(const Token &token) const {
  switch (token.kind) {
  case TokenKind::End:
    return "the end of the file";
  case TokenKind::Keyword:
    return "the keyword '" + std::string(token.text) + "'";
  case TokenKind::String:
    return "a string";
  default:
    return "'" + printable(token.text, 40) + "'";
  }
}

bool Parser::expect(std::string_view symbol, std::string_view context) {
  return accept(symbol) ||
         fail(peek(), "expected '" + std::string(symbol) + "' " + std::string(context) + ", found " + describe(peek()));
}

bool Parser::expectName(std::string_view what, std::string &name, Location &location) {
  const Token &token = peek();
  if (token.kind == TokenKind::Keyword)
    return fail(token, "'" + std::string(token.text) + "' is a keyword and cannot name " + std::string(what));
  if (token.kind != TokenKind::Name)
    return fail(token, "expected the name of " + std::string(what) + ", found " + describe(token));
  name = token.text;
  location = token.location;
  take();
  return true;
}

Parser::DepthScope::DepthScope(Parser &parser) : parser_(parser) {
  if (++parser_.depth_ > MaxDepth) {
    tooDeep_ = true;
    parser_.fail(parser_.peek(),
                 "this is nested too deeply: at most " + std::to_string(MaxDepth) + " levels are allowed");
  }
}

//===- Definitions ---------------------------------------------------------------------------===//

// definition = kernel | function
void Parser::definition() {
  const Token &token = peek();
  if (!token.is("kernel") && !token.is("fn")) {
    std::string hint = token.kind == TokenKind::Name ? suggestion(token.text, {"kernel", "fn"}) : "";
    fail(token, "expected 'kernel' or 'fn', found " + describe(token) + hint);
    take();
    return skipToDefinition();
  }
  Definition definition;
  definition.isKernel = take().is("kernel");
  bool ok = definition.isKernel ? kernel(definition) : function(definition);
  if (!ok)
    return skipToDefinition();
  tree_.definitions.push_back(std::move(definition));
}

void Parser::skipToDefinition() {
  while (peek().kind != TokenKind::End && !peek().is("kernel") && !peek().is("fn"))
    take();
}

// kernel = "kernel" NAME ["<" parameter, ... ">"] "(" argument, ... ")" "grid" "(" axis, ... ")" block
bool Parser::kernel(Definition &definition) {
  if (!expectName("a kernel", definition.name, definition.location))
    return false;
  if (accept("<") && !list(">", "after a parameter", [&] { return parameter(definition.parameters.emplace_back()); }))
    return false;
  if (!expect("(", "before the kernel's arguments") ||
      !list(")", "after an argument", [&] { return argument(definition.arguments.emplace_back()); }))
    return false;
  if (!expect("grid", "after the kernel's arguments") || !expect("(", "after 'grid'") ||
      !list(")", "after a grid axis", [&] { return gridAxis(definition.grid.emplace_back()); }))
    return false;
  bool ok = block(definition.body);
  definition.end = tokens_[position_ ? position_ - 1 : 0].location;
  return ok;
}

// function = "fn" NAME ["<" parameter, ... ">"] "(" input, ... ")" block
bool Parser::function(Definition &definition) {
  if (!expectName("a function", definition.name, definition.location))
    return false;
  if (accept("<") && !list(">", "after a parameter", [&] { return parameter(definition.parameters.emplace_back()); }))
    return false;
  if (!expect("(", "before the function's inputs") ||
      !list(")", "after an input", [&] { return input(definition.inputs.emplace_back()); }))
    return false;
  bool ok = block(definition.body);
  definition.end = tokens_[position_ ? position_ - 1 : 0].location;
  return ok;
}

// parameter = NAME [":" kind]
bool Parser::parameter(ParameterDecl &parameter) {
  if (!expectName("a parameter", parameter.name, parameter.location))
    return false;
  if (!accept(":"))
    return true;
  const Token &token = peek();
  std::optional<ParameterKind> kind = parameterKindNamed(token.text);
  if (token.kind != TokenKind::Name || !kind)
    return fail(token, "unknown kind of parameter " + describe(token) + suggestion(token.text, parameterKindNames()) +
                           " (known: " + joinNames(parameterKindNames()) + ")");
  parameter.kind = *kind;
  take();
  return true;
}

// argument = NAME ":" (view | scalar type) ["when" expression]
bool Parser::argument(ArgumentDecl &argument) {
  if (!expectName("an argument", argument.name, argument.location) || !expect(":", "before the argument's type"))
    return false;
  argument.isView = peek().kind == TokenKind::Name && peek().text == "view";
  if (argument.isView ? !view(argument) : !(argument.type = postfix()))
    return false;
  return !accept("when") || (argument.when = expression());
}

// view = "view" "<" type {"," NAME "=" expression} ">" "[" extent {"," extent} "]"
bool Parser::view(ArgumentDecl &argument) {
  take();
  if (!expect("<", "after 'view'") || !(argument.type = generic()))
    return false;
  while (accept(","))
    if (!viewAttribute(argument.attributes.emplace_back()))
      return false;
  if (!expect(">", "after the view's element type") || !expect("[", "before the view's extents"))
    return false;
  auto extent = [&] {
    argument.extents.push_back(indexItem());
    return argument.extents.back() != nullptr;
  };
  return list("]", "after an extent", extent);
}

bool Parser::viewAttribute(ViewAttribute &attribute) {
  return expectName("a view attribute (order, fill)", attribute.name, attribute.location) &&
         expect("=", "after the attribute's name") && (attribute.value = generic());
}

// axis = NAME "in" expression
bool Parser::gridAxis(GridAxis &axis) {
  return expectName("a grid axis", axis.name, axis.location) && expect("in", "after the axis' name") &&
         (axis.range = expression());
}

// input = ["ref"] NAME [":" ("tile" | "scalar" | "view" | "block")]
bool Parser::input(FunctionArgument &input) {
  using Kind = FunctionArgument::Kind;
  bool ref = peek().kind == TokenKind::Name && peek().text == "ref" && peek(1).kind == TokenKind::Name;
  if (ref)
    take();
  if (!expectName("an input", input.name, input.location))
    return false;
  if (!accept(":")) {
    input.kind = ref ? Kind::Ref : Kind::Any;
    return true;
  }
  static const std::vector<std::string> kinds = {"tile", "scalar", "view", "block"};
  static const Kind values[] = {Kind::Tile, Kind::Scalar, Kind::View, Kind::Block};
  const Token &token = peek();
  for (size_t i = 0; i < kinds.size() && !ref; ++i)
    if (token.text == kinds[i]) {
      input.kind = values[i];
      take();
      return true;
    }
  return fail(token, ref ? "a 'ref' input has the type of the variable that is given"
                         : "unknown kind of input " + describe(token) + " (known: " + joinNames(kinds) + ")");
}

} // namespace sage::dsl
