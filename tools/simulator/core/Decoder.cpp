// The decoder's main line: instructions → basic blocks → slots → Program.
#include "core/Decoder.h"

#include <algorithm>
#include <new>

#include "core/Draft.h"
#include "core/RegisterGuard.h"

namespace sage::sim {
namespace {

void resolveFunction(Draft &draft) {
  DraftFunction &here = draft.functions[draft.now];
  const Function &f = *draft.function;
  here.firstInstruction = draft.code.size();
  here.firstRegister = draft.registers.size();
  for (const Register &r : f.registers) draft.registers.push_back(widthOf(r.type));
  if (!f.isEntry) {
    here.frameRegister = static_cast<int>(draft.registers.size());
    draft.registers.push_back(Width::Wide);
  }
  for (std::size_t r = 0; r < f.registers.size(); ++r) {
    if (typeBits(f.registers[r].type) <= 64) continue;
    here.upperHalf[static_cast<int>(r)] = static_cast<std::uint32_t>(draft.registers.size());
    draft.registers.push_back(Width::Wide);
  }
  for (std::size_t i = 0; i < f.body.size(); ++i)
    draft.code.push_back(resolveInstruction(draft, f.body[i], static_cast<std::uint32_t>(i)));
  // Running off the end of a body ends the thread, or the call.
  Instruction end;
  end.opcode = f.isEntry ? "exit" : "ret";
  end.line = f.body.empty() ? f.line : f.body.back().line;
  draft.code.push_back(resolveInstruction(draft, end, static_cast<std::uint32_t>(f.body.size())));
  here.endRegister = draft.registers.size();
}

void resolveBody(Draft &draft) {
  for (draft.now = 0; draft.now < draft.functions.size(); ++draft.now) {
    draft.function = draft.functions[draft.now].function;
    resolveFunction(draft);
  }
}

std::vector<std::size_t> targetsOf(const DraftInst &inst) {
  std::vector<std::size_t> targets;
  if (inst.target >= 0) targets.push_back(static_cast<std::size_t>(inst.target));
  if (inst.jumpTable >= 0)
    for (const int t : inst.owner->jumpTables[static_cast<std::size_t>(inst.jumpTable)].targets)
      targets.push_back(static_cast<std::size_t>(t) + inst.base);
  return targets;
}

bool fallsThrough(const DraftInst &inst) { return !inst.row->terminates || inst.predicate >= 0 || inst.call >= 0; }

/// Blocks and their successors; returns the block of every instruction.
std::vector<std::size_t> findBlocks(Draft &draft) {
  const std::size_t count = draft.code.size();
  std::vector<bool> leads(count + 1);
  for (const DraftFunction &f : draft.functions) leads[f.firstInstruction] = true;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::size_t t : targetsOf(draft.code[i])) leads[t] = true;
    if (draft.code[i].row->terminates) leads[i + 1] = true;
  }
  std::vector<std::size_t> blockOf(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (leads[i]) draft.blocks.push_back({i, i, {}});
    draft.blocks.back().last = i + 1;
    blockOf[i] = draft.blocks.size() - 1;
  }
  for (std::size_t b = 0; b < draft.blocks.size(); ++b) {
    const DraftInst &last = draft.code[draft.blocks[b].last - 1];
    for (const std::size_t t : targetsOf(last)) draft.blocks[b].successors.push_back(blockOf[t]);
    if (fallsThrough(last) && b + 1 < draft.blocks.size()) draft.blocks[b].successors.push_back(b + 1);
  }
  return blockOf;
}

class Emitter {
public:
  Emitter(const Draft &d, Program &p, const SlotMap &s, const std::vector<std::size_t> &b)
      : draft(d), program(p), slots(s), blockOf(b), watched(wgmmaRegisters(d)) {}

