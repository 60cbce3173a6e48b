// RUN: split-file %s %t
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/no_barrier.mlir 2>&1 | FileCheck %t/no_barrier.mlir
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/no_reuse_barrier.mlir 2>&1 | FileCheck %t/no_reuse_barrier.mlir
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/no_wait.mlir 2>&1 | FileCheck %t/no_wait.mlir
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/weak_wait.mlir 2>&1 | FileCheck %t/weak_wait.mlir
// RUN: sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/sound.mlir

//--- no_barrier.mlir
// Nobody waits for the other threads.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @no_barrier(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
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
    // CHECK: no_barrier.mlir:[[@LINE+1]]:{{[0-9]+}}: error: reads what other threads have copied before they have met: a barrier is missing
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
//--- no_reuse_barrier.mlir
// The barrier comes after the copy that reuses the slot.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @no_reuse_barrier(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
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
    // CHECK: no_reuse_barrier.mlir:[[@LINE+1]]:{{[0-9]+}}: error: writes shared memory that other threads may still be reading: a barrier is missing
    tile.async_copy %x[%next, %c0] axes [0, 1] into %sw if %more : !tile.view<2, f16> -> !slot
    %t1 = tile.commit
    tile.barrier
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
//--- no_wait.mlir
// The copy is never waited for.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @no_wait(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
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
    tile.barrier
    tile.async_copy %x[%next, %c0] axes [0, 1] into %sw if %more : !tile.view<2, f16> -> !slot
    %t1 = tile.commit
    // CHECK: no_wait.mlir:[[@LINE+1]]:{{[0-9]+}}: error: reads shared memory before the copy into it has been waited for: a wait is missing
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
//--- weak_wait.mlir
// The wait lets the copy itself stay in flight.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @weak_wait(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
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
    // CHECK: weak_wait.mlir:[[@LINE+1]]:{{[0-9]+}}: error: leaves 1 groups in flight, the token's among them
    tile.wait %t pending 1
    tile.barrier
    tile.async_copy %x[%next, %c0] axes [0, 1] into %sw if %more : !tile.view<2, f16> -> !slot
    %t1 = tile.commit
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
//--- sound.mlir
// With everything in place nothing is reported.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @sound(%p: !llvm.ptr<1>, %n: i64, %count: i32) attributes {tile.kernel} {
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
    tile.barrier
    tile.async_copy %x[%next, %c0] axes [0, 1] into %sw if %more : !tile.view<2, f16> -> !slot
    %t1 = tile.commit
    %k = tile.local_load %sr : !slot -> tensor<32x64xf16>
    scf.yield %t1, %other : !tile.token, i32
  }
  return
}
