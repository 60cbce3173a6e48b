// Parsed function → Program: matches every instruction against the instruction table, resolves operands, lays out
// shared memory and parameters, finds basic blocks, and gives registers their slots.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>

#include "core/Program.h"
#include "ptx/Module.h"

namespace sage::sim {

/// Module-level variables that have an address before any kernel runs (.global, .const).
struct Symbol {
  Space space;
  std::uint64_t address;
};
using SymbolTable = std::unordered_map<std::string, Symbol>;

/// What `mov` gives for the name of the device function that is number INDEX in the module.
constexpr std::uint64_t functionAddress(std::size_t index) { return 0x100 + 16 * index; }

/// The kernel, or the first error with its line: an unknown instruction, a wrong operand, …
std::variant<std::unique_ptr<Program>, SourceError> decodeKernel(const Module &module, const Function &function,
                                                                 const SymbolTable &symbols,
                                                                 std::shared_ptr<const std::vector<std::string>> lines);

/// 80 for "sm_80", 90 for "sm_90a"; 0 when it is no such name.
unsigned archNumber(const std::string &target);

} // namespace sage::sim
