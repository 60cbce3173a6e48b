// Tokens to a syntax tree: recursive descent with a bounded depth. docs/language.md holds the grammar that it follows,
// rule by rule. After an error it goes on at the next statement or definition, so that one run reports several
// mistakes.
#pragma once

#include "Ast.h"
#include "Token.h"

#include <initializer_list>

namespace sage::dsl {

class Parser {
public:
  Parser(const Source &source, Diagnostics &diagnostics, SyntaxTree &tree);
  void run();

  /// Blocks, parentheses and operators may nest this deep; every later stage can then walk a tree by recursion.
  static constexpr unsigned MaxDepth = 100;

private:
  /// Thrown away by every rule: the error is already reported, the caller resynchronises.
  struct [[nodiscard]] Ok {
    bool value;
    explicit operator bool() const { return value; }
  };
  class DepthScope;

  // Tokens (Parser.cpp)
  const Token &peek(size_t ahead = 0) const;
  const Token &take();
  bool accept(std::string_view symbol);
  bool expect(std::string_view symbol, std::string_view context);
  bool expectName(std::string_view what, std::string &name, Location &location);
  bool fail(const Token &token, std::string message);
  std::string describe(const Token &token) const;
  template <typename Item> bool list(std::string_view close, std::string_view context, Item item);

  // Definitions (Parser.cpp)
  void definition();
  void skipToDefinition();
  bool kernel(Definition &definition);
  bool function(Definition &definition);
  bool parameter(ParameterDecl &parameter);
  bool untypedParameter(ParameterDecl &parameter);
  bool argument(ArgumentDecl &argument);
  bool view(ArgumentDecl &argument);
  bool viewAttribute(ViewAttribute &attribute);
  bool gridAxis(GridAxis &axis);
  bool input(FunctionArgument &input);

  // Statements (ParserStatements.cpp)
  bool block(Block &body);
  void statements(Block &body);
  void skipStatement();
  bool statement(Block &body);
  bool bindings(Stmt &stmt);
  bool store(Stmt &stmt);
  bool atomic(Stmt &stmt);
  bool forLoop(Stmt &stmt);
  bool branch(Stmt &stmt);
  bool require(Stmt &stmt);
  bool assignOrCall(Stmt &stmt);

  // Expressions (ParserExpressions.cpp); null after a reported error
  const Expr *expression();
  const Expr *binary(unsigned level);
  const Expr *unary();
  const Expr *cast();
  const Expr *postfix();
  const Expr *primary();
  const Expr *number();
  const Expr *parenthesized();
  const Expr *name();
  const Expr *call(Expr &node);
  const Expr *index(const Expr *base);
  const Expr *indexItem();
  const Expr *generic();
  const Expr *binaryNode(BinaryOp op, const Token &at, const Expr *left, const Expr *right);
  bool callArgument(Expr &node);
  bool opensGenerics() const;
  std::optional<BinaryOp> binaryOperator(unsigned level, size_t &tokens) const;
  Expr &node(Expr::Kind kind, Location location);
  const Expr *finish(Expr &node);

  const Source &source_;
  Diagnostics &diagnostics_;
  SyntaxTree &tree_;
  std::vector<Token> tokens_;
  size_t position_ = 0;
  unsigned depth_ = 0;
};

/// Counts nesting while it lives; `tooDeep` once the limit is passed (reported then).
class Parser::DepthScope {
public:
  explicit DepthScope(Parser &parser);
  ~DepthScope() { --parser_.depth_; }
  bool tooDeep() const { return tooDeep_; }

private:
  Parser &parser_;
  bool tooDeep_ = false;
};

/// item {, item} [,] close
template <typename Item> bool Parser::list(std::string_view close, std::string_view context, Item item) {
  while (!accept(close)) {
    if (!item())
      return false;
    if (peek().is(close))
      continue;
    if (!peek().is(","))
      return fail(peek(), "expected ',' or '" + std::string(close) + "' " + std::string(context) + ", found " +
                              describe(peek()));
    take();
  }
  return true;
}

} // namespace sage::dsl
