// The hazard model: an abstract machine whose memory is byte ranges in states. Its rules are in HazardModel.h.
#include "HazardModel.h"

#include "llvm/ADT/DenseMap.h"
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
  Machine(func::FuncOp function, int64_t tripCount) : function(function), tripCount(tripCount) {}

  std::optional<Hazard> run() {
    runBlock(function.getBody().front());
    return hazard;
  }

private:
  func::FuncOp function;
  int64_t tripCount;
  std::optional<Hazard> hazard;
  llvm::DenseMap<Value, int64_t> values; // known integers; a token is its group's number; a buffer its first byte
  SmallVector<Written> writes;
  SmallVector<Range> reads; // since the last barrier
  int64_t groups = 0;       // closed groups

  void report(Operation *op, const Twine &message, bool barrierMends) {
    if (!hazard)
      hazard = Hazard{op, (message + " (seen with loops of " + Twine(tripCount) + " iterations)").str(), barrierMends};
  }

  std::optional<int64_t> known(Value value) const {
    auto it = values.find(value);
    return it == values.end() ? std::nullopt : std::optional(it->second);
  }
  void set(Value value, std::optional<int64_t> number) {
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
      runOp(&op);
    }
  }

  void runOp(Operation *op) {
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
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      std::optional<int64_t> number = isa<IntegerType, IndexType>(operand.getType()) ? known(operand) : std::nullopt;
      operands.push_back(number ? IntegerAttr::get(operand.getType(), *number) : Attribute());
    }
    SmallVector<OpFoldResult> folded;
    bool ok = isa<arith::ArithDialect>(op->getDialect()) && succeeded(op->fold(operands, folded)) &&
              folded.size() == op->getNumResults();
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
    set(loop.getLowerBound(), lower);
    set(loop.getUpperBound(), known(loop.getUpperBound()).value_or(lower + tripCount * step));
    SmallVector<std::optional<int64_t>> carried =
        llvm::map_to_vector(loop.getInitArgs(), [&](Value v) { return known(v); });
    for (int64_t i = lower, end = *known(loop.getUpperBound()), steps = 0; i < end && !hazard && steps < maxSteps;
         i += step, ++steps) {
      set(loop.getInductionVar(), i);
      for (auto [argument, number] : llvm::zip(loop.getRegionIterArgs(), carried)) set(argument, number);
      runBlock(*loop.getBody());
      carried = llvm::map_to_vector(loop.getBody()->getTerminator()->getOperands(), [&](Value v) { return known(v); });
    }
    for (auto [result, number] : llvm::zip(loop.getResults(), carried)) set(result, number);
  }
  // A loop with known bounds runs no further than this: the ring has long come round.
  static constexpr int64_t maxSteps = 64;

  // An unknown condition: both sides run, one after the other, as if threads could take either; a barrier there would
  // hang the others.
  void runBranch(scf::IfOp branch) {
    std::optional<int64_t> condition = known(branch.getCondition());
    for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
      if (region->empty()) continue;
      if (condition && *condition != (region == &branch.getThenRegion())) continue;
      if (!condition)
        region->walk([&](Operation *op) {
          if (isa<BarrierOp, AsyncCopyOp, CommitOp, WaitOp>(op) ||
              (isa<ReduceOp, GroupReduceOp>(op) && op->getNumOperands() > 1))
            report(op, "synchronises under a condition that may differ between threads", false);
        });
      runBlock(region->front());
      for (auto [result, value] : llvm::zip(branch.getResults(), region->front().getTerminator()->getOperands()))
        set(result, condition ? known(value) : std::nullopt);
    }
  }
};

} // namespace

std::optional<Hazard> findHazard(func::FuncOp function) {
  int64_t slots = 1;
  function.walk([&](SlotOp slot) { slots = std::max(slots, slot.getRing().getType().getShape()[0]); });
  for (int64_t tripCount = 0; tripCount <= 2 * slots + 1; ++tripCount)
    if (std::optional<Hazard> hazard = Machine(function, tripCount).run()) return hazard;
  return std::nullopt;
}

} // namespace sage
