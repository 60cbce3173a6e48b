// The element types of the tensor cores' operands: values, bits, and matrices of random ones.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage::machine {

enum class Element { S8, F16, BF16, E4M3 };

struct ElementType {
  Element element;
  std::string_view name; // as PTX spells it
  int bytes;
  int keptBits; // below the largest term of a sum of products (truncationLoss)
};
const ElementType &typeOf(Element element);

double valueOf(Element element, std::uint32_t bits);
// Rounds to nearest even and saturates (cvt.rn.satfinite).
std::uint8_t e4m3Bits(float value);

// ROWS rows of 32·STEPS bytes, the k axis contiguous: what one or several MMAs take, whose k is 32 bytes for all types.
struct OperandMatrix {
  Element element;
  int rows, rowBytes;
  std::vector<std::uint8_t> bytes;

  // s8 in −127 … 127; the others N(0, 1). STREAM tells matrices apart.
  static OperandMatrix random(Element element, int rows, int steps, std::uint64_t stream);
  OperandMatrix negated() const;
  double value(int row, int k) const;
  int columns() const { return rowBytes / typeOf(element).bytes; }
  // The four bytes from BYTE on, as a register of a fragment holds them.
  std::uint32_t word(int row, int byte) const;
};

struct Product {
  double sum = 0;
  double largest = 0; // magnitude of a term, or of the sum on its way from 0 or back to 0
};
// Row ROWA of A times row ROWB of B.
Product dot(const OperandMatrix &a, int rowA, const OperandMatrix &b, int rowB);

// What one instruction that adds to EXACT, or takes from it, may lose at most in one sum; 0 for integers. A tensor core
// aligns the products of a part of an instruction, and the accumulator, to the largest of them and cuts all off below
// what it keeps; so does the end of the part. With HALF_SUMS each part ends in f16.
double truncationLoss(Element element, bool halfSums, const Product &exact);

// A register of a fragment of A or B of mma.sync and of A of wgmma: where it comes from (PTX ISA, "Matrix Fragments for
// mma.m16n8k32"; the 16-bit types have the same bytes in the same places).
std::uint32_t fragmentA(const OperandMatrix &a, int firstRow, int firstByte, int lane, int number);
std::uint32_t fragmentB(const OperandMatrix &b, int firstRow, int firstByte, int lane, int number);

} // namespace sage::machine
