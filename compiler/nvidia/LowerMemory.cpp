// Global memory: where each register's element lies, whether it is inside the view, and the vector loads, stores and
// asynchronous copies.
#include "LowerTiles.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace sage::nvidia {

using namespace tile;

//===----------------------------------------------------------------------------------------------------------===//
// Coordinates
//===----------------------------------------------------------------------------------------------------------===//

Value TileLowering::add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }

Value TileLowering::both(Value a, Value b) {
  if (!a || !b) return a ? a : b;
  return arith::AndIOp::create(builder, loc, a, b);
}

// What the bits of `number` add along `axis`. Runs of bits whose bases double are taken together: (number >> s & mask)
// * scale.
Value TileLowering::bitsAlong(ArrayRef<Coordinates> bases, Value number, int axis) {
  Value sum;
  for (size_t first = 0; first < bases.size();) {
    int64_t scale = bases[first][axis];
    size_t last = first + 1;
    while (scale && last < bases.size() && bases[last][axis] == scale << (last - first)) ++last;
    if (scale) {
      Value bits = number;
      if (first) bits = arith::ShRUIOp::create(builder, loc, bits, integer(int64_t(first)));
      bits = arith::AndIOp::create(builder, loc, bits, integer((int64_t(1) << (last - first)) - 1));
      if (scale != 1) bits = arith::MulIOp::create(builder, loc, bits, integer(scale));
      sum = sum ? add(sum, bits) : bits;
    }
    first = last;
  }
  return sum;
}

// What lane and warp add along `axis`, i32. Each coordinate bit comes from one place only, so the sum is the XOR.
Value TileLowering::threadCoordinate(const Layout &layout, int axis) {
  Value lane = bitsAlong(layout.lanes, laneId, axis), warp = bitsAlong(layout.warps, warpId, axis);
  if (lane && warp) return add(lane, warp);
  return lane ? lane : warp ? warp : integer(0);
}

SmallVector<Value> TileLowering::threadCoordinates(const Layout &layout) {
  SmallVector<Value> coordinates;
  for (int axis = 0; axis < layout.rank(); ++axis) coordinates.push_back(threadCoordinate(layout, axis));
  return coordinates;
}

// True in one thread of each set that holds the same elements; null if every thread is alone.
Value TileLowering::representative(const Layout &layout) {
  auto zeroBits = [](ArrayRef<Coordinates> bases) {
    int64_t mask = 0;
    for (auto [bit, basis] : llvm::enumerate(bases))
      if (llvm::all_of(basis, [](int64_t c) { return c == 0; })) mask |= int64_t(1) << bit;
    return mask;
  };
  auto isZero = [&](Value number, int64_t mask) -> Value {
    if (!mask) return {};
    Value bits = arith::AndIOp::create(builder, loc, number, integer(mask));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, bits, integer(0));
  };
  return both(isZero(laneId, zeroBits(layout.lanes)), isZero(warpId, zeroBits(layout.warps)));
}

//===----------------------------------------------------------------------------------------------------------===//
// A tile of a view
//===----------------------------------------------------------------------------------------------------------===//

namespace {
std::optional<int64_t> constantOf(Value value) {
  APInt number;
  return matchPattern(value, m_ConstantInt(&number)) ? std::optional(number.getSExtValue()) : std::nullopt;
}
} // namespace

// Addresses and bounds of a tile at `offsets` of a view, for coordinates thread + constant.
class Access {
public:
  Access(TileLowering &lowering, ViewOp view, ValueRange offsets, ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
         ArrayRef<Value> thread)
      : l(lowering), view(view), offsets(offsets), axes(axes), thread(thread.begin(), thread.end()) {
    for (auto [i, axis] : llvm::enumerate(axes)) inside.push_back(isInside(axis, shape[i]));
    Value sum;
    for (int64_t axis = 0; axis < view.getType().getRank(); ++axis) {
      Value position = start(axis);
      Value scaled = scale(position, axis);
      sum = sum ? l.add(sum, scaled) : scaled;
    }
    base = sum;
  }

