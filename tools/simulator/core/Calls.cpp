// Calls and returns (PTX ISA §9.7.12.5–9.7.12.6). Arguments are copied from the caller's frame to the callee's, results
// back; a function that may be entered again while it runs has its registers kept.
#include "core/Calls.h"

#include <algorithm>
#include <cstring>

#include "core/CallStack.h"

namespace sage::sim {
namespace {

std::uint8_t *localOf(Warp &w, unsigned lane) { return w.local + std::size_t{lane} * w.block->program->localBytes; }

std::uint32_t callerFrame(Warp &w, const CallSite &site, unsigned lane) {
  return site.inKernel ? 0 : static_cast<std::uint32_t>(w.lanes<std::uint64_t>(site.frameRegister)[lane]);
}

void copyPieces(std::uint8_t *to, const std::vector<FramePiece> &toPieces, const std::uint8_t *from,
                const std::vector<FramePiece> &fromPieces) {
  for (std::size_t k = 0; k < std::min(toPieces.size(), fromPieces.size()); ++k)
    std::memcpy(to + toPieces[k].offset, from + fromPieces[k].offset, std::min(toPieces[k].bytes, fromPieces[k].bytes));
}

/// Arguments and results count as written whatever the code stored into them: a value may have unused parts.
void markWritten(Warp &w, unsigned lane, std::uint32_t base, const std::vector<FramePiece> &pieces) {
  std::uint8_t *shadow = w.localShadow + std::size_t{lane} * w.block->program->localBytes + base;
  for (const FramePiece &p : pieces) std::memset(shadow + p.offset, shadowSet, p.bytes);
}

void saveRegisters(Warp &w, const CallSite &site, unsigned lane, std::vector<std::uint64_t> &to) {
  const auto &[wide, narrow, mask] = site.wideNarrowMask;
  for (std::uint32_t at = wide.first; at < wide.second; at += 256) to.push_back(w.lanes<std::uint64_t>(at)[lane]);
  for (std::uint32_t at = narrow.first; at < narrow.second; at += 128) to.push_back(w.lanes<std::uint32_t>(at)[lane]);
  for (std::uint32_t at = mask.first; at < mask.second; at += 4) to.push_back(*w.lanes<std::uint32_t>(at) >> lane & 1);
}

void restoreRegisters(Warp &w, const CallSite &site, unsigned lane, std::vector<std::uint64_t> &from) {
  const auto &[wide, narrow, mask] = site.wideNarrowMask;
  const std::size_t count =
      (wide.second - wide.first) / 256 + (narrow.second - narrow.first) / 128 + (mask.second - mask.first) / 4;
  const std::uint64_t *value = from.data() + (from.size() - count);
  for (std::uint32_t at = wide.first; at < wide.second; at += 256) w.lanes<std::uint64_t>(at)[lane] = *value++;
  for (std::uint32_t at = narrow.first; at < narrow.second; at += 128)
    w.lanes<std::uint32_t>(at)[lane] = static_cast<std::uint32_t>(*value++);
  for (std::uint32_t at = mask.first; at < mask.second; at += 4) {
    std::uint32_t &bits = *w.lanes<std::uint32_t>(at);
    bits = (bits & ~(1u << lane)) | static_cast<std::uint32_t>(*value++) << lane;
  }
  from.resize(from.size() - count);
}

CallStack &stackOf(Warp &w) {
  if (!w.calls) {
    w.calls = std::make_shared<CallStack>();
    for (CallStack::Lane &lane : w.calls->lanes) lane.top = w.block->program->kernelBytes;
  }
  return *w.calls;
}

bool push(Warp &w, const Inst *inst, const FunctionInfo &callee, std::uint32_t mask) {
  CallStack &stack = stackOf(w);
  const CallSite &site = *inst->call;
  for (std::uint32_t m = mask; m != 0; m &= m - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(m));
    CallStack::Lane &mine = stack.lanes[lane];
    if (callee.frameBytes > w.block->program->localBytes - mine.top || mine.calls.size() > (1u << 16)) {
      fault(w, inst, ViolationKind::StackOverflow, lane,
            "stack overflow: the frame of '" + callee.name + "' does not fit in the thread's " +
                std::to_string(w.block->program->localBytes) + " bytes of local memory");
      return false;
    }
    const std::uint32_t base = mine.top, from = callerFrame(w, site, lane);
    std::uint8_t *local = localOf(w, lane);
    std::memset(w.localShadow + (local - w.local) + base, w.block->unwritten, callee.frameBytes);
    copyPieces(local + base, callee.parameters, local + from, site.arguments);
    markWritten(w, lane, base, callee.parameters);
    if (site.saves) saveRegisters(w, site, lane, mine.saved);
    mine.calls.push_back({inst, &callee, base});
    mine.top = base + callee.frameBytes;
    w.lanes<std::uint64_t>(callee.frameRegister)[lane] = base;
  }
  return true;
}

const FunctionInfo *functionAt(const Program &program, std::uint64_t address) {
  for (const FunctionInfo &f : program.functions)
    if (f.builtin == Builtin::None && f.address == address && f.entry != program.entry) return &f;
  return nullptr;
}

const Inst *callIndirect(Warp &w, const Inst *inst, std::uint32_t mask) {
  const std::uint64_t *pointer = w.lanes<std::uint64_t>(inst->call->pointer);
  std::uint64_t target[32];
  std::memcpy(target, pointer, sizeof target);
  for (std::uint32_t rest = mask; rest != 0;) {
    const auto first = static_cast<unsigned>(std::countr_zero(rest));
    const FunctionInfo *callee = functionAt(*w.block->program, target[first]);
    if (!callee)
      return fault(w, inst, ViolationKind::IllegalBranch, first,
                   "a call through the pointer " + std::to_string(target[first]) + ", which is no function");
    std::uint32_t same = 0;
    for (std::uint32_t m = rest; m != 0; m &= m - 1)
      same |= static_cast<std::uint32_t>(target[std::countr_zero(m)] == target[first]) << std::countr_zero(m);
    if (!push(w, inst, *callee, same)) return nullptr;
    rest &= ~same;
    if (same == w.split) return callee->entry;
    ++w.stats->divergentBranches;
    w.parked.push_back({callee->entry, same, Split::Wait::Ready, 0});
    w.setActive(w.split & ~same);
  }
  return w.split != 0 ? inst + 1 : resume(w);
}

} // namespace

