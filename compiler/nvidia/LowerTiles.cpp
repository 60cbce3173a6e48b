// The walk over a tile program: control flow carries words instead of tiles, tokens vanish, everything else goes to its
// family's file.
#include "LowerTiles.h"

using namespace mlir;

namespace sage::nvidia {

using namespace tile;

namespace {
constexpr StringLiteral sharedName = "shared_memory";

bool isTile(Type type) { return isa<RankedTensorType>(type); }
bool isErased(Type type) { return isa<TokenType>(type); }
} // namespace

std::map<Coordinates, int64_t> registerMap(const Layout &layout) {
  std::map<Coordinates, int64_t> map;
  for (int64_t reg = 0; reg < layout.registerCount(); ++reg) map.emplace(layout.at(reg), reg);
  return map;
}

LogicalResult lowerTiles(func::FuncOp source) { return TileLowering(source).run(); }

namespace {
struct LowerTilesPass : PassWrapper<LowerTilesPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTilesPass)
  StringRef getArgument() const override { return "tile-lower-nvidia"; }
  StringRef getDescription() const override {
    return "Lower tiles to the words of one thread, with mma.sync, ldmatrix and cp.async";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, scf::SCFDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  }
  void runOnOperation() override {
    // Everything below relies on it: a place for every tile and every buffer.
    WalkResult placed = getOperation().walk([](Operation *op) {
      auto alloc = dyn_cast<AllocOp>(op);
      bool missing = alloc && !alloc.getOffset();
      for (Value value : op->getResults())
        missing |= isa<RankedTensorType>(value.getType()) && !layoutOf(value.getType());
      auto function = dyn_cast<func::FuncOp>(op);
      missing |= function && (!function->getAttrOfType<IntegerAttr>(warpsAttr) || function.isExternal());
      if (!missing) return WalkResult::advance();
      op->emitError("is not ready to be lowered: layouts, shared memory and warps must be chosen first");
      return WalkResult::interrupt();
    });
    if (placed.wasInterrupted()) return signalPassFailure();
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (failed(lowerTiles(function))) return signalPassFailure();
  }
};
} // namespace

void markKernels(ModuleOp module) {
  Builder builder(module.getContext());
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto warps = function->getAttrOfType<IntegerAttr>(warpsAttr);
    if (!function->hasAttr(kernelAttr) || !warps) continue;
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), builder.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                      builder.getDenseI32ArrayAttr({int32_t(warps.getInt() * 32), 1, 1}));
    // One block a multiprocessor is enough: without this ptxas aims at several, and spills to get there.
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), builder.getI32IntegerAttr(1));
    for (StringLiteral name : {kernelAttr, warpsAttr}) function->removeAttr(name);
  }
}

std::unique_ptr<Pass> createLowerTilesPass() { return std::make_unique<LowerTilesPass>(); }

LogicalResult TileLowering::run() {
  startFrame();
  if (failed(lowerBlock(source.getBody().front()))) return failure();
  func::ReturnOp::create(builder, loc);
  source.erase();
  return success();
}

// The new function, its thread numbers and its shared memory.
void TileLowering::startFrame() {
  builder.setInsertionPoint(source);
  auto sharedType = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  if (!source->getParentOfType<ModuleOp>().lookupSymbol(sharedName))
    LLVM::GlobalOp::create(builder, loc, sharedType, /*isConstant=*/false, LLVM::Linkage::External, sharedName,
                           Attribute(), /*alignment=*/1024, /*addrSpace=*/3);
  std::string name = source.getName().str();
  auto kernel = func::FuncOp::create(builder, loc, name, source.getFunctionType());
  SymbolTable::setSymbolVisibility(source, SymbolTable::Visibility::Private);
  source.setName(name + ".tiles");
  int32_t threads = int32_t(source->getAttrOfType<IntegerAttr>(warpsAttr).getInt() * 32);
  kernel->setAttr(kernelAttr, builder.getUnitAttr());
  kernel->setAttr(warpsAttr, source->getAttr(warpsAttr));
  Block *entry = kernel.addEntryBlock();
  for (auto [from, to] : llvm::zip(source.getArguments(), entry->getArguments())) {
    scalars.map(from, to);
    if (!isa<LLVM::LLVMPointerType>(to.getType())) continue;
    kernel.setArgAttr(to.getArgNumber(), LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    kernel.setArgAttr(to.getArgNumber(), LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(4));
  }
  builder.setInsertionPointToStart(entry);
  auto range = LLVM::ConstantRangeAttr::get(builder.getContext(), APInt(32, 0), APInt(32, threads));
  threadId = NVVM::ThreadIdXOp::create(builder, loc, builder.getI32Type(), range);
  laneId = arith::AndIOp::create(builder, loc, threadId, integer(31));
  warpId = arith::ShRUIOp::create(builder, loc, threadId, integer(5));
  sharedBase = LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), 3), sharedName);
}

LogicalResult TileLowering::lowerBlock(Block &block) {
  for (Operation &op : block) {
    loc = op.getLoc();
    if (failed(lowerOp(&op))) return failure();
  }
  return success();
}

