// The tables of one vector level, compiled once per level.
#include "isa/LevelRows.h"

namespace sage::sim::SAGESIM_LEVEL {

const Families &families() {
  static const Families result{SAGESIM_LEVEL_NAME, integerRows(),    logicRows(),        compareRows(),
                               floatRows(),        halfRows(),       approximateRows(),  convertRows(),
                               moveRows(),         memoryRows(),     atomicRows(),       asyncRows(),
                               matrixRows(),       collectiveRows(), warpgroupRows(),    denseRows(),
                               matrixByteRows(),   wmmaRows(),       narrowConvertRows()};
  return result;
}

} // namespace sage::sim::SAGESIM_LEVEL
