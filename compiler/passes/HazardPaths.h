// Which ways through a kernel's control flow the hazard model tries: how often loops of unknown length run and which
// side unknown branches take. Reads the kernel, changes nothing.
//
// Conditions and counts are scalars, so they are the same in all threads of a block. A hazard is a pair of accesses,
// and all that lies between them can only add barriers and waits. So each pair of loops and branches is tried with
// everything else left out, besides everything together; what is nested in a loop also with every other turn left out.
#pragma once

#include "Passes.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

namespace sage {

// For each decision a number: the iterations of a loop; 1 or 0 for the sides of a branch.
struct HazardPath {
  llvm::SmallVector<int64_t> chosen, idle; // `idle` is what a decision comes to where it is left out
  enum Turns { All, Even, Odd } turns = All;

  int64_t at(unsigned decision, int64_t turn) const {
    bool left = turns == Even ? turn % 2 != 0 : turns == Odd ? turn % 2 == 0 : false;
    return left ? idle[decision] : chosen[decision];
  }
};

class HazardDecisions {
public:
  explicit HazardDecisions(mlir::func::FuncOp function);

  // Whether the operation, or one inside it, has to do with shared memory.
  bool touches(mlir::Operation *op) const { return touching.contains(op); }
  // A loop's upper bound that a decision gives: lower + iterations * step. A lower bound that is no constant counts as
  // 0.
  struct Bound {
    unsigned decision;
    int64_t lower, step;
  };
  const Bound *ofBound(mlir::Value bound) const;
  // The decision that gives a branch its side.
  std::optional<unsigned> ofBranch(mlir::Operation *branch) const;
  unsigned count() const { return decisions; }

  std::vector<HazardPath> paths() const;

private:
  struct Construct {
    llvm::SmallVector<unsigned> taken; // its decision, then those of the loops and branches around it
    bool isBranch, bothSides, idleSide;
  };

  llvm::DenseSet<mlir::Operation *> touching;
  llvm::DenseMap<mlir::Value, Bound> bounds;
  llvm::DenseMap<mlir::Operation *, unsigned> branches;
  std::vector<Construct> constructs;
  unsigned decisions = 0;
  bool isNested = false, hasTwoSides = false;
  int64_t slots = 1; // of the longest ring

  void add(mlir::Operation *op);
  std::optional<unsigned> of(mlir::Operation *op) const;
  HazardPath idlePath(bool otherSide) const;
  void addPairs(const HazardPath &idle, std::vector<HazardPath> &paths) const;
};

} // namespace sage
