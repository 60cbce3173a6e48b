// Reductions and their inverses. All are projections of a layout: registers that a projection makes equal are combined
// in the thread, lane bits that it sends to zero by shuffles, warp bits through the scratch buffer. Broadcasts and
// spreads only rename registers.
#include "LowerTiles.h"

using namespace mlir;

namespace sage::nvidia {

using namespace tile;

namespace {
bool isZero(const Coordinates &basis) {
  return llvm::all_of(basis, [](int64_t c) { return c == 0; });
}
} // namespace

// max carries NaN (semantics: PTX max.NaN.f32).
Value TileLowering::combine(ReduceKind kind, Value a, Value b) {
  bool isFloat = isa<FloatType>(a.getType());
  if (kind == ReduceKind::Sum)
    return isFloat ? Value(arith::AddFOp::create(builder, loc, a, b))
                   : Value(arith::AddIOp::create(builder, loc, a, b));
  return isFloat ? Value(arith::MaximumFOp::create(builder, loc, a, b))
                 : Value(arith::MaxSIOp::create(builder, loc, a, b));
}

Value TileLowering::shuffle(Value value, int laneBit) {
  return NVVM::ShflOp::create(builder, loc, value.getType(), integer(-1), value, integer(int64_t(1) << laneBit),
                              integer(31), NVVM::ShflKind::bfly, UnitAttr());
}

LogicalResult TileLowering::lowerReduction(Operation *op, Value value, ReduceKind kind, Value scratch,
                                           const Layout &result,
                                           llvm::function_ref<Coordinates(const Coordinates &)> project) {
  Layout layout = layoutOf(value.getType()).getValue();
  Type element = getElementTypeOrSelf(value.getType());
  if (element.getIntOrFloatBitWidth() != 32) return op->emitOpError("reduces 32-bit elements only");
  // In the thread.
  Words from = elements(value), partial(result.registerCount());
  std::map<Coordinates, int64_t> registers = registerMap(result);
  for (int64_t reg = 0; reg < layout.registerCount(); ++reg) {
    Value &sum = partial[registers.at(project(layout.at(reg)))];
    sum = sum ? combine(kind, sum, from[reg]) : from[reg];
  }
  // In the warp: a lane bit that mattered before and does not after.
  for (int bit = 0; bit < 5; ++bit)
    if (!isZero(layout.lanes[bit]) && isZero(result.lanes[bit]))
      for (Value &sum : partial) sum = combine(kind, sum, shuffle(sum, bit));
  // Across warps.
  std::vector<int> warpBits;
  for (size_t bit = 0; bit < layout.warps.size(); ++bit)
    if (!isZero(layout.warps[bit]) && isZero(result.warps[bit])) warpBits.push_back(int(bit));
  if (!warpBits.empty()) {
    if (!scratch) return op->emitOpError("reduces across warps and needs a scratch buffer");
    int64_t count = cast<BufferType>(scratch.getType()).getShape()[1], parts = int64_t(1) << warpBits.size();
    Value base = scalars.lookup(scratch);
    Value part = integer(0);
    for (auto [i, bit] : llvm::enumerate(warpBits)) {
      Value isSet =
          arith::AndIOp::create(builder, loc, arith::ShRUIOp::create(builder, loc, warpId, integer(bit)), integer(1));
      part = add(part, arith::ShLIOp::create(builder, loc, isSet, integer(int64_t(i))));
    }
    Value thread = result.rank() ? threadCoordinate(result, 0) : integer(0);
    auto place = [&](Value partNumber, int64_t reg) {
      Value index = add(arith::MulIOp::create(builder, loc, partNumber, integer(count)),
                        add(thread, integer(result.rank() ? result.at(reg)[0] : 0)));
      return sharedAt(base, arith::MulIOp::create(builder, loc, index, integer(4)));
    };
    NVVM::Barrier0Op::create(builder, loc);
    for (int64_t reg = 0; reg < result.registerCount(); ++reg)
      LLVM::StoreOp::create(builder, loc, partial[reg], place(part, reg));
    NVVM::Barrier0Op::create(builder, loc);
    for (int64_t reg = 0; reg < result.registerCount(); ++reg) {
      Value sum;
      for (int64_t i = 0; i < parts; ++i) {
        Value other = LLVM::LoadOp::create(builder, loc, element, place(integer(i), reg));
        sum = sum ? combine(kind, sum, other) : other;
      }
      partial[reg] = sum;
    }
  }
  if (isa<RankedTensorType>(op->getResult(0).getType()))
    tiles[op->getResult(0)] = partial;
  else
    scalars.map(op->getResult(0), partial[0]);
  return success();
}

LogicalResult TileLowering::lowerReduce(ReduceOp op) {
  int axis = int(op.getAxis());
  Layout result = layoutOf(op.getValue().getType()).getValue().slice(axis);
  auto drop = [axis](Coordinates c) { return c.erase(c.begin() + axis), c; };
  return lowerReduction(op, op.getValue(), op.getKind(), op.getScratch(), result, drop);
}

LogicalResult TileLowering::lowerGroupReduce(GroupReduceOp op) {
  RowGroups groups = rowGroups(op.getGranularity());
  Layout result = layoutOf(op.getType()).getValue();
  return lowerReduction(op, op.getValue(), op.getKind(), op.getScratch(), result,
                        [&](const Coordinates &c) { return Coordinates{groups.group(c[0])}; });
}

// result[c] = value[project(c)], where the layouts are projections of each other, so that the same thread holds both.
void TileLowering::lowerGather(Operation *op, Value value,
                               llvm::function_ref<Coordinates(const Coordinates &)> project) {
  Layout from = layoutOf(value.getType()).getValue(), to = layoutOf(op->getResult(0).getType()).getValue();
  std::map<Coordinates, int64_t> registers = registerMap(from);
  Words source = elements(value), result;
  for (int64_t reg = 0; reg < to.registerCount(); ++reg) result.push_back(source[registers.at(project(to.at(reg)))]);
  setElements(op->getResult(0), result);
}

} // namespace sage::nvidia
