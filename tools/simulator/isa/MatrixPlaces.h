// Where the elements of a matrix stand in the registers of a warp (PTX ISA §9.7.14.5, "Matrix Fragments for mma").
//
// Lane = 4·g + t. A register holds e elements (8 of 4 bits, 4 of 8, 2 of 16, 1 of 32 or 64; 32 single bits). All shapes
// are made of the same pieces, so three formulas say it for all of them. Element j of register r:
//
//   A, M×K   8 rows:   row g,               k = e·t + j + 4e·r
//            16 rows:  row g + 8·(r & 1),   k = e·t + j + 4e·(r >> 1)
//            32 rows:  two pieces of 16 rows, one after the other
//   B, K×N   8 columns: column g,           k = e·t + j + 4e·r;   more columns: pieces of 8
//   C, D     element i of 8 rows:  row g,              column 2·t + (i & 1)
//            of 16 rows:           row g + 8·(i >> 1), column 2·t + (i & 1)
//            more: pieces of 16×8 (8×8 where there are 8 rows), down the rows first
//
// Fragments of wmma are opaque (§9.7.14.4.1); here they are made of the same pieces. Those with more registers than
// elements hold everything twice or four times.
#pragma once

namespace sage::sim {

struct Place {
  unsigned row, column;
};

constexpr Place placeInA(unsigned rows, unsigned depth, unsigned perRegister, unsigned lane, unsigned element) {
  const unsigned g = lane >> 2, t = lane & 3, e = perRegister;
  const unsigned r = element / e % (rows * depth / 32 / e), j = element % e;
  if (rows == 8) return {g, e * t + j + 4 * e * r};
  const unsigned piece = 2 * (depth / (4 * e)), local = r % piece;
  return {16 * (r / piece) + g + 8 * (local & 1), e * t + j + 4 * e * (local >> 1)};
}

constexpr Place placeInB(unsigned depth, unsigned columns, unsigned perRegister, unsigned lane, unsigned element) {
  const unsigned g = lane >> 2, t = lane & 3, e = perRegister;
  const unsigned r = element / e % (depth * columns / 32 / e), j = element % e;
  const unsigned piece = depth / (4 * e);
  return {e * t + j + 4 * e * (r % piece), 8 * (r / piece) + g};
}

constexpr Place placeInC(unsigned rows, unsigned lane, unsigned element) {
  const unsigned g = lane >> 2, t = lane & 3;
  if (rows == 8) return {g, 8 * (element >> 1) + 2 * t + (element & 1)};
  const unsigned piece = element >> 2, down = rows / 16;
  return {16 * (piece % down) + g + 8 * (element >> 1 & 1), 8 * (piece / down) + 2 * t + (element & 1)};
}

} // namespace sage::sim
