// ldmatrix and stmatrix of 8-bit elements, ldmatrix that widens 4- and 6-bit ones, and movmatrix (PTX ISA
// §9.7.14.5.15–17). Lane = 4·g + t; an address is that of 16 bytes in shared memory. Byte j of the registers:
//
//   ldmatrix m16n16 .trans   r0: byte g of row 4t + j,  r1: byte g + 8 of the same row; lanes 0–15 have the rows of the
//                            first matrix, 16–31 those of the second
//   ldmatrix m8n16           byte 4t + j of row g
//   stmatrix m16n8 .trans    byte g + 8·(j >> 1) of row 2t + (j & 1)
//
// Elements of fewer bits stand packed at the start of their 16 bytes and go to the low bits of a byte each.
#include "isa/Access.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

using Rows = u8[32][16];

// `extra`: bits 0–3 the space, 4–7 the bits of an element in memory.
unsigned elementBits(const Inst *i) { return i->extra >> 4 & 15; }

void unpack(const u8 *from, unsigned width, u8 (&to)[16]) {
  for (unsigned k = 0; k < 16; ++k) {
    u16 two = from[k * width / 8];
    if (k * width % 8 + width > 8) two |= static_cast<u16>(from[k * width / 8 + 1] << 8);
    to[k] = static_cast<u8>(two >> (k * width % 8) & ((1u << width) - 1));
  }
}

/// The sixteen elements that each lane of LANES points to; false after a fault.
bool loadRows(Warp &w, const Inst *i, const u32 *address, u32 lanes, Rows &to) {
  const u32 used = 2 * elementBits(i);
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    rememberAccess(w, i, r, offset, mask, 16, false);
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
      if (!readable(w, i, r, offset[lane], used, lane)) return false;
      if (!raceFreeRead(w, i, r, offset[lane], used, used, lane)) return false;
      unpack(r.data + offset[lane], elementBits(i), to[lane]);
    }
    countBytes(w, Space::Shared, lanes, 16, Use::Read);
    return true;
  };
  return access(w, i, static_cast<Space>(i->extra & 15), addresses(w, address), lanes, 16, Use::Read, body);
}

const Inst *loadTall(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const unsigned matrices = i->operandCount / 2 - 2;
  Rows rows;
  if (!loadRows(w, i, i->o + 2 * matrices, matrices == 2 ? allLanes : 0xffffu, rows)) return nullptr;
  for (unsigned r = 0; r < 2 * matrices; ++r) {
    Lanes<u32> v = 0u;
    for (unsigned l = 0; l < 32; ++l)
      for (unsigned j = 0; j < 4; ++j)
        v[l] |= u32{rows[16 * (r / 2) + 4 * (l & 3) + j][(l >> 2) + 8 * (r & 1)]} << (8 * j);
    put<u32>(w, i->o[r], v);
  }
  return i + 1;
}

const Inst *loadWide(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const unsigned matrices = i->vector;
  Rows rows;
  if (!loadRows(w, i, i->o + matrices, matrices == 4 ? allLanes : (1u << (8 * matrices)) - 1, rows)) return nullptr;
  for (unsigned r = 0; r < matrices; ++r) {
    Lanes<u32> v = 0u;
    for (unsigned l = 0; l < 32; ++l)
      for (unsigned j = 0; j < 4; ++j) v[l] |= u32{rows[8 * r + (l >> 2)][4 * (l & 3) + j]} << (8 * j);
    put<u32>(w, i->o[r], v);
  }
  return i + 1;
}

const Inst *storeTall(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const unsigned matrices = i->vector;
  const u32 lanes = matrices == 4 ? allLanes : (1u << (8 * matrices)) - 1;
  Rows rows;
  for (unsigned r = 0; r < matrices; ++r)
    for (unsigned l = 0; l < 32; ++l)
      for (unsigned j = 0; j < 4; ++j)
        rows[8 * r + 2 * (l & 3) + (j & 1)][(l >> 2) + 8 * (j >> 1)] =
            static_cast<u8>(w.lanes<u32>(i->o[4 + r])[l] >> (8 * j));
  const auto body = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    rememberAccess(w, i, r, offset, mask, 16, true);
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
      if (!markWritten(w, i, r, offset[lane], 16, lane)) return false;
      if (!raceFreeWrite(w, i, r, offset[lane], 16, 16, lane, rows[lane])) return false;
      std::memcpy(r.data + offset[lane], rows[lane], 16);
    }
    countBytes(w, Space::Shared, lanes, 16, Use::Write);
    return true;
  };
  const auto space = static_cast<Space>(i->extra & 15);
  return access(w, i, space, addresses(w, i->o), lanes, 16, Use::Write, body) ? i + 1 : nullptr;
}

// A register is an 8×8 matrix of 16 bits, row after row; the result its transpose.
const Inst *moveMatrix(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  u16 from[8][8], to[8][8];
  std::memcpy(from, w.lanes<u32>(i->o[1]), sizeof from);
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned column = 0; column < 8; ++column) to[column][row] = from[row][column];
  Lanes<u32> v;
  std::memcpy(&v, to, sizeof v);
  put<u32>(w, i->o[0], v);
  return i + 1;
}

template <Handler H> Picked pickBytes(const Form &f) {
  const bool shared = f.has("shared") || f.has("shared::cta");
  const unsigned width = f.has("b4x16_p64") ? 4 : f.has("b6x16_p32") ? 6 : 8;
  return {H, static_cast<unsigned>(shared ? Space::Shared : Space::Generic) | width << 4};
}

#define SIM_SHARED " [shared|shared::cta] "
const Row rows[] = {
    {"ldmatrix sync aligned m16n16 x1 trans" SIM_SHARED "b8", "D2:b32 m", UnitClass::Matrix, pickBytes<loadTall>, 100},
    {"ldmatrix sync aligned m16n16 x2 trans" SIM_SHARED "b8", "D4:b32 m", UnitClass::Matrix, pickBytes<loadTall>, 100},
    {"ldmatrix sync aligned m16n16 x1 trans" SIM_SHARED "b8x16 b6x16_p32|b4x16_p64", "D2:b32 m", UnitClass::Matrix,
     pickBytes<loadTall>, 100},
    {"ldmatrix sync aligned m16n16 x2 trans" SIM_SHARED "b8x16 b6x16_p32|b4x16_p64", "D4:b32 m", UnitClass::Matrix,
     pickBytes<loadTall>, 100},
    {"ldmatrix sync aligned m8n16 x1|x2|x4" SIM_SHARED "b8x16 b6x16_p32|b4x16_p64", "DM:b32 m", UnitClass::Matrix,
     pickBytes<loadWide>, 100},
    {"stmatrix sync aligned m16n8 x1|x2|x4 trans" SIM_SHARED "b8", "m AM:b32", UnitClass::Matrix, pickBytes<storeTall>,
     100},
    {"movmatrix sync aligned m8n8 trans b16", "d:b32 a:b32", UnitClass::Matrix, always<moveMatrix>, 75},
};

} // namespace

std::span<const Row> matrixByteRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
