// mbarrier objects (PTX ISA §9.7.13.15), cp.async.mbarrier.arrive, proxy fences, setmaxnreg, griddepcontrol. A cluster
// is one block here, so its addresses are the block's own.
#include <cstring>

#include "core/AsyncProxy.h"
#include "core/Faults.h"
#include "isa/Families.h"
#include "memory/RaceDetector.h"

namespace sage::sim {
namespace {

constexpr std::uint32_t maxCount = (1u << 20) - 1;
constexpr std::int64_t maxBytes = (1 << 20) - 1;
constexpr std::uint64_t idleLimit = 1u << 18; // failed waits of a warp with no other change in the block

// `extra` of the arrivals.
enum ArriveFlag : unsigned { Generic = 1, Expects = 2, NoComplete = 4, Drops = 8 };

template <class F> const Inst *eachLane(Warp &w, const Inst *i, F body) {
  for (std::uint32_t m = w.active; m != 0; m &= m - 1)
    if (!body(static_cast<unsigned>(std::countr_zero(m)))) return nullptr;
  return i + 1;
}

bool misuse(Warp &w, const Inst *i, unsigned lane, std::uint32_t address, const std::string &what) {
  faultAt(w, i, ViolationKind::IllegalInstruction, lane, address, Space::Shared, what);
  return false;
}

Mbarrier *barrierAt(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, bool generic,
                    std::uint32_t &address) {
  if (!sharedAddress(w, i, m, lane, 8, generic, address)) return nullptr;
  AsyncProxy &proxy = proxyOf(*w.block);
  const auto found = proxy.barriers.find(address);
  if (found != proxy.barriers.end()) return &found->second;
  misuse(w, i, lane, address, "there is no initialised mbarrier at this address");
  return nullptr;
}

void release(Warp &w, std::uint32_t address) {
  if (!w.block->races) return;
  w.block->races->fence(w.index);
  w.block->races->strongWrite(w.index, sharedWindow + address);
}
void acquire(Warp &w, std::uint32_t address) {
  if (!w.block->races) return;
  w.block->races->strongRead(w.index, sharedWindow + address);
  w.block->races->fence(w.index);
}

const Inst *init(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    if (!sharedAddress(w, i, i->o, lane, 8, i->extra & Generic, address)) return false;
    const std::uint32_t count = w.lanes<std::uint32_t>(i->o[4])[lane];
    if (count == 0 || count > maxCount)
      return misuse(w, i, lane, address, "an mbarrier for " + std::to_string(count) + " arrivals");
    proxyOf(*w.block).barriers[address] = {count, count, 0, 0};
    proxyOf(*w.block).idleWaits = 0;
    std::memset(w.block->shared + address, 0, 8);
    std::memset(w.block->sharedShadow + address, shadowSet, 8);
    release(w, address);
    return true;
  });
}

const Inst *invalidate(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    if (!barrierAt(w, i, i->o, lane, i->extra & Generic, address)) return false;
    AsyncProxy &proxy = proxyOf(*w.block);
    for (const BulkCopy &c : proxy.copies)
      if (c.barrier == address)
        return misuse(w, i, lane, address, "an mbarrier is invalidated while a copy reports to it");
    proxy.barriers.erase(address);
    std::memset(w.block->sharedShadow + address, w.block->unwritten, 8);
    return true;
  });
}

std::uint64_t tokenOf(const Mbarrier &b) { return b.phase << 20 | b.pending; }

bool arriveAt(Warp &w, const Inst *i, unsigned lane, Mbarrier &b, std::uint32_t address, std::uint32_t count) {
  if (count == 0 || count > b.pending)
    return misuse(w, i, lane, address,
                  std::to_string(count) + " arrivals at an mbarrier that waits for " + std::to_string(b.pending));
  release(w, address);
  if ((i->extra & NoComplete) && count == b.pending && b.bytes == 0)
    return misuse(w, i, lane, address, "a .noComplete arrival would complete the phase");
  b.pending -= count;
  if (i->extra & Drops) b.expected -= std::min(count, b.expected);
  proxyOf(*w.block).idleWaits = 0;
  completePhase(*w.block, address);
  return true;
}

bool expect(Warp &w, const Inst *i, unsigned lane, Mbarrier &b, std::uint32_t address, std::int64_t bytes) {
  if (b.bytes + bytes > maxBytes || b.bytes + bytes < -maxBytes)
    return misuse(w, i, lane, address, "the tx-count of an mbarrier leaves its range of 2^20 - 1");
  b.bytes += bytes;
  return true;
}

