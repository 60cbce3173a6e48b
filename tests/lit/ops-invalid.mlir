// Each verifier says what is wrong and what would be right.
// RUN: split-file %s %t
// RUN: not sage-opt --passes='builtin.module()' %t/view.mlir 2>&1 | FileCheck %t/view.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/strides.mlir 2>&1 | FileCheck %t/strides.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/offsets.mlir 2>&1 | FileCheck %t/offsets.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/axes.mlir 2>&1 | FileCheck %t/axes.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/element.mlir 2>&1 | FileCheck %t/element.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/inner.mlir 2>&1 | FileCheck %t/inner.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/accumulator.mlir 2>&1 | FileCheck %t/accumulator.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/slab.mlir 2>&1 | FileCheck %t/slab.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/groups.mlir 2>&1 | FileCheck %t/groups.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/bits.mlir 2>&1 | FileCheck %t/bits.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/slice.mlir 2>&1 | FileCheck %t/slice.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/saturate.mlir 2>&1 | FileCheck %t/saturate.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/slot.mlir 2>&1 | FileCheck %t/slot.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/swizzle.mlir 2>&1 | FileCheck %t/swizzle.mlir
// RUN: not sage-opt --passes='builtin.module()' %t/layout.mlir 2>&1 | FileCheck %t/layout.mlir

//--- view.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  // CHECK: view.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}needs 2 extents, one an axis
  %x = tile.view %p extents [%n] strides [%n] : !llvm.ptr<1> -> !tile.view<2, f16>
  return
}
//--- strides.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  // CHECK: strides.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}needs 1 strides, one for each axis but the last
  %x = tile.view %p extents [%n, %n] strides [%n, %n] : !llvm.ptr<1> -> !tile.view<2, f16>
  return
}
//--- offsets.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %x = tile.view %p extents [%n, %n] strides [%n] : !llvm.ptr<1> -> !tile.view<2, f16>
  // CHECK: offsets.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}needs 2 offsets, one an axis of the view
  %t = tile.load %x[%i] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
  return
}
//--- axes.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %x = tile.view %p extents [%n, %n] strides [%n] : !llvm.ptr<1> -> !tile.view<2, f16>
  // CHECK: axes.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}axes must be ascending axes of the view
  %t = tile.load %x[%i, %i] axes [1, 0] : !tile.view<2, f16> -> tensor<32x64xf16>
  return
}
//--- element.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %x = tile.view %p extents [%n, %n] strides [%n] : !llvm.ptr<1> -> !tile.view<2, f16>
  // CHECK: element.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}element type 'f32' differs from the view's 'f16'
  %t = tile.load %x[%i, %i] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf32>
  return
}
//--- inner.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = arith.constant dense<0.0> : tensor<32x64xf16>
  %b = arith.constant dense<0.0> : tensor<32x32xf16>
  %c = arith.constant dense<0.0> : tensor<32x32xf32>
  // CHECK: inner.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}inner extents differ: 64 and 32
  %d = tile.dot %a, %b, %c : tensor<32x64xf16> * tensor<32x32xf16> -> tensor<32x32xf32>
  return
}
//--- accumulator.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = arith.constant dense<0> : tensor<32x64xi8>
  %b = arith.constant dense<0> : tensor<64x32xi8>
  %c = arith.constant dense<0.0> : tensor<32x32xf32>
  // CHECK: accumulator.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}accumulates in i32
  %d = tile.dot %a, %b, %c : tensor<32x64xi8> * tensor<64x32xi8> -> tensor<32x32xf32>
  return
}
//--- slab.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: slab.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}a tile of 32 rows is not a whole number of slabs of 64
  %k = tile.group_reduce max %a by <slab = 64, bits = []> : tensor<32xf32> -> tensor<1xf32>
  return
}
//--- groups.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: groups.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}32 rows have 8 groups, not 4
  %k = tile.group_reduce max %a by <slab = 16, bits = [1, 3]> : tensor<32xf32> -> tensor<4xf32>
  return
}
//--- bits.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: bits.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}bits must be ascending row bits inside a slab of 16
  %k = tile.group_reduce max %a by <slab = 16, bits = [4]> : tensor<32xf32> -> tensor<4xf32>
  return
}
//--- slice.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: slice.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}is not
  %k = tile.broadcast %a axis 0 : tensor<32xf32> -> tensor<32x64xf32>
  return
}
//--- saturate.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %a = tile.splat %f : f32 -> tensor<32xf32>
  // CHECK: saturate.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}converts f32 to i8, e4m3 or e5m2
  %k = tile.saturate %a : tensor<32xf32> -> tensor<32xf16>
  return
}
//--- slot.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  %r = tile.alloc : !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
  // CHECK: slot.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}is not a slot of
  %s = tile.slot %r[%i] : !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>> -> !tile.buffer<[64, 64], f16, <bits = 3, shift = 7>>
  return
}
//--- swizzle.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  // CHECK: swizzle.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}swizzle needs 0..3 bits
  %r = tile.alloc : !tile.buffer<[32, 64], f16, <bits = 3, shift = 5>>
  return
}
//--- layout.mlir
func.func @f(%p: !llvm.ptr<1>, %n: i64, %i: i32, %f: f32) {
  // CHECK: layout.mlir:[[@LINE+1]]:{{[0-9]+}}: error: {{.*}}not a layout
  %a = tile.splat %f : f32 -> tensor<32xf32, #tile.layout<"reg=1 lane=2">>
  return
}
