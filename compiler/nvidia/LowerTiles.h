// Lowers a guarded tile program to scalar LLVM + NVVM operations, one family of operations a file:
//   LowerTiles.cpp        the walk, control flow, the kernel's frame
//   LowerElementwise.cpp  arith and math on tiles, conversions, splat, iota
//   LowerMemory.cpp       views, loads, stores, asynchronous copies
//   LowerFragments.cpp    ldmatrix, mma.sync, layout conversions
//   LowerReduce.cpp       reductions, broadcasts, scale groups
// A tile becomes a list of *words*, the registers of one thread in the order of its layout; elements narrower than 32
// bits are packed.
#pragma once

#include "compiler/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/TypeSwitch.h"

#include <map>

namespace sage::nvidia {

using Words = llvm::SmallVector<mlir::Value>;

// Replaces the kernel `source` by its lowered form, named as it was, in the same module. Emits diagnostics on failure.
mlir::LogicalResult lowerTiles(mlir::func::FuncOp source);
// Once lowered kernels are LLVM functions: entry points, with their number of threads (.entry, .reqntid).
void markKernels(mlir::ModuleOp module);
// lowerTiles as a pass on a module, `tile-lower-nvidia`.
std::unique_ptr<mlir::Pass> createLowerTilesPass();

class TileLowering {
public:
  explicit TileLowering(mlir::func::FuncOp source)
      : source(source), builder(source.getContext()), loc(source.getLoc()) {}
  mlir::LogicalResult run();

private:
  mlir::func::FuncOp source;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::IRMapping scalars; // scalars, and shared-memory pointers for buffers
  llvm::DenseMap<mlir::Value, Words> tiles;
  mlir::Value threadId, laneId, warpId, sharedBase;

  // The walk (LowerTiles.cpp)
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lowerOp(mlir::Operation *op);
  mlir::LogicalResult lowerLoop(mlir::scf::ForOp loop);
  mlir::LogicalResult lowerBranch(mlir::scf::IfOp branch);
  void lowerYield(mlir::Operation *yield);
  void lowerWait(tile::WaitOp wait);
  void startFrame();
  void flatten(mlir::ValueRange values, Words &into);
  size_t unflatten(mlir::Value value, mlir::ValueRange from);

  // Words and elements (LowerElementwise.cpp)
  static mlir::Type storageType(mlir::Type element);
  static int64_t perWord(mlir::RankedTensorType type);
  static size_t wordCount(mlir::Type type);
  static mlir::Type wordType(mlir::RankedTensorType type);
  Words elements(mlir::Value tile);
  void setElements(mlir::Value tile, mlir::ArrayRef<mlir::Value> elements);
  void packInto(Words &words, mlir::ArrayRef<mlir::Value> elements, mlir::RankedTensorType type);
  mlir::Value integer(int64_t value, int bits = 32);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);
  mlir::LogicalResult lowerElementwise(mlir::Operation *op);
  mlir::Value scalarOp(mlir::Operation *op, mlir::ValueRange operands);
  void lowerTruncation(mlir::arith::TruncFOp op);
  mlir::LogicalResult lowerSaturate(tile::SaturateOp op);
  void lowerConstant(mlir::arith::ConstantOp op);
  void lowerSplat(tile::SplatOp op);
  void lowerIota(tile::IotaOp op);
  mlir::Value intrinsic(mlir::StringRef name, mlir::Type result, mlir::ValueRange operands);
  void inlinePtx(mlir::TypeRange results, mlir::ValueRange operands, mlir::StringRef text, mlir::StringRef constraints,
                 bool sideEffects, Words &out);

  // Places (LowerMemory.cpp)
  mlir::Value bitsAlong(mlir::ArrayRef<Coordinates> bases, mlir::Value number, int axis);
  mlir::Value threadCoordinate(const Layout &layout, int axis);
  llvm::SmallVector<mlir::Value> threadCoordinates(const Layout &layout);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::LogicalResult lowerLoad(tile::LoadOp op);
  mlir::LogicalResult lowerStore(tile::StoreOp op);
  mlir::LogicalResult lowerAsyncCopy(tile::AsyncCopyOp op);
  void lowerAlloc(tile::AllocOp op);
  void lowerSlot(tile::SlotOp op);
  mlir::Value sharedAt(mlir::Value pointer, mlir::Value byteOffset);
  mlir::Value representative(const Layout &layout);

  // Fragments (LowerFragments.cpp)
  struct Fragment;
  mlir::LogicalResult lowerLocalLoad(tile::LocalLoadOp op);
  mlir::LogicalResult lowerDot(tile::DotOp op);
  void lowerConvert(tile::ConvertLayoutOp op);
  mlir::FailureOr<Fragment> fragment(mlir::Value tile);
  friend class Access;

  // Reductions (LowerReduce.cpp)
  mlir::LogicalResult lowerReduction(mlir::Operation *op, mlir::Value value, tile::ReduceKind kind, mlir::Value scratch,
                                     const Layout &result,
                                     llvm::function_ref<Coordinates(const Coordinates &)> project);
  mlir::LogicalResult lowerReduce(tile::ReduceOp op);
  mlir::LogicalResult lowerGroupReduce(tile::GroupReduceOp op);
  void lowerGather(mlir::Operation *op, mlir::Value value,
                   llvm::function_ref<Coordinates(const Coordinates &)> project);
  mlir::Value combine(tile::ReduceKind kind, mlir::Value a, mlir::Value b);
  mlir::Value shuffle(mlir::Value value, int laneBit);
};

// Coordinates -> register of lane 0, warp 0.
std::map<Coordinates, int64_t> registerMap(const Layout &layout);

} // namespace sage::nvidia
