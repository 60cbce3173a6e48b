// From an instruction's text to a row of the table and to resolved operands, as the row's signature says (isa/Row.h).
#include <algorithm>

#include "core/Draft.h"
#include "core/SpecialRegisters.h"

namespace sage::sim {
namespace {

/// One word of a signature, taken apart.
struct Item {
  char kind = 0;
  char count = 0; ///< of D and A: '1' … '4', 'V', 'M'
  bool optional = false;
  bool relaxed = false;
  std::string_view type;
};

std::vector<Item> parseSignature(std::string_view text) {
  std::vector<Item> items;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Item item;
    if (word.starts_with("?")) item.optional = true, word.remove_prefix(1);
    item.kind = word[0] == 'b' || word[0] == 'c' ? 'a' : word[0];
    word.remove_prefix(1);
    if (item.kind == 'D' || item.kind == 'A') item.count = word[0], word.remove_prefix(1);
    if (word.starts_with("~")) item.relaxed = true, word.remove_prefix(1);
    if (word.starts_with(":")) item.type = word.substr(1);
    items.push_back(item);
  }
  return items;
}

Type widened(Type t) {
  switch (t) {
  case Type::U16: return Type::U32;
  case Type::S16: return Type::S32;
  case Type::U32: return Type::U64;
  default: return Type::S64;
  }
}

Type itemType(const Item &item, const Form &form) {
  if (item.type.empty()) return form.type() == Type::None ? Type::B32 : form.type();
  if (item.type == "w") return widened(form.type());
  if (item.type.size() == 1) return form.type(static_cast<std::size_t>(item.type[0] - '0'));
  return typeByName(item.type);
}

// §9.7.15.5: f16 sums share a register, the others have one each; 64 × N over 128 threads.
std::size_t accumulators(const Form &form) {
  for (const std::string_view m : form.modifiers)
    if (m.starts_with("m64n")) {
      std::size_t n = 0;
      for (std::size_t k = 4; k < m.size() && m[k] != 'k'; ++k) n = 10 * n + static_cast<std::size_t>(m[k] - '0');
      return n / (form.type(0) == Type::F16 ? 4 : 2);
    }
  return 0;
}

/// Tries one row on one instruction. A mismatch is not an error yet: another row may fit.
class Resolver {
public:
  Resolver(Draft &d, const Instruction &i, Form &f) : draft(d), instruction(i), form(f) {}

  bool run(DraftInst &inst) {
    result = &inst;
    std::size_t next = 0;
    for (const Item &item : parseSignature(form.row->signature)) {
      if (next >= instruction.operands.size()) {
        if (item.optional) continue;
        return mismatch("has too few operands");
      }
      if (!resolve(item, instruction.operands[next])) return false;
      ++next;
    }
    return next == instruction.operands.size() || mismatch("has too many operands");
  }
  std::string why;

private:
  bool mismatch(std::string reason) {
    if (why.empty()) why = std::move(reason);
    return false;
  }

  void add(Entry::Kind kind, std::uint32_t value, bool isDefinition = false) {
    result->entries.push_back({kind, isDefinition, value});
  }
  void addRaw(std::uint32_t value) { add(Entry::Kind::Raw, value); }
  // The frame's address is a register that the text does not name: it stands behind those of the function.
  Type registerType(int index) const {
    const auto &named = draft.function->registers;
    return static_cast<std::size_t>(index) < named.size() ? named[static_cast<std::size_t>(index)].type : Type::B64;
  }
  void addRegister(int index, bool isDefinition = false) {
    add(Entry::Kind::Register, static_cast<std::uint32_t>(index) + static_cast<std::uint32_t>(here().firstRegister),
        isDefinition);
  }
  const DraftFunction &here() const { return draft.functions[draft.now]; }

