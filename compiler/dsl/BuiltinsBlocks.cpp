// Functions on blocks, masks and scale groups (Builtins.h). Masks are arithmetic on row and column numbers, built from
// the language's own operations.
//
// Causal is aligned at the bottom right: query r sees key c when c <= r + M - N; `causal_top_left` when c <= r. Keys
// past M are never seen.
#include "Builtins.h"

namespace sage::dsl {
namespace {

// A block is a whole number of the smallest tile that the hardware multiplies.
constexpr int64_t BlockMultiple = 16;

const TypeName I32 = typeName(DataType::I32);

bool isExtent(const Value &value) { return value.is(Value::Kind::Scalar) && !value.extent.empty(); }

std::optional<Dim> blockSize(Elaborator &e, const Value &size, Location where) {
  std::string message;
  if (!size.is(Value::Kind::Integer))
    message = "a block's size is a compile-time integer, not " + describe(size);
  else if (size.size.value && (*size.size.value < BlockMultiple || *size.size.value % BlockMultiple))
    message = "a block is a multiple of " + std::to_string(BlockMultiple) + " rows, not " + describe(size.size);
  else
    return size.size;
  auto error = e.report(where, message);
  e.noteOrigins(error, {size.size.text});
  return std::nullopt;
}

// The first row of a block, and the first row after it.
Value firstRow(Elaborator &e, const Value &block) {
  return e.combine(BinaryOp::Mul, scalarValue(I32, block.handle), integerValue(block.size));
}
Value endRow(Elaborator &e, const Value &block) {
  return e.combine(BinaryOp::Mul, e.plus(scalarValue(I32, block.handle), 1), integerValue(block.size));
}

// The blocks of `size` rows that hold `rows` rows of `extent`.
Value blocksOf(Elaborator &e, const std::string &extent, const Value &rows, const Dim &size) {
  Value last = e.combine(BinaryOp::Sub, integerValue(size), integerValue(literal(1)));
  Value result;
  result.kind = Value::Kind::Blocks;
  result.extent = extent;
  result.size = size;
  result.handle = e.combine(BinaryOp::Div, e.combine(BinaryOp::Add, rows, last), integerValue(size)).handle;
  return result;
}

// The mask between the angle brackets: its name, "" while it is open, nothing after an error.
std::optional<std::string> maskOf(Elaborator &e, const BuiltinCall &call) {
  ParameterDecl decl{"mask", {}, ParameterKind::Mask};
  Value mask = e.checkGeneric(decl, call.generics[0], call.expr.generics[0]->location);
  return mask.isUnknown() ? std::nullopt : std::optional(mask.name);
}

} // namespace

//===- Blocks --------------------------------------------------------------------------------===//

Value Builtin::blocks(Elaborator &e, BuiltinCall &call) {
  const Value &extent = call.args[0];
  if (!isExtent(extent))
    return e.fail("'blocks' needs a run-time extent of a view, such as N, not " + describe(extent));
  std::optional<Dim> size = blockSize(e, call.args[1], call.expr.args[1]->location);
  return size ? blocksOf(e, extent.extent, extent, *size) : Value();
}

// listed(list[b, h, i], length): the blocks whose ordinals the last axis of a view lists.
Value Builtin::listed(Elaborator &e, BuiltinCall &call) {
  const Value &list = call.args[0], &length = call.args[1];
  bool place =
      list.is(Value::Kind::View) && list.indices.size() + 1 == list.view->extents.size() && same(list.view->type, I32);
  if (!place)
    return e.fail(call.expr.args[0]->location,
                  "'listed' needs a view of i32 indexed up to its last axis, not " + describe(list));
  if (!length.is(Value::Kind::Scalar) || !same(length.type, I32))
    return e.fail(call.expr.args[1]->location, "the length of a list is a scalar of i32, not " + describe(length));
  Value result;
  result.kind = Value::Kind::Blocks;
  result.list = std::make_shared<const Value>(list);
  if (call.args.size() == 3 && !call.args[2].is(Value::Kind::Blocks))
    return e.fail(call.expr.args[2]->location,
                  "the third argument of 'listed' says which blocks are listed, as blocks(M, BK) does");
  if (call.args.size() == 3) {
    result.extent = call.args[2].extent;
    result.size = call.args[2].size;
  }
  result.handle = length.handle;
  return result;
}

Value Builtin::rows(Elaborator &e, BuiltinCall &call) {
  const Value &block = call.args[0];
  if (!block.is(Value::Kind::Block))
    return e.fail("'rows' needs a block, not " + describe(block));
  Value numbers = tileValue(I32, {{block.size, false}}, nullptr);
  numbers.handle = e.code().iota(e.codeType(numbers));
  return e.combine(BinaryOp::Add, firstRow(e, block), numbers);
}

Value Builtin::count(Elaborator &e, BuiltinCall &call) {
  const Value &block = call.args[0];
  Elaborator::Symbol *extent = block.is(Value::Kind::Block) ? e.find(block.extent) : nullptr;
  if (!block.is(Value::Kind::Block))
    return e.fail("'count' needs a block, not " + describe(block));
  if (!extent)
    return e.fail("'count' works in the kernel that the block belongs to, not in a function");
  return e.combine(BinaryOp::Min, e.combine(BinaryOp::Sub, extent->value, firstRow(e, block)),
                   integerValue(block.size));
}

//===- Masks ---------------------------------------------------------------------------------===//

// The key blocks up to the last key that the block's last row sees.
Value Builtin::visibleBlocks(Elaborator &e, BuiltinCall &call) {
  std::optional<std::string> mask = maskOf(e, call);
  const Value &i = call.args[0], &n = call.args[1], &m = call.args[2];
  if (!i.is(Value::Kind::Block) || !isExtent(n) || !isExtent(m))
    return e.fail("'visible_blocks' needs a block of queries, their extent and that of the keys: "
                  "visible_blocks<mask>(i, N, M, BK)");
  if (i.extent != n.extent)
    return e.fail("'visible_blocks': the block is of " + i.extent + ", not of " + n.extent);
  std::optional<Dim> size = blockSize(e, call.args[3], call.expr.args[3]->location);
  if (!size || !mask)
    return {};
  Value seen = m;
  if (*mask == "causal" || *mask == "causal_top_left") {
    seen = e.combine(BinaryOp::Min, endRow(e, i), n);
    seen = *mask == "causal" ? e.combine(BinaryOp::Add, seen, e.combine(BinaryOp::Sub, m, n))
                             : e.combine(BinaryOp::Min, seen, m);
    seen = e.combine(BinaryOp::Max, seen, integerValue(literal(0)));
  }
  return blocksOf(e, m.extent, seen, *size);
}

// Whether any element of the pair of blocks is masked: by the tail of the keys, or by the causal edge.
Value Builtin::cutBy(Elaborator &e, BuiltinCall &call) {
  std::optional<std::string> mask = maskOf(e, call);
  const Value &i = call.args[0], &j = call.args[1], &n = call.args[2], &m = call.args[3];
  if (!i.is(Value::Kind::Block) || !j.is(Value::Kind::Block) || !isExtent(n) || !isExtent(m))
    return e.fail("'cut_by' needs a block of queries, one of keys, and their extents: cut_by<mask>(i, j, N, M)");
  if (!mask)
    return {};
  Value tail = e.combine(BinaryOp::Gt, endRow(e, j), m);
  if (*mask != "causal" && *mask != "causal_top_left")
    return tail;
  Value edge = firstRow(e, i); // the last key that the first row sees
  if (*mask == "causal")
    edge = e.combine(BinaryOp::Add, edge, e.combine(BinaryOp::Sub, m, n));
  return e.combine(BinaryOp::Or, tail, e.combine(BinaryOp::Gt, e.plus(endRow(e, j), -1), edge));
}

Value Builtin::keeps(Elaborator &e, BuiltinCall &call) {
  std::optional<std::string> mask = maskOf(e, call);
  const Value &row = call.args[0], &column = call.args[1], &n = call.args[2], &m = call.args[3];
  auto isNumber = [](const Value &value) { return value.isRuntime() && same(value.type, I32); };
  if (!isNumber(row) || !isNumber(column) || !isExtent(n) || !isExtent(m))
    return e.fail(
        "'keeps' needs row and column numbers and both extents: keeps<mask>(rows(i)[:, _], rows(j)[_, :], N, M)");
  if (!mask)
    return {};
  Value inside = e.combine(BinaryOp::Lt, column, m);
  if (*mask == "none")
    return inside;
  if (*mask == "causal") // no row below N sees a key past M then
    return e.combine(BinaryOp::Le, column, e.combine(BinaryOp::Add, row, e.combine(BinaryOp::Sub, m, n)));
  return e.combine(BinaryOp::And, e.combine(BinaryOp::Le, column, row),
                   inside); // top left; while open, the type of the general case
}

//===- Extents and scale groups --------------------------------------------------------------===//

// pad<T>(D): D rounded up to 32 where T has 8 bits. From then on the tile of D is a multiple of 32 in the whole kernel.
Value Builtin::pad(Elaborator &e, BuiltinCall &call) {
  const Value &type = call.generics[0], &size = call.args[0];
  if (!type.is(Value::Kind::Type) || !size.is(Value::Kind::Integer))
    return e.fail("'pad' needs a type and a compile-time integer: pad<T>(D)");
  constexpr int64_t EightBitMultiple = 32;
  Dim padded{e.bounded("pad<" + type.type.text + ">(" + size.size.text + ")"), std::nullopt,
             size.size.base.empty() ? size.size.text : size.size.base, nullptr};
  bool eight = type.type.value && isEightBit(*type.type.value);
  if (type.type.value && size.size.value)
    padded.value =
        eight ? (*size.size.value + EightBitMultiple - 1) / EightBitMultiple * EightBitMultiple : *size.size.value;
  if (eight)
    e.setTileMultiple(padded.base, EightBitMultiple);
  return integerValue(std::move(padded));
}

Value Builtin::groups(Elaborator &e, BuiltinCall &call) {
  return e.fail("'" + call.expr.text + "' is the extent of a view, not a value" +
                (call.expr.text == "groups" ? ": a block's groups are groups_of(i, G)" : ""));
}

Value Builtin::groupsOf(Elaborator &e, BuiltinCall &call) {
  if (!call.args[0].is(Value::Kind::Block) || !call.args[1].is(Value::Kind::Granularity))
    return e.fail("'groups_of' needs a block and a granularity, not " + describe(call.args[0]) + " and " +
                  describe(call.args[1]));
  return e.groupsOf(call.args[0], call.args[1].granularity);
}

Value Builtin::groupMax(Elaborator &e, BuiltinCall &call) {
  const Value &x = call.args[0], &granularity = call.args[1];
  bool rows = x.is(Value::Kind::Tile) && x.shape.size() == 1 && same(x.type, typeName(DataType::F32));
  if (!rows || !granularity.is(Value::Kind::Granularity))
    return e.fail("'group_max' needs a one-dimensional tile of f32 and a granularity, not " +
                  describe(rows ? granularity : x));
  std::optional<Dim> count = e.groupCount(x.shape[0].size, granularity.granularity);
  if (!count)
    return {};
  Value result = tileValue(x.type, {{*count, false}}, nullptr);
  if (granularity.granularity.value)
    result.handle = e.code().groupReduce(ReduceOp::Max, x.handle, *granularity.granularity.value, e.codeType(result));
  return result;
}

// One number a group becomes one a row; the scale of a whole granularity is a scalar and stays one.
Value Builtin::spread(Elaborator &e, BuiltinCall &call) {
  const Value &s = call.args[0], &granularity = call.args[1];
  if (!granularity.is(Value::Kind::Granularity))
    return e.fail("'spread' needs a granularity, not " + describe(granularity));
  if (s.is(Value::Kind::Scalar))
    return s;
  if (!s.is(Value::Kind::Tile) || s.shape.size() != 1 || !s.shape[0].size.rows)
    return e.fail("'spread' needs one number a scale group, as group_max or a load of groups_of gives, not " +
                  describe(s));
  std::optional<Dim> count = e.groupCount(*s.shape[0].size.rows, granularity.granularity);
  if (count && !same(*count, s.shape[0].size))
    return e.fail("'spread': this has " + describe(s.shape[0].size) + " groups, not " + describe(*count));
  if (!count)
    return {};
  Value result = tileValue(s.type, {{*s.shape[0].size.rows, false}}, nullptr);
  if (granularity.granularity.value)
    result.handle = e.code().spread(s.handle, *granularity.granularity.value, e.codeType(result));
  return result;
}

// scales(S[b, h], i, G): the scale of each row of block i, loaded and spread.
Value Builtin::scales(Elaborator &e, BuiltinCall &call) {
  const Value &view = call.args[0], &block = call.args[1], &granularity = call.args[2];
  bool place = view.is(Value::Kind::View) && view.indices.size() + 1 == view.view->extents.size();
  if (!place || !block.is(Value::Kind::Block) || !granularity.is(Value::Kind::Granularity))
    return e.fail(
        "'scales' needs a view indexed up to its last axis, a block and a granularity: scales(S[b, h], i, G)");
  const std::optional<Granularity> &known = granularity.granularity.value;
  Value at = view;
  if (known && known->whole) {
    at.indices.push_back({Index::Kind::At, e.code().integer(DataType::I32, 0), {}});
    Value one = e.load(at);
    Value result = tileValue(one.type, {{block.size, false}}, nullptr);
    result.handle = one.isUnknown() ? nullptr : e.spreadTo(one, result.shape);
    return one.isUnknown() ? one : result;
  }
  Value groups = e.groupsOf(block, granularity.granularity);
  std::optional<Index> index =
      groups.isUnknown() ? std::nullopt : e.indexBy(groups, view.view->extents.back(), call.expr.args[1]);
  if (!index)
    return {};
  at.indices.push_back(*index);
  BuiltinCall inner{call.expr, {}, {e.load(at), granularity}, {}};
  return inner.args[0].isUnknown() ? Value() : spread(e, inner);
}

} // namespace sage::dsl
