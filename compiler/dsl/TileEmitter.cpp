// Tiles, element-wise work and control flow in the tile dialect (TileEmitter.h). The kernel's signature is in
// TileEmitterKernel.cpp.
#include "TileEmitter.h"

#include "compiler/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace sage::dsl {
namespace {

mlir::Value value(Handle handle) { return mlir::Value::getFromOpaquePointer(handle); }
Handle handle(mlir::Value value) { return value.getAsOpaquePointer(); }

std::vector<mlir::Value> values(const std::vector<Handle> &handles) {
  std::vector<mlir::Value> out;
  for (Handle handle : handles)
    out.push_back(value(handle));
  return out;
}

template <typename Range> std::vector<Handle> handles(Range range) {
  std::vector<Handle> out;
  for (mlir::Value value : range)
    out.push_back(handle(value));
  return out;
}

tile::ReduceKind kindOf(ReduceOp op) { return op == ReduceOp::Max ? tile::ReduceKind::Max : tile::ReduceKind::Sum; }

mlir::Value makeCompare(mlir::OpBuilder &builder, mlir::Location loc, BinaryOp op, mlir::Value a, mlir::Value b) {
  using F = mlir::arith::CmpFPredicate;
  using I = mlir::arith::CmpIPredicate;
  size_t index = static_cast<size_t>(op) - static_cast<size_t>(BinaryOp::Eq);
  static constexpr F floats[] = {F::OEQ, F::UNE, F::OLT,
                                 F::OLE, F::OGT, F::OGE}; // as in C: a comparison with NaN is false, != is true
  static constexpr I integers[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  if (mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(a.getType())))
    return mlir::arith::CmpFOp::create(builder, loc, floats[index], a, b);
  return mlir::arith::CmpIOp::create(builder, loc, integers[index], a, b);
}

} // namespace

mlir::Location TileEmitter::locate(Location where) {
  LineColumn position = source_.position(where.offset);
  return mlir::FileLineColLoc::get(module_.getContext(), source_.name(), position.line, position.column);
}

// Code of an inlined function keeps both places: its own and the call's.
void TileEmitter::at(Location where, const std::vector<Location> &calls) {
  location_ = locate(where);
  for (size_t i = calls.size(); i-- > 0;)
    location_ = mlir::CallSiteLoc::get(location_, locate(calls[i]));
}

//===- Types ---------------------------------------------------------------------------------===//

mlir::Type TileEmitter::elementType(DataType type) {
  switch (type) {
  case DataType::F32:
    return builder_.getF32Type();
  case DataType::F16:
    return builder_.getF16Type();
  case DataType::BF16:
    return builder_.getBF16Type();
  case DataType::E4M3:
    return mlir::Float8E4M3FNType::get(builder_.getContext());
  case DataType::E5M2:
    return mlir::Float8E5M2Type::get(builder_.getContext());
  case DataType::I8:
    return builder_.getI8Type();
  case DataType::I32:
    return builder_.getI32Type();
  case DataType::Bool:
    return builder_.getI1Type();
  }
  return {};
}

mlir::Type TileEmitter::typeOf(const CodeType &type) {
  mlir::Type element = elementType(type.element);
  return type.shape.empty() ? element : mlir::Type(mlir::RankedTensorType::get(type.shape, element));
}

mlir::Type TileEmitter::withElement(mlir::Type shape, mlir::Type element) const {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(shape);
  return tensor ? mlir::Type(tensor.clone(element)) : element;
}

//===- Constants and shapes ------------------------------------------------------------------===//

mlir::Value TileEmitter::constant(int64_t number, unsigned bits) {
  return mlir::arith::ConstantOp::create(builder_, location_,
                                         builder_.getIntegerAttr(builder_.getIntegerType(bits), number));
}

Handle TileEmitter::integer(DataType type, int64_t number) { return handle(constant(number, info(type).bits)); }

