// Which device functions a kernel may call, in which order they are laid out, how deep its stack gets; and the operands
// of a call (PTX ISA §7.1, §9.7.12.5). Callees stand before their callers, so that threads within a call run first and
// meet the others again.
#include <algorithm>
#include <unordered_set>

#include "core/Draft.h"

namespace sage::sim {
namespace {


struct Target {
  const Operand *callee = nullptr;
  const Operand *results = nullptr;
  const Operand *arguments = nullptr;
};

// call [(results),] callee [, (arguments)] [, prototype or targets];
Target targetOf(const Instruction &i) {
  Target t;
  std::size_t at = 0;
  const auto isList = [&] { return at < i.operands.size() && i.operands[at].kind == Operand::Kind::Vector; };
  if (isList()) t.results = &i.operands[at++];
  if (at >= i.operands.size()) failAt(i.line, "instruction '" + i.opcode + "' names no function");
  t.callee = &i.operands[at++];
  if (isList()) t.arguments = &i.operands[at++];
  const bool direct = t.callee->kind == Operand::Kind::Symbol;
  if (!direct && t.callee->kind != Operand::Kind::Register)
    failAt(i.line, "instruction '" + i.opcode + "' names no function");
  if (i.operands.size() > at + (direct ? 0 : 1)) failAt(i.line, "instruction '" + i.opcode + "' has too many operands");
  return t;
}

bool isCall(const Instruction &i) { return i.opcode == "call" || i.opcode == "call.uni"; }

Builtin builtinByName(const std::string &name) {
  if (name == "vprintf") return Builtin::Printf;
  if (name == "__assertfail") return Builtin::Assert;
  if (name == "malloc") return Builtin::Malloc;
  if (name == "free") return Builtin::Free;
  return Builtin::None;
}

class Collector {
public:
  explicit Collector(Draft &d) : draft(d) {
    for (const Function &f : draft.module->functions)
      if (!f.isEntry && f.hasBody) byName.emplace(f.name, &f);
  }

  void run() {
    visit(*draft.function);
    for (DraftFunction &f : draft.functions) f.recursive = isRecursive(f.function);
  }

private:
  struct Callees {
    std::vector<const Function *> direct;
    bool indirect = false;
  };

  const Callees &calleesOf(const Function &f) {
    const auto [it, isNew] = callees.try_emplace(&f);
    if (!isNew) return it->second;
    for (const Instruction &i : f.body) {
      if (!isCall(i)) continue;
      const Operand &callee = *targetOf(i).callee;
      if (callee.kind != Operand::Kind::Symbol) {
        it->second.indirect = true;
      } else if (const auto found = byName.find(callee.name); found != byName.end()) {
        it->second.direct.push_back(found->second);
      }
    }
    // Through a pointer any function of the module may be called.
    if (it->second.indirect)
      for (const auto &[name, function] : byName) it->second.direct.push_back(function);
    std::sort(it->second.direct.begin(), it->second.direct.end());
    const auto last = std::unique(it->second.direct.begin(), it->second.direct.end());
    it->second.direct.erase(last, it->second.direct.end());
    std::sort(it->second.direct.begin(), it->second.direct.end(),
              [](const Function *a, const Function *b) { return a->line < b->line; });
    return it->second;
  }

  // Without recursion of our own: a module may chain thousands of functions.
  void visit(const Function &kernel) {
    std::vector<std::pair<const Function *, std::size_t>> path{{&kernel, 0}};
    seen.insert(&kernel);
    while (!path.empty()) {
      const Function *f = path.back().first;
      const auto &next = calleesOf(*f).direct;
      if (path.back().second == next.size()) {
        DraftFunction &to = draft.functions.emplace_back();
        to.function = f;
        to.info.name = f->name;
        to.info.address = functionAddress(static_cast<std::size_t>(f - draft.module->functions.data()));
        path.pop_back();
        continue;
      }
      const Function *callee = next[path.back().second++];
      if (seen.insert(callee).second) path.emplace_back(callee, 0);
    }
  }

  bool isRecursive(const Function *f) {
    std::unordered_set<const Function *> reached;
    std::vector<const Function *> work = calleesOf(*f).direct;
    while (!work.empty()) {
      const Function *at = work.back();
      work.pop_back();
      if (at == f) return true;
      if (!reached.insert(at).second) continue;
      for (const Function *next : calleesOf(*at).direct) work.push_back(next);
    }
    return false;
  }

