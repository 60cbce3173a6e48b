// Two passes on one model: guard-hazards inserts the barriers that HazardModel asks for, check-hazards only asks.
#include "HazardModel.h"

using namespace mlir;

namespace sage {
#define GEN_PASS_DEF_GUARDHAZARDS
#define GEN_PASS_DEF_CHECKHAZARDS
#include "compiler/passes/Passes.h.inc"

namespace {

struct GuardHazardsPass : impl::GuardHazardsBase<GuardHazardsPass> {
  void runOnOperation() override {
    SmallVector<tile::BarrierOp> inserted;
    while (std::optional<Hazard> hazard = findHazard(getOperation())) {
      if (!hazard->barrierMends) {
        hazard->where->emitError(hazard->message);
        return signalPassFailure();
      }
      OpBuilder builder(hazard->where);
      inserted.push_back(tile::BarrierOp::create(builder, hazard->where->getLoc()));
    }
    dropRedundant(inserted);
  }

  // A barrier that one found later makes unnecessary: an earlier place in a loop covers it.
  void dropRedundant(ArrayRef<tile::BarrierOp> inserted) {
    for (tile::BarrierOp barrier : inserted) {
      Operation *next = barrier->getNextNode();
      barrier->remove();
      if (!findHazard(getOperation())) {
        barrier->destroy();
        continue;
      }
      next->getBlock()->getOperations().insert(next->getIterator(), barrier);
      ++barriers;
    }
  }
};

struct CheckHazardsPass : impl::CheckHazardsBase<CheckHazardsPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (std::optional<Hazard> hazard = findHazard(getOperation())) {
      hazard->where->emitError(hazard->message);
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace sage
