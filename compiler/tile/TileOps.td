// The operations of the tile dialect, in the order in which a program meets them: views, tiles, products,
// reductions, then shared memory.
#ifndef SAGE_TILE_OPS_TD
#define SAGE_TILE_OPS_TD

include "TileDialect.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;
def Tile_Element : AnyTypeOf<[AnySignlessInteger, AnyFloat]>;
def Tile_Tile : RankedTensorOf<[AnySignlessInteger, AnyFloat]>;

//===----------------------------------------------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------------------------------------------===//

def Tile_ViewOp : Tile_Op<"view", [Pure, AttrSizedOperandSegments]> {
  let summary = "A view over global memory";
  let description = [{
    `extents` has one entry an axis, `strides` (in elements) one for each axis but the last, which is contiguous.
    `writable` is present on outputs; others are read-only for the life of the kernel.

    ```mlir
    %X = tile.view %p extents [%B, %H, %N, %D] strides [%s0, %s1, %s2] : !tile.view<4, f16>
    ```
  }];
  let arguments = (ins AnyType:$pointer, Variadic<I64>:$extents, Variadic<I64>:$strides, UnitAttr:$writable);
  let results = (outs Tile_ViewType:$result);
  let assemblyFormat =
    "$pointer `extents` `[` $extents `]` `strides` `[` $strides `]` (`writable` $writable^)? attr-dict `:` "
    "type($pointer) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ProgramIdOp : Tile_Op<"program_id", [Pure]> {
  let summary = "The block's number along an axis of the grid (0, 1, 2)";
  let arguments = (ins I32Attr:$axis);
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict";
}

