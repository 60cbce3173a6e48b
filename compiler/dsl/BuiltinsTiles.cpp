// Functions on tiles (Builtins.h): element-wise, products, reductions.
#include "Builtins.h"

namespace sage::dsl {
namespace {

bool isF32(const TypeName &type) { return same(type, typeName(DataType::F32)); }
bool isI32(const TypeName &type) { return same(type, typeName(DataType::I32)); }
bool isBool(const TypeName &type) { return same(type, typeName(DataType::Bool)); }

// A full two-dimensional tile, which products and reductions over rows or columns need.
bool isMatrix(const Value &value) {
  return value.is(Value::Kind::Tile) && value.shape.size() == 2 && !value.shape[0].stretched &&
         !value.shape[1].stretched;
}

} // namespace

//===- Element by element --------------------------------------------------------------------===//

Value Builtin::elementwise(Elaborator &e, BuiltinCall &call) {
  const std::string &name = call.expr.text;
  Value x = call.args[0];
  if (x.isConstant())
    x = e.materialize(x, typeName(name == "from_bits" ? DataType::I32 : DataType::F32)).value_or(Value());
  if (x.isUnknown())
    return x;
  bool integer = x.isRuntime() && isI32(x.type), real = x.isRuntime() && (!x.type.value || isWideFloat(*x.type.value));
  bool fits = name == "abs"         ? integer || real
              : name == "from_bits" ? integer
              : name == "bits"      ? x.isRuntime() && isF32(x.type)
                                    : real;
  if (!fits)
    return e.fail("'" + name + "' cannot be applied to " + describe(x));
  MathOp op = name == "abs"     ? MathOp::Abs
              : name == "exp2"  ? MathOp::Exp2
              : name == "log2"  ? MathOp::Log2
              : name == "rsqrt" ? MathOp::Rsqrt
              : name == "sqrt"  ? MathOp::Sqrt
              : name == "bits"  ? MathOp::FloatBits
                                : MathOp::BitsFloat;
  Value result = e.apply(op, x);
  if (name == "bits" || name == "from_bits")
    result.type = typeName(name == "bits" ? DataType::I32 : DataType::F32);
  return result;
}

Value Builtin::extremum(Elaborator &e, BuiltinCall &call) {
  bool isMax = call.expr.text == "max";
  if (call.args.size() == 2)
    return e.combine(isMax ? BinaryOp::Max : BinaryOp::Min, call.args[0], call.args[1]);
  return reduceAll(e, call);
}

Value Builtin::where(Elaborator &e, BuiltinCall &call) { return e.select(call.args[0], call.args[1], call.args[2]); }

// Round to nearest even and clamp for 8 bits; for wider types, which have infinities, the plain conversion.
Value Builtin::saturate(Elaborator &e, BuiltinCall &call) {
  if (!call.generics[0].is(Value::Kind::Type))
    return e.fail("'saturate' needs a type in angle brackets, not " + describe(call.generics[0]));
  const TypeName &type = call.generics[0].type;
  Value x = call.args[0];
  bool wide = type.value && !isEightBit(*type.value);
  if (wide && *type.value == DataType::I32)
    return e.fail("'saturate' is for i8, e4m3, e5m2 and the wider floating-point types, not i32");
  if (wide)
    return e.convert(x, type);
  if (!x.is(Value::Kind::Tile) || !isF32(x.type))
    return e.fail("'saturate' needs a tile of f32, not " + describe(x));
  Value result = x;
  result.label.clear();
  result.type = type;
  if (type.value)
    result.handle = e.code().saturate(x.handle, e.codeType(x), *type.value);
  return result;
}

//===- Making tiles --------------------------------------------------------------------------===//

Value Builtin::tile(Elaborator &e, BuiltinCall &call) {
  std::vector<Axis> shape;
  for (const Value &size : call.generics) {
    if (!size.is(Value::Kind::Integer) || size.size.value.value_or(1) < 1)
      return e.fail("the extents of a tile are positive compile-time integers, not " + describe(size));
    shape.push_back({e.tileOf(size.size), false});
  }
  Value fill = e.asVariable(call.args[0]);
  if (fill.isUnknown())
    return fill;
  if (!fill.is(Value::Kind::Scalar))
    return e.fail("a tile is made of one number, not of " + describe(fill));
  Value result = e.makeTile(fill.type, std::move(shape), nullptr);
  if (!result.isUnknown())
    result.handle = e.spreadTo(fill, result.shape);
  return result;
}

Value Builtin::iota(Elaborator &e, BuiltinCall &call) {
  const Value &size = call.generics[0];
  if (!size.is(Value::Kind::Integer) || size.size.value.value_or(1) < 1)
    return e.fail("'iota' needs a positive compile-time integer, not " + describe(size));
  Value result = e.makeTile(typeName(DataType::I32), {{e.tileOf(size.size), false}}, nullptr);
  if (!result.isUnknown())
    result.handle = e.code().iota(e.codeType(result));
  return result;
}

Value Builtin::transpose(Elaborator &e, BuiltinCall &call) {
  Value x = call.args[0];
  if (!isMatrix(x))
    return e.fail("'transpose' needs a tile of two axes, not " + describe(x));
  std::swap(x.shape[0], x.shape[1]);
  x.label = "transpose(" + e.labelOf(call.expr.args[0], x) + ")";
  x.handle = e.code().transpose(x.handle, e.codeType(x));
  return x;
}

//===- Products ------------------------------------------------------------------------------===//

namespace {

// i8 sums in i32, everything else in f32.
TypeName accumulatorOf(const TypeName &type) {
  if (!type.value)
    return {"the accumulator of " + type.text, std::nullopt};
  return typeName(*type.value == DataType::I8 ? DataType::I32 : DataType::F32);
}

bool multiplies(const TypeName &type) {
  return !type.value || (*type.value != DataType::F32 && *type.value != DataType::I32 && *type.value != DataType::Bool);
}

// The shape of a [M, K] times b [K, N]; nothing, and a message, when there is no such product.
std::optional<std::vector<Axis>> productShape(const std::string &what, const Value &a, const std::string &nameA,
                                              const Value &b, const std::string &nameB, std::string &message) {
  if (!isMatrix(a) || !isMatrix(b))
    message = what + ": needs two tiles of two axes, not " + describe(isMatrix(a) ? b : a);
  else if (!multiplies(a.type))
    message = what + ": there are products of i8, f16, bf16, e4m3 and e5m2, not of " + describe(a.type);
  else if (!same(a.type, b.type))
    message =
        what + ": the types differ: " + nameA + " is " + describe(a.type) + ", " + nameB + " is " + describe(b.type);
  else if (!same(a.shape[1].size, b.shape[0].size))
    message = what + ": inner extents differ: " + nameA + " is " + describeShape(a.shape) + ", " + nameB + " is " +
              describeShape(b.shape);
  else
    return std::vector<Axis>{a.shape[0], b.shape[1]};
  return std::nullopt;
}

} // namespace

Value Builtin::dot(Elaborator &e, BuiltinCall &call) {
  const Value &a = call.args[0], &b = call.args[1];
  std::string message;
  auto shape = productShape("dot", a, e.labelOf(call.expr.args[0], a), b, e.labelOf(call.expr.args[1], b), message);
  if (!shape) {
    auto error = e.report(call.expr.args[0]->location, message);
    e.noteOrigins(error, {describeShape(a.shape), describeShape(b.shape)});
    return {};
  }
  Value result = e.makeTile(accumulatorOf(a.type), *shape, nullptr);
  if (result.isUnknown())
    return result;
  DataType sum = result.type.value.value_or(DataType::F32);
  Handle zero = sum == DataType::I32 ? e.code().integer(sum, 0) : e.code().real(sum, 0);
  result.handle = e.code().dot(a.handle, b.handle, e.code().splat(zero, e.codeType(result)));
  return result;
}

// accumulate<ACC>(c, a, b): c + a b, where ACC says in which type and grain the sum runs.
Value Builtin::accumulate(Elaborator &e, BuiltinCall &call) {
  ParameterDecl kind;
  kind.name = "ACC";
  kind.kind = ParameterKind::Accumulation;
  Value how = e.checkGeneric(kind, call.generics[0], call.expr.generics[0]->location);
  const Value &c = call.args[0], &a = call.args[1], &b = call.args[2];
  std::string message;
  auto shape =
      productShape("accumulate", a, e.labelOf(call.expr.args[1], a), b, e.labelOf(call.expr.args[2], b), message);
  if (how.isUnknown())
    return {};
  if (shape && (!isMatrix(c) || !isF32(c.type) || !sameShape(c.shape, *shape)))
    message = "accumulate: the product is a tile " + describeShape(*shape) + ", it cannot be added to " + describe(c);
  bool integers = a.type.value == DataType::I8;
  if (message.empty() && a.type.value && !how.name.empty() && integers != (how.name == "f32+s32"))
    message = "accumulate: products of " + describe(a.type) + " cannot be accumulated as '" + how.name + "'";
  if (!message.empty()) {
    auto error = e.report(call.expr.args[1]->location, message);
    e.noteOrigins(error, {describeShape(a.shape), describeShape(b.shape), describeShape(c.shape)});
    return {};
  }
  if (how.name == "f32+f16" && e.notYet("accumulation in f16 ('f32+f16')"))
    return {};
  Value result = c;
  result.label.clear();
  if (how.name == "f32") {
    result.handle = e.code().dot(a.handle, b.handle, c.handle);
    return result;
  }
  BuiltinCall product{call.expr, {}, {a, b}, {}};
  Value block = dot(e, product);
  return block.isUnknown() || !a.type.value ? result : e.combine(BinaryOp::Add, c, e.convert(block, c.type));
}

//===- Reductions ----------------------------------------------------------------------------===//

namespace {

struct Reduction {
  ReduceOp op;
  bool negated; // a minimum is the negated maximum of the negated values
};

Reduction reductionNamed(std::string_view name) {
  if (name.ends_with("sum"))
    return {ReduceOp::Sum, false};
  return {ReduceOp::Max, name.ends_with("min") || name == "all"};
}

} // namespace

Value Builtin::reduceAxis(Elaborator &e, BuiltinCall &call) {
  const std::string &name = call.expr.text;
  Value x = call.args[0];
  if (!isMatrix(x))
    return e.fail("'" + name + "' needs a tile of two axes, not " + describe(x));
  if (!isF32(x.type) && !isI32(x.type))
    return e.fail("'" + name + "' is for f32 and i32, not " + describe(x.type) + ": convert first");
  Reduction reduction = reductionNamed(name);
  unsigned axis = name.starts_with("row") ? 1 : 0;
  if (reduction.negated)
    x = e.apply(MathOp::Negate, x);
  Value result = tileValue(x.type, {x.shape[1 - axis]}, nullptr);
  result.handle = e.code().reduce(reduction.op, x.handle, axis, e.codeType(result));
  return reduction.negated ? e.apply(MathOp::Negate, result) : result;
}

// sum, max, min of numbers; any, all of conditions (as the maximum or minimum of 0.0 and 1.0). Columns first, then
// rows.
Value Builtin::reduceAll(Elaborator &e, BuiltinCall &call) {
  const std::string &name = call.expr.text;
  Value x = call.args[0];
  bool conditions = name == "any" || name == "all";
  if (!x.isRuntime() || (conditions ? !isBool(x.type) : !isF32(x.type) && !isI32(x.type)))
    return e.fail("'" + name + "' needs " + (conditions ? "conditions" : "f32 or i32") + ", not " + describe(x));
  if (call.named.count("rows")) {
    if (!call.named["rows"].is(Value::Kind::Integer) || !isMatrix(x))
      return e.fail("'rows:' needs a compile-time integer, and a tile of two axes");
    if (e.notYet("'" + name + "' by groups of rows"))
      return {};
    return e.makeTile(x.type, {x.shape[0]}, nullptr);
  }
  if (x.is(Value::Kind::Scalar))
    return x;
  if (conditions)
    x = e.select(x, realValue(1.0), realValue(0.0));
  Reduction reduction = reductionNamed(name);
  if (reduction.negated)
    x = e.apply(MathOp::Negate, x);
  std::erase_if(x.shape, [](const Axis &axis) { return axis.stretched; });
  while (!x.shape.empty()) {
    unsigned axis = static_cast<unsigned>(x.shape.size()) - 1;
    x.shape.pop_back();
    x.handle = e.code().reduce(reduction.op, x.handle, axis, e.codeType(x));
  }
  x = scalarValue(x.type, x.handle);
  if (reduction.negated)
    x = e.apply(MathOp::Negate, x);
  return conditions ? e.combine(BinaryOp::Gt, x, realValue(0.5)) : x;
}

Value Builtin::scan(Elaborator &e, BuiltinCall &call) {
  const Value &x = call.args[0];
  if (!x.is(Value::Kind::Tile) || x.shape.size() != 1 || (!isF32(x.type) && !isI32(x.type)))
    return e.fail("'" + call.expr.text + "' needs a one-dimensional tile of f32 or i32, not " + describe(x));
  return e.notYet("'" + call.expr.text + "'") ? Value() : x;
}

} // namespace sage::dsl
