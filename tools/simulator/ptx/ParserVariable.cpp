// Declarations of .global, .const, .shared and .local variables, and their initialisers (PTX ISA §5.4).
#include "ptx/ParserImpl.h"

namespace sage::sim {
namespace {
constexpr std::uint64_t maxVariableBytes = std::uint64_t{1} << 36;
}

// One directive may declare several names: .global .b32 a, b[4];
std::vector<Variable> Parser::parseVariables(Space space, bool isExtern) {
  Variable v;
  v.space = space;
  v.isExtern = isExtern;
  unsigned vector = 1;
  while (peek().kind == Token::Kind::Word && peek().text.starts_with(".")) {
    const std::string word(take().text);
    if (word == ".align")
      v.align = static_cast<std::uint32_t>(expectInteger("an alignment", 1 << 20));
    else if (word == ".v2")
      vector = 2;
    else if (word == ".v4")
      vector = 4;
    else if (word == ".attribute") {
      expectPunct('(');
      for (int open = 1; open > 0; take()) {
        if (peek().kind == Token::Kind::End) fail("expected ')'");
        open += isPunct('(') - isPunct(')');
      }
    } else if (const Type type = typeByName(word.substr(1)); type != Type::None)
      v.type = type;
    else
      fail("unknown type or attribute '" + word + "' in a declaration");
  }
  if (v.align == 0 || (v.align & (v.align - 1)) != 0) fail("the alignment is not a power of two");
  std::vector<Variable> result;
  do {
    Variable one = v;
    one.line = peek().line;
    one.name = expectName("a variable name");
    one.bytes = std::uint64_t{typeBytes(v.type)} * vector;
    one.align = std::max(v.align, static_cast<std::uint32_t>(one.bytes));
    parseArrayBounds(one, one.bytes);
    if (acceptPunct('=')) parseInitialiser(one);
    result.push_back(std::move(one));
  } while (acceptPunct(','));
  expectPunct(';');
  return result;
}

void Parser::parseArrayBounds(Variable &v, std::uint64_t elementBytes) {
  if (!isPunct('[')) return;
  std::uint64_t count = 1;
  while (acceptPunct('[')) {
    const std::uint64_t bound = isPunct(']') ? 0 : expectInteger("an array bound");
    if (bound != 0 && count > maxVariableBytes / bound) fail("the array is too large");
    count *= bound;
    expectPunct(']');
  }
  if (count > maxVariableBytes / std::max<std::uint64_t>(elementBytes, 1)) fail("the array is too large");
  v.bytes = count * elementBytes;
}

void Parser::parseInitialiser(Variable &v) {
  parseInitialValue(v, 0);
  if (v.bytes == 0) v.bytes = v.initialiser.size();
  if (v.initialiser.size() > v.bytes) fail("the initialiser of '" + v.name + "' is longer than the variable");
}

void Parser::appendBytes(Variable &v, std::uint64_t bits, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) v.initialiser.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
}

void Parser::parseInitialValue(Variable &v, int depth) {
  if (depth > 16) fail("the initialiser is nested too deeply");
  const unsigned bytes = typeBytes(v.type);
  if (acceptPunct('{')) {
    while (!isPunct('}')) {
      parseInitialValue(v, depth + 1);
      if (!acceptPunct(',')) break;
    }
    return expectPunct('}');
  }
  const Token &token = peek();
  if (token.kind == Token::Kind::Word) {
    const bool generic = token.text == "generic";
    if (generic) take(), expectPunct('(');
    const std::string symbol = expectName("a symbol");
    if (generic) expectPunct(')');
    v.relocations.push_back({v.initialiser.size(), symbol, parseOffset(), generic});
    if (bytes != 8) fail("an address needs a 64-bit element");
    return appendBytes(v, 0, bytes);
  }
  const Operand value = parseNumber();
  std::uint64_t bits = value.bits;
  // A decimal floating-point number has double bits and takes the width of the variable.
  if (value.kind == Operand::Kind::Float64 && v.type == Type::F32)
    bits = __builtin_bit_cast(std::uint32_t, static_cast<float>(__builtin_bit_cast(double, bits)));
  appendBytes(v, bits, bytes);
}

} // namespace sage::sim
