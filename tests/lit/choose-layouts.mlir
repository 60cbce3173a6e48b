// RUN: sage-opt --passes='builtin.module(func.func(tile-choose-layouts))' %s | FileCheck %s

// The product's fragments fix the layouts; the row maximum takes the slice of its columns, the scale of a group a projection.
// CHECK-LABEL: func.func @product
// CHECK-SAME: tile.warps
func.func @product(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %s = tile.view %p extents [%n] strides [] writable : !llvm.ptr<1> -> !tile.view<1, f32>
  // CHECK: tile.load {{.*}} -> tensor<64x64xf16, #tile.layout<"reg=0,1|8,0|0,8|0,16|0,32 lane=0,2|0,4|1,0|2,0|4,0 warp=16,0|32,0 repeats=1,1">>
  %q = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<64x64xf16>
  %k = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
  // CHECK: tile.transpose {{.*}} -> tensor<64x32xf16, #tile.layout<"reg=1,0|8,0|0,8|0,16|16,0|32,0 lane=2,0|4,0|0,1|0,2|0,4 warp=0,0|0,0 repeats=1,1">>
  %kt = tile.transpose %k : tensor<32x64xf16> -> tensor<64x32xf16>
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  // CHECK: tile.dot {{.*}} -> tensor<64x32xf32, #tile.layout<"reg=0,1|8,0|0,8|0,16 lane=0,2|0,4|1,0|2,0|4,0 warp=16,0|32,0 repeats=1,1">>
  %r = tile.dot %q, %kt, %zero : tensor<64x64xf16> * tensor<64x32xf16> -> tensor<64x32xf32>
  // CHECK: tile.reduce {{.*}} -> tensor<64xf32, #tile.layout<"reg=8 lane=0|0|1|2|4 warp=16|32 repeats=1">>
  %m = tile.reduce max %r axis 1 : tensor<64x32xf32> -> tensor<64xf32>
  // Two rows in sixteen share a group: the lane bit of row 1 no longer matters.
  // CHECK: tile.group_reduce {{.*}} -> tensor<32xf32, #tile.layout<"reg=4 lane=0|0|0|1|2 warp=8|16 repeats=1">>
  %g = tile.group_reduce max %m by <slab = 16, bits = [1, 2, 3]> : tensor<64xf32> -> tensor<32xf32>
  tile.store %g, %s[%c0] axes [0] : tensor<32xf32> -> !tile.view<1, f32>
  return
}

// Without a product the loads decide: eight f16 a thread, eight threads a row, four rows a warp.
// CHECK-LABEL: func.func @copy
func.func @copy(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 4 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  // CHECK: tensor<32x64xf16, #tile.layout<"reg=0,1|0,2|0,4|16,0 lane=0,8|0,16|0,32|1,0|2,0 warp=4,0|8,0 repeats=1,1">>
  %q = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
  %w = arith.extf %q : tensor<32x64xf16> to tensor<32x64xf32>
  // A constant used by two tiles is copied, so that each use has its own layout and nothing is converted.
  // CHECK-NOT: tile.convert_layout
  %one = arith.constant dense<1.0> : tensor<32x64xf32>
  %sum = arith.addf %w, %one : tensor<32x64xf32>
  %h = arith.truncf %sum : tensor<32x64xf32> to tensor<32x64xf16>
  tile.store %h, %x[%c0, %c0] axes [0, 1] : tensor<32x64xf16> -> !tile.view<2, f16>
  return
}