// Operands: state (two entries), address (four), [count, or bytes].
const Inst *arrive(Warp &w, const Inst *i) {
  const std::uint32_t *m = i->o + 1;
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    Mbarrier *b = barrierAt(w, i, m, lane, i->extra & Generic, address);
    if (!b) return false;
    const std::uint32_t operand = i->operandCount > 5 ? w.lanes<std::uint32_t>(i->o[5])[lane] : 1;
    if ((i->extra & Expects) && !expect(w, i, lane, *b, address, operand)) return false;
    w.lanes<std::uint64_t>(i->o[0])[lane] = tokenOf(*b);
    return arriveAt(w, i, lane, *b, address, (i->extra & Expects) ? 1 : operand);
  });
}

const Inst *expectBytes(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    Mbarrier *b = barrierAt(w, i, i->o, lane, i->extra & Generic, address);
    return b && expect(w, i, lane, *b, address, w.lanes<std::uint32_t>(i->o[4])[lane]);
  });
}
const Inst *completeBytes(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    Mbarrier *b = barrierAt(w, i, i->o, lane, i->extra & Generic, address);
    if (!b || !expect(w, i, lane, *b, address, -std::int64_t{w.lanes<std::uint32_t>(i->o[4])[lane]})) return false;
    completePhase(*w.block, address);
    return true;
  });
}

// Operands: predicate (two entries), address (four), state or parity. A failed wait lets the other warps run.
template <bool Parity> const Inst *wait(Warp &w, const Inst *i) {
  std::uint32_t done = 0, failedAt = 0;
  const Inst *next = eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    if (!barrierAt(w, i, i->o + 2, lane, i->extra & Generic, address)) return false;
    completePhase(*w.block, address);
    const Mbarrier &b = proxyOf(*w.block).barriers[address];
    bool complete = false;
    if (Parity) {
      const std::uint32_t parity = w.lanes<std::uint32_t>(i->o[6])[lane];
      if (parity > 1) return misuse(w, i, lane, address, "the parity of a phase is 0 or 1");
      complete = (b.phase & 1) != parity;
    } else {
      complete = w.lanes<std::uint64_t>(i->o[6])[lane] >> 20 != b.phase;
    }
    if (complete)
      acquire(w, address);
    else
      failedAt = address;
    done |= static_cast<std::uint32_t>(complete) << lane;
    return true;
  });
  if (!next) return nullptr;
  std::uint32_t &result = *w.lanes<std::uint32_t>(i->o[0]);
  result = (result & ~w.active) | done;
  const std::uint32_t failed = w.active & ~done;
  if (failed == 0) return next;
  AsyncProxy &proxy = proxyOf(*w.block);
  if (++proxy.idleWaits > idleLimit * w.block->warps.size()) {
    const Mbarrier &b = proxy.barriers[failedAt];
    return faultAt(w, i, ViolationKind::Deadlock, static_cast<unsigned>(std::countr_zero(failed)), failedAt,
                   Space::Shared,
                   "nothing arrives at the mbarrier: phase " + std::to_string(b.phase) + " waits for " +
                       std::to_string(b.pending) + " arrivals and " + std::to_string(b.bytes) + " bytes");
  }
  w.stop = Stop::Yield;
  w.pc = i + 1;
  w.setActive(w.split);
  return nullptr;
}

const Inst *pendingCount(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    w.lanes<std::uint32_t>(i->o[0])[lane] =
        static_cast<std::uint32_t>(w.lanes<std::uint64_t>(i->o[1])[lane] & maxCount);
    return true;
  });
}

// The thread's copies land now; without .noinc the arrival was added to the pending count first, which is no change.
const Inst *copiesArrive(Warp &w, const Inst *i) {
  w.async.waitAll(w.active, w.block->shared, w.block->sharedShadow);
  return eachLane(w, i, [&](unsigned lane) {
    std::uint32_t address = 0;
    Mbarrier *b = barrierAt(w, i, i->o, lane, i->extra & Generic, address);
    if (!b) return false;
    if (!(i->extra & NoComplete)) return release(w, address), true; // here: not .noinc
    Inst plain = *i;
    plain.extra = 0;
    return arriveAt(w, &plain, lane, *b, address, 1);
  });
}

// The address of the same variable in another block of the cluster (§9.7.9.24); the only block has rank 0.
template <class T> const Inst *mapAddress(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t rank = w.lanes<std::uint32_t>(i->o[2])[lane];
    if (rank != 0) {
      fault(w, i, ViolationKind::IllegalInstruction, lane, "the cluster has no block " + std::to_string(rank));
      return false;
    }
    w.lanes<T>(i->o[0])[lane] = w.lanes<T>(i->o[1])[lane];
    return true;
  });
}

