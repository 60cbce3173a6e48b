// The instruction table: all knowledge of the instruction set is rows of this kind, grouped by family in isa/*Rows.cpp.
//
//   {"add [rn|rz|rm|rp] [ftz] [sat] f32", "d a b", UnitClass::Float, pickAddF32}
//
// The pattern is the opcode and its modifiers in the order of the manual: `a|b` one of them, `[a|b]` optionally one of
// them; * stands for digits. The signature says what the operands are; the decoder resolves them in this order into
// Inst::o:
//
//   d  destination register            P  destination predicate, or a pair p|q (two entries)
//   a  source: register, constant, special register, address of a variable (b and c mean the same)
//   p  source predicate: two entries, the mask's offset and 1 when negated
//   D4 A4  vector of four destinations / sources;  DV AV  vector or scalar, its length goes to Inst::vector
//   m  [address]: one entry (the register), the displacement goes to Inst::imm
//   t  [tensor map, {coordinates}]: the map's register like an address, then the coordinates; their number from "2d"
//   DW  the accumulators of a wgmma, their number from its shape
//   C  a clock: how far its value is shifted to the right
//   X Y  destination / source of 128 bits: two entries, its halves
//   i  immediate, the value itself      L  branch target       T  branch table
//   ?x the operand may be absent; Inst::operandCount tells
//
// behind a colon the type: a digit takes that type of the pattern, `w` twice the width of the last one, a name that
// type; without a colon the last type of the pattern. `~` accepts registers of another width (loads, stores, cvt).
//
// `pick` chooses the handler for a form. Handlers live in the same files and are compiled once per vector level.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/Inst.h"
#include "ptx/Type.h"
#include "report/Counters.h"

namespace sage::sim {

struct Row;

/// An instruction's opcode, matched against a row.
struct Form {
  const Row *row = nullptr;
  std::vector<std::string_view> modifiers;    ///< one for each element of the pattern; empty when absent
  std::vector<Type> types;                    ///< the modifiers that are types, in order
  std::array<std::uint8_t, 4> registerBits{}; ///< widths of the first register operands marked `~`, in order

  bool has(std::string_view name) const {
    for (const std::string_view m : modifiers)
      if (m == name) return true;
    return false;
  }
  Type type() const { return types.empty() ? Type::None : types.back(); }
  Type type(std::size_t i) const { return i < types.size() ? types[i] : Type::None; }
};

/// What a row sets beside the handler.
struct Picked {
  Handler handler = nullptr;
  std::uint16_t extra = 0;
  unsigned minArch = 0; ///< of this form, where the row's others need less
  Picked() = default;
  Picked(Handler h, unsigned e = 0, unsigned arch = 0)
      : handler(h), extra(static_cast<std::uint16_t>(e)), minArch(arch) {}
};

struct Row {
  std::string_view pattern;
  std::string_view signature;
  UnitClass unit;
  Picked (*pick)(const Form &);
  unsigned minArch = 0;    ///< 89 for what needs sm_89
  bool terminates = false; ///< ends a basic block
};

/// Fills FORM when OPCODE (dotted) is of ROW's form. Order::Any: with the modifiers in another order than the manual's,
/// types among themselves excepted; ptxas takes that, and compilers write it (`atom.global.gpu.acq_rel.add.u32`).
enum class Order { Manual, Any };
bool matches(const Row &row, std::string_view opcode, Order order, Form &form);

/// What instructions of ROW do to memory, from their name.
MemoryUse memoryUse(const Row &row);

/// The rows of one vector level; index 0 is what every x86-64 runs.
struct InstructionSet {
  std::vector<const Row *> rows;
  Handler blockEntry;
  Handler predicated;
};

/// The set for the best level that this machine has.
const InstructionSet &instructionSet();
/// Rows whose opcode is NAME ("add").
std::span<const Row *const> rowsNamed(std::string_view name);

} // namespace sage::sim