LogicalResult TileLowering::lowerOp(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<scf::ForOp>([&](auto o) { return lowerLoop(o); })
      .Case<scf::IfOp>([&](auto o) { return lowerBranch(o); })
      .Case<scf::YieldOp>([&](auto o) { return lowerYield(o), success(); })
      .Case<func::ReturnOp, ViewOp, CommitOp>([&](auto o) {
        if (isa<CommitOp>(o)) NVVM::CpAsyncCommitGroupOp::create(builder, loc);
        return success();
      })
      .Case<ProgramIdOp>([&](ProgramIdOp o) {
        Type i32 = builder.getI32Type();
        Value id = o.getAxis() == 0   ? Value(NVVM::BlockIdXOp::create(builder, loc, i32))
                   : o.getAxis() == 1 ? Value(NVVM::BlockIdYOp::create(builder, loc, i32))
                                      : Value(NVVM::BlockIdZOp::create(builder, loc, i32));
        scalars.map(o.getResult(), id);
        return success();
      })
      .Case<LoadOp>([&](auto o) { return lowerLoad(o); })
      .Case<StoreOp>([&](auto o) { return lowerStore(o); })
      .Case<AsyncCopyOp>([&](auto o) { return lowerAsyncCopy(o); })
      .Case<WaitOp>([&](auto o) { return lowerWait(o), success(); })
      .Case<BarrierOp>([&](auto) { return NVVM::Barrier0Op::create(builder, loc), success(); })
      .Case<AllocOp>([&](auto o) { return lowerAlloc(o), success(); })
      .Case<SlotOp>([&](auto o) { return lowerSlot(o), success(); })
      .Case<LocalLoadOp>([&](auto o) { return lowerLocalLoad(o); })
      .Case<DotOp>([&](auto o) { return lowerDot(o); })
      .Case<ConvertLayoutOp>([&](auto o) { return lowerConvert(o), success(); })
      .Case<SplatOp>([&](auto o) { return lowerSplat(o), success(); })
      .Case<IotaOp>([&](auto o) { return lowerIota(o), success(); })
      .Case<ReduceOp>([&](auto o) { return lowerReduce(o); })
      .Case<GroupReduceOp>([&](auto o) { return lowerGroupReduce(o); })
      .Case<SaturateOp>([&](auto o) { return lowerSaturate(o); })
      .Case<BroadcastOp>([&](BroadcastOp o) {
        auto drop = [&](Coordinates c) { return c.erase(c.begin() + o.getAxis()), c; };
        return lowerGather(o, o.getValue(), drop), success();
      })
      .Case<SpreadOp>([&](SpreadOp o) {
        RowGroups groups = rowGroups(o.getGranularity());
        return lowerGather(o, o.getValue(), [&](const Coordinates &c) { return Coordinates{groups.group(c[0])}; }),
               success();
      })
      .Default([&](Operation *o) { return lowerElementwise(o); });
}

void TileLowering::lowerWait(WaitOp wait) { NVVM::CpAsyncWaitGroupOp::create(builder, loc, wait.getPending()); }

//===----------------------------------------------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------------------------------------------===//

void TileLowering::flatten(ValueRange values, Words &into) {
  for (Value value : values) {
    if (isTile(value.getType()))
      llvm::append_range(into, tiles[value]);
    else if (!isErased(value.getType()))
      into.push_back(scalars.lookup(value));
  }
}

// Binds `value` to the first of `from`; returns how many it took.
size_t TileLowering::unflatten(Value value, ValueRange from) {
  if (isErased(value.getType())) return 0;
  if (!isTile(value.getType())) {
    scalars.map(value, from.front());
    return 1;
  }
  size_t count = wordCount(value.getType());
  tiles[value] = Words(from.take_front(count));
  return count;
}

void TileLowering::lowerYield(Operation *yield) {
  Words words;
  flatten(yield->getOperands(), words);
  scf::YieldOp::create(builder, loc, words);
}

LogicalResult TileLowering::lowerLoop(scf::ForOp loop) {
  Words inits;
  flatten(loop.getInitArgs(), inits);
  auto lookup = [&](Value value) { return scalars.lookup(value); };
  auto lowered = scf::ForOp::create(builder, loc, lookup(loop.getLowerBound()), lookup(loop.getUpperBound()),
                                    lookup(loop.getStep()), inits);
  if (!lowered.getBody()->empty()) lowered.getBody()->getTerminator()->erase();
  scalars.map(loop.getInductionVar(), lowered.getInductionVar());
  ValueRange carried = lowered.getRegionIterArgs();
  for (Value argument : loop.getRegionIterArgs()) carried = carried.drop_front(unflatten(argument, carried));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(lowered.getBody());
  if (failed(lowerBlock(*loop.getBody()))) return failure();
  ValueRange results = lowered.getResults();
  for (Value result : loop.getResults()) results = results.drop_front(unflatten(result, results));
  return success();
}

LogicalResult TileLowering::lowerBranch(scf::IfOp branch) {
  SmallVector<Type> types;
  for (Type type : branch.getResultTypes()) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      types.append(wordCount(type), wordType(tensor));
    else
      types.push_back(type);
  }
  auto lowered = scf::IfOp::create(builder, loc, types, scalars.lookup(branch.getCondition()),
                                   /*withElse=*/!branch.getElseRegion().empty());
  auto fill = [&](Region &from, Region &to) {
    if (from.empty()) return success();
    OpBuilder::InsertionGuard guard(builder);
    Block &block = to.front();
    if (!block.empty()) block.getTerminator()->erase();
    builder.setInsertionPointToEnd(&block);
    return lowerBlock(from.front());
  };
  if (failed(fill(branch.getThenRegion(), lowered.getThenRegion())) ||
      failed(fill(branch.getElseRegion(), lowered.getElseRegion())))
    return failure();
  ValueRange results = lowered.getResults();
  for (Value result : branch.getResults()) results = results.drop_front(unflatten(result, results));
  return success();
}

} // namespace sage::nvidia
