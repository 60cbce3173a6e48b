// Registration, printing and verification of the tile dialect. A verifier rejects what no later stage could give a
// meaning.
#include "Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "compiler/tile/TileDialect.cpp.inc"
#include "compiler/tile/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/tile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/tile/TileTypes.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/tile/TileOps.cpp.inc"

namespace sage {

llvm::hash_code hash_value(const Layout &layout) { return llvm::hash_value(layout.str()); }

namespace tile {

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/tile/TileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/tile/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/tile/TileOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------------------------------------------===//
// Attributes and types
//===----------------------------------------------------------------------------------------------------------===//

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  std::string text;
  llvm::SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&text) || parser.parseGreater()) return {};
  std::optional<Layout> layout = Layout::parse(text);
  if (!layout) {
    parser.emitError(where, "not a layout: expected \"reg=… lane=… warp=… repeats=…\" with five lanes and odd repeats");
    return {};
  }
  return LayoutAttr::get(parser.getContext(), *layout);
}

void LayoutAttr::print(AsmPrinter &printer) const { printer << "<\"" << getValue().str() << "\">"; }

Attribute GranularityAttr::parse(AsmParser &parser, Type) {
  int64_t slab = 0;
  SmallVector<int64_t> bits;
  auto bit = [&] { return parser.parseInteger(bits.emplace_back()); };
  if (parser.parseLess() || parser.parseKeyword("slab") || parser.parseEqual() || parser.parseInteger(slab) ||
      parser.parseComma() || parser.parseKeyword("bits") || parser.parseEqual() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, bit) || parser.parseGreater())
    return {};
  return parser.getChecked<GranularityAttr>(parser.getContext(), slab, bits);
}

void GranularityAttr::print(AsmPrinter &printer) const {
  printer << "<slab = " << getSlab() << ", bits = [";
  llvm::interleaveComma(getBits(), printer.getStream());
  printer << "]>";
}

LogicalResult GranularityAttr::verify(function_ref<InFlightDiagnostic()> error, int64_t slab, ArrayRef<int64_t> bits) {
  if (slab < 1 || (slab & (slab - 1)) != 0) return error() << "a slab must be a power of two, not " << slab;
  for (size_t i = 0; i < bits.size(); ++i)
    if (bits[i] < 0 || bits[i] > 30 || (int64_t(1) << bits[i]) >= slab || (i && bits[i] <= bits[i - 1]))
      return error() << "bits must be ascending row bits inside a slab of " << slab;
  return success();
}

int64_t GranularityAttr::group(int64_t row) const { return rowGroups(*this).group(row); }

LogicalResult SwizzleAttr::verify(function_ref<InFlightDiagnostic()> error, int64_t bits, int64_t shift) {
  if (bits < 0 || bits > 3 || shift < 4 + bits || shift > 12)
    return error() << "swizzle needs 0..3 bits and a shift of 4 + bits .. 12";
  return success();
}

int64_t SwizzleAttr::apply(int64_t offset) const {
  return offset ^ (((offset >> getShift()) & ((int64_t(1) << getBits()) - 1)) << 4);
}

int64_t BufferType::bytes() const {
  int64_t count = 1;
  for (int64_t extent : getShape()) count *= extent;
  return count * getElementType().getIntOrFloatBitWidth() / 8;
}

//===----------------------------------------------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------------------------------------------===//

LogicalResult ViewOp::verify() {
  int64_t rank = getType().getRank();
  if (int64_t(getExtents().size()) != rank) return emitOpError() << "needs " << rank << " extents, one an axis";
  if (int64_t(getStrides().size()) != rank - 1)
    return emitOpError() << "needs " << rank - 1 << " strides, one for each axis but the last";
  return success();
}

// What loads, stores and copies share: offsets for every axis, and a tile that lies along `axes`.
static LogicalResult verifyAccess(Operation *op, ViewType view, size_t offsets, ArrayRef<int64_t> axes, Type element,
                                  size_t tileRank) {
  if (int64_t(offsets) != view.getRank())
    return op->emitOpError() << "needs " << view.getRank() << " offsets, one an axis of the view";
  if (axes.size() != tileRank)
    return op->emitOpError() << "names " << axes.size() << " axes for a tile of rank " << tileRank;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= view.getRank() || (i && axes[i] <= axes[i - 1]))
      return op->emitOpError("axes must be ascending axes of the view");
  if (element != view.getElementType())
    return op->emitOpError() << "element type " << element << " differs from the view's " << view.getElementType();
  return success();
}

static size_t rankOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.getRank() : 0;
}

LogicalResult LoadOp::verify() {
  return verifyAccess(*this, getView().getType(), getOffsets().size(), getAxes(), getElementTypeOrSelf(getType()),
                      rankOf(getType()));
}

LogicalResult StoreOp::verify() {
  Type value = getValue().getType();
  return verifyAccess(*this, getView().getType(), getOffsets().size(), getAxes(), getElementTypeOrSelf(value),
                      rankOf(value));
}

LogicalResult AsyncCopyOp::verify() {
  BufferType buffer = getBuffer().getType();
  return verifyAccess(*this, getView().getType(), getOffsets().size(), getAxes(), buffer.getElementType(),
                      buffer.getShape().size());
}

LogicalResult SplatOp::verify() {
  if (getType().getElementType() != getValue().getType()) return emitOpError("element type differs from the value's");
  return success();
}

LogicalResult IotaOp::verify() {
  if (getType().getRank() != 1 || !getType().getElementType().isInteger(32))
    return emitOpError("gives a one-dimensional tile of i32");
  return success();
}

