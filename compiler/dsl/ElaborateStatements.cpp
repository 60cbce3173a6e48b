// Statements: bindings, assignments, loops and branches (Elaborator.h). A loop or a run-time branch carries the
// variables that its body assigns.
#include "Elaborator.h"

namespace sage::dsl {

void Elaborator::block(const Block &body) {
  openScope();
  for (const Stmt *stmt : body) {
    if (!step())
      break;
    if (stmt->kind == Stmt::Kind::Return &&
        (stmt != body.back() || frame_->definition->isKernel || frame_->scopes.size() > 2))
      fail(stmt->location, frame_->definition->isKernel ? "a kernel returns nothing: it stores"
                                                        : "'return' must be the last statement of its function");
    statement(*stmt);
  }
  closeScope();
}

void Elaborator::statement(const Stmt &stmt) {
  using Kind = Stmt::Kind;
  here_ = stmt.location;
  switch (stmt.kind) {
  case Kind::Let:
  case Kind::Var:
    return bind(stmt);
  case Kind::Assign:
    return assign(stmt);
  case Kind::Store:
    return store(stmt);
  case Kind::Atomic:
    return atomic(stmt);
  case Kind::For:
    return forLoop(stmt);
  case Kind::Repeat:
    return repeat(stmt);
  case Kind::If:
    return branch(stmt);
  case Kind::When:
    return when(stmt);
  case Kind::Require:
    return require(stmt);
  case Kind::Return:
    frame_->result = eval(stmt.value);
    return;
  case Kind::Call:
    if (Value result = eval(stmt.value); !result.isUnknown() && !result.is(Value::Kind::Nothing))
      fail(stmt.value->at, "the result of this call is not used");
    return;
  }
}

// A variable lives at run time: a constant becomes a scalar.
Value Elaborator::asVariable(Value value) {
  if (value.isConstant())
    return materialize(value, typeName(value.is(Value::Kind::Integer) ? DataType::I32 : DataType::F32))
        .value_or(Value());
  return value;
}

void Elaborator::bind(const Stmt &stmt) {
  bool variable = stmt.kind == Stmt::Kind::Var;
  for (const Binding &binding : stmt.bindings) {
    Value value = eval(binding.value);
    here_ = binding.location;
    if (value.is(Value::Kind::Nothing))
      value = fail(binding.value->location, "this call gives no value");
    if (variable)
      value = asVariable(std::move(value));
    if (variable && !value.isRuntime() && !value.isUnknown())
      value =
          fail(binding.value->location, "a variable holds a scalar or a tile, not " + describe(value) + ": use 'let'");
    if (variable)
      value.extent.clear();
    declare(binding.name, binding.location, std::move(value), variable);
  }
}

void Elaborator::assign(const Stmt &stmt) {
  Value value = eval(stmt.value);
  here_ = stmt.location;
  Symbol *symbol = find(stmt.name);
  if (!symbol) {
    Expr name;
    name.kind = Expr::Kind::Name;
    name.text = stmt.name;
    name.location = name.at = stmt.location;
    if (!evalName(name).isUnknown())
      fail("'" + stmt.name + "' cannot be assigned to");
    return;
  }
  if (!symbol->isVariable) {
    report(stmt.location, "'" + stmt.name + "' cannot be assigned to")
        .note(source_, symbol->location, "declared here; only a 'var' may change");
    return;
  }
  if (stmt.update)
    value = combine(*stmt.update, symbol->value, value);
  assignTo(*symbol, std::move(value), stmt.value->location);
}

void Elaborator::assignTo(Symbol &symbol, Value value, Location where) {
  Value &target = symbol.value;
  if (value.isUnknown() || target.isUnknown())
    return;
  if (!value.isNumber()) {
    fail(where, "a variable holds a scalar or a tile, not " + describe(value));
    return;
  }
  if (value.isConstant())
    value = materialize(value, target.type).value_or(Value());
  if (value.isUnknown())
    return;
  bool fits = same(value.type, target.type) && (value.is(Value::Kind::Scalar) || sameShape(value.shape, target.shape));
  if (!fits) {
    auto error = report(where, "'" + symbol.name + "' is " + describe(target) + ", this is " + describe(value));
    error.note(source_, symbol.location, "declared here; a variable keeps its type");
    noteOrigins(error, {describeShape(value.shape), describeShape(target.shape)});
    return;
  }
  target.handle = spreadTo(value, target.shape);
}

void Elaborator::forLoop(const Stmt &stmt) {
  Value range = eval(stmt.value);
  here_ = stmt.location;
  if (!range.is(Value::Kind::Blocks) && !range.isUnknown())
    range = fail(stmt.value->location, "'for' needs blocks to walk over, not " + describe(range) +
                                           ": blocks(N, B), visible_blocks or listed");
  if (range.list && range.extent.empty())
    range = fail(stmt.value->location,
                 "which blocks are listed? Give them as the third argument: listed(list, length, blocks(M, BK))");
  loopBody(stmt, range.handle, &range);
}

void Elaborator::repeat(const Stmt &stmt) {
  Value count = eval(stmt.value);
  here_ = stmt.location;
  bool integer =
      count.is(Value::Kind::Integer) || (count.is(Value::Kind::Scalar) && same(count.type, typeName(DataType::I32)));
  if (!integer && !count.isUnknown())
    count = fail(stmt.value->location, "'repeat' needs an integer, not " + describe(count));
  if (integer)
    count = asVariable(std::move(count));
  loopBody(stmt, count.handle, nullptr);
}

void Elaborator::loopBody(const Stmt &stmt, Handle count, const Value *range) {
  std::vector<Symbol *> carried = assigned(stmt.body, {});
  auto [ordinal, inside] = code().beginFor(count, handlesOf(carried));
  setHandles(carried, inside);
  openScope();
  if (range) {
    Value blockValue = *range;
    blockValue.kind = range->isUnknown() ? Value::Kind::Unknown : Value::Kind::Block;
    blockValue.handle = ordinal;
    if (range->list) {
      Value place = *range->list;
      place.indices.push_back({Index::Kind::At, ordinal, {}});
      blockValue.handle = load(place).handle;
    }
    declare(stmt.name, stmt.location, std::move(blockValue));
  }
  block(stmt.body);
  closeScope();
  here_ = stmt.location;
  setHandles(carried, code().endFor(handlesOf(carried)));
}

void Elaborator::branch(const Stmt &stmt) {
  Value condition = eval(stmt.condition);
  here_ = stmt.location;
  bool scalar = condition.is(Value::Kind::Scalar) && same(condition.type, typeName(DataType::Bool));
  if (condition.is(Value::Kind::Truth))
    fail(stmt.condition->location, "this condition is known at compile time: write 'when'");
  else if (!scalar && !condition.isUnknown())
    fail(stmt.condition->location, "'if' needs a scalar condition, not " + describe(condition));
  std::vector<Symbol *> carried = assigned(stmt.body, stmt.other);
  std::vector<Handle> before = handlesOf(carried);
  code().beginIf(condition.handle, before);
  block(stmt.body);
  code().beginElse(handlesOf(carried));
  setHandles(carried, before);
  block(stmt.other);
  here_ = stmt.location;
  setHandles(carried, code().endIf(handlesOf(carried)));
}

// Only the live side has code; while the condition is open both are checked, each knowing what it may assume.
void Elaborator::when(const Stmt &stmt) {
  Value condition = eval(stmt.condition);
  if (!condition.is(Value::Kind::Truth) && !condition.isUnknown())
    fail(stmt.condition->location, "'when' needs a compile-time condition, not " + describe(condition) +
                                       (condition.isRuntime() ? ": write 'if'" : ""));
  for (bool side : {true, false}) {
    if (condition.truth == !side)
      continue;
    Facts saved = facts_;
    assume(stmt.condition, side, facts_);
    block(side ? stmt.body : stmt.other);
    facts_ = std::move(saved);
  }
}

void Elaborator::require(const Stmt &stmt) {
  Value condition = eval(stmt.condition);
  if (!condition.is(Value::Kind::Truth) && !condition.isUnknown())
    fail(stmt.condition->location, "'require' needs a compile-time condition, not " + describe(condition));
  if (condition.truth == false) {
    auto error = report(stmt.condition->location, stmt.name);
    noteOrigins(error, {std::string(source_.text(stmt.condition->location))});
  }
}

//===- What a body assigns -------------------------------------------------------------------===//

// Variables declared outside of the bodies and assigned inside, in the order of their names: the order must not depend
// on anything else.
std::vector<Elaborator::Symbol *> Elaborator::assigned(const Block &body, const Block &other) {
  std::set<std::string> names;
  collectAssigned(body, names);
  collectAssigned(other, names);
  std::vector<Symbol *> symbols;
  for (const std::string &name : names)
    if (Symbol *symbol = find(name); symbol && symbol->isVariable && symbol->value.isRuntime())
      symbols.push_back(symbol);
  return symbols;
}

void Elaborator::collectAssigned(const Block &body, std::set<std::string> &names) {
  for (const Stmt *stmt : body) {
    if (!step())
      return;
    if (stmt->kind == Stmt::Kind::Assign)
      names.insert(stmt->name);
    for (const Expr *expr : {stmt->value, stmt->condition, stmt->place})
      if (expr)
        collectReferences(*expr, names);
    for (const Binding &binding : stmt->bindings)
      collectReferences(*binding.value, names);
    collectAssigned(stmt->body, names);
    collectAssigned(stmt->other, names);
  }
}

// A variable given to a 'ref' input may change.
void Elaborator::collectReferences(const Expr &expr, std::set<std::string> &names) {
  const Definition *function = expr.kind == Expr::Kind::Call ? program_.find(expr.text, false) : nullptr;
  for (size_t i = 0; function && i < std::min(expr.args.size(), function->inputs.size()); ++i)
    if (function->inputs[i].kind == FunctionArgument::Kind::Ref && expr.args[i]->kind == Expr::Kind::Name)
      names.insert(expr.args[i]->text);
  for (const Expr *arg : expr.args)
    if (step())
      collectReferences(*arg, names);
}

std::vector<Handle> Elaborator::handlesOf(const std::vector<Symbol *> &symbols) const {
  std::vector<Handle> handles;
  for (const Symbol *symbol : symbols)
    handles.push_back(symbol->value.handle);
  return handles;
}

void Elaborator::setHandles(const std::vector<Symbol *> &symbols, const std::vector<Handle> &handles) {
  for (size_t i = 0; i < symbols.size() && i < handles.size(); ++i)
    symbols[i]->value.handle = handles[i];
}

} // namespace sage::dsl
