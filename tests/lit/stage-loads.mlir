// RUN: sage-opt --passes='builtin.module(func.func(tile-choose-layouts,tile-stage-loads,canonicalize))' %s | FileCheck %s

// Three stages: two copies are on their way before the loop, the third starts in it; two groups may stay in flight but for the one waited for.
// CHECK-LABEL: func.func @loop
// CHECK: %[[Q:.*]] = tile.alloc : <[64, 64], f16, <bits = 3, shift = 7>>
// CHECK: tile.async_copy {{.*}} into %[[Q]] if %true
// CHECK: %[[T:.*]] = tile.commit
// CHECK: tile.wait %[[T]] pending 0
// CHECK: %[[RING:.*]] = tile.alloc : <[3, 32, 64], f16, <bits = 3, shift = 7>>
// CHECK: %[[IN0:.*]] = arith.cmpi sgt, %[[COUNT:.*]], %c0_i32
// CHECK: tile.async_copy {{.*}} if %[[IN0]]
// CHECK: %[[T0:.*]] = tile.commit
// CHECK: %[[IN1:.*]] = arith.cmpi sgt, %[[COUNT]], %c1_i32
// CHECK: tile.async_copy {{.*}} if %[[IN1]]
// CHECK: %[[T1:.*]] = tile.commit
// CHECK: scf.for %[[J:.*]] = {{.*}} iter_args({{.*}} = %[[T0]], %[[NEXT:.*]] = %[[T1]], %[[SLOT:.*]] = %c0_i32)
// CHECK: %[[AHEAD:.*]] = arith.addi %[[J]], %c2_i32
// CHECK: tile.wait {{.*}} pending 1
// CHECK: tile.async_copy {{.*}} if
// CHECK: %[[T2:.*]] = tile.commit
// CHECK: tile.slot %[[RING]][%[[SLOT]]]
// CHECK: tile.local_load {{.*}} transposed
// CHECK-NEXT: tile.dot
// CHECK: scf.yield {{.*}}, %[[NEXT]], %[[T2]], {{.*}}
func.func @loop(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel, tile.warps = 4 : i64, tile.stages = 3 : i64, tile.operand_a_in_registers} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c32 = arith.constant 32 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %o = tile.view %p extents [%n, %d] strides [%d] writable : !llvm.ptr<1> -> !tile.view<2, f32>
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %q = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<64x64xf16>
  %r = scf.for %j = %c0 to %count step %c1 iter_args(%acc = %zero) -> tensor<64x32xf32> : i32 {
    %row = arith.muli %j, %c32 : i32
    %k = tile.load %x[%row, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<32x64xf16>
    %kt = tile.transpose %k : tensor<32x64xf16> -> tensor<64x32xf16>
    %s = tile.dot %q, %kt, %acc : tensor<64x64xf16> * tensor<64x32xf16> -> tensor<64x32xf32>
    scf.yield %s : tensor<64x32xf32>
  }
  tile.store %r, %o[%c0, %c0] axes [0, 1] : tensor<64x32xf32> -> !tile.view<2, f32>
  return
}

// One load in three ways: both products read the one buffer, each in its own form; the conversion reads global memory.
// CHECK-LABEL: func.func @shared
// CHECK: %[[X:.*]] = tile.alloc : <[64, 64], f16, <bits = 3, shift = 7>>
// CHECK-NOT: tile.alloc
// CHECK-DAG: tile.local_load %[[X]] transposed
// CHECK-DAG: tile.local_load %[[X]] :
// CHECK-DAG: tile.load
// CHECK: return
func.func @shared(%p: !llvm.ptr<1>, %n: i64) attributes {tile.kernel, tile.warps = 4 : i64, tile.stages = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %o = tile.view %p extents [%n, %d] strides [%d] writable : !llvm.ptr<1> -> !tile.view<2, f32>
  %t = tile.load %x[%c0, %c0] axes [0, 1] : !tile.view<2, f16> -> tensor<64x64xf16>
  %w = arith.extf %t : tensor<64x64xf16> to tensor<64x64xf32>
  %tt = tile.transpose %t : tensor<64x64xf16> -> tensor<64x64xf16>
  %s = tile.dot %t, %tt, %w : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
  tile.store %s, %o[%c0, %c0] axes [0, 1] : tensor<64x64xf32> -> !tile.view<2, f32>
  return
}
