// Expressions: names, operators, choices, casts and calls (Elaborator.h). What works element by element is in
// ElaborateTiles.cpp.
#include "Elaborator.h"

#include "Builtins.h"
#include "Names.h"

#include <algorithm>
#include <limits>
#include <numbers>

namespace sage::dsl {
namespace {

// Nested function calls add up their trees; a bound here is a bound on the stack.
constexpr unsigned MaxEvaluationDepth = 400;

} // namespace

Value Elaborator::eval(const Expr *expr) {
  if (!step())
    return {};
  if (depth_ >= MaxEvaluationDepth)
    return fail(expr->at, "this is nested too deeply once functions are inlined");
  Location saved = std::exchange(here_, expr->at);
  ++depth_;
  Value value = evalKind(*expr);
  --depth_;
  here_ = saved;
  return value;
}

Value Elaborator::evalKind(const Expr &expr) {
  using Kind = Expr::Kind;
  switch (expr.kind) {
  case Kind::Name:
    return evalName(expr);
  case Kind::Integer:
    return integerValue(literal(expr.integer));
  case Kind::Real:
    return realValue(expr.real);
  case Kind::Text: {
    Value value;
    value.kind = Value::Kind::Text;
    value.name = expr.text;
    return value;
  }
  case Kind::Truth:
    return truthValue(expr.integer ? "true" : "false", expr.integer != 0);
  case Kind::Unary:
    return evalUnary(expr);
  case Kind::Binary:
    return expr.binary == BinaryOp::And || expr.binary == BinaryOp::Or ? evalLogical(expr) : evalBinary(expr);
  case Kind::Choose:
    return evalChoose(expr);
  case Kind::Call:
    return evalCall(expr);
  case Kind::Index:
    return evalIndex(expr);
  case Kind::Whole:
    return fail("':' has a meaning only inside an index");
  case Kind::NewAxis:
    return fail("'_' has a meaning only inside an index");
  case Kind::Member:
    return evalMember(expr);
  case Kind::Cast:
    return evalCast(expr);
  case Kind::Load: {
    Value place = eval(expr.args[0]);
    if (!place.is(Value::Kind::View) && !place.isUnknown())
      return fail(expr.args[0]->location, "'load' needs a view, not " + describe(place));
    return load(place);
  }
  }
  return {};
}

//===- Names ---------------------------------------------------------------------------------===//

std::optional<Value> Elaborator::globalName(const std::string &name) const {
  if (name == "inf")
    return realValue(std::numeric_limits<double>::infinity());
  if (name == "ln2")
    return realValue(std::numbers::ln2);
  if (auto type = dataTypeNamed(name))
    return typeValue(typeName(*type));
  for (ParameterKind kind : {ParameterKind::Mask, ParameterKind::Order}) {
    const std::vector<std::string> &names = enumerators(kind);
    if (std::find(names.begin(), names.end(), name) == names.end())
      continue;
    Value value;
    value.kind = Value::Kind::Text;
    value.name = name;
    return value;
  }
  return std::nullopt;
}

Value Elaborator::evalName(const Expr &expr) {
  if (const Symbol *symbol = find(expr.text)) {
    Value value = use(*symbol, expr.at);
    if (value.is(Value::Kind::Truth) && !value.truth)
      value.truth = known(value.text);
    return value;
  }
  if (std::optional<Value> value = globalName(expr.text))
    return *value;
  if (isBuiltin(expr.text) || program_.find(expr.text, false))
    return fail("'" + expr.text + "' is a function: call it");
  if (program_.find(expr.text, true))
    return fail("'" + expr.text + "' is a kernel, not a value");
  std::vector<std::string> candidates = visibleNames();
  for (const std::string &name : {std::string("inf"), std::string("ln2")})
    candidates.push_back(name);
  for (const std::vector<std::string> &more :
       {dataTypeNames(), builtinNames(), enumerators(ParameterKind::Mask), enumerators(ParameterKind::Order)})
    candidates.insert(candidates.end(), more.begin(), more.end());
  return fail("unknown name '" + printable(expr.text, 40) + "'" + suggestion(expr.text, candidates));
}

//===- Operators -----------------------------------------------------------------------------===//

Value Elaborator::evalUnary(const Expr &expr) {
  Value value = eval(expr.args[0]);
  if (value.isUnknown())
    return value;
  bool boolean = value.is(Value::Kind::Truth) || (value.isRuntime() && same(value.type, typeName(DataType::Bool)));
  if (expr.unary == UnaryOp::Not) {
    if (!boolean)
      return fail("'not' needs a condition, not " + describe(value));
    if (!value.is(Value::Kind::Truth))
      return apply(MathOp::Not, value);
    std::string text = bounded("not " + value.text);
    std::optional<bool> truth = value.truth ? std::optional(!*value.truth) : known(text);
    return truthValue(text, truth);
  }
  if (!value.isNumber() || boolean)
    return fail(std::string("'") + (expr.unary == UnaryOp::Negate ? "-" : "~") + "' needs a number, not " +
                describe(value));
  if (expr.unary == UnaryOp::Invert)
    return apply(MathOp::Invert, value.is(Value::Kind::Integer) ? asVariable(value) : value);
  if (value.is(Value::Kind::Integer))
    return combineIntegers(BinaryOp::Sub, literal(0), value.size);
  if (value.is(Value::Kind::Real))
    return realValue(value.real ? std::optional(-*value.real) : std::nullopt);
  return apply(MathOp::Negate, value);
}

Value Elaborator::evalBinary(const Expr &expr) {
  Value a = eval(expr.args[0]), b = eval(expr.args[1]);
  return combine(expr.binary, a, b);
}

// `and`, `or`: at compile time while both sides are known there, on scalars and tiles of bool otherwise.
Value Elaborator::evalLogical(const Expr &expr) {
  bool isAnd = expr.binary == BinaryOp::And;
  Value a = eval(expr.args[0]), b = eval(expr.args[1]);
  if (a.isUnknown() || b.isUnknown())
    return {};
  if (!a.is(Value::Kind::Truth) || !b.is(Value::Kind::Truth))
    return combine(expr.binary, a, b);
  auto text = [](const Value &value) {
    return value.text.find(' ') == std::string::npos ? value.text : "(" + value.text + ")";
  };
  std::string joined = bounded(text(a) + (isAnd ? " and " : " or ") + text(b));
  if (a.truth == !isAnd || b.truth == !isAnd)
    return truthValue(joined, !isAnd);
  return truthValue(joined, a.truth && b.truth ? std::optional(isAnd) : known(joined));
}

// An expression that is checked but has no code: the side that a compile-time choice did not take.
Value Elaborator::withoutCode(const Expr *expr, const Expr *condition, bool holds) {
  Emitter *saved = std::exchange(emitter_, &checker_);
  Facts facts = facts_;
  assume(condition, holds, facts_);
  Value value = eval(expr);
  facts_ = std::move(facts);
  if (!failed_)
    emitter_ = saved;
  return value;
}

Value Elaborator::evalChoose(const Expr &expr) {
  Value condition = eval(expr.args[0]);
  if (condition.isRuntime())
    return fail(expr.args[0]->location, "'?' chooses at compile time; at run time write where(condition, a, b)");
  if (!condition.is(Value::Kind::Truth) && !condition.isUnknown())
    return fail(expr.args[0]->location, "'?' needs a compile-time condition, not " + describe(condition));
  if (!condition.truth)
    return unify(withoutCode(expr.args[1], expr.args[0], true), withoutCode(expr.args[2], expr.args[0], false));
  size_t taken = *condition.truth ? 1 : 2;
  Value value = eval(expr.args[taken]);
  if (value.is(Value::Kind::Blocks) &&
      value.extent.empty()) // listed blocks are those that the other side would walk over
    if (Value other = withoutCode(expr.args[3 - taken], expr.args[0], taken != 1); other.is(Value::Kind::Blocks)) {
      value.extent = other.extent;
      value.size = other.size;
    }
  return value;
}

// The type of a choice that is still open: what both sides agree on, unknown where they differ.
Value Elaborator::unify(Value yes, Value no) {
  if (yes.is(Value::Kind::Blocks) && no.is(Value::Kind::Blocks))
    return yes.extent.empty() ? no : yes;
  if (yes.isConstant() && no.isRuntime())
    std::swap(yes, no);
  bool agree = yes.kind == no.kind && same(yes.type, no.type) && sameShape(yes.shape, no.shape);
  if (yes.is(Value::Kind::Integer))
    return agree ? integerValue(
                       {bounded("choice of " + yes.size.text + " and " + no.size.text), std::nullopt, "", nullptr})
                 : Value();
  if (yes.is(Value::Kind::Real))
    return agree ? realValue(std::nullopt) : Value();
  yes.extent.clear();
  return agree && yes.isRuntime() ? yes : Value();
}

//===- Members, types, casts -----------------------------------------------------------------===//

Value Elaborator::evalMember(const Expr &expr) {
  Value base = eval(expr.args[0]);
  const std::string &name = expr.text;
  if (base.isUnknown())
    return base;
  if (base.is(Value::Kind::Type)) {
    const DataTypeInfo *type = base.type.value ? &info(*base.type.value) : nullptr;
    if (name == "max" || name == "unit")
      return realValue(type ? std::optional(name == "max" ? type->max : type->unit) : std::nullopt);
    std::string text = base.type.text + ".scaled";
    if (name == "scaled")
      return truthValue(text, type ? std::optional(type->scaled) : known(text));
    if (name == "bits")
      return integerValue(
          {base.type.text + ".bits", type ? std::optional<int64_t>(type->bits) : std::nullopt, "", nullptr});
    return fail("a type has no property '" + printable(name, 40) + "'" +
                suggestion(name, {"max", "unit", "scaled", "bits"}) + " (known: max, unit, scaled and bits)");
  }
  if (base.is(Value::Kind::Granularity)) {
    std::string text = base.granularity.text + ".whole";
    if (name == "whole")
      return truthValue(text, base.granularity.value ? std::optional(base.granularity.value->whole) : known(text));
    return fail("a granularity has no property '" + printable(name, 40) + "' (known: whole)");
  }
  return fail(describe(base) + " has no properties");
}

std::optional<TypeName> Elaborator::evalType(const Expr *expr) {
  Value value = eval(expr);
  if (value.is(Value::Kind::Type))
    return value.type;
  if (!value.isUnknown())
    fail(expr->location, "expected a type (" + joinNames(dataTypeNames(), "or") + "), not " + describe(value));
  return std::nullopt;
}

std::optional<Dim> Elaborator::evalSize(const Expr *expr, const std::string &what) {
  Value value = eval(expr);
  if (value.is(Value::Kind::Integer) && value.size.value.value_or(1) >= 1)
    return value.size;
  if (value.is(Value::Kind::Integer))
    fail(expr->location, what + " must be at least 1, not " + describe(value.size));
  else if (!value.isUnknown())
    fail(expr->location, what + " must be a compile-time integer, not " + describe(value));
  return std::nullopt;
}

Value Elaborator::evalCast(const Expr &expr) {
  Value value = eval(expr.args[0]);
  std::optional<TypeName> type = evalType(expr.args[1]);
  if (value.isUnknown() || !type)
    return {};
  return convert(value, *type);
}

Value Elaborator::evalIndex(const Expr &expr) {
  Value base = eval(expr.args[0]);
  if (base.isUnknown())
    return base;
  if (base.is(Value::Kind::View))
    return indexView(std::move(base), expr);
  if (base.isNumber())
    return indexTile(base, expr);
  return fail(describe(base) + " cannot be indexed");
}

std::string Elaborator::labelOf(const Expr *expr, const Value &value) const {
  return value.label.empty() ? printable(source_.text(expr->location), 40) : value.label;
}

//===- Calls ---------------------------------------------------------------------------------===//

Value Elaborator::evalCall(const Expr &expr) {
  if (const Definition *function = program_.find(expr.text, false))
    return inlineCall(*function, expr);
  const Builtin *builtin = findBuiltin(expr.text);
  if (!builtin) {
    if (find(expr.text))
      return fail("'" + printable(expr.text, 40) + "' is a value, not a function");
    std::vector<std::string> candidates = builtinNames();
    for (std::string &name : program_.names(false))
      candidates.push_back(std::move(name));
    return fail("unknown function '" + printable(expr.text, 40) + "'" + suggestion(expr.text, candidates));
  }
  bool fits = expr.generics.size() == builtin->genericCount && expr.args.size() >= builtin->minArgs &&
              expr.args.size() <= builtin->maxArgs;
  // tile<...> takes one size an axis
  fits |= builtin->genericCount == 2 && expr.text == "tile" &&
          (expr.generics.size() == 1 || expr.generics.size() == 2) && expr.args.size() == 1;
  if (!fits)
    return fail(std::string("'") + builtin->name + "' is used as " + builtin->usage);
  BuiltinCall call{expr, {}, {}, {}};
  bool sound = true;
  for (const Expr *generic : expr.generics)
    sound &= !call.generics.emplace_back(eval(generic)).isUnknown();
  for (const Expr *arg : expr.args)
    sound &= !call.args.emplace_back(eval(arg)).isUnknown();
  for (const NamedArgument &named : expr.named) {
    if (named.name != "rows" || std::string_view(builtin->usage).find("rows:") == std::string_view::npos)
      return fail(named.location, std::string("'") + builtin->name + "' has no argument '" + printable(named.name, 40) +
                                      "': it is used as " + builtin->usage);
    sound &= !(call.named[named.name] = eval(named.value)).isUnknown();
  }
  return sound ? builtin->evaluate(*this, call) : Value();
}

} // namespace sage::dsl