  bool resolve(const Item &item, const Operand &operand) {
    const Type type = itemType(item, form);
    switch (item.kind) {
    case 'd': return destination(operand, type, item.relaxed);
    case 'S': // a destination that gets no value
      return operand.kind == Operand::Kind::Sink ? destination(operand, type, false) : mismatch("takes `_` only here");
    case 'a': return source(operand, type, item.relaxed);
    case 'D':
    case 'A': return list(item, operand, type);
    case 'P': return predicatePair(operand);
    case 'N':
      return operand.kind != Operand::Kind::Pair ? predicatePair(operand) : mismatch("takes no second predicate");
    case 'Q': return registerWithPredicate(operand, type);
    case 'p': return sourcePredicate(operand);
    case 'X':
    case 'Y': return halves(operand, item.kind == 'X');
    case 'm': return address(operand);
    case 't': return tensor(operand);
    case 'i':
    case 's': return immediate(operand, item.kind == 's');
    case 'r': return registerCount(operand);
    case 'L': return label(operand);
    case 'T': return table(operand);
    case 'C': return clock(operand);
    default: return mismatch("has a row with a wrong signature");
    }
  }

  bool widthFits(Type registerType, Type type, bool relaxed) {
    const unsigned have = typeBits(registerType), want = typeBits(type);
    if (registerType == Type::Pred) return mismatch("has a predicate where a value belongs");
    if (have > 64) return mismatch("has an operand of 128 bits");
    if (relaxed) {
      for (std::uint8_t &bits : form.registerBits)
        if (bits == 0) {
          bits = static_cast<std::uint8_t>(have);
          break;
        }
      return have >= want || (want == 8 && have == 16) || mismatch("has an operand that is too narrow");
    }
    if (have == want || (want == 8 && have <= 32)) return true;
    return mismatch("has an operand of " + std::to_string(have) + " bits where " + std::to_string(want) + " belong");
  }

  std::uint32_t sink(Width width) {
    draft.registers.push_back(width);
    return static_cast<std::uint32_t>(draft.registers.size() - 1);
  }

  bool destination(const Operand &o, Type type, bool relaxed) {
    if (o.kind == Operand::Kind::Sink) {
      if (relaxed) widthFits(typeBits(type) > 32 ? Type::B64 : Type::B32, type, true);
      add(Entry::Kind::Register, sink(widthOf(type)), true);
      return true;
    }
    if (o.kind != Operand::Kind::Register || o.negated) return mismatch("has no register as destination");
    if (!widthFits(registerType(o.index), type, relaxed)) return false;
    addRegister(o.index, true);
    return true;
  }

  void constant(Width width, std::uint64_t value) {
    const auto [it, isNew] =
        draft.constantIndex.try_emplace({width, value}, static_cast<std::uint32_t>(draft.constants.size()));
    if (isNew) draft.constants.push_back({width, value});
    add(Entry::Kind::Constant, it->second);
  }

  bool source(const Operand &o, Type type, bool relaxed) {
    switch (o.kind) {
    case Operand::Kind::Register:
      if (o.negated) return mismatch("negates something that is no predicate");
      if (!widthFits(registerType(o.index), type, relaxed)) return false;
      addRegister(o.index);
      return true;
    case Operand::Kind::Integer:
    case Operand::Kind::Float32:
    case Operand::Kind::Float64: return number(o, type, relaxed);
    case Operand::Kind::Special: return special(o, type);
    case Operand::Kind::Symbol: return symbol(o, type);
    default: return mismatch("has an operand of the wrong kind");
    }
  }

  bool number(const Operand &o, Type type, bool relaxed) {
    std::uint64_t bits = o.bits;
    const unsigned width = typeBits(type);
    if (o.kind == Operand::Kind::Integer && (type == Type::F32 || type == Type::F64))
      return mismatch("has an integer where a floating-point number belongs");
    if (o.kind == Operand::Kind::Float64 && width == 32)
      bits = __builtin_bit_cast(std::uint32_t, static_cast<float>(__builtin_bit_cast(double, bits)));
    if (o.kind == Operand::Kind::Float32 && width == 64) {
      if (type != Type::F64) return mismatch("has an f32 number where 64 bits belong");
      bits = __builtin_bit_cast(std::uint64_t,
                                static_cast<double>(__builtin_bit_cast(float, static_cast<std::uint32_t>(bits))));
    }
    if (o.kind != Operand::Kind::Integer && width < 32)
      return mismatch("has a floating-point number where " + std::to_string(width) + " bits belong");
    if (width < 64) bits &= (std::uint64_t{1} << width) - 1;
    if (relaxed) widthFits(width > 32 ? Type::B64 : Type::B32, type, true);
    constant(width > 32 ? Width::Wide : Width::Narrow, bits);
    return true;
  }

