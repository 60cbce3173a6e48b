// The decoded instruction: what the execution loop walks over. Operands are resolved to byte offsets into the warp's
// register file, so a handler does no look-up at all.
//
// A register is an array over the 32 lanes: 128 bytes for everything up to 32 bits, 256 bytes for 64 bits. A predicate
// is one 32-bit mask. Constants and special registers have slots in the same file, filled when a block starts.
#pragma once

#include <cstdint>

namespace sage::sim {

/// What an instruction does to memory, for the words of a report.
enum class MemoryUse : std::uint8_t {
  Other,
  Read,
  Write,
  Atomic,
  CopyIn,  ///< reads global memory, writes shared memory
  CopyOut, ///< the other way round
};

struct CallSite;
struct Inst;
struct Warp;

/// Executes INST for the active lanes and returns the next instruction, or null when the warp must stop (Warp::stop
/// tells why and Warp::pc where to go on).
using Handler = const Inst *(*)(Warp &, const Inst *);

struct Inst {
  Handler fn = nullptr;
  Handler inner = nullptr;          ///< behind the predicate wrapper
  Handler guarded = nullptr;        ///< behind the guard of wgmma registers (RegisterGuard.h)
  const std::uint32_t *o = nullptr; ///< operands: offsets into the register file, in the order of the row's signature
  union {
    std::int64_t imm = 0;       ///< displacement of an address, or an immediate of the row
    const Inst *target;         ///< of a branch
    const Inst *const *targets; ///< of brx.idx
    const CallSite *call;       ///< of call
  };
  std::uint32_t line = 0;
  std::uint32_t predicate = 0; ///< offset of the mask, when `hasPredicate`
  bool hasPredicate = false;
  bool predicateNegated = false;
  MemoryUse use = MemoryUse::Other;
  std::uint8_t operandCount = 0; ///< entries in `o`
  std::uint8_t vector = 1;       ///< elements of a vector load or store
  std::uint8_t unitClass = 0;    ///< index into the instruction classes of Counters.h
  std::uint16_t extra = 0;       ///< meaning depends on the row (cp.async size, a combination operator, …)
  std::uint32_t id = 0;          ///< of the basic block for a block entry; else of the memory look-up cache
  std::uint32_t index = 0;       ///< into the parsed body, for its text
};

} // namespace sage::sim