Handle TileEmitter::real(DataType type, double number) {
  return handle(mlir::arith::ConstantOp::create(builder_, location_, builder_.getFloatAttr(elementType(type), number)));
}

Handle TileEmitter::splat(Handle scalar, const CodeType &type) {
  return handle(tile::SplatOp::create(builder_, location_, typeOf(type), value(scalar)));
}

Handle TileEmitter::broadcast(Handle part, unsigned axis, const CodeType &type) {
  return handle(tile::BroadcastOp::create(builder_, location_, typeOf(type), value(part), axis));
}

Handle TileEmitter::iota(const CodeType &type) {
  return handle(tile::IotaOp::create(builder_, location_, typeOf(type)));
}

// -1 of an integer type (true of a bool), for complements.
mlir::Value TileEmitter::allOnes(mlir::Type type) {
  auto element = mlir::cast<mlir::IntegerType>(mlir::getElementTypeOrSelf(type));
  mlir::Value one = mlir::arith::ConstantOp::create(
      builder_, location_, builder_.getIntegerAttr(element, llvm::APInt::getAllOnes(element.getWidth())));
  return mlir::isa<mlir::RankedTensorType>(type) ? tile::SplatOp::create(builder_, location_, type, one) : one;
}

//===- Element by element --------------------------------------------------------------------===//

Handle TileEmitter::math(MathOp op, Handle operand, const CodeType &) {
  mlir::Value x = value(operand);
  bool isFloat = mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(x.getType()));
  auto make = [&]() -> mlir::Value {
    switch (op) {
    case MathOp::Negate:
      if (isFloat)
        return mlir::arith::NegFOp::create(builder_, location_, x);
      // -x = ~x + 1, written as ~(x - 1) + 0 would need a zero tile as well: ~x - (-1)
      return mlir::arith::SubIOp::create(builder_, location_,
                                         mlir::arith::XOrIOp::create(builder_, location_, x, allOnes(x.getType())),
                                         allOnes(x.getType()));
    case MathOp::Not:
    case MathOp::Invert:
      return mlir::arith::XOrIOp::create(builder_, location_, x, allOnes(x.getType()));
    case MathOp::Abs:
      if (isFloat)
        return mlir::math::AbsFOp::create(builder_, location_, x);
      return mlir::math::AbsIOp::create(builder_, location_, x);
    case MathOp::Exp2:
      return mlir::math::Exp2Op::create(builder_, location_, x);
    case MathOp::Log2:
      return mlir::math::Log2Op::create(builder_, location_, x);
    case MathOp::Rsqrt:
      return mlir::math::RsqrtOp::create(builder_, location_, x);
    case MathOp::Sqrt:
      return mlir::math::SqrtOp::create(builder_, location_, x);
    case MathOp::FloatBits:
      return mlir::arith::BitcastOp::create(builder_, location_, withElement(x.getType(), builder_.getI32Type()), x);
    case MathOp::BitsFloat:
      return mlir::arith::BitcastOp::create(builder_, location_, withElement(x.getType(), builder_.getF32Type()), x);
    }
    return {};
  };
  return handle(make());
}

mlir::Value TileEmitter::floatBinary(BinaryOp op, mlir::Value a, mlir::Value b) {
  switch (op) {
  case BinaryOp::Add:
    return mlir::arith::AddFOp::create(builder_, location_, a, b);
  case BinaryOp::Sub:
    return mlir::arith::SubFOp::create(builder_, location_, a, b);
  case BinaryOp::Mul:
    return mlir::arith::MulFOp::create(builder_, location_, a, b);
  case BinaryOp::Div:
    return mlir::arith::DivFOp::create(builder_, location_, a, b);
  case BinaryOp::Max:
    return mlir::arith::MaximumFOp::create(builder_, location_, a, b);
  case BinaryOp::Min:
    return mlir::arith::MinimumFOp::create(builder_, location_, a, b);
  default:
    return makeCompare(builder_, location_, op, a, b);
  }
}