  bool special(const Operand &o, Type type) {
    const auto info = specialByName(o.name);
    if (!info) return mismatch("names the unknown register '" + o.name + "'");
    // Of a 64-bit register the lower half may be taken (§10.9, %gridid).
    if (info->dynamic || info->bits == 1 || typeBits(type) > std::max(info->bits, 32u))
      return mismatch("cannot use '" + o.name + "' here");
    specialSlot(*info, typeBits(type) > 32);
    return true;
  }

  void specialSlot(const SpecialInfo &info, bool wide) {
    std::uint32_t index = 0;
    while (index < draft.specials.size() &&
           (draft.specials[index].special != info.special || draft.specials[index].wide != wide))
      ++index;
    if (index == draft.specials.size()) draft.specials.push_back({info.special, wide});
    add(Entry::Kind::Special, index);
  }

  const Symbol *findSymbol(const std::string &name) const {
    if (const auto found = here().local.find(name); found != here().local.end()) return &found->second;
    if (const auto found = draft.symbols->find(name); found != draft.symbols->end()) return &found->second;
    return nullptr;
  }

  bool symbol(const Operand &o, Type type) {
    if (o.name == "WARP_SZ") return constant(typeBits(type) > 32 ? Width::Wide : Width::Narrow, 32), true;
    const Symbol *found = findSymbol(o.name);
    if (!found) return mismatch("names the unknown symbol '" + o.name + "'");
    if (found->space == Space::Local && here().frameRegister >= 0)
      return mismatch("cannot take the address of '" + o.name + "' here");
    if (typeBits(type) < 32) return mismatch("puts an address into " + std::to_string(typeBits(type)) + " bits");
    constant(typeBits(type) > 32 ? Width::Wide : Width::Narrow, found->address + static_cast<std::uint64_t>(o.offset));
    return true;
  }

  bool list(const Item &item, const Operand &o, Type type) {
    std::size_t want = 1;
    if (item.count == 'V')
      want = form.has("v2") ? 2 : form.has("v4") ? 4 : form.has("v8") ? 8 : 1;
    else if (item.count == 'M')
      want = form.has("x4") ? 4 : form.has("x2") ? 2 : 1;
    else if (item.count == 'W')
      want = accumulators(form);
    else
      want = static_cast<std::size_t>(item.count - '0');
    result->vector = static_cast<std::uint8_t>(want);
    const bool isVector = o.kind == Operand::Kind::Vector;
    if (!isVector && (want > 1 || item.count == 'M'))
      return mismatch("needs a vector of " + std::to_string(want) + " registers");
    const std::size_t have = isVector ? o.elements.size() : 1;
    if (have != want)
      return mismatch("has a vector of " + std::to_string(have) + " registers where " + std::to_string(want) +
                      " belong");
    const Type each = item.count == 'M' && item.type.empty() ? Type::B32 : type;
    for (std::size_t k = 0; k < want; ++k) {
      const Operand &e = isVector ? o.elements[k] : o;
      const bool first = k == 0; // the first element tells the width for all
      if (item.relaxed && !first && e.kind == Operand::Kind::Register &&
          widthOf(registerType(e.index)) != (form.registerBits[0] > 32 ? Width::Wide : Width::Narrow))
        return mismatch("mixes widths in a vector");
      if (!(item.kind == 'D' ? destination(e, each, item.relaxed && first) : source(e, each, item.relaxed && first))) {
        if (!(item.relaxed && !first)) return false;
        why.clear();
        if (!(item.kind == 'D' ? destination(e, each, true) : source(e, each, true))) return false;
      }
    }
    return true;
  }

