// Function bodies: scopes, registers, labels, instructions, operands (PTX ISA §4.3, §6.2–6.4, §11.6).
#include "ptx/ParserImpl.h"

namespace sage::sim {
namespace {

constexpr std::size_t maxRegisters = 1 << 18;
constexpr std::size_t maxInstructions = 1 << 20;

bool isSpecialRegister(std::string_view name) { return name.size() > 1 && name[0] == '%'; }

} // namespace

void Parser::openScope() {
  scopes.push_back({});
  scopes.back().parent = scope;
  scope = static_cast<int>(scopes.size()) - 1;
}

void Parser::parseBody(Function &function) {
  current = &function;
  scopes.clear();
  scope = -1;
  instructionScopes.clear();
  pendingTables.clear();
  expectPunct('{');
  module.sources->places.push_back({function.line, 0, 0});
  openScope();
  declareRegisterParameters();
  while (scope >= 0) parseStatement();
  scope = 0;
  Instruction end; // the return that the end of the body stands for
  end.line = current->line;
  storeRegisterResults(end);
  resolveLabels();
  current = nullptr;
}

void Parser::parseStatement() {
  const Token &token = peek();
  if (token.kind == Token::Kind::End) fail("the function body does not end");
  if (acceptPunct('{')) return openScope();
  if (acceptPunct('}')) {
    scope = scopes[static_cast<std::size_t>(scope)].parent;
    return;
  }
  if (acceptPunct(';')) return;
  if (token.kind == Token::Kind::Word && token.text.starts_with(".")) return parseBodyDirective();
  if (token.kind == Token::Kind::Word && isPunct(':', 1)) return parseLabel();
  parseInstruction();
}

void Parser::parseBodyDirective() {
  const std::string word(peek().text);
  if (word == ".reg") return parseRegisters();
  if (word == ".loc" || word == ".file") return parseSourcePlace();
  if (word == ".pragma") {
    while (peek().kind != Token::Kind::End && !isPunct(';')) take();
    return expectPunct(';');
  }
  Space space{};
  if (word == ".shared")
    space = Space::Shared;
  else if (word == ".local")
    space = Space::Local;
  else if (word == ".global")
    space = Space::Global;
  else if (word == ".const")
    space = Space::Const;
  else if (word == ".param")
    space = Space::Param;
  else
    fail("unknown directive '" + word.substr(0, 60) + "'");
  take();
  for (Variable &v : parseVariables(space, false)) current->locals.push_back(std::move(v));
}

void Parser::parseRegisters() {
  take();
  const std::string word = expectName("a register type");
  const Type type = typeByName(std::string_view(word).substr(1));
  if (type == Type::None) fail("unknown register type '" + word + "'");
  Scope &here = scopes[static_cast<std::size_t>(scope)];
  do {
    const std::string name = expectName("a register name");
    const int first = static_cast<int>(current->registers.size());
    std::uint64_t count = 1;
    if (acceptPunct('<')) {
      count = expectInteger("a register count", maxRegisters);
      expectPunct('>');
      here.ranges.push_back({name, first, static_cast<std::uint32_t>(count)});
      for (std::uint64_t i = 0; i < count; ++i) current->registers.push_back({name + std::to_string(i), type});
    } else {
      here.registers[name] = first;
      current->registers.push_back({name, type});
    }
    if (current->registers.size() > maxRegisters) fail("too many registers");
  } while (acceptPunct(','));
  expectPunct(';');
}

void Parser::parseLabel() {
  const std::string name(take().text);
  take();
  if (isWord(".branchtargets") || isWord(".calltargets") || isWord(".callprototype")) return parseBranchTargets(name);
  Scope &here = scopes[static_cast<std::size_t>(scope)];
  if (!here.labels.emplace(name, static_cast<int>(current->body.size())).second)
    fail("label '" + name + "' is defined twice");
}

void Parser::parseBranchTargets(const std::string &name) {
  const bool isBranch = isWord(".branchtargets");
  const std::uint32_t line = take().line;
  PendingTable table{name, {}, scope, line};
  while (!isPunct(';') && peek().kind != Token::Kind::End) {
    if (peek().kind == Token::Kind::Word) table.labels.emplace_back(peek().text);
    take();
  }
  expectPunct(';');
  if (isBranch) pendingTables.push_back(std::move(table));
}

void Parser::parseInstruction() {
  Instruction instruction;
  if (acceptPunct('@')) {
    instruction.predicateNegated = acceptPunct('!');
    const std::string name = expectName("a predicate register");
    instruction.predicate = findRegister(name);
    if (instruction.predicate < 0) fail("unknown predicate register '" + name + "'");
    if (current->registers[static_cast<std::size_t>(instruction.predicate)].type != Type::Pred)
      fail("'" + name + "' is not a predicate register");
  }
  instruction.line = peek().line;
  instruction.opcode = expectName("an instruction");
  if (instruction.opcode.starts_with(".") || instruction.opcode.starts_with("%"))
    fail("expected an instruction, found '" + instruction.opcode.substr(0, 60) + "'");
  inCall = instruction.opcode == "call" || instruction.opcode == "call.uni";
  while (!isPunct(';')) {
    instruction.operands.push_back(parseOperand(0));
    if (!acceptPunct(',')) break;
  }
  expectPunct(';');
  std::vector<Instruction> after;
  if (inCall) passRegisters(instruction, after);
  if (instruction.opcode == "ret" || instruction.opcode == "ret.uni") storeRegisterResults(instruction);
  append(std::move(instruction));
  for (Instruction &i : after) append(std::move(i));
}

void Parser::append(Instruction instruction) {
  if (current->body.size() >= maxInstructions) fail("the function has too many instructions");
  current->body.push_back(std::move(instruction));
  instructionScopes.push_back(scope);
}

Operand Parser::parseOperand(int depth) {
  if (depth > 8) fail("operands are nested too deeply");
  if (acceptPunct('{')) return parseList('}', depth);
  if (inCall && acceptPunct('(')) return parseList(')', depth);
  if (acceptPunct('[')) return parseAddress(depth);
  if (isPunct('!') && peek(1).kind == Token::Kind::Word) {
    take();
    Operand operand = parseWordOperand();
    operand.negated = true;
    return operand;
  }
  if (peek().kind == Token::Kind::Word) return parseWordOperand();
  return parseNumber();
}

Operand Parser::parseList(char close, int depth) {
  Operand list;
  list.kind = Operand::Kind::Vector;
  while (!isPunct(close)) {
    list.elements.push_back(parseOperand(depth + 1));
    if (!acceptPunct(',')) break;
  }
  expectPunct(close);
  return list;
}

// [%rd1+16], [smem+%r1] is not PTX; tensor coordinates come as [%rd1, {%r1, %r2}].
Operand Parser::parseAddress(int depth) {
  Operand address;
  address.kind = Operand::Kind::Address;
  while (!isPunct(']')) {
    address.elements.push_back(parseOperand(depth + 1));
    address.offset += parseOffset();
    if (!acceptPunct(',')) break;
  }
  expectPunct(']');
  acceptWord(".unified"); // §9.7.9.8: the location does not change; nothing to do here
  if (address.elements.empty()) fail("the address is empty");
  if (address.elements[0].kind == Operand::Kind::Symbol) {
    address.offset += address.elements[0].offset;
    address.elements[0].offset = 0;
  }
  return address;
}

// A run of +n, -n, +-n behind an address.
std::int64_t Parser::parseOffset() {
  std::uint64_t offset = 0;
  while (isPunct('+') || isPunct('-')) {
    bool negative = false;
    while (isPunct('+') || isPunct('-')) negative ^= take().punct == '-';
    const std::uint64_t value = expectInteger("an offset");
    offset += negative ? 0 - value : value;
  }
  return static_cast<std::int64_t>(offset);
}

Operand Parser::parseNumber() {
  if (startsExpression()) {
    Operand constant;
    constant.kind = Operand::Kind::Integer;
    constant.bits = parseExpression();
    return constant;
  }
  const bool negative = acceptPunct('-');
  Operand operand;
  const Token &token = peek();
  switch (token.kind) {
  case Token::Kind::Float32:
    operand.kind = Operand::Kind::Float32;
    operand.bits = negative ? token.bits ^ 0x80000000u : token.bits;
    break;
  case Token::Kind::Float64:
    operand.kind = Operand::Kind::Float64;
    operand.bits = negative ? token.bits ^ (std::uint64_t{1} << 63) : token.bits;
    break;
  default: fail("expected an operand, found '" + std::string(token.text.substr(0, 60)) + "'");
  }
  take();
  return operand;
}

Operand Parser::parseWordOperand() {
  Operand operand;
  const std::string name = expectName("an operand");
  if (name == "_" && !isPunct('|')) return operand;
  operand.index = findRegister(name);
  if (isPunct('|')) {
    take();
    const std::string second = expectName("a predicate register");
    operand.kind = Operand::Kind::Pair;
    operand.second = findRegister(second);
    if ((operand.index < 0 && name != "_") || (operand.second < 0 && second != "_"))
      fail("unknown register in '" + name + "|" + second + "'");
    return operand;
  }
  operand.name = name;
  if (operand.index >= 0) {
    operand.kind = Operand::Kind::Register;
  } else if (isSpecialRegister(name)) {
    operand.kind = Operand::Kind::Special;
  } else {
    operand.kind = Operand::Kind::Symbol;
    operand.offset = parseOffset();
  }
  return operand;
}

int Parser::findRegister(const std::string &name) const {
  std::size_t digits = name.size();
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
  const std::string_view prefix = std::string_view(name).substr(0, digits);
  const bool numbered =
      digits < name.size() && name.size() - digits < 9 && (name[digits] != '0' || digits + 1 == name.size());
  const std::uint32_t number = numbered ? static_cast<std::uint32_t>(std::stoul(name.substr(digits))) : 0;
  for (int s = scope; s >= 0; s = scopes[static_cast<std::size_t>(s)].parent) {
    const Scope &here = scopes[static_cast<std::size_t>(s)];
    if (const auto found = here.registers.find(name); found != here.registers.end()) return found->second;
    if (!numbered) continue;
    for (const Scope::Range &range : here.ranges)
      if (range.prefix == prefix && number < range.count) return range.first + static_cast<int>(number);
  }
  return -1;
}

int Parser::findLabel(const std::string &name, int from) const {
  for (int s = from; s >= 0; s = scopes[static_cast<std::size_t>(s)].parent) {
    const Scope &here = scopes[static_cast<std::size_t>(s)];
    if (const auto found = here.labels.find(name); found != here.labels.end()) return found->second;
  }
  return -1;
}

// Labels may be used before they stand in the text, so they are resolved when the body is complete. What is no label
// stays a symbol; the decoder knows whether a symbol may stand there.
void Parser::resolveLabels() {
  for (std::size_t i = 0; i < current->body.size(); ++i)
    for (Operand &operand : current->body[i].operands) {
      if (operand.kind != Operand::Kind::Symbol || operand.offset != 0) continue;
      const int label = findLabel(operand.name, instructionScopes[i]);
      if (label < 0) continue;
      operand.kind = Operand::Kind::Label;
      operand.index = label;
    }
  for (const PendingTable &table : pendingTables) {
    JumpTable resolved{table.name, {}};
    for (const std::string &name : table.labels) {
      const int label = findLabel(name, table.scope);
      if (label < 0) failAt(table.line, "unknown label '" + name + "' in .branchtargets");
      resolved.targets.push_back(label);
    }
    current->jumpTables.push_back(std::move(resolved));
  }
}

} // namespace sage::sim