  void run() {
    std::size_t operands = 0;
    for (const DraftInst &i : draft.code) operands += i.entries.size();
    for (const DraftInst &i : draft.code) operands += watched.empty() ? 0 : i.entries.size() + 1;
    program.operandPool.reserve(operands);
    program.code.resize(draft.code.size() + draft.blocks.size());
    program.blocks.resize(draft.blocks.size());
    for (const DraftFunction &f : draft.functions) {
      program.functions.push_back(f.info);
      program.functions.back().entry = entryOf(f.firstInstruction);
      if (f.frameRegister >= 0)
        program.functions.back().frameRegister = slots.registers[static_cast<std::size_t>(f.frameRegister)];
    }
    program.entry = program.functions.back().entry;
    for (const DraftCall &c : draft.calls) addCall(c);
    // Every block is preceded by its entry, so instruction i of block b stands at i + b + 1.
    for (std::size_t b = 0; b < draft.blocks.size(); ++b) {
      emitEntry(b);
      for (std::size_t i = draft.blocks[b].first; i < draft.blocks[b].last; ++i)
        emit(draft.code[i], program.code[i + b + 1], program.blocks[b]);
    }
  }

private:
  const Inst *entryOf(std::size_t instruction) const {
    const std::size_t b = blockOf[instruction];
    return &program.code[draft.blocks[b].first + b];
  }

  void addCall(const DraftCall &from) {
    const DraftFunction &caller = draft.functions[from.caller];
    CallSite &to = program.calls.emplace_back();
    to.arguments = from.arguments;
    to.results = from.results;
    to.inKernel = caller.frameRegister < 0;
    if (!to.inKernel) to.frameRegister = slots.registers[static_cast<std::size_t>(caller.frameRegister)];
    to.saves = caller.recursive;
    to.wideNarrowMask = caller.slots;
    if (from.builtin != Builtin::None) {
      FunctionInfo &builtin = program.functions.emplace_back();
      builtin.name = from.name;
      builtin.builtin = from.builtin;
      to.callee = &builtin;
      program.usesHeap |= from.builtin == Builtin::Malloc;
    } else if (from.callee >= 0) {
      to.callee = &program.functions[static_cast<std::size_t>(from.callee)];
    } else {
      to.pointer = slots.registers[from.pointer];
    }
  }

  void emitEntry(std::size_t b) {
    Inst &entry = program.code[draft.blocks[b].first + b];
    entry.fn = instructionSet().blockEntry;
    entry.id = static_cast<std::uint32_t>(b);
    entry.line = draft.code[draft.blocks[b].first].line;
    program.blocks[b].line = entry.line;
  }

  std::uint32_t offsetOf(const Entry &e) const {
    switch (e.kind) {
    case Entry::Kind::Register: return slots.registers[e.value];
    case Entry::Kind::Constant: return slots.constants[e.value];
    case Entry::Kind::Special: return slots.specials[e.value];
    default: return e.value;
    }
  }

  void emit(const DraftInst &from, Inst &to, BasicBlock &block) {
    to.o = program.operandPool.data() + program.operandPool.size();
    for (const Entry &e : from.entries) program.operandPool.push_back(offsetOf(e));
    to.operandCount = static_cast<std::uint8_t>(from.entries.size());
    to.vector = from.vector;
    to.extra = from.picked.extra;
    to.unitClass = static_cast<std::uint8_t>(from.row->unit);
    to.use = memoryUse(*from.row);
    to.line = from.line;
    to.index = from.index;
    if (from.touchesMemory) to.id = program.memoryIds++;
    ++block.classes[to.unitClass];
    to.fn = from.picked.handler;
    if (from.predicate >= 0) {
      to.hasPredicate = true;
      to.predicate = slots.registers[static_cast<std::size_t>(from.predicate)];
      to.predicateNegated = from.predicateNegated;
      if (!from.row->terminates) to.inner = to.fn, to.fn = instructionSet().predicated;
    }
    if (!watched.empty()) guard(from, to);
    if (from.target >= 0) to.target = entryOf(static_cast<std::size_t>(from.target));
    if (from.jumpTable >= 0) emitTable(from, to);
    if (from.call >= 0) to.call = &program.calls[static_cast<std::size_t>(from.call)];
  }

