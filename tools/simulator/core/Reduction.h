// The operations of cp.reduce.async.bulk (PTX ISA §9.7.9.25.5.2, §9.7.9.27.1.3) on runs of elements. NaN results are
// the canonical ones, and minimum and maximum are those of the instructions min and max.
#pragma once

#include <cstdint>

#include "ptx/Type.h"

namespace sage::sim {

struct Reduction {
  enum class Op : std::uint8_t { None, Add, Min, Max, Inc, Dec, And, Or, Xor };
  Op op = Op::None; ///< None: a plain copy
  Type type = Type::None;
  bool keepsSubnormals = false; ///< of f32, whose sums flush them otherwise
};

/// True when the type has the operation.
bool isReduction(Reduction reduction);
/// TO[k] = TO[k] op FROM[k] over BYTES, each element atomically. TO and FROM are aligned to the element.
void reduceElements(Reduction reduction, std::uint8_t *to, const std::uint8_t *from, std::uint32_t bytes);

} // namespace sage::sim
