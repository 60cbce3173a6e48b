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

void layOutParameters(Draft &draft, Program &program) {
  std::uint64_t at = 0;
  for (const Variable &p : draft.function->parameters) {
    at = roundUp(at, p.align);
    draft.local[p.name] = {Space::Param, at};
    program.parameters.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(p.bytes)});
    at += p.bytes;
    if (at > maxParameterBytes)
      failAt(p.line, "kernel '" + draft.function->name + "' has more than 32764 bytes of parameters");
  }
  program.parameterBytes = static_cast<std::uint32_t>(at);
}

// Static variables that the kernel names, in the order of declaration; every extern array starts behind them.
void layOutShared(Draft &draft, Program &program) {
  std::unordered_set<std::string> used;
  for (const Instruction &i : draft.function->body)
    for (const Operand &o : i.operands) collectNames(o, used);
  std::uint64_t at = 0, dynamicAlign = 16;
  std::vector<const Variable *> dynamic;
  const auto place = [&](const Variable &v) {
    if (v.space != Space::Shared || !used.contains(v.name)) return;
    if (v.isExtern || v.bytes == 0) {
      dynamic.push_back(&v);
      dynamicAlign = std::max<std::uint64_t>(dynamicAlign, v.align);
      return;
    }
    at = roundUp(at, v.align);
    draft.local[v.name] = {Space::Shared, at};
    at += v.bytes;
    if (at > (1u << 20)) failAt(v.line, "kernel '" + draft.function->name + "' declares too much shared memory");
  };
  for (const Variable &v : draft.module->variables) place(v);
  for (const Variable &v : draft.function->locals) place(v);
  if (!dynamic.empty()) at = roundUp(at, dynamicAlign);
  for (const Variable *v : dynamic) draft.local[v->name] = {Space::Shared, at};
  program.staticSharedBytes = static_cast<std::uint32_t>(at);
}

void layOutLocal(Draft &draft, Program &program) {
  std::uint64_t at = 0;
  for (const Variable &v : draft.function->locals) {
    if (v.space == Space::Param) failAt(v.line, "parameters of calls are not supported");
    if (v.space != Space::Local) continue;
    at = roundUp(at, v.align);
    draft.local[v.name] = {Space::Local, at};
    at += v.bytes;
    if (at > maxLocalBytes)
      failAt(v.line, "kernel '" + draft.function->name + "' declares more than 512 KiB of local memory");
  }
  program.localBytes = static_cast<std::uint32_t>(roundUp(at, 16));
}

} // namespace

void layOut(Draft &draft, Program &program) {
  layOutParameters(draft, program);
  layOutShared(draft, program);
  layOutLocal(draft, program);
}

} // namespace sage::sim
