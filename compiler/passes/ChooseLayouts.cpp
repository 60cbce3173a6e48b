// Gives every tile a layout: from the products (or the loads of a kernel without products) outwards. The rules that
// relate the layouts of an operation's tiles are all in `relate`; conflicts become conversions. See Passes.td for an
// example.
#include "Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace sage {
#define GEN_PASS_DEF_CHOOSELAYOUTS
#include "compiler/passes/Passes.h.inc"

namespace {

using namespace tile;

RankedTensorType tileType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

// Costs nothing to compute again, so each use may have its own copy in its own layout.
bool isFree(Operation *op) {
  return isa<SplatOp, IotaOp, BroadcastOp>(op) || (isa<arith::ConstantOp>(op) && tileType(op->getResult(0)));
}

bool isElementwise(Operation *op) {
  return isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) || isa<SaturateOp>(op);
}

class Chooser {
public:
  Chooser(func::FuncOp function, int64_t warps) : function(function), warps(warps) {}

  LogicalResult run() {
    copyFreeOps();
    if (failed(splitOperands()) || failed(anchorProducts())) return failure();
    spread();
    anchorOperands();
    anchorRest();
    return applyTypes();
  }
  int64_t conversions = 0;

private:
  func::FuncOp function;
  int64_t warps;
  llvm::MapVector<Value, Layout> chosen;
  SmallVector<Value> worklist;
  // Uses that want another layout than their value has.
  SmallVector<std::pair<OpOperand *, Layout>> conflicts;