mlir::Value TileEmitter::integerBinary(BinaryOp op, mlir::Value a, mlir::Value b) {
  switch (op) {
  case BinaryOp::Add:
    return mlir::arith::AddIOp::create(builder_, location_, a, b);
  case BinaryOp::Sub:
    return mlir::arith::SubIOp::create(builder_, location_, a, b);
  case BinaryOp::Mul:
    return mlir::arith::MulIOp::create(builder_, location_, a, b);
  case BinaryOp::Div:
    return mlir::arith::DivSIOp::create(builder_, location_, a, b);
  case BinaryOp::Rem:
    return mlir::arith::RemSIOp::create(builder_, location_, a, b);
  case BinaryOp::Max:
    return mlir::arith::MaxSIOp::create(builder_, location_, a, b);
  case BinaryOp::Min:
    return mlir::arith::MinSIOp::create(builder_, location_, a, b);
  case BinaryOp::And:
  case BinaryOp::BitAnd:
    return mlir::arith::AndIOp::create(builder_, location_, a, b);
  case BinaryOp::Or:
  case BinaryOp::BitOr:
    return mlir::arith::OrIOp::create(builder_, location_, a, b);
  case BinaryOp::BitXor:
    return mlir::arith::XOrIOp::create(builder_, location_, a, b);
  case BinaryOp::Shl:
    return mlir::arith::ShLIOp::create(builder_, location_, a, b);
  case BinaryOp::Shr:
    return mlir::arith::ShRSIOp::create(builder_, location_, a, b);
  default:
    return makeCompare(builder_, location_, op, a, b);
  }
}

Handle TileEmitter::binary(BinaryOp op, Handle a, Handle b, const CodeType &type) {
  return handle(info(type.element).isFloat ? floatBinary(op, value(a), value(b))
                                           : integerBinary(op, value(a), value(b)));
}

Handle TileEmitter::select(Handle condition, Handle a, Handle b) {
  return handle(mlir::arith::SelectOp::create(builder_, location_, value(condition), value(a), value(b)));
}

// Between floating-point types by way of f32, between integers by width, between the two by value. Float to i32
// truncates.
Handle TileEmitter::convert(Handle operand, const CodeType &from, DataType to) {
  mlir::Value x = value(operand);
  mlir::Type target = withElement(x.getType(), elementType(to));
  const DataTypeInfo &source = info(from.element), &goal = info(to);
  if (!source.isFloat && !goal.isFloat) {
    if (from.element == DataType::Bool)
      return handle(mlir::arith::ExtUIOp::create(builder_, location_, target, x));
    return handle(mlir::arith::ExtSIOp::create(builder_, location_, target, x));
  }
  if (!source.isFloat) {
    mlir::Type f32 = withElement(x.getType(), builder_.getF32Type());
    mlir::Value wide = from.element == DataType::Bool
                           ? mlir::Value(mlir::arith::UIToFPOp::create(builder_, location_, f32, x))
                           : mlir::Value(mlir::arith::SIToFPOp::create(builder_, location_, f32, x));
    return to == DataType::F32 ? handle(wide) : convert(handle(wide), {DataType::F32, from.shape}, to);
  }
  if (from.element != DataType::F32)
    x = mlir::arith::ExtFOp::create(builder_, location_, withElement(x.getType(), builder_.getF32Type()), x);
  if (to == DataType::F32)
    return handle(x);
  if (!goal.isFloat)
    return handle(mlir::arith::FPToSIOp::create(builder_, location_, target, x));
  return handle(mlir::arith::TruncFOp::create(builder_, location_, target, x));
}

Handle TileEmitter::saturate(Handle operand, const CodeType &, DataType to) {
  mlir::Value x = value(operand);
  return handle(tile::SaturateOp::create(builder_, location_, withElement(x.getType(), elementType(to)), x));
}

//===- Tiles ---------------------------------------------------------------------------------===//

