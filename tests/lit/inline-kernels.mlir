// Kernels of inline PTX straight to PTX, and one that is none.
// RUN: split-file %s %t
// RUN: sage-opt --emit-ptx=sm_80 %t/sound.mlir | FileCheck %t/sound.mlir
// RUN: not sage-opt --emit-ptx=sm_80 %t/constant.mlir 2>&1 | FileCheck %t/constant.mlir

//--- sound.mlir
// CHECK: .target sm_80
// CHECK: .visible .entry store(
// CHECK: .reqntid 32
// CHECK: ld.param.b64 [[ADDRESS:%rd[0-9]+]], [store_param_0]
// CHECK: st.global.b32 {{\[}}[[ADDRESS]]], 7;
llvm.func @store(%to: i64) attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>} {
  llvm.inline_asm has_side_effects "st.global.b32 [$0], 7;", "l" %to : (i64) -> ()
  llvm.return
}

//--- constant.mlir
llvm.func @store() attributes {nvvm.kernel} {
  // CHECK: constant.mlir:3:8: error: 'llvm.mlir.constant' is not allowed in inline kernels
  %c = llvm.mlir.constant(7 : i32) : i32
  llvm.return
}
