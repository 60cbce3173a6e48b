// The many forms of one instruction, for tests that run them all: opcodes from a pattern, and small pieces of PTX.
#pragma once

#include <cstdint>
#include <string>

#include "Device.h"

namespace sage::simtest {

/// Opcode number N of a pattern such as "ld.[weak].ca|cg.b32": `a|b` one of them, `[a|b]` one of them or none. In as
/// many opcodes as the longest part has alternatives, each of them comes up.
std::string nthForm(const std::string &pattern, unsigned n);
/// How many those are.
unsigned formCount(const std::string &pattern);

/// Copies WORDS of 32 bits from the address in one register to that in another, by way of %w0.
std::string copyWords(const std::string &from, const std::string &to, const std::string &fromSpace,
                      const std::string &toSpace, unsigned words);

std::string hexadecimal(std::uint64_t value);

} // namespace sage::simtest
