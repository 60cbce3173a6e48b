// The hazard model: an abstract machine whose memory is byte ranges in states. Its rules are in HazardModel.h.
#include "HazardModel.h"

#include "HazardPaths.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace sage {
namespace {

using namespace tile;

struct Range {
  int64_t begin, end;
  bool meets(const Range &other) const { return begin < other.end && other.begin < end; }
  bool covers(const Range &other) const { return begin <= other.begin && other.end <= end; }
};

enum class CopyState { InFlight, Landed, Visible }; // started; waited for by its own thread; a barrier has passed

struct Written {
  Range range;
  int64_t group; // copies: the group they joined; writes by threads: -1
  CopyState state;
};

class Machine {
public:
  // `budget` is how many operations it may run, over all paths.
  Machine(const HazardDecisions &decisions, const HazardPath &path, int64_t &budget)
      : decisions(decisions), path(path), budget(budget), turns(decisions.count(), 0) {}

  std::optional<Hazard> run(func::FuncOp function) {
    for (Value argument : function.getArguments()) set(argument, std::nullopt);
    runBlock(function.getBody().front());
    return hazard;
  }

private:
  const HazardDecisions &decisions;
  const HazardPath &path;
  int64_t &budget;
  SmallVector<int64_t> turns; // how often each decision has been taken
  std::optional<Hazard> hazard;
  llvm::DenseMap<Value, int64_t> values; // known integers; a token is its group's number; a buffer its first byte
  SmallVector<Written> writes;
  SmallVector<Range> reads; // since the last barrier
  int64_t groups = 0;       // closed groups

  void report(Operation *op, const Twine &message, bool barrierMends) {
    if (!hazard) hazard = Hazard{op, message.str(), barrierMends};
  }

  std::optional<int64_t> known(Value value) const {
    auto it = values.find(value);
    return it == values.end() ? std::nullopt : std::optional(it->second);
  }
  int64_t decide(unsigned decision) { return path.at(decision, turns[decision]++); }
  // A number that is not known but bounds a loop is decided where it is computed, so that conditions in front of the
  // loop agree with it.
  void set(Value value, std::optional<int64_t> number) {
    if (!number)
      if (const HazardDecisions::Bound *bound = decisions.ofBound(value))
        number = bound->lower + decide(bound->decision) * bound->step;
    if (number)
      values[value] = *number;
    else
      values.erase(value);
  }

  std::optional<Range> rangeOf(Operation *op, Value buffer) {
    std::optional<int64_t> begin = known(buffer);
    if (begin) return Range{*begin, *begin + cast<BufferType>(buffer.getType()).bytes()};
    report(op, "the place of this buffer is not known: offsets come from place-shared, slots from constant arithmetic",
           false);
    return std::nullopt;
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------------------------------------------===//

  void checkWrite(Operation *op, const Range &range) {
    for (const Range &read : reads)
      if (read.meets(range))
        return report(op, "writes shared memory that other threads may still be reading: a barrier is missing", true);
    for (const Written &write : writes) {
      if (!write.range.meets(range) || write.state == CopyState::Visible) continue;
      if (write.state == CopyState::InFlight)
        return report(op, "writes shared memory that an earlier copy has not reached yet: a wait is missing", false);
      return report(op, "writes shared memory that another thread has just written: a barrier is missing", true);
    }
    llvm::erase_if(writes, [&](const Written &write) { return range.covers(write.range); });
  }

  void read(Operation *op, Value buffer) {
    std::optional<Range> range = rangeOf(op, buffer);
    if (!range) return;
    bool written = false;
    for (const Written &write : writes) {
      if (!write.range.meets(*range)) continue;
      written |= write.range.covers(*range);
      if (write.state == CopyState::InFlight)
        return report(op, "reads shared memory before the copy into it has been waited for: a wait is missing", false);
      if (write.state == CopyState::Landed)
        return report(op, "reads what other threads have copied before they have met: a barrier is missing", true);
    }
    if (!written) return report(op, "reads shared memory that nothing has written", false);
    reads.push_back(*range);
  }

  void copy(AsyncCopyOp op) {
    if (known(op.getEnabled()) == 0) return;
    if (std::optional<Range> range = rangeOf(op, op.getBuffer())) {
      checkWrite(op, *range);
      writes.push_back({*range, groups, CopyState::InFlight});
    }
  }

  void wait(WaitOp op) {
    std::optional<int64_t> group = known(op.getToken());
    if (!group) return report(op, "the token's group is not known", false);
    int64_t landed = groups - op.getPending();
    if (*group >= landed)
      return report(op, llvm::formatv("leaves {0} groups in flight, the token's among them", op.getPending()).str(),
                    false);
    for (Written &write : writes)
      if (write.state == CopyState::InFlight && write.group < landed) write.state = CopyState::Landed;
  }

  void barrier() {
    reads.clear();
    for (Written &write : writes)
      if (write.state == CopyState::Landed) write.state = CopyState::Visible;
  }

  // A reduction across warps: barrier, every warp writes its part, barrier, everyone reads all parts.
  void scratch(Operation *op, Value buffer) {
    std::optional<Range> range = rangeOf(op, buffer);
    if (!range) return;
    barrier();
    checkWrite(op, *range);
    writes.push_back({*range, -1, CopyState::Visible});
    reads.push_back(*range);
  }

  //===--------------------------------------------------------------------------------------------------------===//
  // Control flow and arithmetic
  //===--------------------------------------------------------------------------------------------------------===//

  void runBlock(Block &block) {
    for (Operation &op : block) {
      if (hazard) return;
      if (--budget < 0)
        return report(&op,
                      "too many loops, in each other or one after the other, to prove shared memory safe: fewer "
                      "schedule.stages have fewer cases",
                      false);
      runOp(&op);
    }
  }

  void forget(ValueRange results) {
    for (Value result : results) set(result, std::nullopt);
  }

  void runOp(Operation *op) {
    if (op->getNumRegions() && !decisions.touches(op)) return forget(op->getResults());
    if (auto loop = dyn_cast<scf::ForOp>(op)) return runLoop(loop);
    if (auto branch = dyn_cast<scf::IfOp>(op)) return runBranch(branch);
    if (auto alloc = dyn_cast<AllocOp>(op)) return set(alloc, alloc.getOffset());
    if (auto slot = dyn_cast<SlotOp>(op)) return runSlot(slot);
    if (auto async = dyn_cast<AsyncCopyOp>(op)) return copy(async);
    if (auto commit = dyn_cast<CommitOp>(op)) return set(commit, groups++);
    if (auto waitOp = dyn_cast<WaitOp>(op)) return wait(waitOp);
    if (isa<BarrierOp>(op)) return barrier();
    if (auto load = dyn_cast<LocalLoadOp>(op)) return read(op, load.getBuffer());
    if (auto reduce = dyn_cast<ReduceOp>(op); reduce && reduce.getScratch()) return scratch(op, reduce.getScratch());
    if (auto reduce = dyn_cast<GroupReduceOp>(op); reduce && reduce.getScratch())
      return scratch(op, reduce.getScratch());
    fold(op);
  }

  void runSlot(SlotOp slot) {
    std::optional<int64_t> base = known(slot.getRing()), index = known(slot.getIndex());
    if (base && index && *index >= 0 && *index < slot.getRing().getType().getShape()[0])
      set(slot, *base + *index * slot.getType().bytes());
    else
      report(slot, "the slot's number is not known, or lies outside the ring", false);
  }

  // Integer arithmetic on known values; anything else makes its results unknown.
  void fold(Operation *op) {
    if (!isa<arith::ArithDialect>(op->getDialect())) return forget(op->getResults());
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      std::optional<int64_t> number = isa<IntegerType, IndexType>(operand.getType()) ? known(operand) : std::nullopt;
      operands.push_back(number ? IntegerAttr::get(operand.getType(), *number) : Attribute());
    }
    SmallVector<OpFoldResult> folded;
    bool ok = succeeded(op->fold(operands, folded)) && folded.size() == op->getNumResults();
    for (auto [i, result] : llvm::enumerate(op->getResults())) {
      std::optional<int64_t> number;
      if (ok) {
        if (auto value = dyn_cast<Value>(folded[i]))
          number = known(value);
        else if (auto integer = dyn_cast_or_null<IntegerAttr>(cast<Attribute>(folded[i])))
          number = integer.getType().isInteger(1) ? integer.getValue().getZExtValue() : integer.getInt();
      }
      set(result, number);
    }
  }

