// The arguments of a kernel as the command line writes them: u32:5, s64:-1, f32:1.5, buf:4096, buf:@file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sage::sim::tool {

struct Argument {
  bool isBuffer = false;
  std::vector<std::uint8_t> bytes; ///< the value, or what the buffer starts with
  std::uint64_t size = 0;          ///< of a buffer
  bool written = false;            ///< the buffer's content comes from a file
  std::string text;
};

/// False, and MESSAGE says why, when TEXT is no argument.
bool parseArgument(const std::string &text, Argument &to, std::string &message);
/// "4,2,1": one to three numbers, the rest 1.
bool parseTriple(const std::string &text, unsigned (&to)[3]);
bool readFile(const std::string &path, std::vector<std::uint8_t> &to);

} // namespace sage::sim::tool
