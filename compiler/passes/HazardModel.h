// Checks that every access to shared memory is ordered, by running a kernel's skeleton: its copies, waits, barriers and
// reads with their byte ranges, its loops with concrete trip counts, its slot numbers by constant arithmetic; values
// that no hazard depends on stay unknown.
//
// The rules, for bytes that two operations share:
//   read after a copy    the copy's group has been waited for by its thread, and a barrier lies between that wait and
//                        the read
//   write after a read   a barrier lies between
//   write after a write  a barrier lies between, and an earlier copy has landed
//   read of bytes that nothing has written: an error
//   wait on a token      the younger groups it leaves in flight must not include the token's own
// Which trip counts and branches are tried is in HazardPaths.h: for a kernel with one loop, all that can differ, so
// that silence is a proof; with several loops and branches, every pair of them. See Membar.h in Triton for another way
// (a fixed point over intervals) that needs no trip counts but cannot see ring slots as distinct.
#pragma once

#include "Passes.h"

namespace sage {

// The first hazard of a kernel. `barrierMends` tells whether a tile.barrier in front of `where` removes it.
struct Hazard {
  mlir::Operation *where;
  std::string message;
  bool barrierMends;
};

std::optional<Hazard> findHazard(mlir::func::FuncOp function);

} // namespace sage
