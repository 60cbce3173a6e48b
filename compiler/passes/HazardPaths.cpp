// The paths of HazardPaths.h: finds the decisions of a kernel and lists what to try.
#include "HazardPaths.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace sage {

using namespace tile;

HazardDecisions::HazardDecisions(func::FuncOp function) {
  function.walk([&](Operation *op) {
    if (auto slot = dyn_cast<SlotOp>(op)) slots = std::max(slots, slot.getRing().getType().getShape()[0]);
    bool hasScratch = isa<ReduceOp, GroupReduceOp>(op) && op->getNumOperands() > 1;
    if (!hasScratch && !isa<AsyncCopyOp, CommitOp, WaitOp, BarrierOp, LocalLoadOp>(op)) return;
    for (Operation *at = op; at && at != function.getOperation(); at = at->getParentOp()) touching.insert(at);
  });
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (touches(op) && isa<scf::ForOp, scf::IfOp>(op)) add(op);
  });
}

namespace {
int64_t constantOr(Value value, int64_t otherwise) {
  APInt number;
  return matchPattern(value, m_ConstantInt(&number)) ? number.getSExtValue() : otherwise;
}
} // namespace

void HazardDecisions::add(Operation *op) {
  auto branch = dyn_cast<scf::IfOp>(op);
  auto loop = dyn_cast<scf::ForOp>(op);
  Value decides = branch ? branch.getCondition() : loop.getUpperBound();
  if (matchPattern(decides, m_Constant())) return;
  if (branch)
    branches[op] = decisions++;
  else if (Bound bound{decisions, constantOr(loop.getLowerBound(), 0), constantOr(loop.getStep(), 1)};
           bounds.try_emplace(decides, bound).second)
    ++decisions;
  Construct construct{{*of(op)}, bool(branch), false, false};
  for (Operation *outer = op->getParentOp(); !isa<func::FuncOp>(outer); outer = outer->getParentOp()) {
    isNested |= isa<scf::ForOp>(outer);
    if (std::optional<unsigned> decision = of(outer)) construct.taken.push_back(*decision);
  }
  if (branch) {
    auto any = [&](Region &region) {
      return llvm::any_of(region.getOps(), [&](Operation &inner) { return touches(&inner); });
    };
    bool thenSide = any(branch.getThenRegion()), elseSide = any(branch.getElseRegion());
    construct.bothSides = thenSide && elseSide;
    construct.idleSide = !thenSide;
    hasTwoSides |= construct.bothSides;
  }
  constructs.push_back(construct);
}

const HazardDecisions::Bound *HazardDecisions::ofBound(Value bound) const {
  auto it = bounds.find(bound);
  return it == bounds.end() ? nullptr : &it->second;
}

std::optional<unsigned> HazardDecisions::ofBranch(Operation *branch) const {
  auto it = branches.find(branch);
  return it == branches.end() ? std::nullopt : std::optional(it->second);
}

std::optional<unsigned> HazardDecisions::of(Operation *op) const {
  auto loop = dyn_cast<scf::ForOp>(op);
  if (!loop) return ofBranch(op);
  const Bound *bound = ofBound(loop.getUpperBound());
  return bound ? std::optional(bound->decision) : std::nullopt;
}

HazardPath HazardDecisions::idlePath(bool otherSide) const {
  HazardPath path;
  path.idle.assign(decisions, 0);
  for (const Construct &construct : constructs)
    if (construct.isBranch) path.idle[construct.taken[0]] = construct.bothSides ? otherSide : construct.idleSide;
  path.chosen = path.idle;
  return path;
}

// A ring of S slots comes round after S iterations, so 2 S + 1 show every order of its slots.
std::vector<HazardPath> HazardDecisions::paths() const {
  std::vector<HazardPath> paths;
  for (bool otherSide : {false, true}) {
    if (otherSide && !hasTwoSides) break;
    HazardPath idle = idlePath(otherSide);
    for (int64_t count = 0; count <= (decisions ? 2 * slots + 1 : 0); ++count) {
      HazardPath &path = paths.emplace_back(idle);
      path.chosen.assign(decisions, count);
      for (const Construct &construct : constructs)
        if (unsigned decision = construct.taken[0]; construct.isBranch)
          path.chosen[decision] = count ? !idle.idle[decision] : idle.idle[decision];
    }
    if (decisions > 1) addPairs(idle, paths);
  }
  return paths;
}

void HazardDecisions::addPairs(const HazardPath &idle, std::vector<HazardPath> &paths) const {
  int64_t longest = 2 * slots + 1;
  auto take = [&](HazardPath &path, const Construct &construct, int64_t count) {
    for (unsigned decision : construct.taken) path.chosen[decision] = count;
    for (const Construct &each : constructs)
      if (unsigned decision = each.taken[0]; each.isBranch && llvm::is_contained(construct.taken, decision))
        path.chosen[decision] = !idle.idle[decision];
  };
  for (const Construct &first : constructs)
    for (const Construct &second : constructs)
      for (int64_t count = 1; count <= longest; ++count)
        for (auto turns : {HazardPath::All, HazardPath::Even, HazardPath::Odd}) {
          if (turns != HazardPath::All && !isNested) continue;
          HazardPath &path = paths.emplace_back(idle);
          path.turns = turns;
          take(path, second, longest);
          take(path, first, count);
        }
}

} // namespace sage
