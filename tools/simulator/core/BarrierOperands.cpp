// Barrier numbers and thread counts that are written as constants: what the machine could not do is refused when the
// module is loaded (PTX ISA §9.7.13.1), as by ptxas. Those in registers are looked at when they are executed.
#include "core/Draft.h"
#include "core/Warp.h"

namespace sage::sim {
namespace {

bool isConstant(const Operand &o) { return o.kind == Operand::Kind::Integer; }

void checkCount(const Instruction &i, const Operand &count, bool arrives) {
  if (!isConstant(count)) return;
  if (count.bits % 32 != 0)
    failAt(i.line, "instruction '" + i.opcode + "' is for " + std::to_string(count.bits) +
                       " threads, which is not a multiple of the warp size");
  if (arrives && count.bits == 0) failAt(i.line, "instruction '" + i.opcode + "' needs a thread count that is not 0");
}

} // namespace

void checkBarrierOperands(const Instruction &i, const Form &form) {
  const std::string_view name = form.row->pattern.substr(0, form.row->pattern.find(' '));
  if ((name != "bar" && name != "barrier") || form.has("warp") || form.has("cluster")) return;
  // red: result, barrier, [threads], vote.
  const bool reduces = form.has("red"), arrives = form.has("arrive");
  const std::size_t number = reduces ? 1 : 0;
  const bool hasCount = i.operands.size() > (reduces ? 3 : 1);
  if (const Operand &o = i.operands[number]; isConstant(o) && o.bits >= namedBarriers)
    failAt(i.line, "instruction '" + i.opcode + "' names barrier " + std::to_string(static_cast<std::int64_t>(o.bits)) +
                       "; there are 0 to " + std::to_string(namedBarriers - 1));
  if (hasCount) checkCount(i, i.operands[number + 1], arrives);
  if (!hasCount && arrives) failAt(i.line, "instruction '" + i.opcode + "' needs a thread count");
}

} // namespace sage::sim
