// See Elements.h.
#include "Elements.h"

#include "reference/Half.h"
#include "reference/Random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace sage::machine {
namespace {

using namespace sage::reference;

// Kept bits: of f16 and bf16 products those of f32 at least (23; some machines keep one or two more); of e4m3 products
// 13 on Ada and Hopper ("FP22", 1 + 8 + 13 bits), which the probes fp8-bits look for; others keep more.
constexpr ElementType types[] = {{Element::S8, "s8", 1, 0},
                                 {Element::F16, "f16", 2, 23},
                                 {Element::BF16, "bf16", 2, 23},
                                 {Element::E4M3, "e4m3", 1, 13}};
// The fewest products that a machine from sm_80 on adds at a time (the m16n8k16 of f16 on sm_80 in two parts of 8).
constexpr int leastPart = 8;
constexpr int halfBitsKept = 10;
constexpr std::uint64_t seed = 20;

std::uint32_t bitsOf(Element element, float value) {
  switch (element) {
  case Element::S8: return std::uint8_t(std::int8_t(std::clamp(std::lround(value * 42.f), -127L, 127L)));
  case Element::F16: return halfBits(value);
  case Element::BF16: return bfloatBits(value);
  case Element::E4M3: return e4m3Bits(value);
  }
  return 0;
}

double e4m3Value(std::uint32_t bits) {
  const int exponent = int(bits >> 3 & 15), fraction = int(bits & 7);
  const double magnitude = exponent ? std::ldexp(8 + fraction, exponent - 10) : std::ldexp(fraction, -9);
  return bits & 0x80 ? -magnitude : magnitude;
}

} // namespace

const ElementType &typeOf(Element element) { return types[int(element)]; }

double valueOf(Element element, std::uint32_t bits) {
  switch (element) {
  case Element::S8: return std::int8_t(bits);
  case Element::F16: return halfValue(std::uint16_t(bits));
  case Element::BF16: return bfloatValue(std::uint16_t(bits));
  case Element::E4M3: return e4m3Value(bits);
  }
  return 0;
}

std::uint8_t e4m3Bits(float value) {
  const std::uint8_t sign = std::signbit(value) ? 0x80 : 0;
  const double magnitude = std::fabs(double(value));
  if (std::isnan(value)) return 0x7f;
  // Between 2^e and 2^(e + 1) lie eight codes; the subnormal ones go on as if e were −6.
  const int exponent = magnitude > 0 ? std::clamp(std::ilogb(magnitude), -6, 9) : -6;
  const int code = (exponent + 6) * 8 + int(std::min(std::nearbyint(std::ldexp(magnitude, 3 - exponent)), 16.));
  return sign | std::uint8_t(std::min(code, 0x7e));
}

OperandMatrix OperandMatrix::random(Element element, int rows, int steps, std::uint64_t stream) {
  const int size = typeOf(element).bytes;
  OperandMatrix matrix{element, rows, 32 * steps, std::vector<std::uint8_t>(std::size_t(32 * steps * rows))};
  const std::vector<float> draws = normals(seed, stream, std::int64_t(matrix.bytes.size()) / size);
  for (std::size_t k = 0; k < draws.size(); ++k) {
    const std::uint32_t bits = bitsOf(element, draws[k]);
    std::memcpy(&matrix.bytes[k * std::size_t(size)], &bits, std::size_t(size));
  }
  return matrix;
}

OperandMatrix OperandMatrix::negated() const {
  OperandMatrix result = *this;
  const int size = typeOf(element).bytes;
  for (std::size_t k = 0; k < bytes.size(); ++k)
    if (element == Element::S8)
      result.bytes[k] = std::uint8_t(-int(bytes[k]));
    else if (int(k) % size == size - 1)
      result.bytes[k] ^= 0x80;
  return result;
}

double OperandMatrix::value(int row, int k) const {
  const int size = typeOf(element).bytes;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &bytes[std::size_t(row * rowBytes + k * size)], std::size_t(size));
  return valueOf(element, bits);
}

std::uint32_t OperandMatrix::word(int row, int byte) const {
  std::uint32_t result;
  std::memcpy(&result, &bytes[std::size_t(row * rowBytes + byte)], 4);
  return result;
}

Product dot(const OperandMatrix &a, int rowA, const OperandMatrix &b, int rowB) {
  std::vector<double> sums = {0};
  Product product;
  for (int k = 0; k < a.columns(); ++k) {
    const double term = a.value(rowA, k) * b.value(rowB, k);
    sums.push_back(sums.back() + term);
    product.largest = std::max(product.largest, std::fabs(term));
  }
  product.sum = sums.back();
  for (const double sum : sums)
    product.largest = std::max({product.largest, std::fabs(sum), std::fabs(product.sum - sum)});
  return product;
}

double truncationLoss(Element element, bool halfSums, const Product &exact) {
  if (element == Element::S8) return 0;
  const int products = 32 / typeOf(element).bytes, parts = products / leastPart;
  double loss = (products + 2 * parts) * std::ldexp(exact.largest, -typeOf(element).keptBits);
  if (halfSums) loss += parts * std::ldexp(exact.largest, -halfBitsKept);
  return loss;
}

std::uint32_t fragmentA(const OperandMatrix &a, int firstRow, int firstByte, int lane, int number) {
  return a.word(firstRow + lane / 4 + 8 * (number & 1), firstByte + 4 * (lane % 4) + 16 * (number >> 1));
}

std::uint32_t fragmentB(const OperandMatrix &b, int firstRow, int firstByte, int lane, int number) {
  return b.word(firstRow + lane / 4, firstByte + 4 * (lane % 4) + 16 * number);
}

} // namespace sage::machine
