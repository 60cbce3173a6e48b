// RUN: sage-opt --passes='builtin.module(func.func(tile-guard-hazards))' %s | FileCheck %s
// RUN: sage-opt --passes='builtin.module(func.func(tile-guard-hazards,tile-check-hazards))' %s | FileCheck %s

!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>

// One barrier an iteration, between the wait and the copy that reuses the slot of the iteration before: it orders both pairs.
// CHECK-LABEL: func.func @ring
// CHECK: scf.for
// CHECK: tile.wait
// CHECK-NEXT: tile.barrier
// CHECK-NEXT: tile.async_copy
// CHECK-NEXT: tile.commit
// CHECK-NEXT: tile.local_load
// CHECK-NOT: tile.barrier
func.func @ring(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %ring = tile.alloc offset 0 : !ring
  %in0 = arith.cmpi sgt, %count, %c0 : i32
  %s0 = tile.slot %ring[%c0] : !ring -> !slot
  tile.async_copy %x[%c0, %c0] axes [0, 1] into %s0 if %in0 : !tile.view<2, f16> -> !slot
  %t0 = tile.commit
  scf.for %j = %c0 to %count step %c1 iter_args(%t = %t0, %slot = %c0) -> (!tile.token, i32) : i32 {
    %next = arith.addi %j, %c1 : i32
    %more = arith.cmpi slt, %next, %count : i32
    %other = arith.subi %c1, %slot : i32
    %sw = tile.slot %ring[%other] : !ring -> !slot
    %sr = tile.slot %ring[%slot] : !ring -> !slot
    tile.wait %t pending 0
    tile.async_copy %x[%next, %c0] axes [0, 1] into %sw if %more : !tile.view<2, f16> -> !slot
    %t1 = tile.commit
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
