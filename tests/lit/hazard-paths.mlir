// RUN: split-file %s %t
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/skipped_loop.mlir 2>&1 | FileCheck %t/skipped_loop.mlir
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/skipped_turn.mlir 2>&1 | FileCheck %t/skipped_turn.mlir
// RUN: not sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/branch.mlir 2>&1 | FileCheck %t/branch.mlir
// RUN: sage-opt --passes='builtin.module(func.func(tile-check-hazards))' %t/sound.mlir

//--- skipped_loop.mlir
// The only barrier between the read and the second loop's copy is in the first loop, which may run not once.
!tile = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
func.func @skipped_loop(%p: !llvm.ptr<1>, %n: i64, %first: i32, %second: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %d = arith.constant 64 : i64
  %always = arith.constant true
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %b = tile.alloc offset 0 : !tile
  tile.async_copy %x[%c0, %c0] axes [0, 1] into %b if %always : !tile.view<2, f16> -> !tile
  %t0 = tile.commit
  tile.wait %t0 pending 0
  tile.barrier
  %k0 = tile.local_load %b : !tile -> tensor<32x64xf16>
  scf.for %j = %c0 to %first step %c1 : i32 {
    tile.barrier
  }
  scf.for %j = %c0 to %second step %c1 : i32 {
    // CHECK: skipped_loop.mlir:[[@LINE+1]]:{{[0-9]+}}: error: writes shared memory that other threads may still be reading: a barrier is missing
    tile.async_copy %x[%j, %c0] axes [0, 1] into %b if %always : !tile.view<2, f16> -> !tile
    %t1 = tile.commit
    tile.wait %t1 pending 0
    tile.barrier
    %k1 = tile.local_load %b : !tile -> tensor<32x64xf16>
    tile.barrier
  }
  return
}
//--- skipped_turn.mlir
// The barrier after the read is in a branch that some turns of the loop do not take.
!tile = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
func.func @skipped_turn(%p: !llvm.ptr<1>, %n: i64, %count: i32, %c: i1) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %d = arith.constant 64 : i64
  %always = arith.constant true
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %b = tile.alloc offset 0 : !tile
  scf.for %j = %c0 to %count step %c1 : i32 {
    // CHECK: skipped_turn.mlir:[[@LINE+1]]:{{[0-9]+}}: error: writes shared memory that other threads may still be reading: a barrier is missing
    tile.async_copy %x[%j, %c0] axes [0, 1] into %b if %always : !tile.view<2, f16> -> !tile
    %t1 = tile.commit
    tile.wait %t1 pending 0
    tile.barrier
    %k1 = tile.local_load %b : !tile -> tensor<32x64xf16>
    scf.if %c {
      tile.barrier
    }
  }
  return
}
//--- branch.mlir
// A wait on one side of a branch is no wait.
!tile = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
func.func @branch(%p: !llvm.ptr<1>, %n: i64, %c: i1) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %d = arith.constant 64 : i64
  %always = arith.constant true
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %b = tile.alloc offset 0 : !tile
  tile.async_copy %x[%c0, %c0] axes [0, 1] into %b if %always : !tile.view<2, f16> -> !tile
  %t = tile.commit
  scf.if %c {
    tile.wait %t pending 0
  }
  tile.barrier
  // CHECK: branch.mlir:[[@LINE+1]]:{{[0-9]+}}: error: reads shared memory before the copy into it has been waited for: a wait is missing
  %k = tile.local_load %b : !tile -> tensor<32x64xf16>
  return
}
//--- sound.mlir
// Two rings in the same bytes, one loop after the other: a prologue that a count of 0 switches off leaves nothing behind.
!slot = !tile.buffer<[32, 64], f16, <bits = 3, shift = 7>>
!ring = !tile.buffer<[2, 32, 64], f16, <bits = 3, shift = 7>>
func.func @sound(%p: !llvm.ptr<1>, %n: i64, %first: i32, %second: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %d = arith.constant 64 : i64
  %x = tile.view %p extents [%n, %d] strides [%d] : !llvm.ptr<1> -> !tile.view<2, f16>
  %ring = tile.alloc offset 0 : !ring
  %s0 = tile.slot %ring[%c0] : !ring -> !slot
  %in0 = arith.cmpi slt, %c0, %first : i32
  tile.async_copy %x[%c0, %c0] axes [0, 1] into %s0 if %in0 : !tile.view<2, f16> -> !slot
  %t0 = tile.commit
  scf.for %j = %c0 to %first step %c1 iter_args(%t = %t0, %slot = %c0) -> (!tile.token, i32) : i32 {
    %next = arith.addi %j, %c1 : i32
    %more = arith.cmpi slt, %next, %first : i32
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
  tile.barrier
  %in1 = arith.cmpi slt, %c0, %second : i32
  tile.async_copy %x[%c0, %c0] axes [0, 1] into %s0 if %in1 : !tile.view<2, f16> -> !slot
  %t2 = tile.commit
  scf.if %in1 {
    tile.wait %t2 pending 0
    tile.barrier
    %k = tile.local_load %s0 : !slot -> tensor<32x64xf16>
  }
  return
}
