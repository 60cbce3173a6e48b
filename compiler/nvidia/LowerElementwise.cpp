// Element-wise work: an operation on tiles becomes the same operation on each element a thread holds. Also how elements
// lie in words.
#include "LowerTiles.h"

using namespace mlir;

namespace sage::nvidia {

using namespace tile;

//===----------------------------------------------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------------------------------------------===//

// FP8 has no arithmetic of its own: it travels as bytes.
Type TileLowering::storageType(Type element) {
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() == 8 ? IntegerType::get(element.getContext(), 8)
                                                                        : element;
}

int64_t TileLowering::perWord(RankedTensorType type) {
  int64_t bits = type.getElementTypeBitWidth(), count = layoutOf(type).getValue().registerCount();
  return (bits == 8 || bits == 16) && count % (32 / bits) == 0 ? 32 / bits : 1;
}

size_t TileLowering::wordCount(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return size_t(layoutOf(tensor).getValue().registerCount() / perWord(tensor));
}

Type TileLowering::wordType(RankedTensorType type) {
  return perWord(type) > 1 ? IntegerType::get(type.getContext(), 32) : storageType(type.getElementType());
}

Value TileLowering::integer(int64_t value, int bits) {
  return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(builder.getIntegerType(bits), value));
}

Value TileLowering::bitcast(Value value, Type type) {
  return value.getType() == type ? value : Value(LLVM::BitcastOp::create(builder, loc, type, value));
}

Words TileLowering::elements(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  int64_t packed = perWord(type);
  if (packed == 1) return tiles[tile];
  Words result;
  for (Value word : tiles[tile]) {
    Value vector = bitcast(word, VectorType::get({packed}, storageType(type.getElementType())));
    for (int64_t i = 0; i < packed; ++i)
      result.push_back(LLVM::ExtractElementOp::create(builder, loc, vector, integer(i)));
  }
  return result;
}

void TileLowering::packInto(Words &words, ArrayRef<Value> elements, RankedTensorType type) {
  int64_t packed = perWord(type);
  if (packed == 1) return llvm::append_range(words, elements);
  auto vectorType = VectorType::get({packed}, storageType(type.getElementType()));
  for (size_t first = 0; first < elements.size(); first += packed) {
    Value vector = LLVM::PoisonOp::create(builder, loc, vectorType);
    for (int64_t i = 0; i < packed; ++i)
      vector = LLVM::InsertElementOp::create(builder, loc, vector, elements[first + i], integer(i));
    words.push_back(bitcast(vector, builder.getI32Type()));
  }
}

void TileLowering::setElements(Value tile, ArrayRef<Value> elements) {
  Words words;
  packInto(words, elements, cast<RankedTensorType>(tile.getType()));
  tiles[tile] = words;
}

//===----------------------------------------------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------------------------------------------===//

Value TileLowering::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(builder, loc, result, builder.getStringAttr(name), operands).getResult(0);
}

// Inline PTX with `results` outputs; $0 ... are the outputs, then the operands. Appends the outputs to `out`.
void TileLowering::inlinePtx(TypeRange results, ValueRange operands, StringRef text, StringRef constraints,
                             bool sideEffects, Words &out) {
  Type type = results.empty() ? Type(LLVM::LLVMVoidType::get(builder.getContext()))
              : results.size() == 1
                  ? results.front()
                  : Type(LLVM::LLVMStructType::getLiteral(builder.getContext(), llvm::to_vector(results)));
  auto op = LLVM::InlineAsmOp::create(builder, loc, results.empty() ? TypeRange() : TypeRange(type), operands, text,
                                      constraints, sideEffects,
                                      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                      /*asm_dialect=*/LLVM::AsmDialectAttr(), /*operand_attrs=*/ArrayAttr());
  if (results.size() == 1) out.push_back(op.getResult(0));
  for (size_t i = 0; results.size() > 1 && i < results.size(); ++i)
    out.push_back(LLVM::ExtractValueOp::create(builder, loc, op.getResult(0), int64_t(i)));
}

LogicalResult TileLowering::lowerElementwise(Operation *op) {
  if (!isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return op->emitOpError("has no lowering for this target");
  if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && isa<RankedTensorType>(constant.getType()))
    return lowerConstant(constant), success();
  for (Type type : llvm::concat<Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes())))
    if (Type element = getElementTypeOrSelf(type); isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 8)
      return op->emitError() << "arithmetic on " << element << " is not available for this target yet";
  Value result = op->getResult(0);
  auto type = dyn_cast<RankedTensorType>(result.getType());
  if (!type) {
    SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value v) { return scalars.lookup(v); });
    scalars.map(result, scalarOp(op, operands));
    return success();
  }
  if (auto truncate = dyn_cast<arith::TruncFOp>(op); truncate && perWord(type) == 2)
    return lowerTruncation(truncate), success();
  SmallVector<Words> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isa<RankedTensorType>(operand.getType()) ? elements(operand) : Words{scalars.lookup(operand)});
  Words results;
  for (int64_t i = 0, count = layoutOf(type).getValue().registerCount(); i < count; ++i)
    results.push_back(scalarOp(
        op, llvm::map_to_vector(operands, [&](Words &words) { return words.size() == 1 ? words[0] : words[i]; })));
  setElements(result, results);
  return success();
}

