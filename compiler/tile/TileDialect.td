// The tile dialect: its types and attributes. The operations are in TileOps.td; the mathematics of layouts in Layout.h.
#ifndef SAGE_TILE_DIALECT_TD
#define SAGE_TILE_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/IR/EnumAttr.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::sage::tile";
  let summary = "What one block of threads computes on tiles";
  let description = [{
    A *tile* is a `tensor` of static shape. Without an encoding it is a mathematical value; with a `#tile.layout` it
    lives in the registers of the block's threads. Shared memory is a different type, `!tile.buffer`. Element-wise work
    is `arith` and `math`, control flow is `scf`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

class Tile_Attr<string name, string attrMnemonic> : AttrDef<Tile_Dialect, name> { let mnemonic = attrMnemonic; }
class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> { let mnemonic = typeMnemonic; }

def Tile_LayoutAttr : Tile_Attr<"Layout", "layout"> {
  let summary = "Which thread holds which element of a tile";
  let description = [{
    The printed form lists, for each bit of the register number, the lane and the warp, the coordinates that it adds:

    ```mlir
    // The accumulator of mma.m16n8, two warps over the rows, eight columns repeated three times
    #tile.layout<"reg=0,1|8,0 lane=0,2|0,4|1,0|2,0|4,0 warp=16,0 repeats=1,3">
    ```
    See Layout.h for what the words mean.
  }];
  let parameters = (ins "::sage::Layout":$value);
  let hasCustomAssemblyFormat = 1;
}

def Tile_GranularityAttr : Tile_Attr<"Granularity", "granularity"> {
  let summary = "The map from a row to its scale group";
  let description = [{
    Rows come in slabs of `slab` (a power of two). Inside a slab the bits `bits` of the row number, ascending, select
    the group; slabs follow each other. group(r) = (r / slab) * 2^|bits| + the selected bits of r packed together.
  }];
  let parameters = (ins "int64_t":$slab, ArrayRefParameter<"int64_t">:$bits);
  let hasCustomAssemblyFormat = 1;  // <slab = 128, bits = [5, 6]>
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Groups in one slab: 2^|bits|.
    int64_t groupsPerSlab() const { return int64_t(1) << getBits().size(); }
    /// The group of row `row`.
    int64_t group(int64_t row) const;
  }];
}

def Tile_SwizzleAttr : Tile_Attr<"Swizzle", "swizzle"> {
  let summary = "An XOR of address bits that keeps column accesses free of bank conflicts";
  let description = [{
    Byte offset o inside a slot becomes o ^ (((o >> shift) & (2^bits - 1)) << 4): 16-byte chunks are permuted within a
    line, by the row. `bits` = 0 is no swizzle.
  }];
  let parameters = (ins "int64_t":$bits, "int64_t":$shift);
  let assemblyFormat = "`<` `bits` `=` $bits `,` `shift` `=` $shift `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t apply(int64_t byteOffset) const;
  }];
}

def Tile_ViewType : Tile_Type<"View", "view"> {
  let summary = "A typed tensor in global memory, with run-time extents and 64-bit strides";
  let parameters = (ins "int64_t":$rank, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $rank `,` $elementType `>`";
}

def Tile_BufferType : Tile_Type<"Buffer", "buffer"> {
  let summary = "A tile, or a ring of tiles, in shared memory";
  let description = [{
    Row-major; the last axis is contiguous, the address bits of each tile permuted by the swizzle. A ring has one more
    axis in front: `!tile.buffer<[3, 64, 128], i8, <bits = 3, shift = 7>>` is three slots of 64 x 128 bytes.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
  "::sage::tile::SwizzleAttr":$swizzle); let assemblyFormat = "`<` `[` $shape `]` `,` $elementType `,` $swizzle `>`";
  let extraClassDeclaration = [{ int64_t bytes() const;
  }];
}

def Tile_TokenType : Tile_Type<"Token", "token"> {
  let summary = "The promise of an asynchronous copy; the data may be read only after tile.wait on it";
}

def Tile_ReduceKind : I32Enum<"ReduceKind", "how a reduction combines two elements",
    [I32EnumCase<"Max", 0, "max">, I32EnumCase<"Sum", 1, "sum">]> {
  let cppNamespace = "::sage::tile";
}
def Tile_ReduceKindAttr : EnumAttr<Tile_Dialect, Tile_ReduceKind, "reduce_kind">;

#endif