// A projection keeps the element type; `whole` is the two-dimensional side.
static LogicalResult verifySlice(Operation *op, RankedTensorType whole, RankedTensorType part, int64_t axis) {
  if (axis < 0 || axis >= whole.getRank())
    return op->emitOpError() << "axis " << axis << " is not an axis of " << whole;
  SmallVector<int64_t> shape(whole.getShape());
  shape.erase(shape.begin() + axis);
  if (part.getShape() != ArrayRef(shape) || part.getElementType() != whole.getElementType())
    return op->emitOpError() << part << " is not " << whole << " without axis " << axis;
  LayoutAttr wholeLayout = layoutOf(whole), partLayout = layoutOf(part);
  if (wholeLayout && partLayout && wholeLayout.getValue().slice(int(axis)) != partLayout.getValue())
    return op->emitOpError("the layouts are not slices of each other");
  return success();
}

LogicalResult BroadcastOp::verify() { return verifySlice(*this, getType(), getValue().getType(), getAxis()); }

LogicalResult ReduceOp::verify() {
  RankedTensorType value = getValue().getType();
  if (auto result = dyn_cast<RankedTensorType>(getType())) return verifySlice(*this, value, result, getAxis());
  if (value.getRank() != 1 || getAxis() != 0 || value.getElementType() != getType())
    return emitOpError("reduces a one-dimensional tile to a scalar of its type");
  return success();
}

static LogicalResult verifyGroups(Operation *op, RankedTensorType rows, RankedTensorType groups,
                                  GranularityAttr granularity) {
  if (rows.getRank() != 1 || groups.getRank() != 1 || rows.getElementType() != groups.getElementType())
    return op->emitOpError("relates one-dimensional tiles of one type");
  int64_t slab = granularity.getSlab();
  if (rows.getDimSize(0) % slab)
    return op->emitOpError() << "a tile of " << rows.getDimSize(0) << " rows is not a whole number of slabs of "
                             << slab;
  if (groups.getDimSize(0) != rows.getDimSize(0) / slab * granularity.groupsPerSlab())
    return op->emitOpError() << rows.getDimSize(0) << " rows have "
                             << rows.getDimSize(0) / slab * granularity.groupsPerSlab() << " groups, not "
                             << groups.getDimSize(0);
  return success();
}

LogicalResult GroupReduceOp::verify() { return verifyGroups(*this, getValue().getType(), getType(), getGranularity()); }
LogicalResult SpreadOp::verify() { return verifyGroups(*this, getType(), getValue().getType(), getGranularity()); }

LogicalResult TransposeOp::verify() {
  RankedTensorType from = getValue().getType(), to = getType();
  if (from.getRank() != 2 || to.getRank() != 2 || from.getDimSize(0) != to.getDimSize(1) ||
      from.getDimSize(1) != to.getDimSize(0) || from.getElementType() != to.getElementType())
    return emitOpError() << to << " is not the transpose of " << from;
  return success();
}

LogicalResult SaturateOp::verify() {
  Type to = getType().getElementType();
  if (!getValue().getType().getElementType().isF32() || !(to.isInteger(8) || isa<Float8E4M3FNType, Float8E5M2Type>(to)))
    return emitOpError("converts f32 to i8, e4m3 or e5m2");
  if (getType().getShape() != getValue().getType().getShape()) return emitOpError("keeps the shape");
  return success();
}

LogicalResult DotOp::verify() {
  RankedTensorType a = getA().getType(), b = getB().getType(), acc = getAcc().getType();
  if (a.getRank() != 2 || b.getRank() != 2 || acc.getRank() != 2) return emitOpError("takes two-dimensional tiles");
  if (a.getDimSize(1) != b.getDimSize(0))
    return emitOpError() << "inner extents differ: " << a.getDimSize(1) << " and " << b.getDimSize(0);
  if (acc.getDimSize(0) != a.getDimSize(0) || acc.getDimSize(1) != b.getDimSize(1))
    return emitOpError() << "accumulator " << acc << " does not fit the product";
  if (a.getElementType() != b.getElementType())
    return emitOpError() << "operands differ in type: " << a.getElementType() << " and " << b.getElementType();
  bool integer = a.getElementType().isInteger(8);
  if (integer ? !acc.getElementType().isInteger(32) : !acc.getElementType().isF32())
    return emitOpError() << "accumulates in " << (integer ? "i32" : "f32");
  return success();
}

LogicalResult ConvertLayoutOp::verify() {
  if (getType().getShape() != getValue().getType().getShape() ||
      getType().getElementType() != getValue().getType().getElementType())
    return emitOpError("changes nothing but the layout");
  return success();
}

LogicalResult SlotOp::verify() {
  BufferType ring = getRing().getType(), slot = getType();
  if (ring.getShape().empty() || ring.getShape().drop_front() != slot.getShape() ||
      ring.getElementType() != slot.getElementType() || ring.getSwizzle() != slot.getSwizzle())
    return emitOpError() << slot << " is not a slot of " << ring;
  return success();
}

LogicalResult LocalLoadOp::verify() {
  ArrayRef<int64_t> shape = getBuffer().getType().getShape();
  if (shape.size() != 2) return emitOpError("reads a tile, not a ring: take a slot first");
  int64_t rows = shape[getTransposed() ? 1 : 0], columns = shape[getTransposed() ? 0 : 1];
  if (getType().getShape() != ArrayRef({rows, columns}) ||
      getType().getElementType() != getBuffer().getType().getElementType())
    return emitOpError() << getType() << " does not fit " << getBuffer().getType();
  return success();
}

} // namespace tile
} // namespace sage