  // Byte address of the element at thread coordinate + `constant`.
  Value address(const Coordinates &constant) {
    Value offset = base;
    for (auto [i, axis] : llvm::enumerate(axes))
      if (constant[i]) {
        auto [it, isNew] = scaled.try_emplace({int64_t(i), constant[i]});
        if (isNew) it->second = scale(l.integer(constant[i]), axis);
        offset = l.add(offset, it->second);
      }
    Type element = TileLowering::storageType(view.getType().getElementType());
    return LLVM::GEPOp::create(l.builder, l.loc, l.scalars.lookup(view.getPointer()).getType(), element,
                               l.scalars.lookup(view.getPointer()), ArrayRef<LLVM::GEPArg>{offset});
  }

  // Whether that element lies inside the view; null if always. The axes that the tile does not lie along are checked
  // once for the whole tile: outside of one of them, an axis that is checked anyway has no extent left.
  Value bounds(const Coordinates &constant) {
    Value result, rest = others();
    for (auto [i, axis] : llvm::enumerate(axes))
      if (!inside[i]) {
        auto [limit, isNewLimit] = limits.try_emplace(axis);
        if (isNewLimit) limit->second = rest ? select(rest, extent(axis)) : extent(axis);
        rest = {};
        auto [it, isNew] = checks.try_emplace({int64_t(i), constant[i]});
        if (isNew) it->second = isBelow(l.add(position(i), l.integer(constant[i])), limit->second);
        result = l.both(result, it->second);
      }
    return l.both(rest, result);
  }

  bool alwaysInside(size_t tileAxis) const { return inside[tileAxis]; }

private:
  TileLowering &l;
  ViewOp view;
  ValueRange offsets;
  ArrayRef<int64_t> axes;
  SmallVector<Value> thread;
  SmallVector<bool> inside;
  Value base;
  std::map<std::pair<int64_t, int64_t>, Value> scaled, checks;
  std::map<int64_t, Value> limits; // by axis of the view
  std::optional<Value> otherAxes;

  bool isInside(int64_t axis, int64_t size) {
    std::optional<int64_t> offset = constantOf(offsets[axis]), extent = constantOf(view.getExtents()[axis]);
    return offset && extent && *offset >= 0 && *offset + size <= *extent;
  }
  // A block's number along the grid stays inside an axis of the grid's extent.
  bool followsGrid(int64_t axis) {
    auto id = offsets[axis].getDefiningOp<ProgramIdOp>();
    auto pointer = dyn_cast<BlockArgument>(view.getPointer());
    auto grid = l.source->getAttrOfType<ArrayAttr>(gridAttr), views = l.source->getAttrOfType<ArrayAttr>(viewsAttr);
    if (!id || !pointer || !grid || !views || id.getAxis() >= grid.size()) return false;
    unsigned argument = 0;
    for (auto each : views.getAsRange<DictionaryAttr>()) {
      auto extents = each.getAs<ArrayAttr>("extents");
      if (!extents) return false;
      if (argument == pointer.getArgNumber())
        return size_t(axis) < extents.size() && extents[axis] == grid[id.getAxis()];
      argument += extents.size();
    }
    return false;
  }
  // Whether the tile's place along all other axes is inside the view; null if always.
  Value others() {
    if (otherAxes) return *otherAxes;
    Value result;
    for (int64_t axis = 0; axis < view.getType().getRank(); ++axis)
      if (!llvm::is_contained(axes, axis) && !isInside(axis, 1) && !followsGrid(axis))
        result = l.both(result, isBelow(l.scalars.lookup(offsets[axis]), extent(axis)));
    otherAxes = result;
    return result;
  }
  // Unsigned, so that a negative position is outside too.
  Value isBelow(Value position, Value limit) {
    return arith::CmpIOp::create(l.builder, l.loc, arith::CmpIPredicate::ult, position, limit);
  }
  Value select(Value condition, Value extent) {
    return arith::SelectOp::create(l.builder, l.loc, condition, extent, l.integer(0));
  }
  Value extent(int64_t axis) {
    return arith::TruncIOp::create(l.builder, l.loc, l.builder.getI32Type(), l.scalars.lookup(view.getExtents()[axis]));
  }

