// Where a kernel's parameters, static shared variables and local variables lie.
#include <unordered_set>

#include "core/Draft.h"

namespace sage::sim {
namespace {

std::uint64_t roundUp(std::uint64_t value, std::uint64_t align) { return (value + align - 1) / align * align; }

constexpr std::uint64_t maxParameterBytes = 32764; // PTX ISA §5.1.6.1
constexpr std::uint64_t maxLocalBytes = 512 * 1024;

void collectNames(const Operand &o, std::unordered_set<std::string> &names) {
  if (o.kind == Operand::Kind::Symbol) names.insert(o.name);
  for (const Operand &e : o.elements) collectNames(e, names);
}

void layOutParameters(const Function &f, DraftFunction &to, Program &program) {
  std::uint64_t at = 0;
  for (const Variable &p : f.parameters) {
    at = roundUp(at, p.align);
    to.local[p.name] = {Space::Param, at};
    program.parameters.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(p.bytes)});
    at += p.bytes;
    if (at > maxParameterBytes) failAt(p.line, "kernel '" + f.name + "' has more than 32764 bytes of parameters");
  }
  program.parameterBytes = static_cast<std::uint32_t>(at);
}

// Static variables that the kernel and its functions name, in the order of declaration; every extern array starts
// behind them.
class SharedLayout {
public:
  explicit SharedLayout(Draft &d) : draft(d) {
    for (const DraftFunction &f : draft.functions)
      for (const Instruction &i : f.function->body)
        for (const Operand &o : i.operands) collectNames(o, used);
  }
  void run(Program &program) {
    for (const Variable &v : draft.module->variables) place(v, draft.shared);
    for (DraftFunction &f : draft.functions)
      for (const Variable &v : f.function->locals) place(v, f.local);
    if (!dynamic.empty()) at = roundUp(at, dynamicAlign);
    for (const auto &[v, to] : dynamic) (*to)[v->name] = {Space::Shared, at};
    program.staticSharedBytes = static_cast<std::uint32_t>(at);
    for (DraftFunction &f : draft.functions) f.local.insert(draft.shared.begin(), draft.shared.end());
  }

private:
  using Symbols = std::unordered_map<std::string, Symbol>;
  void place(const Variable &v, Symbols &to) {
    if (v.space != Space::Shared || !used.contains(v.name)) return;
    if (v.isExtern || v.bytes == 0) {
      dynamic.emplace_back(&v, &to);
      dynamicAlign = std::max<std::uint64_t>(dynamicAlign, v.align);
      return;
    }
    at = roundUp(at, v.align);
    to[v.name] = {Space::Shared, at};
    at += v.bytes;
    if (at > (1u << 20)) failAt(v.line, "kernel '" + draft.function->name + "' declares too much shared memory");
  }

  Draft &draft;
  std::unordered_set<std::string> used;
  std::uint64_t at = 0, dynamicAlign = 16;
  std::vector<std::pair<const Variable *, Symbols *>> dynamic;
};

class FrameLayout {
public:
  explicit FrameLayout(DraftFunction &f) : to(f) {}
  std::uint32_t run() {
    if (!to.function->isEntry) {
      for (const Variable &v : to.function->parameters) to.info.parameters.push_back(place(v));
      for (const Variable &v : to.function->results) to.info.results.push_back(place(v));
    }
    // Scopes of calls follow one another and use the same names, so variables of one name share their place.
    for (const Variable &v : to.function->locals) {
      if (v.space != Space::Local && v.space != Space::Param) continue;
      if (const auto old = sizes.find(v.name); old != sizes.end() && v.bytes <= old->second) continue;
      sizes[v.name] = v.bytes;
      place(v);
    }
    return static_cast<std::uint32_t>(roundUp(at, 16));
  }

private:
  FramePiece place(const Variable &v) {
    if (v.space == Space::Reg) failAt(v.line, "register parameters of functions are not supported");
    at = roundUp(at, std::max<std::uint32_t>(v.align, v.space == Space::Param ? 8 : 1));
    to.local[v.name] = {Space::Local, at};
    const FramePiece piece{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(v.bytes)};
    at += v.bytes;
    if (at > maxLocalBytes)
      failAt(v.line, "function '" + to.function->name + "' declares more than 512 KiB of local memory");
    return piece;
  }
  DraftFunction &to;
  std::uint64_t at = 0;
  std::unordered_map<std::string, std::uint64_t> sizes;
};

} // namespace

void layOut(Draft &draft, Program &program) {
  SharedLayout(draft).run(program);
  for (DraftFunction &f : draft.functions) f.info.frameBytes = FrameLayout(f).run();
  DraftFunction &kernel = draft.functions.back();
  layOutParameters(*kernel.function, kernel, program);
  program.kernelBytes = kernel.info.frameBytes;
  const StackNeed stack = stackNeed(draft);
  program.localBytes = program.kernelBytes + stack.bytes;
  program.recursive = stack.recursive;
  program.growStack(defaultRecursionBytes);
}

} // namespace sage::sim