  void copyFreeOps() {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) {
      if (isFree(op)) ops.push_back(op);
    });
    for (Operation *op : llvm::reverse(ops)) {
      SmallVector<OpOperand *> uses(llvm::make_pointer_range(op->getUses()));
      for (OpOperand *use : ArrayRef(uses).drop_front(uses.empty() ? 0 : 1)) {
        // In front of the original, so that the order of definitions holds for chains of free ops as well.
        Operation *copy = OpBuilder(op).clone(*op);
        use->set(copy->getResult(0));
      }
    }
  }

  void assign(Value value, const Layout &layout) {
    if (chosen.insert({value, layout}).second) worklist.push_back(value);
  }
  // The layout that `use` wants; a conflict if its value already has another.
  void want(OpOperand &use, const Layout &layout) {
    auto it = chosen.find(use.get());
    if (it == chosen.end()) return assign(use.get(), layout);
    if (it->second != layout && llvm::none_of(conflicts, [&](auto &c) { return c.first == &use; }))
      conflicts.push_back({&use, layout});
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Anchors
  //===--------------------------------------------------------------------------------------------------------===//

  // A load, possibly transposed, can be brought into any operand layout through shared memory; anything else comes from
  // registers.
  static bool isLoaded(Value value) {
    if (auto transpose = value.getDefiningOp<TransposeOp>()) return isLoaded(transpose.getValue());
    return value.getDefiningOp<LoadOp>() != nullptr;
  }

  // Each use of a loaded tile as an operand gets its own load, since each may want another layout; stage-loads brings
  // equal loads through one buffer again.
  LogicalResult splitOperands() {
    function.walk([&](DotOp dot) {
      for (OpOperand *use : {&dot.getAMutable(), &dot.getBMutable()})
        if (isLoaded(use->get())) splitOperand(*use);
    });
    WalkResult result = function.walk([&](TransposeOp transpose) {
      if (isLoaded(transpose) && llvm::all_of(transpose->getUsers(), llvm::IsaPred<DotOp>))
        return WalkResult::advance();
      transpose.emitError("a tile can be transposed only between its load and a product");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  void splitOperand(OpOperand &use) {
    SmallVector<Operation *> chain{use.get().getDefiningOp()}; // transposes, then the load
    while (isa<TransposeOp>(chain.back())) chain.push_back(chain.back()->getOperand(0).getDefiningOp());
    OpBuilder builder(chain.back());
    Value copy = builder.clone(*chain.back())->getResult(0);
    if (chain.size() % 2 == 0) copy = TransposeOp::create(builder, chain[0]->getLoc(), use.get().getType(), copy);
    use.set(copy);
    for (Operation *op : chain)
      if (op->use_empty()) op->erase();
  }

  // Whole instructions m16n8, over all warps; a band of rows is a power of two.
  LogicalResult checkInstruction(DotOp dot, int64_t inner, int64_t bits) {
    int64_t rows = dot.getType().getDimSize(0), columns = dot.getType().getDimSize(1), step = 256 / bits;
    bool fitsRows = rows % (16 * warps) == 0 && llvm::isPowerOf2_64(uint64_t(rows / (16 * warps)));
    if (fitsRows && columns % 8 == 0 && inner % step == 0) return success();
    InFlightDiagnostic error = dot.emitError() << "a product of " << rows << "x" << inner << " and " << inner << "x"
                                               << columns << " tiles does not divide into m16n8k" << step
                                               << " instructions over " << warps << " warps; ";
    if (!fitsRows)
      return error << "rows (schedule.block_q) must be " << 16 * warps
                   << ", 16 a warp (schedule.warps), or that times a power of two";
    if (columns % 8) return error << "columns must be a multiple of 8";
    return error << "the inner extent must be a multiple of " << step;
  }

  LogicalResult anchorProducts() {
    SmallVector<DotOp> dots;
    function.walk([&](DotOp dot) { dots.push_back(dot); });
    for (DotOp dot : dots) {
      ArrayRef<int64_t> shape = dot.getType().getShape();
      int64_t inner = dot.getA().getType().getDimSize(1), bits = dot.getA().getType().getElementTypeBitWidth();
      if (failed(checkInstruction(dot, inner, bits))) return failure();
      Layout accumulator = Layout::mmaAccumulator(shape[0], shape[1], warps);
      assign(dot.getResult(), accumulator);
      want(dot.getAccMutable(), accumulator);
      if (!isLoaded(dot.getB())) return dot.emitError("the right operand of a product must be loaded from a view");
      Layout operandA = Layout::mmaOperandA(shape[0], inner, bits, warps);
      if (isLoaded(dot.getA()))
        assign(dot.getA(), operandA);
      else
        convertUse(dot.getAMutable(), operandA);
      assign(dot.getB(), Layout::mmaOperandB(inner, shape[1], bits, warps));
    }
    return success();
  }

  void convertUse(OpOperand &use, const Layout &layout) {
    OpBuilder builder(use.getOwner());
    auto convert = ConvertLayoutOp::create(builder, use.getOwner()->getLoc(), use.get().getType(), use.get());
    use.set(convert);
    chosen[convert.getResult()] = layout;
    ++conversions;
  }

  // A left operand that is computed, but not from products, is computed as the fragment that it becomes.
  void anchorOperands() {
    function.walk([&](DotOp dot) {
      auto convert = dot.getA().getDefiningOp<ConvertLayoutOp>();
      if (!convert || chosen.count(convert.getValue())) return;
      assign(convert.getValue(), chosen.find(convert)->second);
      spread();
    });
  }

  // Loads first (coalesced), then whatever is still free of constraints.
  void anchorRest() {
    auto anchor = [&](auto wanted) {
      function.walk<WalkOrder::PreOrder>([&](Operation *op) {
        for (Value result : op->getResults())
          if (RankedTensorType type = tileType(result); type && !chosen.count(result) && wanted(op, type)) {
            int64_t vector = type.getRank() == 2 ? std::max<int64_t>(1, 128 / type.getElementTypeBitWidth()) : 1;
            assign(result, Layout::blocked(type.getShape().vec(), vector, warps));
            spread();
          }
      });
    };
    anchor([](Operation *op, RankedTensorType type) { return isa<LoadOp>(op) && type.getRank() == 2; });
    anchor([](Operation *, RankedTensorType type) { return type.getRank() == 2; });
    anchor([](Operation *, RankedTensorType) { return true; });
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Propagation
  //===--------------------------------------------------------------------------------------------------------===//

  void spread() {
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (Operation *op = value.getDefiningOp())
        relate(op);
      else
        relate(cast<BlockArgument>(value).getOwner()->getParentOp());
      for (OpOperand &use : value.getUses()) relate(use.getOwner());
    }
  }

  const Layout *known(Value value) {
    auto it = chosen.find(value);
    return it == chosen.end() ? nullptr : &it->second;
  }

  // Tiles that must all have one layout: takes it from the first that has one. Results and block arguments come before
  // operands.
  void unify(ArrayRef<Value> defined, ArrayRef<OpOperand *> uses) {
    std::optional<Layout> layout;
    for (Value value : defined)
      if (const Layout *k = known(value); k && !layout) layout = *k;
    for (OpOperand *use : uses)
      if (const Layout *k = known(use->get()); k && !layout) layout = *k;
    if (!layout) return;
    for (Value value : defined) assign(value, *layout);
    for (OpOperand *use : uses) want(*use, *layout);
  }

  void relate(Operation *op) {
    if (isElementwise(op)) {
      SmallVector<OpOperand *> uses;
      for (OpOperand &operand : op->getOpOperands())
        if (tileType(operand.get())) uses.push_back(&operand);
      if (tileType(op->getResult(0))) unify({op->getResult(0)}, uses);
    } else if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
      if (const Layout *k = known(broadcast)) want(broadcast.getValueMutable(), k->slice(int(broadcast.getAxis())));
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      if (const Layout *k = known(reduce.getValue()); k && tileType(reduce))
        assign(reduce, k->slice(int(reduce.getAxis())));
    } else if (auto group = dyn_cast<GroupReduceOp>(op)) {
      if (const Layout *k = known(group.getValue())) assign(group, k->project(rowGroups(group.getGranularity())));
    } else if (auto spreadOp = dyn_cast<SpreadOp>(op)) {
      if (const Layout *k = known(spreadOp))
        want(spreadOp.getValueMutable(), k->project(rowGroups(spreadOp.getGranularity())));
    } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
      if (const Layout *k = known(transpose)) want(transpose.getValueMutable(), k->transposed());
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      relateLoop(loop);
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      relateBranch(branch);
    } else if (isa<scf::YieldOp>(op)) {
      relate(op->getParentOp());
    }
  }

  void relateLoop(scf::ForOp loop) {
    for (auto [result, argument, init, yielded] : llvm::zip(loop.getResults(), loop.getRegionIterArgs(),
                                                            loop.getInitArgsMutable(), *loop.getYieldedValuesMutable()))
      if (tileType(result)) unify({argument, result}, {&yielded, &init});
  }

  void relateBranch(scf::IfOp branch) {
    for (auto [i, result] : llvm::enumerate(branch.getResults()))
      if (tileType(result))
        unify({result}, {&branch.thenYield()->getOpOperand(i), &branch.elseYield()->getOpOperand(i)});
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Result
  //===--------------------------------------------------------------------------------------------------------===//

  LogicalResult applyTypes() {
    for (auto [use, layout] : conflicts) convertUse(*use, layout);
    for (auto &[value, layout] : chosen) {
      RankedTensorType type = tileType(value);
      if (ArrayRef(layout.shape()) != type.getShape())
        return emitError(value.getLoc()) << "no layout of " << type << " over " << warps << " warps is known";
      value.setType(type.cloneWithEncoding(LayoutAttr::get(type.getContext(), layout)));
      if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
        auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
        if (!dense || !dense.isSplat()) return constant.emitError("a constant tile must have one value everywhere");
        constant.setValueAttr(dense.resizeSplat(cast<ShapedType>(value.getType())));
      }
    }
    return checkConversions();
  }

  // A conversion must not move elements between threads: same lanes, same warps, and a register for each element.
  LogicalResult checkConversions() {
    WalkResult result = function.walk([&](ConvertLayoutOp convert) {
      Layout from = layoutOf(convert.getValue().getType()).getValue(), to = layoutOf(convert.getType()).getValue();
      bool moves = from.registerCount() != to.registerCount();
      for (int64_t reg = 0; !moves && reg < to.registerCount(); ++reg) moves = !from.registerAt(to.at(reg));
      if (!moves && sameThreads(from, to)) return WalkResult::advance();
      convert.emitError(
          "this use needs its tile spread over the threads in another way, which would move elements between threads");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  // A lane's column bit may differ between an accumulator (two elements a register pair) and an operand: what counts is
  // that the same thread holds the same set of elements.
  static bool sameThreads(const Layout &from, const Layout &to) {
    return from.lanes == to.lanes && from.warps == to.warps;
  }
};

struct ChooseLayoutsPass : impl::ChooseLayoutsBase<ChooseLayoutsPass> {
  void runOnOperation() override {
    auto warpsValue = getOperation()->getAttrOfType<IntegerAttr>(warpsAttr);
    int64_t count = warpsValue ? warpsValue.getInt() : 0;
    if (count < 1 || count > 32 || (count & (count - 1))) {
      getOperation().emitError() << "needs " << warpsAttr << ", a power of two up to 32";
      return signalPassFailure();
    }
    Chooser chooser(getOperation(), count);
    if (failed(chooser.run())) return signalPassFailure();
    conversions += chooser.conversions;
  }
};

} // namespace
} // namespace sage