  // Where the thread's part of the tile starts along the view's axis.
  Value start(int64_t axis) {
    Value offset = l.scalars.lookup(offsets[axis]);
    for (auto [i, tileAxis] : llvm::enumerate(axes))
      if (tileAxis == axis) return l.add(offset, thread[i]);
    return offset;
  }
  Value position(size_t tileAxis) { return start(axes[tileAxis]); }
  Value scale(Value position, int64_t axis) {
    Value wide = arith::ExtSIOp::create(l.builder, l.loc, l.builder.getI64Type(), position);
    if (axis + 1 == view.getType().getRank()) return wide;
    return arith::MulIOp::create(l.builder, l.loc, wide, l.scalars.lookup(view.getStrides()[axis]));
  }
};

namespace {

// Neighbouring registers that are neighbours in memory too: a power of two, at most 16 bytes. Rows of a two-dimensional
// tile are aligned (docs/artifact.md); a one-dimensional tile may start anywhere.
int64_t vectorLength(const Layout &layout, int64_t elementBits, bool wholeRows) {
  if (layout.rank() != 2 || !wholeRows) return 1;
  int64_t length = 1;
  for (const Coordinates &basis : layout.registers) {
    if (basis != Coordinates{0, length} || length * elementBits >= 128) break;
    length *= 2;
  }
  return length;
}

struct VectorAccess {
  int64_t words, wordBits;
  std::string type, constraint; // of one word
};

VectorAccess vectorAccess(int64_t bits) {
  if (bits >= 32) return {bits / 32, 32, "b32", "r"};
  return {1, bits, bits == 16 ? "b16" : "b8", "h"};
}

std::string operandList(int64_t first, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += (i ? ", $" : "$") + std::to_string(first + i);
  return count > 1 ? "{" + text + "}" : text;
}

std::string vectorSuffix(const VectorAccess &access) {
  return (access.words > 1 ? ".v" + std::to_string(access.words) : "") + "." + access.type;
}

} // namespace

LogicalResult TileLowering::lowerLoad(LoadOp op) {
  auto view = op.getView().getDefiningOp<ViewOp>();
  if (!view) return op.emitOpError("needs its view in the same kernel");
  Type element = storageType(view.getType().getElementType());
  int64_t bits = element.getIntOrFloatBitWidth();
  std::string space = view.getWritable() ? "ld.global" : "ld.global.nc";
  // One access: zero first, so that what lies outside the view reads as the fill.
  auto load = [&](Value address, Value inside, int64_t count) {
    VectorAccess access = vectorAccess(count * bits);
    std::string text, constraints;
    for (int64_t i = 0; i < access.words; ++i) {
      if (inside) text += llvm::formatv("mov.b{0} ${1}, 0; ", std::max<int64_t>(16, access.wordBits), i).str();
      constraints += "=&" + access.constraint + ",";
    }
    if (inside) text += llvm::formatv("@${0} ", access.words + 1);
    text += space + vectorSuffix(access) + " " + operandList(0, access.words) + ", [$" + std::to_string(access.words) +
            "];";
    SmallVector<Type> types(access.words, builder.getIntegerType(std::max<int64_t>(16, access.wordBits)));
    Words words, operands{address};
    if (inside) operands.push_back(inside);
    inlinePtx(types, operands, text, constraints + (inside ? "l,b" : "l"), view.getWritable(), words);
    return words;
  };
  // 8-bit loads land in a 16-bit register.
  auto asElement = [&](Value word) -> Value {
    if (bits == 8) return arith::TruncIOp::create(builder, loc, element, word);
    return bitcast(word, element);
  };

  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type) {
    Access access(*this, view, op.getOffsets(), {}, {}, {});
    scalars.map(op.getResult(), asElement(load(access.address({}), access.bounds({}), 1)[0]));
    return success();
  }
  Layout layout = layoutOf(type).getValue();
  Access access(*this, view, op.getOffsets(), op.getAxes(), type.getShape(), threadCoordinates(layout));
  bool wholeRows = op.getAxes().back() + 1 == view.getType().getRank() && access.alwaysInside(op.getAxes().size() - 1);
  int64_t vector = vectorLength(layout, bits, wholeRows);
  bool wholeWords = bits < 32 && perWord(type) > 1 && vector * bits >= 32;
  Words words, elements;
  for (int64_t reg = 0; reg < layout.registerCount(); reg += vector) {
    Coordinates place = layout.at(reg);
    Words loaded = load(access.address(place), access.bounds(place), vector);
    if (wholeWords)
      llvm::append_range(words, loaded);
    else
      for (Value word : loaded) elements.push_back(asElement(word));
  }
  if (wholeWords)
    tiles[op.getResult()] = words;
  else
    setElements(op.getResult(), elements);
  return success();
}

