// The families of instructions, each a table in a file of its own. The files named here without `controlRows` are
// compiled once for each vector level (SAGESIM_LEVEL in CMakeLists.txt); LevelTable.cpp collects the tables of its
// level, and bestFamilies() asks the processor once which one to use.
#pragma once

#include <span>

#include "isa/Row.h"

namespace sage::sim {

struct Families {
  const char *level;
  std::span<const Row> integer, logic, compare, floating, half, approximate, convert, move, memory, atomic,
      asynchronous, matrix, collective, warpgroup, dense, matrixBytes, wmma, narrowConvert;
};

namespace baseline {
const Families &families();
}
namespace avx2 {
const Families &families();
}
namespace avx512 {
const Families &families();
}

const Families &bestFamilies();

/// Branches, exits and barriers: the same code on every level.
std::span<const Row> controlRows();
/// Clusters: their barrier, and whose shared memory an address names.
std::span<const Row> clusterRows();
/// The asynchronous proxy: mbarriers, bulk copies, tensor copies and their maps.
std::span<const Row> mbarrierRows();
std::span<const Row> bulkRows();
std::span<const Row> tensorRows();
std::span<const Row> tensorMapRows();
std::span<const Row> asyncStoreRows();
const Inst *blockEntryHandler(Warp &w, const Inst *inst);
const Inst *predicatedHandler(Warp &w, const Inst *inst);

} // namespace sage::sim
