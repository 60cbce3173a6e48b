// Brings the operands of products through shared memory: a ring with cp.async in loops, one buffer outside. Each staged
// load is copied with the pure slice that computes its offsets, evaluated for a later iteration. See Passes.td for the
// shape before and after.
#include "Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace sage {
#define GEN_PASS_DEF_STAGELOADS
#include "compiler/passes/Passes.h.inc"

namespace {

using namespace tile;

// A row of `rowBytes` seen as 16-byte chunks: eight consecutive rows must put the same chunk into eight different bank
// groups. Rows of 32 and 64 bytes share a 128-byte line, rows of 256 cover two.
SwizzleAttr swizzleFor(MLIRContext *context, int64_t rowBytes) {
  int64_t bits = 0;
  while (bits < 3 && (int64_t(32) << bits) <= rowBytes && rowBytes % (int64_t(32) << bits) == 0) ++bits;
  int64_t shift = 7;
  while ((int64_t(1) << shift) < rowBytes && shift < 12) ++shift;
  return SwizzleAttr::get(context, bits, shift);
}

// A load that feeds products, and equal ones: how they are read back.
struct StagedLoad {
  LoadOp load;                    // the first
  SmallVector<Operation *> reads; // loads or their transposes, in program order: each becomes a local_load

  bool isSame(LoadOp other) const {
    LoadOp first = load;
    return first->getBlock() == other->getBlock() && first->getOperands() == other->getOperands() &&
           first.getAxes() == other.getAxes() &&
           cast<ShapedType>(first.getType()).getShape() == cast<ShapedType>(other.getType()).getShape();
  }
};

struct Stager {
  func::FuncOp function;
  int64_t stages;
  bool operandAInRegisters;
  int64_t ringCount = 0;
  SmallVector<LoadOp> sources = {}; // loads that feed products; what else uses them still reads global memory
  llvm::MapVector<Operation *, SmallVector<StagedLoad>> byLoop = {}; // nullptr: outside loops

  LogicalResult run() {
    if (failed(checkLayouts()) || failed(collect())) return failure();
    for (auto &[loop, loads] : byLoop)
      if (failed(loop ? stageLoop(cast<scf::ForOp>(loop), loads) : stageOnce(loads))) return failure();
    for (LoadOp load : sources)
      if (load.use_empty()) load.erase();
    addScratch();
    return success();
  }