Handle TileEmitter::transpose(Handle operand, const CodeType &type) {
  return handle(tile::TransposeOp::create(builder_, location_, typeOf(type), value(operand)));
}

Handle TileEmitter::dot(Handle a, Handle b, Handle accumulator) {
  return handle(
      tile::DotOp::create(builder_, location_, value(accumulator).getType(), value(a), value(b), value(accumulator)));
}

Handle TileEmitter::reduce(ReduceOp op, Handle operand, unsigned axis, const CodeType &type) {
  return handle(
      tile::ReduceOp::create(builder_, location_, typeOf(type), value(operand), kindOf(op), axis, mlir::Value()));
}

Handle TileEmitter::groupReduce(ReduceOp op, Handle operand, const Granularity &granularity, const CodeType &type) {
  auto groups = tile::GranularityAttr::get(builder_.getContext(), granularity.slab, granularity.bits);
  return handle(tile::GroupReduceOp::create(builder_, location_, typeOf(type), value(operand), kindOf(op), groups,
                                            mlir::Value()));
}

Handle TileEmitter::spread(Handle operand, const Granularity &granularity, const CodeType &type) {
  auto groups = tile::GranularityAttr::get(builder_.getContext(), granularity.slab, granularity.bits);
  return handle(tile::SpreadOp::create(builder_, location_, typeOf(type), value(operand), groups));
}

Handle TileEmitter::load(Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes,
                         const CodeType &type) {
  return handle(tile::LoadOp::create(builder_, location_, typeOf(type), value(view), values(offsets), axes));
}

void TileEmitter::store(Handle tile, Handle view, const std::vector<Handle> &offsets,
                        const std::vector<int64_t> &axes) {
  tile::StoreOp::create(builder_, location_, value(tile), value(view), values(offsets), axes);
}

//===- Control flow --------------------------------------------------------------------------===//

std::pair<Handle, std::vector<Handle>> TileEmitter::beginFor(Handle count, const std::vector<Handle> &carried) {
  auto loop =
      mlir::scf::ForOp::create(builder_, location_, constant(0, 32), value(count), constant(1, 32), values(carried));
  if (carried.empty())
    loop.getBody()->getTerminator()->erase(); // endFor writes it
  builder_.setInsertionPointToEnd(loop.getBody());
  open_.push_back(loop);
  return {handle(loop.getInductionVar()), handles(loop.getRegionIterArgs())};
}

std::vector<Handle> TileEmitter::endFor(const std::vector<Handle> &carried) {
  auto loop = mlir::cast<mlir::scf::ForOp>(open_.back());
  open_.pop_back();
  mlir::scf::YieldOp::create(builder_, location_, values(carried));
  builder_.setInsertionPointAfter(loop);
  return handles(loop.getResults());
}

void TileEmitter::beginIf(Handle condition, const std::vector<Handle> &carried) {
  std::vector<mlir::Type> types;
  for (Handle each : carried)
    types.push_back(value(each).getType());
  auto branch = mlir::scf::IfOp::create(builder_, location_, types, value(condition), /*addThenBlock=*/true,
                                        /*addElseBlock=*/true);
  builder_.setInsertionPointToEnd(branch.thenBlock());
  open_.push_back(branch);
}

void TileEmitter::beginElse(const std::vector<Handle> &carried) {
  mlir::scf::YieldOp::create(builder_, location_, values(carried));
  builder_.setInsertionPointToEnd(mlir::cast<mlir::scf::IfOp>(open_.back()).elseBlock());
}

std::vector<Handle> TileEmitter::endIf(const std::vector<Handle> &carried) {
  auto branch = mlir::cast<mlir::scf::IfOp>(open_.back());
  open_.pop_back();
  mlir::scf::YieldOp::create(builder_, location_, values(carried));
  builder_.setInsertionPointAfter(branch);
  return handles(branch.getResults());
}

} // namespace sage::dsl