  // A 128-bit register is a pair of 64-bit ones, the lower half first.
  bool halves(const Operand &o, bool isDefinition) {
    result->vector = 2;
    if (isDefinition && o.kind == Operand::Kind::Sink) {
      for (int half = 0; half < 2; ++half) add(Entry::Kind::Register, sink(Width::Wide), true);
      return true;
    }
    if (o.kind != Operand::Kind::Register || typeBits(registerType(o.index)) != 128)
      return mismatch("needs a register of 128 bits");
    addRegister(o.index, isDefinition);
    add(Entry::Kind::Register, here().upperHalf.at(o.index), isDefinition);
    return true;
  }

  bool predicateDestination(int index) {
    if (index < 0) {
      add(Entry::Kind::Register, sink(Width::Predicate), true);
      return true;
    }
    if (registerType(index) != Type::Pred) return mismatch("has no predicate as destination");
    addRegister(index, true);
    return true;
  }
  bool predicatePair(const Operand &o) {
    if (o.negated) return mismatch("negates a destination");
    if (o.kind == Operand::Kind::Pair) return predicateDestination(o.index) && predicateDestination(o.second);
    if (o.kind != Operand::Kind::Register && o.kind != Operand::Kind::Sink)
      return mismatch("has no predicate as destination");
    return predicateDestination(o.kind == Operand::Kind::Sink ? -1 : o.index) && predicateDestination(-1);
  }
  bool registerWithPredicate(const Operand &o, Type type) {
    if (o.kind != Operand::Kind::Pair) return destination(o, type, false) && predicateDestination(-1);
    Operand value;
    value.kind = o.index < 0 ? Operand::Kind::Sink : Operand::Kind::Register;
    value.index = o.index;
    return destination(value, type, false) && predicateDestination(o.second);
  }
  bool sourcePredicate(const Operand &o) {
    if (o.kind == Operand::Kind::Integer) {
      constant(Width::Predicate, o.bits != 0 ? 0xffffffffu : 0u);
    } else if (const auto info = o.kind == Operand::Kind::Special ? specialByName(o.name) : std::nullopt;
               info && info->bits == 1) {
      specialSlot(*info, false); // its first lane is the mask
    } else {
      if (o.kind != Operand::Kind::Register || registerType(o.index) != Type::Pred)
        return mismatch("has no predicate where one belongs");
      addRegister(o.index);
    }
    addRaw(o.negated);
    return true;
  }

  bool tensor(const Operand &o) {
    std::size_t rank = 0;
    for (const std::string_view m : form.modifiers)
      if (m.size() == 2 && m[1] == 'd') rank = static_cast<std::size_t>(m[0] - '0');
    if (o.kind != Operand::Kind::Address || o.elements.size() != 2 || o.elements[1].elements.size() != rank)
      return mismatch("needs a tensor map and " + std::to_string(rank) + " coordinates in brackets");
    Operand map = o;
    map.elements.resize(1);
    if (!address(map)) return false;
    for (const Operand &c : o.elements[1].elements)
      if (!source(c, Type::S32, false)) return false;
    return true;
  }

  bool address(const Operand &o) {
    if (o.kind != Operand::Kind::Address || o.elements.size() != 1) return mismatch("needs an address in brackets");
    const Operand &base = o.elements[0];
    std::uint64_t displacement = static_cast<std::uint64_t>(o.offset);
    bool wide = true;
    result->touchesMemory = true;
    switch (base.kind) {
    case Operand::Kind::Register: {
      const Type type = registerType(base.index);
      if (typeBits(type) != 32 && typeBits(type) != 64)
        return mismatch("has an address register of " + std::to_string(typeBits(type)) + " bits");
      wide = typeBits(type) == 64;
      addRegister(base.index);
      break;
    }
    case Operand::Kind::Symbol: {
      const Symbol *found = findSymbol(base.name);
      if (!found) return mismatch("names the unknown symbol '" + base.name + "'");
      displacement += found->address;
      if (found->space == Space::Local && here().frameRegister >= 0)
        add(Entry::Kind::Register, static_cast<std::uint32_t>(here().frameRegister));
      else
        constant(Width::Wide, 0);
      break;
    }
    case Operand::Kind::Integer:
      displacement += base.bits;
      constant(Width::Wide, 0);
      break;
    default: return mismatch("has an address of the wrong kind");
    }
    addRaw(wide);
    addRaw(static_cast<std::uint32_t>(displacement));
    addRaw(static_cast<std::uint32_t>(displacement >> 32));
    return true;
  }