LogicalResult TileLowering::lowerStore(StoreOp op) {
  auto view = op.getView().getDefiningOp<ViewOp>();
  if (!view) return op.emitOpError("needs its view in the same kernel");
  Type element = storageType(view.getType().getElementType());
  int64_t bits = element.getIntOrFloatBitWidth();
  auto store = [&](Value address, Value enabled, ArrayRef<Value> words) {
    VectorAccess access =
        vectorAccess(words.size() * std::max<int64_t>(words[0].getType().getIntOrFloatBitWidth(), bits == 8 ? 8 : 0));
    if (words[0].getType().isInteger(8)) access = vectorAccess(8);
    std::string text, constraints = "l";
    if (enabled) text = "@$" + std::to_string(access.words + 1) + " ";
    text += "st.global" + vectorSuffix(access) + " [$0], " + operandList(1, access.words) + ";";
    Words operands{address};
    for (Value word : words) {
      if (word.getType().isInteger(8)) word = arith::ExtUIOp::create(builder, loc, builder.getI16Type(), word);
      operands.push_back(bitcast(word, builder.getIntegerType(word.getType().getIntOrFloatBitWidth())));
      constraints += "," + access.constraint;
    }
    if (enabled) operands.push_back(enabled);
    Words none;
    inlinePtx({}, operands, text, constraints + (enabled ? ",b" : ""), true, none);
  };

  auto type = dyn_cast<RankedTensorType>(op.getValue().getType());
  if (!type) {
    Access access(*this, view, op.getOffsets(), {}, {}, {});
    Value first = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, threadId, integer(0));
    store(access.address({}), both(first, access.bounds({})), {scalars.lookup(op.getValue())});
    return success();
  }
  Layout layout = layoutOf(type).getValue();
  Access access(*this, view, op.getOffsets(), op.getAxes(), type.getShape(), threadCoordinates(layout));
  bool wholeRows = op.getAxes().back() + 1 == view.getType().getRank() && access.alwaysInside(op.getAxes().size() - 1);
  int64_t vector = vectorLength(layout, bits, wholeRows);
  Value single = representative(layout);
  int64_t packed = perWord(type);
  bool wholeWords = packed > 1 && vector % packed == 0;
  Words source = wholeWords ? tiles[op.getValue()] : elements(op.getValue());
  for (int64_t reg = 0; reg < layout.registerCount(); reg += vector) {
    Coordinates place = layout.at(reg);
    ArrayRef<Value> words =
        wholeWords ? ArrayRef(source).slice(reg / packed, vector / packed) : ArrayRef(source).slice(reg, vector);
    if (!wholeWords && vector > 1 && bits < 32) return op.emitOpError("stores elements that do not fill words");
    store(access.address(place), both(single, access.bounds(place)), words);
  }
  return success();
}

//===----------------------------------------------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------------------------------------------===//

Value TileLowering::sharedAt(Value pointer, Value byteOffset) {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), builder.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{byteOffset});
}

void TileLowering::lowerAlloc(AllocOp op) {
  scalars.map(op.getResult(), sharedAt(sharedBase, integer(op.getOffset().value_or(0))));
}

