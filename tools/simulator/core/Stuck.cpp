// Reports of blocks that do not come to an end: what each of their warps waits for or does.
#include <bit>
#include <cstdio>

#include "core/BlockRunner.h"

namespace sage::sim {
namespace {

std::string placeText(const Program &p, const Inst *inst) {
  return ", line " + std::to_string(inst->line) + ": " + p.lineText(inst->line);
}

std::string lanesText(const Warp &w, std::uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return "warp " + std::to_string(w.index) + ", lanes " + text + ": ";
}

std::string barrierText(const Block &block, std::uint32_t id) {
  const Barrier &b = block.barriers[id];
  std::string text = "at barrier " + std::to_string(id) + " with " + std::to_string(b.arrived) + " threads of ";
  if (b.expected != 0) return text + std::to_string(b.expected);
  std::uint32_t alive = 0;
  for (const Warp &w : block.warps) alive += w.alive != 0 ? 32u : 0u;
  return text + "all " + std::to_string(alive);
}

const Inst *placeOf(const Split &s) { return s.wait == Split::Wait::Barrier ? s.pc - 1 : s.pc; }

std::string splitText(const Block &block, const Warp &w, const Split &s) {
  const char *const doing = s.wait == Split::Wait::Ready ? "runs" : "waits for more lanes";
  return lanesText(w, s.mask) + (s.wait == Split::Wait::Barrier ? barrierText(block, s.barrier) : doing) +
         placeText(*block.program, placeOf(s));
}

} // namespace

// Nobody can go on: is it a barrier or a collective that lacks lanes?
void BlockRunner::reportDeadlock() {
  bool collective = false;
  std::vector<std::string> details;
  Warp *first = nullptr;
  const Split *where = nullptr;
  for (Warp &w : block.warps)
    for (const Split &s : w.parked) {
      const bool atBarrier = s.wait == Split::Wait::Barrier;
      details.push_back(splitText(block, w, s));
      if (!first || (!atBarrier && !collective)) first = &w, where = &s;
      collective |= !atBarrier;
    }
  if (!first) return;
  const auto lane = static_cast<unsigned>(std::countr_zero(where->mask));
  fault(*first, placeOf(*where), collective ? ViolationKind::Divergence : ViolationKind::Deadlock, lane,
        collective ? "a collective instruction waits for lanes that never come"
                   : "all warps of the block wait, and no barrier can complete");
  block.violation->details = std::move(details);
}

void BlockRunner::reportTimeout(double seconds) {
  std::vector<std::string> details;
  Warp *first = nullptr;
  for (Warp &w : block.warps) {
    const bool runs = w.stop == Stop::Yield && w.pc;
    if (runs) details.push_back(lanesText(w, w.split) + "runs" + placeText(*block.program, w.pc));
    for (const Split &s : w.parked) details.push_back(splitText(block, w, s));
    if (runs && !first) first = &w;
  }
  if (!first) return;
  char message[96];
  std::snprintf(message, sizeof message, "no block of the launch has ended for %.3g seconds", seconds);
  fault(*first, first->pc, ViolationKind::Timeout, static_cast<unsigned>(std::countr_zero(first->split)), message);
  block.violation->details = std::move(details);
}

} // namespace sage::sim