  // A cp.async size is 4, 8 or 16, and 16 only where the first-level cache is bypassed.
  bool immediate(const Operand &o, bool isCopySize) {
    if (o.kind != Operand::Kind::Integer) return mismatch("needs a constant");
    const bool sizeFits = o.bits == 16 || (!form.has("cg") && (o.bits == 4 || o.bits == 8));
    if (isCopySize && !sizeFits) return mismatch("cannot copy " + std::to_string(o.bits) + " bytes");
    addRaw(static_cast<std::uint32_t>(o.bits));
    return true;
  }
  // §9.7.19.5.
  bool registerCount(const Operand &o) {
    if (o.kind != Operand::Kind::Integer || o.bits < 24 || o.bits > 256 || o.bits % 8 != 0)
      return mismatch("needs a number of registers from 24 to 256, a multiple of 8");
    addRaw(static_cast<std::uint32_t>(o.bits));
    return true;
  }
  bool label(const Operand &o) {
    if (o.kind != Operand::Kind::Label)
      return mismatch("needs a label" + (o.name.empty() ? std::string() : ", and '" + o.name + "' is none"));
    result->target = o.index;
    return true;
  }
  bool table(const Operand &o) {
    for (std::size_t k = 0; k < draft.function->jumpTables.size(); ++k)
      if (draft.function->jumpTables[k].name == o.name) result->jumpTable = static_cast<int>(k);
    return result->jumpTable >= 0 || mismatch("needs a .branchtargets list");
  }
  bool clock(const Operand &o) {
    const auto info = o.kind == Operand::Kind::Special ? specialByName(o.name) : std::nullopt;
    if (!info || !info->dynamic || info->bits != typeBits(form.type()))
      return mismatch("cannot use '" + o.name + "' here");
    addRaw(o.name.ends_with("_hi") ? 32 : 0);
    return true;
  }