  LogicalResult checkLayouts() {
    WalkResult result = function.walk([](Operation *op) {
      for (Value value : op->getResults())
        if (isa<RankedTensorType>(value.getType()) && !layoutOf(value.getType())) {
          op->emitError("has a tile without a layout: tile-choose-layouts comes first");
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult collect() {
    WalkResult result = function.walk([&](LoadOp load) {
      SmallVector<Operation *> reads;
      for (Operation *user : load->getUsers()) {
        Operation *read = isa<TransposeOp>(user) ? user : isa<DotOp>(user) ? load.getOperation() : nullptr;
        if (read && !llvm::is_contained(reads, read)) reads.push_back(read);
      }
      if (reads.empty()) return WalkResult::advance();
      auto loop = load->getParentOfType<scf::ForOp>();
      if (load->getParentOp() != (loop ? loop.getOperation() : function.getOperation())) {
        load.emitError("a load that feeds a product must lie directly in the kernel or in a loop");
        return WalkResult::interrupt();
      }
      SmallVector<StagedLoad> &loads = byLoop[loop];
      sources.push_back(load);
      auto same = llvm::find_if(loads, [&](const StagedLoad &staged) { return staged.isSame(load); });
      if (same == loads.end())
        loads.push_back({load, reads});
      else
        llvm::append_range(same->reads, reads);
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  BufferType bufferType(LoadOp load) {
    auto tensor = cast<RankedTensorType>(load.getType());
    int64_t rowBytes = tensor.getDimSize(1) * tensor.getElementTypeBitWidth() / 8;
    return BufferType::get(load.getContext(), tensor.getShape(), tensor.getElementType(),
                           swizzleFor(load.getContext(), rowBytes));
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Outside loops
  //===--------------------------------------------------------------------------------------------------------===//

  LogicalResult stageOnce(ArrayRef<StagedLoad> loads) {
    for (const StagedLoad &staged : loads) {
      LoadOp load = staged.load;
      OpBuilder builder(load);
      Location loc = load.getLoc();
      BufferType type = bufferType(load);
      Value buffer = AllocOp::create(builder, loc, type, nullptr);
      Value always = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
      AsyncCopyOp::create(builder, loc, load.getView(), load.getOffsets(), load.getAxes(), buffer, always);
      Value token = CommitOp::create(builder, loc);
      WaitOp::create(builder, loc, token, 0);
      for (Operation *read : staged.reads) replaceRead(read, buffer, /*atUse=*/!operandAInRegisters);
    }
    return success();
  }

  // One local_load in front of each product, so that fragments are fetched as they are needed; or one for all where
  // `read` stands.
  void replaceRead(Operation *read, Value buffer, bool atUse) {
    bool transposed = isa<TransposeOp>(read);
    Value value = read->getResult(0);
    UnitAttr flag = transposed ? UnitAttr::get(read->getContext()) : UnitAttr();
    if (!atUse) {
      OpBuilder builder(read->getContext());
      builder.setInsertionPointAfter(read);
      value.replaceUsesWithIf(LocalLoadOp::create(builder, read->getLoc(), value.getType(), buffer, flag),
                              [](OpOperand &use) { return isa<DotOp>(use.getOwner()); });
    }
    for (OpOperand &use : llvm::make_early_inc_range(value.getUses()))
      if (isa<DotOp>(use.getOwner())) {
        OpBuilder builder(use.getOwner());
        use.set(LocalLoadOp::create(builder, read->getLoc(), value.getType(), buffer, flag));
      }
    if (transposed) read->erase();
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // In loops
  //===--------------------------------------------------------------------------------------------------------===//

  struct Ring {
    StagedLoad staged;
    Value buffer;
    SetVector<Operation *> slice; // what computes the offsets inside the loop, in order
  };

  LogicalResult sliceOf(scf::ForOp loop, Ring &ring) {
    BackwardSliceOptions options;
    options.omitBlockArguments = true;
    options.omitUsesFromAbove = false;
    options.filter = [&](Operation *op) { return loop->isProperAncestor(op); };
    for (Value offset : ring.staged.load.getOffsets())
      if (Operation *op = offset.getDefiningOp(); op && options.filter(op)) {
        if (failed(getBackwardSlice(offset, &ring.slice, options))) return failure();
        ring.slice.insert(op);
      }
    ring.slice = topologicalSort(ring.slice);
    auto carried = [&](Value value) {
      auto argument = dyn_cast<BlockArgument>(value);
      return argument && argument.getOwner() == loop.getBody() && argument != loop.getInductionVar();
    };
    SmallVector<Value> inputs(ring.staged.load.getOffsets());
    for (Operation *op : ring.slice) {
      if (!isMemoryEffectFree(op) && !isa<LoadOp>(op))
        return ring.staged.load.emitError("its offsets cannot be computed ahead of time");
      llvm::append_range(inputs, op->getOperands());
      SetVector<Value> above;
      getUsedValuesDefinedAbove(op->getRegions(), above);
      llvm::append_range(inputs, above);
    }
    if (llvm::any_of(inputs, carried))
      return ring.staged.load.emitError(
          "its offsets depend on a value that the loop carries, so it cannot be loaded ahead of time");
    return success();
  }

  // The copies of one iteration, as one group; `iteration` is the loop variable's value there.
  Value issue(OpBuilder &builder, scf::ForOp loop, ArrayRef<Ring> rings, Value iteration, Value slot) {
    Location loc = loop.getLoc();
    Value enabled = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, iteration, loop.getUpperBound());
    for (const Ring &ring : rings) {
      LoadOp load = ring.staged.load;
      IRMapping map;
      map.map(loop.getInductionVar(), iteration);
      // A slice that reads memory (a block list) must not run past the end: it is evaluated for the first iteration
      // instead.
      if (llvm::any_of(ring.slice, llvm::IsaPred<LoadOp>))
        map.map(loop.getInductionVar(),
                Value(arith::SelectOp::create(builder, loc, enabled, iteration, loop.getLowerBound())));
      for (Operation *op : ring.slice) builder.clone(*op, map);
      SmallVector<Value> offsets =
          llvm::map_to_vector(load.getOffsets(), [&](Value v) { return map.lookupOrDefault(v); });
      BufferType type = bufferType(load);
      Value target = SlotOp::create(builder, load.getLoc(), type, ring.buffer, slot);
      AsyncCopyOp::create(builder, load.getLoc(), load.getView(), offsets, load.getAxes(), target, enabled);
    }
    return CommitOp::create(builder, loc);
  }

  LogicalResult stageLoop(scf::ForOp loop, ArrayRef<StagedLoad> loads) {
    Location loc = loop.getLoc();
    OpBuilder builder(loop);
    auto constant = [&](int64_t v, Type type) -> Value {
      return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, v));
    };
    Type i32 = builder.getI32Type();
    SmallVector<Ring> rings;
    for (const StagedLoad &staged : loads) {
      Ring &ring = rings.emplace_back(Ring{staged, {}, {}});
      if (failed(sliceOf(loop, ring))) return failure();
      LoadOp load = staged.load;
      BufferType tile = bufferType(load);
      SmallVector<int64_t> shape = {stages};
      llvm::append_range(shape, tile.getShape());
      ring.buffer = AllocOp::create(
          builder, loc, BufferType::get(load.getContext(), shape, tile.getElementType(), tile.getSwizzle()), nullptr);
    }

    // Prologue: the first stages - 1 iterations are on their way before the loop starts.
    SmallVector<Value> carried;
    Value iteration = loop.getLowerBound();
    for (int64_t n = 0; n + 1 < stages; ++n) {
      carried.push_back(issue(builder, loop, rings, iteration, constant(n, i32)));
      iteration = arith::AddIOp::create(builder, loc, iteration, loop.getStep());
    }
    carried.push_back(constant(0, i32));

    scf::ForOp staged = rebuildWith(loop, carried);
    Block *body = staged.getBody();
    MutableArrayRef<BlockArgument> tokens = body->getArguments().take_back(stages).drop_back();
    Value slot = body->getArguments().back();

    builder.setInsertionPointToStart(body);
    Value ahead = staged.getInductionVar();
    for (int64_t n = 0; n + 1 < stages; ++n) ahead = arith::AddIOp::create(builder, loc, ahead, staged.getStep());
    Value atStart = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, slot, constant(0, i32));
    Value before = arith::SubIOp::create(builder, loc, slot, constant(1, i32));
    Value freeSlot = arith::SelectOp::create(builder, loc, atStart, constant(stages - 1, i32), before);
    if (stages > 1) WaitOp::create(builder, loc, tokens.front(), stages - 2);
    Value token = issue(builder, staged, rings, ahead, freeSlot);
    if (stages == 1) WaitOp::create(builder, loc, token, 0);
    Value next = arith::AddIOp::create(builder, loc, slot, constant(1, i32));
    Value wraps = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, next, constant(stages, i32));
    Value nextSlot = arith::SelectOp::create(builder, loc, wraps, constant(0, i32), next);

    for (Ring &ring : rings) {
      for (Operation *read : ring.staged.reads) {
        OpBuilder at(ring.staged.load);
        replaceRead(read,
                    SlotOp::create(at, ring.staged.load.getLoc(), bufferType(ring.staged.load), ring.buffer, slot),
                    /*atUse=*/true);
      }
      ++ringCount;
    }
    SmallVector<Value> yielded;
    if (stages > 1) {
      llvm::append_range(yielded, tokens.drop_front());
      yielded.push_back(token);
    }
    yielded.push_back(nextSlot);
    auto yield = cast<scf::YieldOp>(body->getTerminator());
    yield.getResultsMutable().append(yielded);
    return success();
  }

  // The same loop with further carried values; its body moves over. The caller completes the yield.
  scf::ForOp rebuildWith(scf::ForOp loop, ValueRange carried) {
    OpBuilder builder(loop);
    SmallVector<Value> inits(loop.getInitArgs());
    llvm::append_range(inits, carried);
    auto wider =
        scf::ForOp::create(builder, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(), inits);
    if (!wider.getBody()->empty()) wider.getBody()->getTerminator()->erase();
    Block *body = wider.getBody();
    for (auto [from, to] : llvm::zip(loop.getBody()->getArguments(), body->getArguments())) from.replaceAllUsesWith(to);
    body->getOperations().splice(body->end(), loop.getBody()->getOperations());
    for (auto [from, to] : llvm::zip(loop.getResults(), wider.getResults())) from.replaceAllUsesWith(to);
    loop.erase();
    return wider;
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Reductions
  //===--------------------------------------------------------------------------------------------------------===//

  // A reduction over bits of the warp number needs one element a warp and result element, in f32 or i32.
  void addScratch() {
    function.walk([&](Operation *op) {
      if (!isa<ReduceOp, GroupReduceOp>(op)) return;
      LayoutAttr from = layoutOf(op->getOperand(0).getType()), to = layoutOf(op->getResult(0).getType());
      int64_t partials = 1;
      for (size_t bit = 0; bit < from.getValue().warps.size(); ++bit)
        if (llvm::any_of(from.getValue().warps[bit], [](int64_t c) { return c != 0; }) &&
            (!to || llvm::all_of(to.getValue().warps[bit], [](int64_t c) { return c == 0; })))
          partials *= 2;
      if (partials == 1) return;
      int64_t elements = 1;
      if (auto tensor = dyn_cast<RankedTensorType>(op->getResult(0).getType())) elements = tensor.getNumElements();
      OpBuilder builder(&function.getBody().front(), function.getBody().front().begin());
      auto type =
          BufferType::get(op->getContext(), {partials, elements}, getElementTypeOrSelf(op->getResult(0).getType()),
                          SwizzleAttr::get(op->getContext(), 0, 4));
      Value scratch = AllocOp::create(builder, op->getLoc(), type, nullptr);
      if (auto reduce = dyn_cast<ReduceOp>(op))
        reduce.getScratchMutable().assign(scratch);
      else
        cast<GroupReduceOp>(op).getScratchMutable().assign(scratch);
    });
  }
};

struct StageLoadsPass : impl::StageLoadsBase<StageLoadsPass> {
  void runOnOperation() override {
    auto stages = getOperation()->getAttrOfType<IntegerAttr>(stagesAttr);
    if (!stages || stages.getInt() < 1 || stages.getInt() > 8) {
      getOperation().emitError() << "needs " << stagesAttr << " between 1 and 8";
      return signalPassFailure();
    }
    Stager stager{getOperation(), stages.getInt(), getOperation()->hasAttr(operandAInRegistersAttr)};
    if (failed(stager.run())) return signalPassFailure();
    rings += stager.ringCount;
  }
};

} // namespace
} // namespace sage
