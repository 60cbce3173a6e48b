// Element-wise work (Elaborator.h): compile-time arithmetic, types and shapes that must agree, broadcasting,
// conversions.
//
// Shapes broadcast as in NumPy: axes are matched from the last, a missing or stretched axis repeats. A stretched axis
// has no code until it meets a longer one: [M, 1] and [1, N] tiles stay one-dimensional.
#include "Elaborator.h"

#include <algorithm>
#include <cmath>

namespace sage::dsl {
namespace {

// More than any block of threads holds in registers; a guard for later stages, not a tuning limit.
constexpr int64_t LargestTile = int64_t(1) << 18;

bool isArithmetic(const TypeName &type) {
  return !type.value || *type.value == DataType::I32 || isWideFloat(*type.value);
}

bool isFloat(const TypeName &type) { return !type.value || isWideFloat(*type.value); }

std::string quoted(BinaryOp op) { return std::string("'") + spelling(op) + "'"; }

} // namespace

CodeType Elaborator::codeType(const TypeName &type, const std::vector<Axis> &shape) const {
  return {type.value.value_or(DataType::F32), storedShape(shape)};
}

CodeType Elaborator::codeType(const Value &value) const { return codeType(value.type, value.shape); }

Value Elaborator::makeTile(TypeName type, std::vector<Axis> shape, Handle handle) {
  int64_t elements = 1;
  for (const Axis &axis : shape)
    if (!axis.stretched && __builtin_mul_overflow(elements, axis.size.value.value_or(1), &elements))
      elements = LargestTile + 1;
  if (elements <= LargestTile)
    return tileValue(std::move(type), std::move(shape), handle);
  auto error = report(here_, "a tile " + describeShape(shape) + " is too large: at most " +
                                 std::to_string(LargestTile) + " elements");
  noteOrigins(error, {describeShape(shape)});
  return {};
}

//===- Compile time --------------------------------------------------------------------------===//

Value Elaborator::combineIntegers(BinaryOp op, const Dim &a, const Dim &b) {
  auto text = [](const Dim &dim) {
    return dim.text.find_first_of(" +-*/%") == std::string::npos ? dim.text : "(" + dim.text + ")";
  };
  std::string joined =
      bounded(a.text == "0" && op == BinaryOp::Sub ? "-" + text(b) : text(a) + " " + spelling(op) + " " + text(b));
  bool both = a.value && b.value;
  int64_t x = a.value.value_or(0), y = b.value.value_or(1), result = 0;
  if (isComparison(op)) {
    bool holds = op == BinaryOp::Eq   ? x == y
                 : op == BinaryOp::Ne ? x != y
                 : op == BinaryOp::Lt ? x < y
                 : op == BinaryOp::Le ? x <= y
                 : op == BinaryOp::Gt ? x > y
                                      : x >= y;
    return truthValue(joined, both ? std::optional(holds) : known(joined));
  }
  bool overflow = false;
  switch (op) {
  case BinaryOp::Add:
    overflow = __builtin_add_overflow(x, y, &result);
    break;
  case BinaryOp::Sub:
    overflow = __builtin_sub_overflow(x, y, &result);
    break;
  case BinaryOp::Mul:
    overflow = __builtin_mul_overflow(x, y, &result);
    break;
  case BinaryOp::Div:
  case BinaryOp::Rem:
    if (b.value == 0)
      return fail(quoted(op) + ": division by zero");
    overflow = y == -1;
    result = overflow ? 0 : op == BinaryOp::Div ? x / y : x % y;
    overflow &= x != 0;
    break;
  case BinaryOp::Max:
    result = std::max(x, y);
    break;
  case BinaryOp::Min:
    result = std::min(x, y);
    break;
  default: {
    bool shift = op == BinaryOp::Shl || op == BinaryOp::Shr;
    if (shift && (y < 0 || y > 62))
      return fail(quoted(op) + ": a shift of " + std::to_string(y) + " bits");
    result = op == BinaryOp::Shl      ? static_cast<int64_t>(static_cast<uint64_t>(x) << y)
             : op == BinaryOp::Shr    ? x >> y
             : op == BinaryOp::BitAnd ? (x & y)
             : op == BinaryOp::BitOr  ? (x | y)
                                      : (x ^ y);
  }
  }
  if (both && overflow)
    return fail(quoted(op) + ": this integer does not fit 63 bits");
  return integerValue(both && a.text == std::to_string(x) && b.text == std::to_string(y)
                          ? literal(result)
                          : Dim{joined, both ? std::optional(result) : std::nullopt, "", nullptr});
}

Value Elaborator::combineReals(BinaryOp op, const Value &a, const Value &b) {
  auto number = [](const Value &value) -> std::optional<double> {
    if (value.is(Value::Kind::Real))
      return value.real;
    return value.size.value ? std::optional(static_cast<double>(*value.size.value)) : std::nullopt;
  };
  std::optional<double> x = number(a), y = number(b);
  if (isComparison(op))
    return fail(quoted(op) + " compares two real constants: nothing depends on such a condition");
  if (op > BinaryOp::Div && op != BinaryOp::Max && op != BinaryOp::Min)
    return fail(quoted(op) + " is for integers");
  if (!x || !y)
    return realValue(std::nullopt);
  switch (op) {
  case BinaryOp::Add:
    return realValue(*x + *y);
  case BinaryOp::Sub:
    return realValue(*x - *y);
  case BinaryOp::Mul:
    return realValue(*x * *y);
  case BinaryOp::Div:
    return realValue(*x / *y);
  case BinaryOp::Max:
    return realValue(std::fmax(*x, *y));
  default:
    return realValue(std::fmin(*x, *y));
  }
}

// == and != of types, granularities, and enumerators.
Value Elaborator::compareNames(BinaryOp op, const Value &a, const Value &b) {
  auto name = [](const Value &value) {
    if (value.is(Value::Kind::Type))
      return std::pair(value.type.text, value.type.value ? std::string(nameOf(*value.type.value)) : "");
    return std::pair(value.text.empty() ? value.name : value.text, value.name);
  };
  bool comparable =
      (a.is(Value::Kind::Type) || a.is(Value::Kind::Text)) && (b.is(Value::Kind::Type) || b.is(Value::Kind::Text));
  if (!comparable || (op != BinaryOp::Eq && op != BinaryOp::Ne))
    return fail(quoted(op) + " cannot be applied to " + describe(a) + " and " + describe(b));
  auto [textA, valueA] = name(a);
  auto [textB, valueB] = name(b);
  std::string equal = bounded(textA + " == " + textB);
  std::optional<bool> truth = !valueA.empty() && !valueB.empty() ? std::optional(valueA == valueB) : known(equal);
  if (op == BinaryOp::Eq)
    return truthValue(equal, truth);
  return truthValue(bounded("not " + equal), truth ? std::optional(!*truth) : known("not " + equal));
}

//===- Run time ------------------------------------------------------------------------------===//

Value Elaborator::combine(BinaryOp op, const Value &a, const Value &b) {
  if (a.isUnknown() || b.isUnknown())
    return {};
  if (a.is(Value::Kind::Integer) && b.is(Value::Kind::Integer))
    return combineIntegers(op, a.size, b.size);
  if (a.isConstant() && b.isConstant())
    return combineReals(op, a, b);
  bool logical = op == BinaryOp::And || op == BinaryOp::Or;
  auto operand = [&](const Value &value) { return value.isNumber() || (logical && value.is(Value::Kind::Truth)); };
  if (!operand(a) || !operand(b) || (!a.isRuntime() && !b.isRuntime()))
    return compareNames(op, a, b);
  std::string what = quoted(op);
  std::optional<TypeName> type = commonType(what, {&a, &b});
  std::optional<std::vector<Axis>> shape = type ? commonShape(what, {&a, &b}) : std::nullopt;
  if (!shape)
    return {};
  bool boolean = same(*type, typeName(DataType::Bool));
  bool bitwise = op >= BinaryOp::BitAnd && op <= BinaryOp::Shr;
  if (boolean != logical && !(boolean && (op == BinaryOp::Eq || op == BinaryOp::Ne)))
    return fail(what + (logical ? " needs conditions, not " : " needs numbers, not ") +
                describe(boolean || a.isRuntime() ? a : b));
  if (!boolean && (bitwise || op == BinaryOp::Rem) && type->value && *type->value != DataType::I32)
    return fail(what + " is for i32, not " + describe(*type));
  std::optional<Value> x = materialize(a, *type), y = materialize(b, *type);
  if (!x || !y)
    return {};
  Handle left = spreadTo(*x, *shape), right = spreadTo(*y, *shape);
  Handle result = code().binary(op, left, right, codeType(*type, *shape));
  TypeName resultType = isComparison(op) ? typeName(DataType::Bool) : *type;
  return shape->empty() ? scalarValue(resultType, result) : makeTile(resultType, *shape, result);
}

// The type that operands share; constants take that of the others.
std::optional<TypeName> Elaborator::commonType(const std::string &what, const std::vector<const Value *> &values) {
  const Value *first = nullptr;
  for (const Value *value : values) {
    if (!value->isRuntime())
      continue;
    bool usable = isArithmetic(value->type) || same(value->type, typeName(DataType::Bool));
    if (!usable) {
      fail(what + ": " + describe(value->type) + " has no arithmetic: convert it first, as f32 or as i32");
      return std::nullopt;
    }
    if (first && !same(first->type, value->type)) {
      fail(what + ": the types " + describe(first->type) + " and " + describe(value->type) +
           " differ; conversions are written, as in 'x as f32'");
      return std::nullopt;
    }
    if (!first)
      first = value;
  }
  if (first)
    return first->type;
  bool real = false;
  for (const Value *value : values)
    real |= value->is(Value::Kind::Real);
  return typeName(real ? DataType::F32 : DataType::I32);
}

std::optional<std::vector<Axis>> Elaborator::commonShape(const std::string &what,
                                                         const std::vector<const Value *> &values) {
  std::vector<Axis> shape;
  for (const Value *value : values) {
    if (value->shape.size() > shape.size())
      shape.insert(shape.begin(), value->shape.size() - shape.size(), Axis{literal(1), true});
    size_t lead = shape.size() - value->shape.size();
    for (size_t i = 0; i < value->shape.size(); ++i) {
      Axis &axis = shape[lead + i];
      const Axis &other = value->shape[i];
      if (axis.stretched) {
        axis = other;
      } else if (!other.stretched && !same(axis.size, other.size)) {
        auto error = report(here_, what + ": the shapes differ: " + describeShape(values[0]->shape) + " and " +
                                       describeShape(value->shape));
        noteOrigins(error, {describeShape(values[0]->shape), describeShape(value->shape)});
        return std::nullopt;
      }
    }
  }
  return shape;
}

std::optional<Value> Elaborator::materialize(const Value &value, const TypeName &type) {
  if (value.isRuntime())
    return value;
  bool boolean = same(type, typeName(DataType::Bool)), integer = type.value == DataType::I32;
  if (value.is(Value::Kind::Truth) && boolean)
    return scalarValue(type, code().integer(DataType::Bool, value.truth.value_or(false)));
  if (!value.isConstant() || boolean || (!integer && !isFloat(type)) || (integer && value.is(Value::Kind::Real))) {
    fail(describe(value) + " cannot be used as " + describe(type));
    return std::nullopt;
  }
  int64_t whole = value.size.value.value_or(0);
  constexpr int64_t LargestI32 = 2147483647, LargestExact = int64_t(1) << 24;
  if (value.is(Value::Kind::Integer) &&
      (whole > (integer ? LargestI32 : LargestExact) || whole < (integer ? -LargestI32 - 1 : -LargestExact))) {
    fail("the integer " + describe(value.size) + " does not fit " + describe(type) + (integer ? "" : " exactly"));
    return std::nullopt;
  }
  if (integer)
    return scalarValue(type, code().integer(DataType::I32, whole));
  double real = value.is(Value::Kind::Integer) ? static_cast<double>(whole) : value.real.value_or(0);
  return scalarValue(type, code().real(type.value.value_or(DataType::F32), real));
}

// The value's code in the given shape, which it fits (commonShape).
Handle Elaborator::spreadTo(const Value &value, const std::vector<Axis> &shape) {
  std::vector<int64_t> target = storedShape(shape);
  if (value.is(Value::Kind::Scalar))
    return target.empty() ? value.handle : code().splat(value.handle, codeType(value.type, shape));
  size_t lead = shape.size() - value.shape.size();
  std::vector<bool> present;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!shape[i].stretched)
      present.push_back(i >= lead && !value.shape[i - lead].stretched);
  auto missing = std::find(present.begin(), present.end(), false);
  if (missing == present.end())
    return value.handle;
  return code().broadcast(value.handle, static_cast<unsigned>(missing - present.begin()), codeType(value.type, shape));
}

