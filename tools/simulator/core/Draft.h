// The state between parsing and the finished program: instructions whose operands are virtual registers. Shared by the
// decoder's files (Decoder.cpp, Operands.cpp, Slots.cpp, Layout.cpp), used by nobody else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/Decoder.h"
#include "isa/Row.h"

namespace sage::sim {

/// Width classes of storage: a predicate mask, 32 bits a lane, 64 bits a lane.
enum class Width : std::uint8_t { Predicate, Narrow, Wide };
inline Width widthOf(Type t) {
  return t == Type::Pred ? Width::Predicate : typeBits(t) > 32 ? Width::Wide : Width::Narrow;
}

struct Entry {
  enum class Kind : std::uint8_t { Raw, Register, Constant, Special };
  Kind kind = Kind::Raw;
  bool isDefinition = false;
  std::uint32_t value = 0; ///< the number itself, or an index
};

struct DraftInst {
  const Row *row = nullptr;
  Picked picked;
  std::vector<Entry> entries;
  int predicate = -1; ///< virtual register
  bool predicateNegated = false;
  std::uint8_t vector = 1;
  int target = -1; ///< instruction index
  int jumpTable = -1;
  int call = -1; ///< index into Draft::calls
  const Function *owner = nullptr;
  bool touchesMemory = false;
  std::size_t base = 0; ///< of its function's instructions
  std::uint32_t line = 0;
  std::uint32_t index = 0;
};

struct DraftBlock {
  std::size_t first = 0, last = 0; ///< [first, last)
  std::vector<std::size_t> successors;
};

struct ConstantKey {
  Width width;
  std::uint64_t value;
  auto operator<=>(const ConstantKey &) const = default;
};

/// One function of a program: the kernel, or a device function that it may call.
struct DraftFunction {
  const Function *function = nullptr;
  std::size_t firstInstruction = 0, firstRegister = 0, endRegister = 0;
  int frameRegister = -1;                           ///< virtual register; a kernel has none
  std::unordered_map<int, std::uint32_t> upperHalf; ///< of the 128-bit registers: virtual register, by number
  bool recursive = false;                           ///< may be entered again while it runs
  std::unordered_map<std::string, Symbol> local;    ///< shared, local and parameter symbols
  FunctionInfo info;
  /// Slots of each width, filled by assignSlots.
  std::array<std::pair<std::uint32_t, std::uint32_t>, 3> slots{};
};

struct DraftCall {
  int callee = -1; ///< index of a DraftFunction; -1: through a pointer, or a builtin
  Builtin builtin = Builtin::None;
  std::string name;
  std::size_t caller = 0;
  std::uint32_t pointer = 0; ///< virtual register
  std::vector<FramePiece> arguments, results;
};

struct Draft {
  const Module *module = nullptr;
  const Function *function = nullptr;
  const SymbolTable *symbols = nullptr;
  unsigned arch = 0;
  std::vector<DraftFunction> functions; ///< callees before their callers, the kernel last
  std::vector<DraftCall> calls;
  std::size_t now = 0; ///< the function at hand
  std::unordered_map<std::string, Symbol> shared;
  std::vector<Width> registers; ///< the function's, then those made for sinks
  std::map<ConstantKey, std::uint32_t> constantIndex;
  std::vector<ConstantKey> constants;
  struct SpecialUse {
    Special special;
    bool wide;
  };
  std::vector<SpecialUse> specials;
  std::vector<DraftInst> code;
  std::vector<DraftBlock> blocks;
};

/// Thrown inside the decoder only.
struct DecodeFailure {
  SourceError error;
};
[[noreturn]] inline void failAt(std::uint32_t line, std::string message) {
  throw DecodeFailure{{line, std::move(message)}};
}

/// Operands.cpp: matches INSTRUCTION against the table and resolves its operands.
DraftInst resolveInstruction(Draft &draft, const Instruction &instruction, std::uint32_t index);
/// BarrierOperands.cpp: fails where a constant operand of a barrier is out of range.
void checkBarrierOperands(const Instruction &instruction, const Form &form);
/// CallGraph.cpp: fills `functions` from the kernel's calls.
void collectFunctions(Draft &draft);
/// Bytes of stack below the kernel's variables that its calls need: one frame of each, and whether more may be.
struct StackNeed {
  std::uint32_t bytes;
  bool recursive;
};
StackNeed stackNeed(const Draft &draft);
/// CallGraph.cpp: the operands of a call.
DraftCall resolveCall(const Draft &draft, const Instruction &instruction);
/// Layout.cpp: addresses of shared, local and parameter variables.
void layOut(Draft &draft, Program &program);
/// Slots.cpp: the accumulators and the registers of A of all wgmma operations.
std::unordered_set<std::uint32_t> wgmmaRegisters(const Draft &draft);
/// Slots.cpp: register-file offsets of all virtual registers, constants and specials; fills the program's tables.
struct SlotMap {
  std::vector<std::uint32_t> registers, constants, specials;
};
SlotMap assignSlots(Draft &draft, Program &program);

} // namespace sage::sim
