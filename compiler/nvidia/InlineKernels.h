// Kernels that somebody hands in as text of the LLVM dialect, to be emitted as PTX without the tile pipeline
// (docs/artifact.md, "Inline kernels"): functions whose bodies are inline PTX. LLVM ends the process over much of what
// its dialect can say (an intrinsic without a lowering, a bad operand number in an assembly string), so only what is
// known to go through is let through.
//
//   llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
//   llvm.func @twice(%data: i64) attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>} {
//     llvm.inline_asm has_side_effects "{ .reg .b32 x; ld.global.b32 x, [$0]; … }", "l" %data : (i64) -> ()
//     llvm.return
//   }
//
// An argument `%map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}` is a
// tensor map; as an operand ("l") it is the generic address of the kernel's parameter (from sm_90 on).
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace sage::nvidia {

// Success, or a diagnostic at the first operation, type or attribute that is not of this form.
mlir::LogicalResult checkInlineKernels(mlir::ModuleOp module);

} // namespace sage::nvidia
