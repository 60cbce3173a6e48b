// RUN: sage-opt --passes='builtin.module(func.func(tile-choose-layouts,tile-stage-loads,tile-place-shared,tile-guard-hazards),tile-lower-nvidia)' %s | FileCheck %s

// A product from shared memory: the copies are 16 bytes each with zero fill past the rows, the fragments come by ldmatrix, transposed for a
// right operand whose rows are the inner axis.
// CHECK-LABEL: func.func @product
// CHECK-SAME: tile.kernel
// CHECK: nvvm.read.ptx.sreg.tid.x range <i32, 0, 32>
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg, %{{.*}}
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: nvvm.barrier
// CHECK: nvvm.ldmatrix {{.*}} {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, num = 4
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>, num = 4
// CHECK: nvvm.mma.sync {{.*}} shape = #nvvm.shape<m = 16, n = 8, k = 16>
// The result goes out four bytes at a time, only rows inside the view.
// CHECK: llvm.inline_asm has_side_effects "@$2 st.global.b32 [$0], $1;", "l,r,b"
func.func @product(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 1 : i64, tile.stages = 1 : i64, tile.operand_a_in_registers} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %y = tile.view %p extents [%n, %d] strides [%d] writable : !llvm.ptr<1> -> !tile.view<2, f16>
  %q = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<16x64xf16>
  %v = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<64x64xf16>
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %r = tile.dot %q, %v, %zero : tensor<16x64xf16> * tensor<64x64xf16> -> tensor<16x64xf32>
  %h = arith.truncf %r : tensor<16x64xf32> to tensor<16x64xf16>
  tile.store %h, %y[%c0, %c0] axes [0, 1] : tensor<16x64xf16> -> !tile.view<2, f16>
  return
}

// A maximum over rows that lie in two warps: shuffles inside, scratch and two barriers between. Loads are 16 bytes, zero outside.
// CHECK-LABEL: func.func @maximum
// CHECK: llvm.inline_asm "mov.b32 $0, 0; mov.b32 $1, 0; mov.b32 $2, 0; mov.b32 $3, 0; @$5 ld.global.nc.v4.b32 {$0, $1, $2, $3}, [$4];"
// CHECK: arith.maximumf
// CHECK: nvvm.shfl.sync bfly
// CHECK: nvvm.barrier
// CHECK: llvm.store {{.*}} !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: llvm.load {{.*}} !llvm.ptr<3>
// Lanes and warps that hold the same value do not all store it.
// CHECK: st.global.b32
func.func @maximum(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 2 : i64, tile.stages = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 32 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f32>
  %y = tile.view %p extents [%d] strides [] writable : !llvm.ptr<1> -> !tile.view<1, f32>
  %t = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f32> -> tensor<16x32xf32>
  %m = tile.reduce max %t axis 0 : tensor<16x32xf32> -> tensor<32xf32>
  tile.store %m, %y[%c0] axes [0] : tensor<32xf32> -> !tile.view<1, f32>
  return
}

// Four f32 become one word of bytes by two saturating packs.
// CHECK-LABEL: func.func @bytes
// CHECK-COUNT-2: llvm.inline_asm "cvt.pack.sat.s8.s32.b32 $0, $1, $2, $3;"
func.func @bytes(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 1 : i64, tile.stages = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 16 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f32>
  %y = tile.view %p extents [%n, %d] strides [%d] writable : !llvm.ptr<1> -> !tile.view<2, i8>
  %t = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f32> -> tensor<8x16xf32>
  %b = tile.saturate %t : tensor<8x16xf32> -> tensor<8x16xi8>
  tile.store %b, %y[%c0, %c0] axes [0, 1] : tensor<8x16xi8> -> !tile.view<2, i8>
  return
}

// A row chosen by a number is inside the view or nothing is stored; a row chosen by the grid is inside by itself.
// CHECK-LABEL: func.func @row
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %{{.*}}, %{{.*}} : i32
// CHECK: llvm.inline_asm has_side_effects{{.*}} "@$2 st.global.b32 [$0], $1;", "l,r,b" {{.*}}, %[[INSIDE]] :
// CHECK-NOT: arith.cmpi
// CHECK: llvm.inline_asm has_side_effects{{.*}} "st.global.b32 [$0], $1;"
func.func @row(%p: !llvm.ptr<1>, %s: i64, %n: i64, %number: i32) attributes {tile.kernel, tile.warps = 1 : i64, tile.stages = 1 : i64,
    tile.grid = [{of = "N"}], tile.views = [{extents = [{of = "N"}, {times = 32}]}]} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 32 : i64
  %f = arith.constant 1.0 : f32
  %y = tile.view %p extents [%n, %d] strides [%s] writable : !llvm.ptr<1> -> !tile.view<2, f32>
  %v = tile.splat %f : f32 -> tensor<32xf32>
  %block = tile.program_id 0
  tile.store %v, %y[%number, %c0] axes [1] : tensor<32xf32> -> !tile.view<2, f32>
  tile.store %v, %y[%block, %c0] axes [1] : tensor<32xf32> -> !tile.view<2, f32>
  return
}