// The operation on scalars. exp2, log2 and rsqrt are the hardware's approximations (PTX ISA 9.7.3: ex2.approx has a
// relative error of 2^-22, lg2.approx an absolute error of 2^-22), in f32 whatever the type.
Value TileLowering::scalarOp(Operation *op, ValueRange operands) {
  StringRef name = isa<math::Exp2Op>(op)    ? "llvm.nvvm.ex2.approx.ftz.f"
                   : isa<math::Log2Op>(op)  ? "llvm.nvvm.lg2.approx.ftz.f"
                   : isa<math::RsqrtOp>(op) ? "llvm.nvvm.rsqrt.approx.ftz.f"
                                            : "";
  if (!name.empty()) {
    Type type = operands[0].getType(), f32 = builder.getF32Type();
    if (type.isF32()) return intrinsic(name, f32, operands);
    Value wide = arith::ExtFOp::create(builder, loc, f32, operands[0]);
    return arith::TruncFOp::create(builder, loc, type, intrinsic(name, f32, wide));
  }
  OperationState state(loc, op->getName());
  state.addOperands(operands);
  state.addTypes(getElementTypeOrSelf(op->getResult(0).getType()));
  state.addAttributes(op->getAttrs());
  return builder.create(state)->getResult(0);
}

// Pairs, so that each becomes one cvt.rn.f16x2.f32.
void TileLowering::lowerTruncation(arith::TruncFOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Words from = elements(op.getIn()), words;
  auto wide = VectorType::get({2}, builder.getF32Type()), narrow = VectorType::get({2}, type.getElementType());
  for (size_t i = 0; i < from.size(); i += 2) {
    Value pair = LLVM::PoisonOp::create(builder, loc, wide);
    pair = LLVM::InsertElementOp::create(builder, loc, pair, from[i], integer(0));
    pair = LLVM::InsertElementOp::create(builder, loc, pair, from[i + 1], integer(1));
    words.push_back(bitcast(LLVM::FPTruncOp::create(builder, loc, narrow, pair), builder.getI32Type()));
  }
  tiles[op.getResult()] = words;
}

// Four f32 to four bytes: round each to a 32-bit integer, then cvt.pack saturates two at a time (PTX ISA 9.7.9.23); the
// low byte is its last source. NaN rounds to 0.
LogicalResult TileLowering::lowerSaturate(SaturateOp op) {
  RankedTensorType type = op.getType();
  if (!type.getElementType().isInteger(8))
    return op.emitOpError() << "to " << type.getElementType() << " is not available for this target yet";
  Type i32 = builder.getI32Type();
  Words from = elements(op.getValue()), rounded, results;
  for (Value value : from) rounded.push_back(intrinsic("llvm.nvvm.f2i.rn", i32, value));
  auto pack = [&](Value high, Value low, Value upper) {
    Words out;
    inlinePtx(i32, {high, low, upper}, "cvt.pack.sat.s8.s32.b32 $0, $1, $2, $3;", "=r,r,r,r", false, out);
    return out[0];
  };
  if (perWord(type) == 4) {
    for (size_t i = 0; i < rounded.size(); i += 4)
      results.push_back(pack(rounded[i + 1], rounded[i], pack(rounded[i + 3], rounded[i + 2], integer(0))));
    tiles[op.getResult()] = results;
    return success();
  }
  for (Value value : rounded)
    results.push_back(arith::TruncIOp::create(builder, loc, builder.getI8Type(), pack(value, value, integer(0))));
  setElements(op, results);
  return success();
}

void TileLowering::lowerConstant(arith::ConstantOp op) {
  auto dense = cast<DenseElementsAttr>(op.getValue());
  auto type = cast<RankedTensorType>(op.getType());
  Value value = arith::ConstantOp::create(builder, loc, cast<TypedAttr>(dense.getSplatValue<Attribute>()));
  setElements(op, Words(layoutOf(type).getValue().registerCount(), value));
}

void TileLowering::lowerSplat(SplatOp op) {
  setElements(op, Words(layoutOf(op.getType()).getValue().registerCount(), scalars.lookup(op.getValue())));
}

void TileLowering::lowerIota(IotaOp op) {
  Layout layout = layoutOf(op.getType()).getValue();
  Value thread = threadCoordinate(layout, 0);
  Words words;
  for (int64_t reg = 0; reg < layout.registerCount(); ++reg) words.push_back(add(thread, integer(layout.at(reg)[0])));
  setElements(op, words);
}

} // namespace sage::nvidia
