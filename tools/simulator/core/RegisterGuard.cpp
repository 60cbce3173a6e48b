// See RegisterGuard.h.
#include "core/RegisterGuard.h"

#include <algorithm>

namespace sage::sim {
namespace {

constexpr std::uint32_t slotBytes = 128; // accumulators and fragments are 32-bit registers

std::string inFlightText(bool isWrite, bool isAccumulator, const AsyncProxy::WarpTiles &mine) {
  const bool committed = std::all_of(mine.reads.begin(), mine.reads.end(), [](auto &r) { return r.committed; });
  return std::string(isWrite ? "writes" : "reads") + (isAccumulator ? " an accumulator" : " a register of A") +
         " of a wgmma that has not been waited for" + (committed ? "" : "; one is in no committed group");
}

const Inst *report(Warp &w, const Inst *inst, ViolationKind kind, std::string message, const Inst *other) {
  const bool first = !w.block->violation;
  fault(w, inst, kind, 0, std::move(message));
  if (first && other)
    w.block->violation->details.push_back("the wgmma: line " + std::to_string(other->line) + ": " +
                                          w.block->program->lineText(other->line));
  return nullptr;
}

/// Somebody else's accumulators overlap, or an operand is being written.
bool isFree(Warp &w, const Inst *inst, const AsyncProxy::WarpTiles &mine, std::uint32_t count) {
  if (!w.block->checks.on(ViolationKind::RegisterInFlight)) return true;
  for (const PendingTile &t : mine.tiles) {
    if (t.offsets.size() == count && std::equal(t.offsets.begin(), t.offsets.end(), inst->o)) continue;
    for (std::uint32_t k = 0; k < count; ++k)
      if (std::find(t.offsets.begin(), t.offsets.end(), inst->o[k]) != t.offsets.end()) {
        report(w, inst, ViolationKind::RegisterInFlight,
               "a wgmma writes accumulators of one with another shape that has not been waited for", mine.last);
        return false;
      }
  }
  return true;
}

bool isFenced(Warp &w, const Inst *inst, const AsyncProxy::WarpTiles &mine, const std::uint32_t *registers,
              std::uint32_t count, const char *what) {
  if (!w.block->checks.on(ViolationKind::MissingWgmmaFence)) return true;
  if (!mine.fenced) {
    report(w, inst, ViolationKind::MissingWgmmaFence, "the first wgmma of a warp stands before any wgmma.fence",
           nullptr);
    return false;
  }
  for (std::uint32_t k = 0; k < count; ++k)
    if (mine.states[registers[k] / slotBytes] & Touched) {
      report(w, inst, ViolationKind::MissingWgmmaFence,
             std::string(what) + " of this wgmma has been accessed since the last wgmma.fence", nullptr);
      return false;
    }
  return true;
}

} // namespace

const Inst *guardedHandler(Warp &w, const Inst *inst) {
  const std::uint32_t *list = inst->o + inst->operandCount;
  const std::uint32_t count = *list++;
  const std::uint32_t held = inst->hasPredicate
                                 ? w.split & (*w.lanes<std::uint32_t>(inst->predicate) ^ (0u - inst->predicateNegated))
                                 : w.split;
  if (!w.block->proxy || held == 0) return inst->guarded(w, inst);
  AsyncProxy::WarpTiles &mine = w.block->proxy->tiles[w.index];
  if (mine.states.empty()) return inst->guarded(w, inst);
  for (std::uint32_t k = 0; k < count; ++k) {
    const bool isWrite = list[k] & guardWrites;
    std::uint8_t &state = mine.states[list[k] / slotBytes];
    const std::uint8_t bad = isWrite ? AccumulatorInFlight | OperandInFlight : AccumulatorInFlight;
    if ((state & bad) != 0 && w.block->checks.on(ViolationKind::RegisterInFlight))
      return report(w, inst, ViolationKind::RegisterInFlight, inFlightText(isWrite, state & AccumulatorInFlight, mine),
                    mine.last);
    state |= Touched;
  }
  return inst->guarded(w, inst);
}

bool enterWgmma(Warp &w, const Inst *inst, AsyncProxy::WarpTiles &mine, std::uint32_t count, const std::uint32_t *a) {
  if (mine.states.empty()) mine.states.resize(w.block->program->fileBytes / slotBytes);
  if (!isFenced(w, inst, mine, inst->o, count, "an accumulator") ||
      (a && !isFenced(w, inst, mine, a, 4, "a register of A")) || !isFree(w, inst, mine, count))
    return false;
  for (std::uint32_t k = 0; k < count; ++k) mine.states[inst->o[k] / slotBytes] |= AccumulatorInFlight;
  for (std::uint32_t k = 0; a && k < 4; ++k) mine.states[a[k] / slotBytes] |= OperandInFlight;
  ++mine.issued;
  proxyOf(*w.block).idleWaits = 0;
  mine.last = inst;
  return true;
}

void leaveWgmma(AsyncProxy::WarpTiles &mine) {
  for (std::uint8_t &s : mine.states) s &= Touched;
  for (const PendingTile &t : mine.tiles)
    for (const std::uint32_t offset : t.offsets) mine.states[offset / slotBytes] |= AccumulatorInFlight;
  for (const PendingReads &r : mine.reads)
    for (const std::uint32_t offset : r.a)
      if (r.fromRegisters) mine.states[offset / slotBytes] |= OperandInFlight;
}

void fenceRegisters(Warp &w) {
  AsyncProxy::WarpTiles &mine = proxyOf(*w.block).tiles[w.index];
  mine.fenced = true;
  if (mine.states.empty()) mine.states.resize(w.block->program->fileBytes / slotBytes);
  for (std::uint8_t &s : mine.states) s &= static_cast<std::uint8_t>(~Touched);
}

} // namespace sage::sim