const Inst *callFunction(Warp &w, const Inst *inst, std::uint32_t mask) {
  if (mask == 0) return inst + 1;
  const CallSite &site = *inst->call;
  if (!site.callee) return callIndirect(w, inst, mask);
  if (site.callee->builtin != Builtin::None) {
    for (std::uint32_t m = mask; m != 0; m &= m - 1) {
      const auto lane = static_cast<unsigned>(std::countr_zero(m));
      if (!runBuiltin(w, inst, lane, localOf(w, lane) + callerFrame(w, site, lane))) return nullptr;
      markWritten(w, lane, callerFrame(w, site, lane), site.results);
    }
    return inst + 1;
  }
  if (!push(w, inst, *site.callee, mask)) return nullptr;
  if (mask == w.split) return site.callee->entry;
  return diverge(w, site.callee->entry, mask, inst + 1);
}

const Inst *returnFromCall(Warp &w, const Inst *inst, std::uint32_t mask) {
  if (!w.calls) return exitLanes(w, inst, mask);
  std::uint32_t leaving = 0;
  std::array<const Inst *, 32> next{};
  for (std::uint32_t m = mask; m != 0; m &= m - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(m));
    CallStack::Lane &mine = w.calls->lanes[lane];
    if (mine.calls.empty()) {
      leaving |= 1u << lane;
      continue;
    }
    const CallStack::Record record = mine.calls.back();
    mine.calls.pop_back();
    mine.top = record.base;
    const CallSite &site = *record.site->call;
    if (site.saves) restoreRegisters(w, site, lane, mine.saved);
    std::uint8_t *local = localOf(w, lane);
    copyPieces(local + callerFrame(w, site, lane), site.results, local + record.base, record.callee->results);
    markWritten(w, lane, callerFrame(w, site, lane), site.results);
    next[lane] = record.site + 1;
  }
  for (std::uint32_t rest = mask & ~leaving; rest != 0;) {
    const Inst *first = next[static_cast<unsigned>(std::countr_zero(rest))];
    std::uint32_t same = 0;
    for (std::uint32_t m = rest; m != 0; m &= m - 1)
      same |= static_cast<std::uint32_t>(next[static_cast<unsigned>(std::countr_zero(m))] == first)
              << std::countr_zero(m);
    rest &= ~same;
    if (same == w.split) return first;
    w.parked.push_back({first, same, Split::Wait::Ready, 0});
    w.setActive(w.split & ~same);
  }
  if (leaving != 0) return exitLanes(w, inst, leaving);
  return w.split != 0 ? inst + 1 : resume(w);
}

} // namespace sage::sim
