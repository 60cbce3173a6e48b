// Eigen's conversions are exact or round to nearest even, whatever the host's instruction set.
#include "reference/Half.h"

#include <Eigen/Core>
#include <cstring>

namespace sage::reference {
namespace {

template <typename T> T fromBits(uint16_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

template <typename T> uint16_t toBits(T value) {
  uint16_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

Status wrongType(const HostTensor &tensor) {
  return invalidInput("a tensor of type " + std::string(dtypeName(tensor.dtype)) +
                      " where floating point is needed; F16, BF16, F32 and F64 are allowed");
}

template <typename To> Result<std::vector<To>> convert(const HostTensor &tensor) {
  std::vector<To> out(size_t(tensor.elements()));
  auto fill = [&](auto values, auto &&function) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = To(function(values[i]));
  };
  switch (tensor.dtype) {
  case Dtype::F16: fill(tensor.as<uint16_t>(), halfValue); break;
  case Dtype::BF16: fill(tensor.as<uint16_t>(), bfloatValue); break;
  case Dtype::F32: fill(tensor.as<float>(), [](float x) { return x; }); break;
  case Dtype::F64: fill(tensor.as<double>(), [](double x) { return x; }); break;
  default: return wrongType(tensor);
  }
  return out;
}

} // namespace

uint16_t halfBits(float value) { return toBits(Eigen::half(value)); }
float halfValue(uint16_t bits) { return float(fromBits<Eigen::half>(bits)); }
uint16_t bfloatBits(float value) { return toBits(Eigen::bfloat16(value)); }
float bfloatValue(uint16_t bits) { return float(fromBits<Eigen::bfloat16>(bits)); }

Result<std::vector<double>> toDoubles(const HostTensor &tensor) { return convert<double>(tensor); }
Result<std::vector<float>> toFloats(const HostTensor &tensor) { return convert<float>(tensor); }

Result<HostTensor> fromFloats(std::span<const float> values, Dtype dtype, Shape shape) {
  SAGE_ASSIGN(HostTensor tensor, HostTensor::allocate(dtype, std::move(shape)));
  if (size_t(tensor.elements()) != values.size())
    return internalError(std::to_string(values.size()) + " values for a tensor of shape " + shapeText(tensor.shape));
  auto fill = [&](auto out, auto &&function) {
    for (size_t i = 0; i < values.size(); ++i) out[i] = function(values[i]);
  };
  switch (dtype) {
  case Dtype::F16: fill(tensor.as<uint16_t>(), halfBits); break;
  case Dtype::BF16: fill(tensor.as<uint16_t>(), bfloatBits); break;
  case Dtype::F32: fill(tensor.as<float>(), [](float x) { return x; }); break;
  default: return wrongType(tensor);
  }
  return tensor;
}

} // namespace sage::reference