Value Elaborator::apply(MathOp op, const Value &value) {
  Value result = value;
  result.handle = code().math(op, value.handle, codeType(value));
  result.label.clear();
  result.extent.clear();
  return result;
}

Value Elaborator::select(const Value &condition, const Value &yes, const Value &no) {
  if (condition.is(Value::Kind::Truth))
    return fail("this condition is known at compile time: write 'c ? a : b'");
  if (!condition.isRuntime() || !same(condition.type, typeName(DataType::Bool)))
    return fail("'where' needs a condition first, not " + describe(condition));
  if (!yes.isNumber() || !no.isNumber())
    return fail("'where' chooses between numbers, not " + describe(yes.isNumber() ? no : yes));
  std::optional<TypeName> type = commonType("'where'", {&yes, &no});
  std::optional<std::vector<Axis>> shape = type ? commonShape("'where'", {&condition, &yes, &no}) : std::nullopt;
  std::optional<Value> a = shape ? materialize(yes, *type) : std::nullopt,
                       b = a ? materialize(no, *type) : std::nullopt;
  if (!b)
    return {};
  Handle chooser = spreadTo(condition, *shape), left = spreadTo(*a, *shape), right = spreadTo(*b, *shape);
  Handle result = code().select(chooser, left, right);
  return shape->empty() ? scalarValue(*type, result) : makeTile(*type, *shape, result);
}

