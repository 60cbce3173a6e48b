// What each family file of a vector level defines. SAGESIM_LEVEL is the namespace: baseline, avx2 or avx512.
#pragma once

#include "isa/Families.h"

namespace sage::sim::SAGESIM_LEVEL {

std::span<const Row> integerRows();
std::span<const Row> logicRows();
std::span<const Row> compareRows();
std::span<const Row> floatRows();
std::span<const Row> halfRows();
std::span<const Row> approximateRows();
std::span<const Row> convertRows();
std::span<const Row> moveRows();
std::span<const Row> memoryRows();
std::span<const Row> atomicRows();
std::span<const Row> asyncRows();
std::span<const Row> matrixRows();
std::span<const Row> collectiveRows();
std::span<const Row> warpgroupRows();
std::span<const Row> denseRows();
std::span<const Row> matrixByteRows();
std::span<const Row> wmmaRows();
std::span<const Row> narrowConvertRows();

} // namespace sage::sim::SAGESIM_LEVEL