  /// An instruction that touches registers of a wgmma gets a list of them behind its operands.
  void guard(const DraftInst &from, Inst &to) {
    if (from.row->unit == UnitClass::Barrier || from.row->pattern.starts_with("wgmma")) return;
    std::vector<std::uint32_t> list;
    for (const Entry &e : from.entries)
      if (e.kind == Entry::Kind::Register && watched.contains(e.value))
        list.push_back(offsetOf(e) | (e.isDefinition ? guardWrites : 0));
    if (list.empty()) return;
    program.operandPool.push_back(static_cast<std::uint32_t>(list.size()));
    program.operandPool.insert(program.operandPool.end(), list.begin(), list.end());
    to.guarded = to.fn;
    to.fn = guardedHandler;
  }

  void emitTable(const DraftInst &from, Inst &to) {
    std::vector<const Inst *> targets;
    for (const std::size_t t : targetsOf(from)) targets.push_back(entryOf(t));
    if (targets.size() > 0xffff) failAt(from.line, "the branch table has too many targets");
    to.extra = static_cast<std::uint16_t>(targets.size());
    program.jumpTables.push_back(std::move(targets));
    to.targets = program.jumpTables.back().data();
  }

  const Draft &draft;
  Program &program;
  const SlotMap &slots;
  const std::vector<std::size_t> &blockOf;
  const std::unordered_set<std::uint32_t> watched;
};

} // namespace

std::string sourceLine(const std::vector<std::string> &lines, std::uint32_t line) {
  if (line == 0 || line > lines.size()) return {};
  const std::string &text = lines[line - 1];
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string::npos ? std::string() : text.substr(start, text.find_last_not_of(" \t\r") - start + 1);
}

std::string Program::placeText(std::uint32_t line) const {
  const std::string source = sources->at(line);
  return "line " + std::to_string(line) + ": " + lineText(line) + (source.empty() ? "" : " (" + source + ")");
}

unsigned archNumber(const std::string &target) {
  if (!target.starts_with("sm_")) return 0;
  unsigned number = 0;
  for (std::size_t i = 3; i < target.size() && target[i] >= '0' && target[i] <= '9' && number < 10000; ++i)
    number = number * 10 + static_cast<unsigned>(target[i] - '0');
  return number;
}

std::variant<std::unique_ptr<Program>, SourceError>
decodeKernel(const Module &module, const Function &function, const SymbolTable &symbols,
             std::shared_ptr<const std::vector<std::string>> lines) {
  auto program = std::make_unique<Program>();
  try {
    Draft draft;
    draft.module = &module;
    draft.function = &function;
    draft.symbols = &symbols;
    draft.arch = archNumber(module.target);
    program->name = function.name;
    program->lines = std::move(lines);
    program->sources = module.sources;
    program->requiredThreads = function.requiredThreads;
    program->maxThreads = function.maxThreads;
    program->requiredCluster = function.requiredCluster;
    program->maxClusterBlocks = function.maxClusterBlocks;
    program->explicitCluster = function.explicitCluster;
    program->blocksAreClusters = function.blocksAreClusters;
    collectFunctions(draft);
    layOut(draft, *program);
    resolveBody(draft);
    const std::vector<std::size_t> blockOf = findBlocks(draft);
    const SlotMap slots = assignSlots(draft, *program);
    Emitter(draft, *program, slots, blockOf).run();
  } catch (const DecodeFailure &failure) {
    return failure.error;
  } catch (const std::bad_alloc &) {
    return SourceError{function.line, "out of memory while decoding '" + function.name + "'"};
  }
  return program;
}

} // namespace sage::sim