  void runLoop(scf::ForOp loop) {
    int64_t lower = known(loop.getLowerBound()).value_or(0), step = known(loop.getStep()).value_or(1);
    int64_t end = known(loop.getUpperBound()).value_or(lower);
    set(loop.getLowerBound(), lower);
    SmallVector<std::optional<int64_t>> carried =
        llvm::map_to_vector(loop.getInitArgs(), [&](Value v) { return known(v); });
    int64_t steps = 0;
    for (int64_t i = lower; i < end && !hazard; i += step, ++steps) {
      // The middle of a long loop of known length is left out: the ring has come round often enough.
      if (steps == maxSteps) i = std::max(i, end - maxSteps * step);
      set(loop.getInductionVar(), i);
      for (auto [argument, number] : llvm::zip(loop.getRegionIterArgs(), carried)) set(argument, number);
      runBlock(*loop.getBody());
      carried = llvm::map_to_vector(loop.getBody()->getTerminator()->getOperands(), [&](Value v) { return known(v); });
    }
    for (auto [result, number] : llvm::zip(loop.getResults(), carried)) set(result, number);
  }
  static constexpr int64_t maxSteps = 32;

  void runBranch(scf::IfOp branch) {
    std::optional<int64_t> side = known(branch.getCondition());
    if (std::optional<unsigned> decision = side ? std::nullopt : decisions.ofBranch(branch)) side = decide(*decision);
    Region &region = side.value_or(0) ? branch.getThenRegion() : branch.getElseRegion();
    if (region.empty()) return forget(branch.getResults());
    runBlock(region.front());
    for (auto [result, value] : llvm::zip(branch.getResults(), region.front().getTerminator()->getOperands()))
      set(result, known(value));
  }
};

// Far more than kernels with a handful of loops need; a second or two.
constexpr int64_t allOperations = 4'000'000;

} // namespace

std::optional<Hazard> findHazard(func::FuncOp function) {
  // Reductions bring their own barriers.
  bool hasCopies = false;
  function.walk([&](Operation *op) { hasCopies |= isa<AsyncCopyOp, LocalLoadOp>(op); });
  if (!hasCopies) return std::nullopt;
  HazardDecisions decisions(function);
  int64_t budget = allOperations;
  for (const HazardPath &path : decisions.paths())
    if (std::optional<Hazard> hazard = Machine(decisions, path, budget).run(function)) return hazard;
  return std::nullopt;
}

} // namespace sage
