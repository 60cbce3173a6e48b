// The tile dialect in C++: types, attributes and operations generated from TileDialect.td and TileOps.td.
#pragma once

#include "Layout.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace sage {
llvm::hash_code hash_value(const Layout &layout);
}

#include "compiler/tile/TileDialect.h.inc"
#include "compiler/tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/tile/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "compiler/tile/TileOps.h.inc"

namespace sage::tile {

// Names of the discardable attributes that make a func.func a kernel (docs/artifact.md says what the metadata ones
// hold).
constexpr llvm::StringLiteral kernelAttr = "tile.kernel", gridAttr = "tile.grid", viewsAttr = "tile.views",
                              extentsAttr = "tile.extents", scalarsAttr = "tile.scalars", warpsAttr = "tile.warps",
                              stagesAttr = "tile.stages", sharedBytesAttr = "tile.shared_bytes",
                              operandAInRegistersAttr = "tile.operand_a_in_registers";

// The layout of a tile in registers, or nullptr before layouts are chosen.
inline LayoutAttr layoutOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? mlir::dyn_cast_or_null<LayoutAttr>(tensor.getEncoding()) : LayoutAttr();
}

inline RowGroups rowGroups(GranularityAttr granularity) { return {granularity.getSlab(), granularity.getBits().vec()}; }

} // namespace sage::tile
