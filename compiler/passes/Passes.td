// The passes from the tile dialect to a program whose every value has a place and whose every hazard is guarded.
// compiler/Pipeline.cpp lists them in order.
#ifndef SAGE_PASSES_TD
#define SAGE_PASSES_TD

include "mlir/Pass/PassBase.td"

def ChooseLayouts : Pass<"tile-choose-layouts", "mlir::func::FuncOp"> {
  let summary = "Gives every tile a layout";
  let description = [{
    Layouts start at the products, whose fragments the instruction fixes, or, in a kernel without products, at its loads
    (16 bytes a thread, neighbouring threads along a row). From there they spread: element-wise work keeps them,
    reductions and broadcasts take slices, scale groups take projections. Constants, splats and broadcasts are copied
    for each use, and loads for each product that they feed, so they never force a conversion. What is left in conflict
    becomes a `tile.convert_layout`, which must be a permutation of registers inside each thread.

    ```mlir
    %s = tile.dot %q, %k, %zero : tensor<64x64xf16> * tensor<64x64xf16> -> tensor<64x64xf32>
    %m = tile.reduce max %s axis 1 : tensor<64x64xf32> -> tensor<64xf32>
    // becomes
    %s = tile.dot %q, %k, %zero : tensor<64x64xf16, #a> * tensor<64x64xf16, #b> -> tensor<64x64xf32, #acc>
    %m = tile.reduce max %s axis 1 : tensor<64x64xf32, #acc> -> tensor<64xf32, #rows>      // #rows = slice of #acc
    ```
    Does not change the numbers. Needs `tile.warps` on the function. Test: tests/lit/choose-layouts.mlir.
  }];
  let statistics = [Statistic<"conversions", "conversions", "Layout conversions inserted">];
  let dependentDialects = ["sage::tile::TileDialect"];
}

def StageLoads : Pass<"tile-stage-loads", "mlir::func::FuncOp"> {
  let summary = "Brings operands of products through shared memory, ahead of time";
  let description = [{
    A load in a loop that feeds a product becomes a ring of `tile.stages` slots: the copy for iteration n + stages - 1
    starts while iteration n computes, one group an iteration (empty past the end), its offsets recomputed by a copy of
    the pure slice that led to them. A load outside loops becomes one buffer, read back where the product needs it.
    Loads of the same tile share their buffer.

    ```mlir
    scf.for %j = %lo to %hi { %k = tile.load %K[%b, %g, %j, %c0] ...;  tile.dot %q, %k, ... }
    // becomes, with two stages
    tile.async_copy %K[..%lo..] into %ring[0] if %lo < %hi;  %t0 = tile.commit
    scf.for %j = %lo to %hi iter_args(%t = %t0, %slot = 0) {
      tile.wait %t pending 0
      tile.async_copy %K[..%j + 1..] into %ring[1 - %slot] if %j + 1 < %hi;  %next = tile.commit
      %k = tile.local_load %ring[%slot];  tile.dot %q, %k, ...
    }
    ```
    Barriers are not its business: guard-hazards places them. Refuses a load whose offsets depend on values that the
    loop carries. Also gives reductions across warps their scratch buffer. Does not change the numbers. Test:
    tests/lit/stage-loads.mlir.
  }];
  let statistics = [Statistic<"rings", "rings", "Loads staged through a ring">];
  let dependentDialects = ["sage::tile::TileDialect", "mlir::arith::ArithDialect", "mlir::scf::SCFDialect"];
}

def PlaceShared : Pass<"tile-place-shared", "mlir::func::FuncOp"> {
  let summary = "Gives every buffer an offset in shared memory";
  let description = [{
    A buffer lives from its first to its last use (of the outermost loop that holds a use); buffers whose lives do not
    meet may share bytes. Offsets are multiples of 1024, so that a swizzle sees its row number in the address bits. Sets
    `offset` on each tile.alloc and `tile.shared_bytes` on the function.

    ```mlir
    %q = tile.alloc : !tile.buffer<[64, 64], f16, <bits = 3, shift = 7>>        // becomes  tile.alloc offset 0 : ...
    ```
    Does not change the numbers. Test: tests/lit/place-shared.mlir.
  }];
  let statistics = [Statistic<"sharedBytes", "shared-bytes", "Bytes of shared memory">];
  let dependentDialects = ["sage::tile::TileDialect"];
}

def GuardHazards : Pass<"tile-guard-hazards", "mlir::func::FuncOp"> {
  let summary = "Inserts barriers until the hazard model finds nothing left";
  let description = [{
    Runs the function on the hazard model (HazardModel.h) on every path that can differ (HazardPaths.h); where it wants a
    barrier, one is inserted in front of the operation it names. What a barrier cannot mend, such as a read before the
    wait, is an error.

    ```mlir
    tile.wait %t pending 0
    %k = tile.local_load %slot        // other threads' copies are not visible yet: tile.barrier is inserted in front
    ```
    Does not change the numbers. Needs offsets (place-shared). Tests: tests/lit/guard-hazards.mlir,
    tests/lit/check-hazards.mlir.
  }];
  let statistics = [Statistic<"barriers", "barriers", "Barriers inserted">];
  let dependentDialects = ["sage::tile::TileDialect"];
}

def CheckHazards : Pass<"tile-check-hazards", "mlir::func::FuncOp"> {
  let summary = "Proves that every access to shared memory is ordered; inserts nothing";
  let description = [{
    The same model as guard-hazards, as a check: a missing barrier, a missing or too weak wait, or a read of memory
    never written is an error at the operation that would see it. The pipeline runs it last, on what is lowered. Test:
    tests/lit/check-hazards.mlir.
  }];
  let dependentDialects = ["sage::tile::TileDialect"];
}

#endif