def Tile_LoadOp : Tile_Op<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "A tile or a scalar of a view, in registers";
  let description = [{
    `offsets` has one entry an axis of the view: where the tile starts. The tile's axes lie along the view's axes `axes`
    (ascending). Elements past an extent are zero. With no axes the result is a scalar.

    ```mlir
    %k = tile.load %K[%b, %g, %row, %c0] axes [2, 3] : !tile.view<4, i8> -> tensor<64x128xi8>
    ```
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<I32>:$offsets, DenseI64ArrayAttr:$axes);
  let results = (outs AnyTypeOf<[Tile_Tile, Tile_Element]>:$result);
  let assemblyFormat = "$view `[` $offsets `]` `axes` $axes attr-dict `:` type($view) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "Writes a tile or a scalar to a view; elements past an extent are dropped";
  let arguments = (ins AnyTypeOf<[Tile_Tile, Tile_Element]>:$value, Tile_ViewType:$view,
                       Variadic<I32>:$offsets, DenseI64ArrayAttr:$axes);
  let assemblyFormat = "$value `,` $view `[` $offsets `]` `axes` $axes attr-dict `:` type($value) `->` type($view)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------------------===//
// Tiles in registers
//===----------------------------------------------------------------------------------------------------------===//

def Tile_SplatOp : Tile_Op<"splat", [Pure]> {
  let summary = "A tile with the same value everywhere";
  let arguments = (ins Tile_Element:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_IotaOp : Tile_Op<"iota", [Pure]> {
  let summary = "0, 1, 2, ... along a one-dimensional tile of i32";
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "A one-dimensional tile repeated along a new axis";
  let description = [{
    `axis` is the new axis: with axis = 1, result[r, c] = value[r]; with axis = 0, result[r, c] = value[c].
  }];
  let arguments = (ins Tile_Tile:$value, I64Attr:$axis);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value `axis` $axis attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_TransposeOp : Tile_Op<"transpose", [Pure]> {
  let summary = "result[c, r] = value[r, c]; only between a load and a product, where it costs nothing";
  let arguments = (ins Tile_Tile:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_SaturateOp : Tile_Op<"saturate", [Pure]> {
  let summary =
    "f32 to an 8-bit type: round to nearest even, clamp to the finite range (NaN becomes 0 as an integer, NaN in "
    "FP8)";
  let arguments = (ins Tile_Tile:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AllTypesMatch<["acc", "result"]>]> {
  let summary = "result[m, n] = acc[m, n] + the sum over k of a[m, k] * b[k, n]";
  let description = [{
    Products of i8 accumulate in i32; of f16, bf16 and FP8 in f32. The order of the sum is the hardware's.
  }];
  let arguments = (ins Tile_Tile:$a, Tile_Tile:$b, Tile_Tile:$acc);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$a `,` $b `,` $acc attr-dict `:` type($a) `*` type($b) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_Op<"reduce", []> {
  let summary =
    "Maximum (NaN wins) or sum over one axis; over the only axis of a one-dimensional tile it gives a scalar";
  let description = [{
    `scratch` is there when rows lie in several warps: partial results pass through it (one element a warp and result
    element), between two barriers that are part of the operation.
  }];
  let arguments = (ins Tile_Tile:$value, Tile_ReduceKindAttr:$kind, I64Attr:$axis, Optional<Tile_BufferType>:$scratch);
  let results = (outs AnyTypeOf<[Tile_Tile, Tile_Element]>:$result);
  let assemblyFormat =
    "$kind $value `axis` $axis (`scratch` $scratch^ `:` type($scratch))? attr-dict `:` type($value) `->` "
    "type($result)";
  let hasVerifier = 1;
}

def Tile_GroupReduceOp : Tile_Op<"group_reduce", []> {
  let summary = "Maximum or sum over the rows of each scale group; `scratch` as in tile.reduce";
  let description = [{
    ```mlir
    %s = tile.group_reduce max %rows by <slab = 64, bits = []> : tensor<128xf32> -> tensor<2xf32>
    ```
  }];
  let arguments = (ins Tile_Tile:$value, Tile_ReduceKindAttr:$kind,
                       Tile_GranularityAttr:$granularity, Optional<Tile_BufferType>:$scratch);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat =
    "$kind $value `by` $granularity (`scratch` $scratch^ `:` type($scratch))? attr-dict `:` type($value) `->` "
    "type($result)";
  let hasVerifier = 1;
}

def Tile_SpreadOp : Tile_Op<"spread", [Pure]> {
  let summary = "result[r] = value[group(r)]: one element a group becomes one a row";
  let arguments = (ins Tile_Tile:$value, Tile_GranularityAttr:$granularity);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value `by` $granularity attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ConvertLayoutOp : Tile_Op<"convert_layout", [Pure]> {
  let summary = "The same tile in another layout";
  let description = [{
    Computed from the two maps. On this target only register permutations inside a thread are taken; the accumulator of
    one product becoming operand A of the next is one.
  }];
  let arguments = (ins Tile_Tile:$value);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------------------------------------------===//
// Shared memory and asynchrony
//===----------------------------------------------------------------------------------------------------------===//

def Tile_AllocOp : Tile_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "Shared memory for the rest of the kernel; `offset` is filled in by place-shared";
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs Tile_BufferType:$result);
  let assemblyFormat = "(`offset` $offset^)? attr-dict `:` type($result)";
}

def Tile_SlotOp : Tile_Op<"slot", [Pure]> {
  let summary = "One tile of a ring";
  let arguments = (ins Tile_BufferType:$ring, I32:$index);
  let results = (outs Tile_BufferType:$result);
  let assemblyFormat = "$ring `[` $index `]` attr-dict `:` type($ring) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_AsyncCopyOp : Tile_Op<"async_copy", []> {
  let summary = "Starts copying a tile of a view into a buffer";
  let description = [{
    As tile.load, but into shared memory and in the background. Elements past an extent become zero. If `enabled` is
    false nothing is read and nothing written. Copies join a group; tile.commit closes it.
  }];
  let arguments = (ins Tile_ViewType:$view, Variadic<I32>:$offsets, DenseI64ArrayAttr:$axes,
                       Tile_BufferType:$buffer, I1:$enabled);
  let assemblyFormat =
    "$view `[` $offsets `]` `axes` $axes `into` $buffer `if` $enabled attr-dict `:` type($view) `->` type($buffer)";
  let hasVerifier = 1;
}

def Tile_CommitOp : Tile_Op<"commit", []> {
  let summary =
    "Closes the group of the copies started since the last commit (possibly none); the token stands for all of them";
  let results = (outs Tile_TokenType:$token);
  let assemblyFormat = "attr-dict";
}

def Tile_WaitOp : Tile_Op<"wait", []> {
  let summary = "Waits until the copies of this thread in the token's group have landed";
  let description = [{
    `pending` is the number of younger groups that may stay in flight; it is part of the op because the hardware counts
    groups, and the hazard checker proves that it fits the token. Other threads see the data after a tile.barrier.
  }];
  let arguments = (ins Tile_TokenType:$token, I32Attr:$pending);
  let assemblyFormat = "$token `pending` $pending attr-dict";
}

def Tile_BarrierOp : Tile_Op<"barrier", []> {
  let summary = "All threads of the block meet; shared memory written before is visible after";
  let assemblyFormat = "attr-dict";
}

def Tile_LocalLoadOp : Tile_Op<"local_load", [MemoryEffects<[MemRead]>]> {
  let summary = "A tile of shared memory into registers; with `transposed` its axes exchanged";
  let arguments = (ins Tile_BufferType:$buffer, UnitAttr:$transposed);
  let results = (outs Tile_Tile:$result);
  let assemblyFormat = "$buffer (`transposed` $transposed^)? attr-dict `:` type($buffer) `->` type($result)";
  let hasVerifier = 1;
}

#endif
