// Parameters and results of device functions that stand in registers (PTX ISA §7.1, §9.7.12.5): they are passed through
// `.param` variables like all others, with the moves that the text leaves out.
#include "ptx/ParserImpl.h"

namespace sage::sim {
namespace {

Instruction move(const std::string &opcode, unsigned bits, Operand first, Operand second, const Instruction &like) {
  Instruction result;
  result.opcode = opcode + std::to_string(bits);
  result.operands = {std::move(first), std::move(second)};
  result.line = like.line;
  result.predicate = like.predicate;
  result.predicateNegated = like.predicateNegated;
  return result;
}
Operand registerOperand(int index) {
  Operand o;
  o.kind = Operand::Kind::Register;
  o.index = index;
  return o;
}
Operand symbolOperand(const std::string &name) {
  Operand o;
  o.kind = Operand::Kind::Symbol;
  o.name = name;
  return o;
}
Operand addressOperand(const std::string &name) {
  Operand o;
  o.kind = Operand::Kind::Address;
  o.elements.push_back(symbolOperand(name));
  return o;
}

} // namespace

/// At the start of a body: registers for the parameters, which are loaded at once.
void Parser::declareRegisterParameters() {
  Instruction here;
  here.line = current->line;
  for (RegisterParameter &p : registerParameters) {
    p.index = static_cast<int>(current->registers.size());
    scopes.back().registers[p.name] = p.index;
    current->registers.push_back({p.name, p.type});
    if (!p.isResult)
      append(move("ld.param.b", typeBits(p.type), registerOperand(p.index), addressOperand(p.variable), here));
  }
}

void Parser::storeRegisterResults(const Instruction &ret) {
  for (const RegisterParameter &p : registerParameters)
    if (p.isResult)
      append(move("st.param.b", typeBits(p.type), addressOperand(p.variable), registerOperand(p.index), ret));
}

/// Replaces registers and constants in the lists of CALL by variables; AFTER gets what follows the call.
void Parser::passRegisters(Instruction &call, std::vector<Instruction> &after) {
  const bool hasResults = !call.operands.empty() && call.operands[0].kind == Operand::Kind::Vector;
  for (std::size_t k = 0; k < call.operands.size(); ++k)
    if (call.operands[k].kind == Operand::Kind::Vector)
      for (Operand &o : call.operands[k].elements) passRegister(o, hasResults && k == 0, call, after);
}

void Parser::passRegister(Operand &o, bool isResult, const Instruction &call, std::vector<Instruction> &after) {
  Variable v;
  v.space = Space::Param;
  v.type = Type::B64;
  v.line = call.line;
  switch (o.kind) {
  case Operand::Kind::Register: {
    const unsigned bits = typeBits(current->registers[static_cast<std::size_t>(o.index)].type);
    if (bits < 16 || bits > 64) failAt(call.line, "a call cannot pass '" + o.name + "'");
    v.type = bits == 16 ? Type::B16 : bits == 32 ? Type::B32 : Type::B64;
    break;
  }
  case Operand::Kind::Float32: v.type = Type::B32; break;
  case Operand::Kind::Integer: break;
  case Operand::Kind::Sink:
    if (isResult) break;
    return;
  default: return;
  }
  v.name = "$call" + std::to_string(callCount++);
  v.bytes = v.align = typeBytes(v.type);
  if (isResult && o.kind == Operand::Kind::Register)
    after.push_back(move("ld.param.b", typeBits(v.type), o, addressOperand(v.name), call));
  else if (!isResult)
    append(move("st.param.b", typeBits(v.type), addressOperand(v.name), o, call));
  o = symbolOperand(v.name);
  current->locals.push_back(std::move(v));
}

} // namespace sage::sim
