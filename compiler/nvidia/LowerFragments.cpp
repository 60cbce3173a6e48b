// Tensor-core fragments: ldmatrix from swizzled shared memory, mma.sync, and layout conversions inside a thread. Which
// lane must hold what is read off the layouts; the instruction's own shape is checked against them.
#include "LowerTiles.h"

using namespace mlir;

namespace sage::nvidia {

using namespace tile;

//===----------------------------------------------------------------------------------------------------------===//
// ldmatrix
//===----------------------------------------------------------------------------------------------------------===//

namespace {

// How a register tile lies in a row-major buffer: the coordinates of a tile element as (row, byte column) of the
// buffer.
struct BufferMap {
  bool transposed;
  int64_t elementBytes, rowBytes;
  SwizzleAttr swizzle;

  int64_t row(const Coordinates &c) const { return c[transposed ? 1 : 0]; }
  int64_t columnByte(const Coordinates &c) const { return c[transposed ? 0 : 1] * elementBytes; }
  int64_t offset(const Coordinates &c) const { return swizzle.apply(row(c) * rowBytes + columnByte(c)); }
};

// PTX ISA 9.7.14.5.15: lane t receives row t / 4, bytes 4 (t mod 4) ... of each 8 x 16-byte matrix; with .trans (16-bit
// elements) the elements (2 (t mod 4), t / 4) and (2 (t mod 4) + 1, t / 4).
enum class MatrixForm { Plain, Transposed, None };

MatrixForm matrixForm(const Layout &layout, const BufferMap &map, int64_t perWord) {
  auto is = [&](const Coordinates &c, int64_t row, int64_t byte) {
    return map.row(c) == row && map.columnByte(c) == byte;
  };
  bool plain = true, transposed = map.elementBytes == 2 && perWord == 2 && is(layout.registers[0], 1, 0);
  for (int64_t bit = 0; (int64_t(1) << bit) < perWord; ++bit)
    plain &= is(layout.registers[bit], 0, map.elementBytes << bit);
  for (int bit = 0; bit < 2; ++bit) {
    plain &= is(layout.lanes[bit], 0, 4 << bit);
    transposed &= is(layout.lanes[bit], 2 << bit, 0);
  }
  for (int bit = 2; bit < 5; ++bit) {
    plain &= is(layout.lanes[bit], 1 << (bit - 2), 0);
    transposed &= is(layout.lanes[bit], 0, 2 << (bit - 2));
  }
  return plain ? MatrixForm::Plain : transposed ? MatrixForm::Transposed : MatrixForm::None;
}

} // namespace

// The words of an operand, fetched by groups of four when first asked for, or already in registers.
struct TileLowering::Fragment {
  TileLowering *lowering = nullptr;
  Words words;
  std::map<Coordinates, int64_t> registers; // coordinates -> register of lane 0, warp 0
  int64_t perWord = 1;
  // For fragments still in shared memory
  bool transposed = false;
  Value base, laneOffset;
  int64_t laneMask = 0;
  std::vector<int64_t> groupOffsets; // swizzled byte offset of each group of four words

  Value word(int64_t index) {
    if (!words[index]) fetch(index / 4);
    return words[index];
  }
  int64_t wordAt(const Coordinates &c) const { return registers.at(c) / perWord; }

  void fetch(int64_t group) {
    OpBuilder &b = lowering->builder;
    Location loc = lowering->loc;
    int64_t constant = groupOffsets[group], mixed = constant & laneMask;
    Value offset = mixed ? Value(arith::XOrIOp::create(b, loc, laneOffset, lowering->integer(mixed))) : laneOffset;
    Value address = lowering->sharedAt(lowering->sharedAt(base, offset), lowering->integer(constant & ~laneMask));
    Type i32 = b.getI32Type();
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32, i32, i32});
    auto layout = transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row;
    auto shape = NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8);
    Value loaded = NVVM::LdMatrixOp::create(b, loc, type, address, 4, layout, shape, NVVM::LdStMatrixEltType::B16);
    for (int64_t i = 0; i < 4; ++i) words[4 * group + i] = LLVM::ExtractValueOp::create(b, loc, loaded, i);
  }
};

