// The parsed form of a PTX module: variables, functions, and instructions whose registers are numbered and whose labels
// are resolved, but whose opcodes are still text. The parser makes it, the decoder reads it; nothing executes it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ptx/Type.h"

namespace sage::sim {

/// Who sees a module-level name when modules are linked.
enum class Linkage : std::uint8_t { Local, Visible, Weak, Common, Extern };

struct Operand {
  enum class Kind : std::uint8_t {
    Register, ///< `index` is the register; `negated` for !%p
    Pair,     ///< %p|%q: `index` and `second`; either may be a sink
    Sink,     ///< _
    Special,  ///< %tid.x and the like: `name`
    Integer,  ///< `bits`
    Float32,  ///< `bits`
    Float64,  ///< `bits`
    Symbol,   ///< variable, parameter or function `name`, plus `offset`
    Label,    ///< `index` is the instruction it stands before
    Vector,   ///< { elements }
    Address,  ///< [ elements[0] + offset ]
  };
  Kind kind = Kind::Sink;
  bool negated = false;
  int index = -1;
  int second = -1;
  std::uint64_t bits = 0;
  std::int64_t offset = 0;
  std::string name;
  std::vector<Operand> elements;
};

struct Instruction {
  std::string opcode; ///< with its modifiers, dotted
  std::vector<Operand> operands;
  int predicate = -1; ///< register, or -1
  bool predicateNegated = false;
  std::uint32_t line = 0;
};

struct Variable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::B8;
  std::uint64_t bytes = 0; ///< 0 for an extern array without a bound
  std::uint32_t align = 1;
  bool isExtern = false;
  Linkage linkage = Linkage::Local;
  std::uint32_t line = 0;
  std::vector<std::uint8_t> initialiser; ///< shorter than `bytes`: the rest is zero
  struct Relocation {
    std::uint64_t at;
    std::string symbol;
    std::int64_t addend;
    bool generic;
  };
  std::vector<Relocation> relocations;
};

struct Register {
  std::string name;
  Type type;
};

struct JumpTable {
  std::string name;
  std::vector<int> targets; ///< instruction indices
};

struct Function {
  std::string name;
  bool isEntry = false;
  bool hasBody = false;
  Linkage linkage = Linkage::Local;
  std::uint32_t line = 0;
  std::vector<Variable> parameters;
  std::vector<Variable> results; ///< of a .func, in .param space
  std::vector<Variable> locals;  ///< .shared, .local, .const, .global declared in the body
  std::vector<Register> registers;
  std::vector<Instruction> body;
  std::vector<JumpTable> jumpTables;
  std::array<std::uint32_t, 3> requiredThreads{};
  std::array<std::uint32_t, 3> maxThreads{};
  std::array<std::uint32_t, 3> requiredCluster{};
  std::uint32_t maxClusterBlocks = 0;
  bool explicitCluster = false;
  bool blocksAreClusters = false;
  std::uint32_t minBlocksPerSm = 0;
  std::uint32_t maxRegisters = 0;
};

/// What .file and .loc say (PTX ISA §11.5): from which line of which source file the PTX lines were made.
struct SourceMap {
  struct Place {
    std::uint32_t ptxLine, file, line; ///< from this line of PTX on; line 0: from nowhere
  };
  std::map<std::uint32_t, std::string> files;
  std::vector<Place> places; ///< in the order of the PTX lines

  /// "kernel.cu:12", or nothing.
  std::string at(std::uint32_t ptxLine) const;
};

struct Module {
  int versionMajor = 0, versionMinor = 0;
  std::string target; ///< "sm_80"
  unsigned addressBits = 64;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::vector<std::string> lines; ///< the source, for reports
  std::shared_ptr<SourceMap> sources = std::make_shared<SourceMap>();
};

/// Why a module was refused: what a JIT error log says.
struct SourceError {
  std::uint32_t line = 0;
  std::string message;
};

} // namespace sage::sim