  Draft &draft;
  std::unordered_map<std::string, const Function *> byName;
  std::unordered_map<const Function *, Callees> callees;
  std::unordered_set<const Function *> seen;
};

std::vector<FramePiece> pieces(const Draft &draft, const Instruction &i, const Operand *list) {
  std::vector<FramePiece> result;
  if (!list) return result;
  const DraftFunction &here = draft.functions[draft.now];
  for (const Operand &o : list->elements) {
    const auto found = o.kind == Operand::Kind::Symbol ? here.local.find(o.name) : here.local.end();
    if (found == here.local.end() || found->second.space != Space::Local)
      failAt(i.line, "instruction '" + i.opcode + "' passes something that is no .param variable");
    std::uint64_t bytes = 0;
    for (const Variable &v : here.function->locals)
      if (v.name == o.name) bytes = std::max(bytes, v.bytes);
    result.push_back({static_cast<std::uint32_t>(found->second.address), static_cast<std::uint32_t>(bytes)});
  }
  return result;
}

void checkBuiltin(const Instruction &i, const DraftCall &call) {
  const auto fits = [](const std::vector<FramePiece> &have, std::initializer_list<std::uint32_t> want) {
    return std::equal(have.begin(), have.end(), want.begin(), want.end(),
                      [](const FramePiece &p, std::uint32_t bytes) { return p.bytes >= bytes; });
  };
  const bool ok = call.builtin == Builtin::Printf   ? fits(call.arguments, {8, 8}) && fits(call.results, {4})
                  : call.builtin == Builtin::Assert ? fits(call.arguments, {8, 8, 4, 8, 8}) && call.results.empty()
                  : call.builtin == Builtin::Malloc ? fits(call.arguments, {8}) && fits(call.results, {8})
                                                    : fits(call.arguments, {8}) && call.results.empty();
  if (!ok) failAt(i.line, "the call of '" + call.name + "' does not fit its declaration");
}

} // namespace

void collectFunctions(Draft &draft) { Collector(draft).run(); }

// Callees come first in the list, so each depth is known when it is needed; cycles count every frame once.
StackNeed stackNeed(const Draft &draft) {
  std::uint64_t sum = 0;
  bool recursion = false;
  for (std::size_t k = 0; k + 1 < draft.functions.size(); ++k) {
    sum += draft.functions[k].info.frameBytes;
    recursion |= draft.functions[k].recursive;
  }
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 512 * 1024)), recursion};
}

DraftCall resolveCall(const Draft &draft, const Instruction &instruction) {
  const Target target = targetOf(instruction);
  DraftCall call;
  call.caller = draft.now;
  const auto resolvePieces = [&] {
    call.arguments = pieces(draft, instruction, target.arguments);
    call.results = pieces(draft, instruction, target.results);
  };
  if (target.callee->kind == Operand::Kind::Register) {
    resolvePieces();
    if (typeBits(draft.function->registers[static_cast<std::size_t>(target.callee->index)].type) != 64)
      failAt(instruction.line, "instruction '" + instruction.opcode + "' needs a 64-bit register");
    call.pointer = static_cast<std::uint32_t>(target.callee->index) +
                   static_cast<std::uint32_t>(draft.functions[draft.now].firstRegister);
    return call;
  }
  call.name = target.callee->name;
  for (std::size_t k = 0; k + 1 < draft.functions.size(); ++k)
    if (draft.functions[k].function->name == call.name) call.callee = static_cast<int>(k);
  if (call.callee < 0) {
    call.builtin = builtinByName(call.name);
    if (call.builtin == Builtin::None) failAt(instruction.line, "unresolved extern function '" + call.name + "'");
    resolvePieces();
    checkBuiltin(instruction, call);
    return call;
  }
  resolvePieces();
  const FunctionInfo &info = draft.functions[static_cast<std::size_t>(call.callee)].info;
  const auto same = [](const FramePiece &a, const FramePiece &b) { return a.bytes >= b.bytes; };
  // Linkers compare names only: a caller from another unit may expect a result of a function that has none.
  const bool resultsFit = call.results.size() == info.results.size() || info.results.empty();
  if (!std::equal(call.arguments.begin(), call.arguments.end(), info.parameters.begin(), info.parameters.end(), same) ||
      !resultsFit)
    failAt(instruction.line, "the call of '" + call.name + "' does not fit its declaration");
  return call;
}

} // namespace sage::sim
