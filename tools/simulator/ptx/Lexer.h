// PTX text → tokens with line numbers (PTX ISA §4.3–4.5). Knows no instruction: a dotted word such as
// `ld.global.nc.b32` or `%tid.x` is one token. Never fails by itself; what it cannot read becomes a Bad token,
// and a comment without an end an OpenComment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage::sim {

struct Token {
  enum class Kind : std::uint8_t { Word, Integer, Float32, Float64, String, Punct, End, Bad, OpenComment };
  Kind kind = Kind::End;
  char punct = 0;
  std::uint32_t line = 0;
  std::uint64_t bits = 0; ///< value of an Integer; the IEEE bits of a Float32 or Float64
  std::string_view text;  ///< into the source
};

/// The tokens of SOURCE, the last one of kind End. The views point into SOURCE.
std::vector<Token> tokenize(std::string_view source);

} // namespace sage::sim