const Inst *nothing(Warp &, const Inst *i) { return i + 1; }
const Inst *aligned(Warp &w, const Inst *i) { return gatherAll(w, i) ? i + 1 : resume(w); }
template <Handler H> Picked plain(const Form &) { return H; }
template <Handler H> Picked at(const Form &f) {
  const bool shared = f.has("shared") || f.has("shared::cta") || f.has("shared::cluster");
  return {H, (shared ? 0u : Generic) | (f.has("expect_tx") ? Expects : 0u) | (f.has("noComplete") ? NoComplete : 0u) |
                 (f.row->pattern.starts_with("mbarrier arrive_drop") ? Drops : 0u) |
                 (f.has("noinc") ? NoComplete : 0u)};
}

#define SIM_OWN "[shared|shared::cta]"
#define SIM_SEM "[acquire|relaxed] [cta|cluster]"
#define SIM_RELEASE "[release|relaxed] [cta|cluster]"
const Row rows[] = {
    {"mbarrier init " SIM_OWN " b64", "m a:u32", UnitClass::Barrier, at<init>, 80},
    {"mbarrier inval " SIM_OWN " b64", "m", UnitClass::Barrier, at<invalidate>, 80},
    {"mbarrier arrive " SIM_RELEASE " [shared|shared::cta|shared::cluster] b64", "d:b64 m ?a:u32", UnitClass::Barrier,
     at<arrive>, 80},
    {"mbarrier arrive expect_tx " SIM_RELEASE " [shared|shared::cta|shared::cluster] b64", "d:b64 m a:u32",
     UnitClass::Barrier, at<arrive>, 90},
    {"mbarrier arrive noComplete " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m a:u32", UnitClass::Barrier, at<arrive>, 80},
    {"mbarrier arrive_drop " SIM_RELEASE " [shared|shared::cta|shared::cluster] b64", "d:b64 m ?a:u32",
     UnitClass::Barrier, at<arrive>, 80},
    {"mbarrier arrive_drop expect_tx " SIM_RELEASE " [shared|shared::cta|shared::cluster] b64", "d:b64 m a:u32",
     UnitClass::Barrier, at<arrive>, 90},
    {"mbarrier arrive_drop noComplete " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m a:u32", UnitClass::Barrier, at<arrive>,
     80},
    {"mbarrier expect_tx [relaxed] [cta|cluster] [shared|shared::cta|shared::cluster] b64", "m a:u32",
     UnitClass::Barrier, at<expectBytes>, 90},
    {"mbarrier complete_tx [relaxed] [cta|cluster] [shared|shared::cta|shared::cluster] b64", "m a:u32",
     UnitClass::Barrier, at<completeBytes>, 90},
    {"mbarrier test_wait " SIM_SEM " " SIM_OWN " b64", "N m a:u64", UnitClass::Barrier, at<wait<false>>, 80},
    {"mbarrier test_wait parity " SIM_SEM " " SIM_OWN " b64", "N m a:u32", UnitClass::Barrier, at<wait<true>>, 80},
    {"mbarrier try_wait " SIM_SEM " " SIM_OWN " b64", "N m a:u64 ?a:u32", UnitClass::Barrier, at<wait<false>>, 90},
    {"mbarrier try_wait parity " SIM_SEM " " SIM_OWN " b64", "N m a:u32 ?a:u32", UnitClass::Barrier, at<wait<true>>,
     90},
    {"mbarrier pending_count b64", "d:u32 a:b64", UnitClass::Barrier, plain<pendingCount>, 80},
    {"cp async mbarrier arrive [noinc] " SIM_OWN " b64", "m", UnitClass::Barrier, at<copiesArrive>, 80},
    {"fence mbarrier_init release cluster", "", UnitClass::Barrier, plain<nothing>, 90},
    {"fence proxy alias", "", UnitClass::Barrier, plain<nothing>, 70},
    {"fence proxy async [global|shared::cta|shared::cluster]", "", UnitClass::Barrier, plain<nothing>, 90},
    {"mapa [shared::cluster] u32", "d a a:u32", UnitClass::Move, plain<mapAddress<std::uint32_t>>, 90},
    {"mapa [shared::cluster] u64", "d a a:u32", UnitClass::Move, plain<mapAddress<std::uint64_t>>, 90},
    {"setmaxnreg inc|dec sync aligned u32", "i", UnitClass::Control, plain<aligned>, 90},
    {"griddepcontrol launch_dependents|wait", "", UnitClass::Control, plain<nothing>, 90},
};

} // namespace

std::span<const Row> mbarrierRows() { return rows; }

} // namespace sage::sim