// `as`: between f32, f16, bf16 and i32, from bool and from 8-bit types; into 8 bits only with saturate.
Value Elaborator::convert(const Value &value, const TypeName &type) {
  if (value.isConstant())
    return materialize(value, type).value_or(Value());
  if (!value.isRuntime())
    return fail("'as' converts numbers, not " + describe(value));
  if (type.value && isEightBit(*type.value) && !same(value.type, type))
    return fail("'as " + describe(type) + "' would lose range silently: write saturate<" + describe(type) + ">(...)");
  Value result = value;
  if (!same(value.type, type) && value.type.value && type.value)
    result.handle = code().convert(value.handle, codeType(value), *type.value);
  if (!same(value.type, type)) {
    result.extent.clear();
    result.label.clear();
  }
  result.type = type;
  return result;
}

// x[:, _]: one ':' an axis, '_' for a new one. A scalar has every shape already.
Value Elaborator::indexTile(const Value &tile, const Expr &expr) {
  if (tile.isConstant() || tile.is(Value::Kind::Scalar))
    return tile;
  Value result = tile;
  result.shape.clear();
  size_t used = 0;
  for (size_t i = 1; i < expr.args.size(); ++i) {
    bool isNew = expr.args[i]->kind == Expr::Kind::NewAxis;
    if (!isNew && expr.args[i]->kind != Expr::Kind::Whole)
      return fail(expr.args[i]->location, "a tile is indexed with ':' and '_' only: it has no single elements");
    if (!isNew && used == tile.shape.size())
      return fail("too many indices: this is " + describe(tile));
    result.shape.push_back(isNew ? Axis{literal(1), true} : tile.shape[used++]);
  }
  if (used != tile.shape.size())
    return fail("too few indices: this is " + describe(tile) + ", and each axis needs a ':'");
  if (result.shape.size() > 2)
    return fail("a tile has at most two axes");
  return result;
}

} // namespace sage::dsl