  Draft &draft;
  const Instruction &instruction;
  Form &form;
  DraftInst *result = nullptr;
};

std::string nameOf(const std::string &opcode) { return opcode.substr(0, opcode.find('.')); }

void finish(const Draft &draft, const Instruction &instruction, const Form &form, DraftInst &inst) {
  inst.row = form.row;
  inst.picked = form.row->pick(form);
  if (!inst.picked.handler)
    failAt(instruction.line, "instruction '" + instruction.opcode + "' is not supported with these types");
  if (const unsigned arch = std::max(form.row->minArch, inst.picked.minArch); draft.arch < arch)
    failAt(instruction.line,
           "instruction '" + instruction.opcode + "' requires .target sm_" + std::to_string(arch) + " or higher");
  const DraftFunction &here = draft.functions[draft.now];
  if (instruction.predicate >= 0) inst.predicate = instruction.predicate + static_cast<int>(here.firstRegister);
  inst.owner = draft.function;
  inst.base = here.firstInstruction;
  if (inst.target >= 0) inst.target += static_cast<int>(inst.base);
  inst.predicateNegated = instruction.predicateNegated;
  inst.line = instruction.line;
}

/// The symbol that an operand or an address names.
const std::string *nameIn(const Operand &o) {
  if (o.kind == Operand::Kind::Symbol) return &o.name;
  return o.kind == Operand::Kind::Address && !o.elements.empty() ? nameIn(o.elements[0]) : nullptr;
}

// Parameters of device functions and of calls lie in the frame, so `.param` there means local memory; and the address
// of something in the frame is a sum. Both become the instruction that they mean.
Instruction rewritten(const Draft &draft, const Instruction &from) {
  const DraftFunction &here = draft.functions[draft.now];
  bool inFrame = false, namesParameter = false;
  for (const Operand &o : from.operands)
    if (const std::string *name = nameIn(o))
      if (const auto found = here.local.find(*name); found != here.local.end()) {
        inFrame |= found->second.space == Space::Local;
        namesParameter |= found->second.space == Space::Param;
      }
  Instruction result = from;
  const std::size_t at = result.opcode.find(".param");
  if (at != std::string::npos && !namesParameter && (inFrame || here.frameRegister >= 0)) {
    const bool longName = result.opcode.compare(at, 12, ".param::func") == 0;
    result.opcode.replace(at, longName ? 12 : 6, ".local");
  }
  const bool isMove = result.opcode == "mov.u64" || result.opcode == "mov.b64" || result.opcode == "mov.s64";
  if (!isMove || !inFrame || here.frameRegister < 0 || result.operands.size() != 2) return result;
  result.opcode = "add.u64";
  Operand frame, offset;
  frame.kind = Operand::Kind::Register;
  frame.index = here.frameRegister - static_cast<int>(here.firstRegister);
  offset.kind = Operand::Kind::Integer;
  offset.bits = here.local.at(from.operands[1].name).address + static_cast<std::uint64_t>(from.operands[1].offset);
  result.operands[1] = frame;
  result.operands.push_back(offset);
  return result;
}

// A cache policy (§9.7.9.1, .level::cache_hint) changes nothing here, so the modifier and its operand are dropped.
Instruction withoutCacheHint(const Draft &draft, Instruction i) {
  const std::size_t at = i.opcode.find(".L2::cache_hint");
  const std::string name = nameOf(i.opcode);
  const bool isPlainCopy = i.opcode.starts_with("cp.async.c");
  if (at == std::string::npos || (name != "ld" && name != "st" && name != "atom" && name != "red" && !isPlainCopy))
    return i;
  const auto &registers = draft.function->registers;
  const bool hasPolicy = i.operands.size() > 2 && i.operands.back().kind == Operand::Kind::Register &&
                         typeBits(registers[static_cast<std::size_t>(i.operands.back().index)].type) == 64;
  if (!hasPolicy) failAt(i.line, "instruction '" + i.opcode + "' needs a 64-bit cache policy as its last operand");
  i.opcode.erase(at, std::string_view(".L2::cache_hint").size());
  i.operands.pop_back();
  return i;
}

bool isCall(const std::string &opcode) { return opcode == "call" || opcode == "call.uni"; }

DraftInst resolveCallInstruction(Draft &draft, const Instruction &instruction, std::uint32_t index) {
  DraftInst inst;
  Form form;
  form.row = rowsNamed("call")[0];
  inst.index = index;
  inst.call = static_cast<int>(draft.calls.size());
  draft.calls.push_back(resolveCall(draft, instruction));
  const DraftCall &call = draft.calls.back();
  if (call.callee < 0 && call.builtin == Builtin::None)
    inst.entries.push_back({Entry::Kind::Register, false, call.pointer});
  finish(draft, instruction, form, inst);
  return inst;
}

} // namespace

DraftInst resolveInstruction(Draft &draft, const Instruction &original, std::uint32_t index) {
  if (isCall(original.opcode)) return resolveCallInstruction(draft, original, index);
  const Instruction instruction = withoutCacheHint(draft, rewritten(draft, original));
  std::string why;
  for (const Order order : {Order::Manual, Order::Any})
    for (const Row *row : rowsNamed(nameOf(instruction.opcode))) {
      Form form;
      if (!matches(*row, instruction.opcode, order, form)) continue;
      Resolver resolver(draft, instruction, form);
      DraftInst inst;
      inst.index = index;
      if (resolver.run(inst)) {
        checkBarrierOperands(instruction, form);
        finish(draft, instruction, form, inst);
        return inst;
      }
      why = resolver.why;
    }
  if (why.empty()) failAt(instruction.line, "unknown instruction '" + instruction.opcode + "'");
  failAt(instruction.line, "instruction '" + instruction.opcode + "' " + why);
}

} // namespace sage::sim