FailureOr<TileLowering::Fragment> TileLowering::fragment(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  Layout layout = layoutOf(type).getValue();
  Fragment result;
  result.lowering = this;
  result.perWord = perWord(type);
  result.registers = registerMap(layout);
  if (auto it = tiles.find(tile); it != tiles.end()) {
    result.words = it->second;
    return result;
  }
  auto load = tile.getDefiningOp<LocalLoadOp>();
  BufferType buffer = load.getBuffer().getType();
  int64_t elementBytes = buffer.getElementType().getIntOrFloatBitWidth() / 8;
  BufferMap map{load.getTransposed(), elementBytes, buffer.getShape()[1] * elementBytes, buffer.getSwizzle()};
  MatrixForm form = matrixForm(layout, map, result.perWord);
  size_t wordBits = size_t(llvm::Log2_64(result.perWord));
  if (form == MatrixForm::None || (map.rowBytes & (map.rowBytes - 1)) || layout.registers.size() < wordBits + 2)
    return load.emitOpError("this layout cannot be read by ldmatrix from this buffer"), failure();
  result.transposed = form == MatrixForm::Transposed;
  result.words.assign(wordCount(type), Value());
  result.base = scalars.lookup(load.getBuffer());
  // Lane l addresses row l mod 8 of matrix l / 8; the matrices of a group differ by the bases of the two lowest word
  // bits.
  std::vector<Coordinates> lanes;
  for (int64_t bit = 0; bit < 3; ++bit)
    lanes.push_back(map.transposed ? Coordinates{0, int64_t(1) << bit} : Coordinates{int64_t(1) << bit, 0});
  lanes.push_back(layout.registers[wordBits]);
  lanes.push_back(layout.registers[wordBits + 1]);
  int rowAxis = map.transposed ? 1 : 0;
  auto sum = [&](int axis) {
    Value lane = bitsAlong(lanes, laneId, axis), warp = bitsAlong(layout.warps, warpId, axis);
    return lane && warp ? add(lane, warp) : lane ? lane : warp ? warp : integer(0);
  };
  Value linear = add(arith::MulIOp::create(builder, loc, sum(rowAxis), integer(map.rowBytes)),
                     arith::MulIOp::create(builder, loc, sum(1 - rowAxis), integer(elementBytes)));
  Value line =
      arith::AndIOp::create(builder, loc, arith::ShRUIOp::create(builder, loc, linear, integer(map.swizzle.getShift())),
                            integer((int64_t(1) << map.swizzle.getBits()) - 1));
  result.laneOffset =
      arith::XOrIOp::create(builder, loc, linear, arith::ShLIOp::create(builder, loc, line, integer(4)));
  for (auto *bases : {&lanes, &layout.warps})
    for (const Coordinates &basis : *bases) result.laneMask |= map.offset(basis);
  for (int64_t group = 0; group * 4 < int64_t(result.words.size()); ++group)
    result.groupOffsets.push_back(map.offset(layout.at(group * 4 * result.perWord)));
  return result;
}

// In the same block as its product a fragment is fetched piece by piece by the product; nothing may come between that
// changes the memory.
LogicalResult TileLowering::lowerLocalLoad(LocalLoadOp op) {
  bool deferred = op->hasOneUse() && isa<DotOp>(*op->user_begin()) && op->user_begin()->getBlock() == op->getBlock();
  for (Operation *next = op->getNextNode(); deferred && next != *op->user_begin(); next = next->getNextNode())
    deferred = isa<LocalLoadOp, SlotOp>(next) || isMemoryEffectFree(next);
  if (deferred) return success();
  FailureOr<Fragment> all = fragment(op.getResult());
  if (failed(all)) return failure();
  for (size_t i = 0; i < all->words.size(); ++i) all->word(int64_t(i));
  tiles[op.getResult()] = all->words;
  return success();
}

//===----------------------------------------------------------------------------------------------------------===//
// mma.sync
//===----------------------------------------------------------------------------------------------------------===//

LogicalResult TileLowering::lowerDot(DotOp op) {
  FailureOr<Fragment> a = fragment(op.getA()), b = fragment(op.getB());
  if (failed(a) || failed(b)) return failure();
  Type element = op.getA().getType().getElementType(), accElement = op.getType().getElementType();
  bool integerProduct = element.isInteger(8);
  if (!integerProduct && !element.isF16())
    return op.emitOpError() << "of " << element << " is not available for this target yet";
  Layout layout = layoutOf(op.getType()).getValue();
  std::map<Coordinates, int64_t> accRegisters = registerMap(layout);
  int64_t rows = op.getType().getDimSize(0) / layout.warpCount(), columns = op.getType().getDimSize(1),
          inner = op.getA().getType().getDimSize(1);
  int64_t step = 256 / element.getIntOrFloatBitWidth();

  auto ptxType = integerProduct ? NVVM::MMATypes::s8 : NVVM::MMATypes::f16;
  auto overflow = integerProduct ? std::optional(NVVM::MMAIntOverflow::wrapped) : std::nullopt;
  Type operandType = integerProduct ? Type(builder.getI32Type()) : Type(VectorType::get({2}, element));
  auto resultType = LLVM::LLVMStructType::getLiteral(builder.getContext(), SmallVector<Type>(4, accElement));
  auto operands = [&](Fragment &fragment, const Coordinates &at, int64_t count) {
    Words words;
    for (int64_t i = 0, first = fragment.wordAt(at); i < count; ++i)
      words.push_back(bitcast(fragment.word(first + i), operandType));
    return words;
  };
  Words acc = elements(op.getAcc());
  for (int64_t k = 0; k < inner; k += step) {
    SmallVector<Words> left;
    for (int64_t m = 0; m < rows; m += 16) left.push_back(operands(*a, {m, k}, 4));
    for (int64_t n = 0; n < columns; n += 8) {
      Words right = operands(*b, {k, n}, 2);
      for (int64_t m = 0; m < rows; m += 16) {
        int64_t first = accRegisters.at({m, n});
        Value product = NVVM::MmaOp::create(builder, loc, resultType, left[m / 16], right,
                                            ArrayRef(acc).slice(first, 4), ArrayRef<int64_t>{16, 8, step},
                                            /*b1Op=*/std::nullopt, overflow, std::array{ptxType, ptxType},
                                            std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
        for (int64_t i = 0; i < 4; ++i) acc[first + i] = LLVM::ExtractValueOp::create(builder, loc, product, i);
      }
    }
  }
  setElements(op.getResult(), acc);
  return success();
}

// The registers in another order; choose-layouts has made sure that they are the same thread's.
void TileLowering::lowerConvert(ConvertLayoutOp op) {
  Layout from = layoutOf(op.getValue().getType()).getValue(), to = layoutOf(op.getType()).getValue();
  std::map<Coordinates, int64_t> registers = registerMap(from);
  Words source = elements(op.getValue()), result;
  for (int64_t reg = 0; reg < to.registerCount(); ++reg) result.push_back(source[registers.at(to.at(reg))]);
  setElements(op.getResult(), result);
}

} // namespace sage::nvidia