void TileLowering::lowerSlot(SlotOp op) {
  Value offset = arith::MulIOp::create(builder, loc, scalars.lookup(op.getIndex()), integer(op.getType().bytes()));
  scalars.map(op.getResult(), sharedAt(scalars.lookup(op.getRing()), offset));
}

// Thread t takes the 16-byte chunks t, t + threads, ... of the tile in row-major order (PTX ISA 9.7.9.25.3.1, cp.async
// with a source size of 0 outside the view, which fills with zeros).
LogicalResult TileLowering::lowerAsyncCopy(AsyncCopyOp op) {
  auto view = op.getView().getDefiningOp<ViewOp>();
  if (!view) return op.emitOpError("needs its view in the same kernel");
  BufferType buffer = op.getBuffer().getType();
  int64_t elementBytes = buffer.getElementType().getIntOrFloatBitWidth() / 8, perChunk = 16 / elementBytes;
  int64_t rowBytes = buffer.getShape()[1] * elementBytes, chunksPerRow = rowBytes / 16,
          chunks = buffer.getShape()[0] * chunksPerRow;
  int64_t threads = source->getAttrOfType<IntegerAttr>(warpsAttr).getInt() * 32;
  if (rowBytes % 16 || (rowBytes & (rowBytes - 1)))
    return op.emitError() << "a tile with rows of " << buffer.getShape()[1] << " elements of "
                          << buffer.getElementType() << " cannot feed a product yet: rows must be a power of two";
  SwizzleAttr swizzle = buffer.getSwizzle();

  auto branch = scf::IfOp::create(builder, loc, TypeRange(), scalars.lookup(op.getEnabled()), false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&branch.getThenRegion().front());
  // Where chunk threadId + `first` comes from and goes to.
  auto chunk = [&](int64_t first) {
    Value number = first ? add(threadId, integer(first)) : threadId;
    Value row = arith::DivUIOp::create(builder, loc, number, integer(chunksPerRow));
    Value column = arith::MulIOp::create(
        builder, loc, arith::RemUIOp::create(builder, loc, number, integer(chunksPerRow)), integer(perChunk));
    Value linear = arith::MulIOp::create(builder, loc, number, integer(16));
    Value line =
        arith::AndIOp::create(builder, loc, arith::ShRUIOp::create(builder, loc, linear, integer(swizzle.getShift())),
                              integer((int64_t(1) << swizzle.getBits()) - 1));
    Value target =
        sharedAt(scalars.lookup(op.getBuffer()),
                 arith::XOrIOp::create(builder, loc, linear, arith::ShLIOp::create(builder, loc, line, integer(4))));
    return std::pair(target, Access(*this, view, op.getOffsets(), op.getAxes(), buffer.getShape(), {row, column}));
  };
  auto [target, access] = chunk(0);
  if (!access.alwaysInside(1))
    return op.emitError("a tile that is wider than the view's last extent cannot feed a product yet");
  // When a step of all threads changes neither the column nor the swizzle's row bits, later chunks are constants away
  // from the first.
  bool steps =
      threads % chunksPerRow == 0 && threads * 16 % (int64_t(1) << (swizzle.getShift() + swizzle.getBits())) == 0;
  for (int64_t first = 0; first < chunks; first += threads) {
    OpBuilder::InsertionGuard inner(builder);
    if (chunks - first < threads) {
      Value active = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, threadId, integer(chunks - first));
      builder.setInsertionPointToStart(
          &scf::IfOp::create(builder, loc, TypeRange(), active, false).getThenRegion().front());
    }
    auto copy = [&](Value to, Access &from, const Coordinates &place) {
      Value size, inside = from.bounds(place);
      if (inside) size = arith::SelectOp::create(builder, loc, inside, integer(16), integer(0));
      NVVM::CpAsyncOp::create(builder, loc, to, from.address(place), 16, NVVM::LoadCacheModifierKind::CG, size);
    };
    if (steps) {
      copy(sharedAt(target, integer(first * 16)), access, {first / chunksPerRow, 0});
    } else {
      auto [to, from] = chunk(first);
      copy(to, from, {0, 0});
    }
  }
  return success();
}

} // namespace sage::nvidia
