// From a checked tile program to the tile dialect: one kernel with its parameters bound becomes one func.func.
//
//   func.func @mean(%X: !llvm.ptr<1>, %X0: i64, %X1: i64, %X2: i64, %Y: !llvm.ptr<1>, ..., %B: i64, ...)
//       attributes {tile.kernel, tile.grid = ..., ...}
//
// Arguments in the order of docs/artifact.md: each view's pointer and strides (all axes but the last), the extents, the
// scalars. The attributes hold the metadata of docs/artifact.md, a unit attribute standing for null. Views that a
// `when` excludes are not there. Tiles have no layout yet; row numbers, ordinals and extents are i32 inside the kernel
// (the launch checks that they fit).
#pragma once

#include "Program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace sage::dsl {

/// Null when an error was reported.
mlir::OwningOpRef<mlir::ModuleOp> lowerProgram(const Program &program, const Definition &kernel,
                                               const Parameters &parameters, mlir::MLIRContext &context,
                                               Diagnostics &diagnostics);

} // namespace sage::dsl
