// Elaborates a kernel into the tile dialect and verifies what came out (Lowering.h).
#include "Lowering.h"

#include "Elaborator.h"
#include "TileEmitter.h"

#include "compiler/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"

namespace sage::dsl {

mlir::OwningOpRef<mlir::ModuleOp> lowerProgram(const Program &program, const Definition &kernel,
                                               const Parameters &parameters, mlir::MLIRContext &context,
                                               Diagnostics &diagnostics) {
  context.loadDialect<tile::TileDialect, mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::scf::SCFDialect,
                      mlir::func::FuncDialect, mlir::LLVM::LLVMDialect>();
  LineColumn position = program.source().position(kernel.location.offset);
  auto location = mlir::FileLineColLoc::get(&context, program.source().name(), position.line, position.column);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(location);
  TileEmitter emitter(program.source(), *module);
  if (!Elaborator(program, diagnostics, emitter).kernel(kernel, parameters))
    return nullptr;
  if (mlir::succeeded(mlir::verify(*module)))
    return module;
  diagnostics.error(program.source(), kernel.location,
                    "internal error: the code generated for '" + kernel.name + "' is malformed");
  return nullptr;
}

} // namespace sage::dsl
