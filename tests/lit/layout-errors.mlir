// RUN: not sage-opt --passes='builtin.module(func.func(tile-choose-layouts))' %s 2>&1 | FileCheck %s

// Sixteen warps need 256 rows.
// CHECK: layout-errors.mlir:[[@LINE+12]]:8: error: a product of 64x64 and 64x32 tiles does not divide into m16n8k16 instructions over 16 warps; rows (schedule.block_q) must be 256, 16 a warp (schedule.warps), or that times a power of two
func.func @product(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 16 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %q = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<64x64xf16>
  %k = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
  %kt = tile.transpose %k : tensor<32x64xf16> -> tensor<64x32xf16>
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>



  %r = tile.dot %q, %kt, %zero : tensor<64x64xf16> * tensor<64x32xf16> -> tensor<64x32xf32>
  %h = arith.truncf %r : tensor<64x32xf32> to tensor<64x32xf16>
  tile.store %h, %x[%c0, %c0] axes [0, 1] : tensor<64x32xf16> -> !tile.view<2, f16>
  return
}
