// Statements (Parser.h): one a line, or separated by ';'. A failed one is skipped up to the next line or ';' at its own
// level of braces.
#include "Parser.h"

#include "Names.h"

namespace sage::dsl {

// block = "{" {statement [";"]} "}"
bool Parser::block(Block &body) {
  DepthScope depth(*this);
  if (depth.tooDeep())
    return false;
  Location open = peek().location;
  if (!expect("{", "to open a block"))
    return false;
  statements(body);
  if (accept("}"))
    return true;
  if (!diagnostics_.full())
    diagnostics_.error(source_, peek().location, "expected '}' to close a block, found " + describe(peek()))
        .note(source_, open, "the block begins here");
  return false;
}

void Parser::statements(Block &body) {
  while (!peek().is("}") && !peek().is("kernel") && !peek().is("fn") && peek().kind != TokenKind::End &&
         !diagnostics_.full()) {
    if (accept(";"))
      continue;
    if (!statement(body)) {
      if (depth_ >= MaxDepth)
        return;
      skipStatement();
      continue;
    }
    bool separated = peek().startsLine || peek().is(";") || peek().is("}") || tokens_[position_ - 1].is("}");
    if (!separated && peek().kind != TokenKind::End) {
      fail(peek(), "expected ';' or a new line between two statements, found " + describe(peek()));
      skipStatement();
    }
  }
}

// To the next statement: past a ';', or to the first token of a line, outside the braces that open on the way.
void Parser::skipStatement() {
  size_t begin = position_, braces = 0;
  while (peek().kind != TokenKind::End && !peek().is("kernel") && !peek().is("fn")) {
    if (braces == 0 && (peek().is("}") || peek().is(";") || (peek().startsLine && position_ != begin)))
      return;
    braces += peek().is("{");
    braces -= peek().is("}");
    take();
  }
}

bool Parser::statement(Block &body) {
  const Token &token = peek();
  Stmt stmt;
  stmt.location = token.location;
  bool ok = false;
  if (token.is("let") || token.is("var"))
    ok = bindings(stmt);
  else if (token.is("store"))
    ok = store(stmt);
  else if (token.is("atomic"))
    ok = atomic(stmt);
  else if (token.is("for") || token.is("repeat"))
    ok = forLoop(stmt);
  else if (token.is("if") || token.is("when"))
    ok = branch(stmt);
  else if (token.is("require"))
    ok = require(stmt);
  else if (accept("return")) {
    stmt.kind = Stmt::Kind::Return;
    ok = (stmt.value = expression());
  } else
    ok = assignOrCall(stmt);
  if (!ok)
    return false;
  tree_.statements.push_back(std::move(stmt));
  body.push_back(&tree_.statements.back());
  return true;
}

// ("let" | "var") NAME "=" expression {"," NAME "=" expression}
bool Parser::bindings(Stmt &stmt) {
  stmt.kind = take().is("let") ? Stmt::Kind::Let : Stmt::Kind::Var;
  do {
    Binding binding;
    if (!expectName("a value", binding.name, binding.location) || !expect("=", "after the name of a value") ||
        !(binding.value = expression()))
      return false;
    stmt.bindings.push_back(std::move(binding));
  } while (accept(","));
  return true;
}

// "store" place ["where" expression] "=" expression
bool Parser::store(Stmt &stmt) {
  take();
  stmt.kind = Stmt::Kind::Store;
  if (!(stmt.place = postfix()))
    return false;
  if (peek().kind == TokenKind::Name && peek().text == "where") {
    take();
    if (!(stmt.condition = expression()))
      return false;
  }
  return expect("=", "after the place to store to") && (stmt.value = expression());
}

// "atomic" ("max" | "add") place "=" expression
bool Parser::atomic(Stmt &stmt) {
  take();
  stmt.kind = Stmt::Kind::Atomic;
  const Token &token = peek();
  if (token.text != "max" && token.text != "add")
    return fail(token, "expected 'max' or 'add' after 'atomic', found " + describe(token));
  stmt.name = take().text;
  return (stmt.place = postfix()) && expect("=", "after the place to update") && (stmt.value = expression());
}

// "for" NAME "in" expression block  |  "repeat" expression block
bool Parser::forLoop(Stmt &stmt) {
  stmt.kind = take().is("for") ? Stmt::Kind::For : Stmt::Kind::Repeat;
  if (stmt.kind == Stmt::Kind::For &&
      (!expectName("a loop's block", stmt.name, stmt.location) || !expect("in", "after the loop's block")))
    return false;
  return (stmt.value = expression()) && block(stmt.body);
}

// ("if" | "when") expression block ["else" (block | branch)]
bool Parser::branch(Stmt &stmt) {
  DepthScope depth(*this);
  if (depth.tooDeep())
    return false;
  stmt.kind = take().is("if") ? Stmt::Kind::If : Stmt::Kind::When;
  if (!(stmt.condition = expression()) || !block(stmt.body))
    return false;
  if (!accept("else"))
    return true;
  if (peek().is("if") || peek().is("when"))
    return statement(stmt.other);
  return block(stmt.other);
}

// "require" expression "," STRING
bool Parser::require(Stmt &stmt) {
  take();
  stmt.kind = Stmt::Kind::Require;
  if (!(stmt.condition = expression()) || !expect(",", "before the message of a 'require'"))
    return false;
  if (peek().kind != TokenKind::String)
    return fail(peek(), "expected a message in quotes, found " + describe(peek()));
  stmt.name = printable(take().text, 200);
  return true;
}

// NAME ("=" | "+=" | "-=" | "*=" | "/=") expression  |  call
bool Parser::assignOrCall(Stmt &stmt) {
  const Token &token = peek();
  if (token.kind != TokenKind::Name)
    return fail(token, "expected a statement, found " + describe(token));
  static constexpr std::pair<std::string_view, std::optional<BinaryOp>> updates[] = {
      {"=", std::nullopt}, {"+=", BinaryOp::Add}, {"-=", BinaryOp::Sub}, {"*=", BinaryOp::Mul}, {"/=", BinaryOp::Div}};
  for (auto [symbol, op] : updates)
    if (peek(1).is(symbol)) {
      stmt.kind = Stmt::Kind::Assign;
      stmt.name = take().text;
      stmt.update = op;
      take();
      return (stmt.value = expression());
    }
  std::string word(token.text);
  stmt.kind = Stmt::Kind::Call;
  if (peek(1).kind == TokenKind::Name || peek(1).is("{")) // `lett x`, `whenn c {`: most likely a mistyped keyword
    return fail(token, "expected a statement, found " + describe(token) + suggestion(word, keywords()));
  if (!(stmt.value = postfix()))
    return false;
  if (stmt.value->kind == Expr::Kind::Call)
    return true;
  diagnostics_.error(source_, stmt.value->location, "this value is not used: expected an assignment or a call");
  return false;
}

} // namespace sage::dsl
