// Conversions between the 16-bit floating-point types and f32/f64, rounding to nearest even (Eigen's software types, so
// the same bits everywhere).
#pragma once

#include "reference/HostTensor.h"

namespace sage::reference {

uint16_t halfBits(float value);
float halfValue(uint16_t bits);
uint16_t bfloatBits(float value);
float bfloatValue(uint16_t bits);

// Element values of an F16, BF16, F32 or F64 tensor, exactly; an error for other types.
Result<std::vector<double>> toDoubles(const HostTensor &tensor);
Result<std::vector<float>> toFloats(const HostTensor &tensor);

// A tensor of `dtype` (F16, BF16 or F32) with `values` rounded to it; the number of values must match the shape.
Result<HostTensor> fromFloats(std::span<const float> values, Dtype dtype, Shape shape);

} // namespace sage::reference
