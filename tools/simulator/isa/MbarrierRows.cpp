// mbarrier objects (PTX ISA §9.7.13.15), cp.async.mbarrier.arrive, proxy fences, setmaxnreg, griddepcontrol. An
// mbarrier may be one of another block of the cluster where the ISA allows it.
#include <algorithm>
#include <cstring>

#include "core/AsyncProxy.h"
#include "core/Cluster.h"
#include "core/Faults.h"
#include "isa/Families.h"

namespace sage::sim {
namespace {

constexpr std::uint32_t maxCount = (1u << 20) - 1;
constexpr std::int64_t maxBytes = (1 << 20) - 1;

// `extra` of the rows.
enum Flag : unsigned {
  Generic = 1,
  Expects = 2,
  NoComplete = 4,
  Drops = 8,
  Relaxed = 16,
  NoIncrement = 32,
  Reaches = 64
};

/// Where an mbarrier lies.
struct Place {
  Block *block = nullptr;
  std::uint32_t address = 0;
  Mbarrier *barrier = nullptr;
};

template <class F> const Inst *eachLane(Warp &w, const Inst *i, F body) {
  for (std::uint32_t m = w.active; m != 0; m &= m - 1)
    if (!body(static_cast<unsigned>(std::countr_zero(m))) && w.stop == Stop::Faulted) return nullptr;
  return i + 1;
}

/// What an mbarrier does not allow. When nobody looks for it the lane does nothing. Returns false.
bool misuse(Warp &w, const Inst *i, unsigned lane, std::uint32_t address, const std::string &what) {
  if (w.block->checks.on(ViolationKind::MbarrierMisuse))
    faultAt(w, i, ViolationKind::MbarrierMisuse, lane, address, Space::Shared, what);
  return false;
}

bool placeAt(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, Place &place) {
  const bool reaches = i->extra & Reaches; // the mbarriers of other blocks of the cluster
  if (!clusterPlace(w, i, m, lane, 8, i->extra & Generic, !reaches, place.block, place.address)) return false;
  AsyncProxy &proxy = proxyOf(*place.block);
  const auto found = proxy.barriers.find(place.address);
  place.barrier = found == proxy.barriers.end() ? nullptr : &found->second;
  return true;
}

bool barrierAt(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, Place &place) {
  if (!placeAt(w, i, m, lane, place)) return false;
  if (!place.barrier) return misuse(w, i, lane, place.address, "there is no initialised mbarrier at this address");
  if (place.block == w.block) return initIsKnown(w, i, lane, place.address);
  return touchInCluster(w, i, lane, *place.block, place.address, false);
}

void progress(Place &place) {
  proxyOf(*place.block).idleWaits = 0;
  completePhase(*place.block, place.address);
}

void markObject(Block &block, std::uint32_t address, bool isObject) {
  const bool looked = block.checks.on(ViolationKind::MbarrierMisuse);
  std::memset(block.sharedShadow + address, !isObject ? block.unwritten : looked ? shadowMbarrier : shadowSet, 8);
}

const Inst *init(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!placeAt(w, i, i->o, lane, at)) return false;
    const std::uint32_t count = w.lanes<std::uint32_t>(i->o[4])[lane];
    if (count == 0 || count > maxCount)
      return misuse(w, i, lane, at.address, "an mbarrier for " + std::to_string(count) + " arrivals");
    if (at.barrier)
      return misuse(w, i, lane, at.address, "there is an mbarrier already, which mbarrier.inval has not ended");
    std::uint8_t *shadow = at.block->sharedShadow + at.address;
    for (unsigned k = 0; k < 8; ++k)
      if (shadow[k] > shadowSet) {
        shadowFault(w, i, lane, at.address, shadow, 8, Space::Shared, true);
        return false;
      }
    Mbarrier &fresh = proxyOf(*at.block).barriers[at.address];
    fresh.expected = fresh.pending = count;
    fresh.initWarp = w.index;
    std::memset(at.block->shared + at.address, 0, 8);
    markObject(*at.block, at.address, true);
    if (RaceDetector *races = at.block->races; races && at.block == w.block) {
      races->landed(w.index, at.address, 8);
      races->remember(w.index, i, at.address, at.address + 8, true);
    }
    return true;
  });
}

const Inst *invalidate(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!barrierAt(w, i, i->o, lane, at)) return false;
    AsyncProxy &proxy = proxyOf(*at.block);
    bool used = !at.barrier->tracked.empty();
    for (const BulkCopy &c : proxy.copies) used |= c.barrier == at.address;
    if (used)
      return misuse(w, i, lane, at.address,
                    "an mbarrier is invalidated while a copy reports to it, or before the wait");
    proxy.barriers.erase(at.address);
    markObject(*at.block, at.address, false);
    return true;
  });
}

// §9.7.13.15.1: opaque; here the phase and the arrivals that were pending before.
std::uint64_t tokenOf(const Mbarrier &b) { return b.phase << 20 | b.pending; }

bool arriveAt(Warp &w, const Inst *i, unsigned lane, Place &at, std::uint32_t count) {
  Mbarrier &b = *at.barrier;
  const std::uint32_t open = b.pending - b.deferred;
  if (count == 0 || count > open)
    return misuse(w, i, lane, at.address,
                  std::to_string(count) + " arrivals at an mbarrier that waits for " + std::to_string(open));
  if ((i->extra & NoComplete) && count == b.pending && b.bytes == 0)
    return misuse(w, i, lane, at.address, "a .noComplete arrival would complete the phase");
  b.pending -= count;
  if (i->extra & Drops) b.expected -= std::min(count, b.expected);
  return true;
}

bool expect(Warp &w, const Inst *i, unsigned lane, Place &at, std::int64_t bytes) {
  std::int64_t &now = at.barrier->bytes;
  if (now + bytes > maxBytes || now + bytes < -maxBytes)
    return misuse(w, i, lane, at.address, "the tx-count of an mbarrier leaves its range of 2^20 - 1");
  now += bytes;
  return true;
}

/// Once for all lanes that arrive: clocks are precious.
class Release {
public:
  Release(Warp &w, const Inst *i) : warp(w), inst(i), relaxed(i->extra & Relaxed) {}
  /// False after a fault.
  bool at(Place &place, unsigned lane) {
    RaceDetector *order = warp.block->order;
    if (!order || last == place.barrier) return true;
    last = place.barrier;
    if (place.block == warp.block) {
      order->arrive(place.barrier->order, warp.index, relaxed);
      return true;
    }
    if (!touchInCluster(warp, inst, lane, *place.block, place.address, !relaxed)) return false;
    order->arriveAt(*place.block->order, place.barrier->order, warp.index, relaxed);
    return true;
  }

private:
  Warp &warp;
  const Inst *inst;
  bool relaxed;
  const Mbarrier *last = nullptr;
};

// Operands: state, address (four entries), [count, or bytes].
const Inst *arrive(Warp &w, const Inst *i) {
  Release release(w, i);
  orderLanes(w);
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!barrierAt(w, i, i->o + 1, lane, at)) return false;
    const std::uint32_t operand = i->operandCount > 5 ? w.lanes<std::uint32_t>(i->o[5])[lane] : 1;
    if ((i->extra & Expects) && !expect(w, i, lane, at, operand)) return false;
    w.lanes<std::uint64_t>(i->o[0])[lane] = tokenOf(*at.barrier);
    if (!release.at(at, lane)) return false;
    if (!arriveAt(w, i, lane, at, (i->extra & Expects) ? 1 : operand)) return false;
    progress(at);
    return true;
  });
}

const Inst *expectBytes(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    return barrierAt(w, i, i->o, lane, at) && expect(w, i, lane, at, w.lanes<std::uint32_t>(i->o[4])[lane]);
  });
}
const Inst *completeBytes(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!barrierAt(w, i, i->o, lane, at)) return false;
    if (!expect(w, i, lane, at, -std::int64_t{w.lanes<std::uint32_t>(i->o[4])[lane]})) return false;
    progress(at);
    return true;
  });
}

/// The phase that the program asks for is complete; false in FITS after a fault.
template <bool Parity> bool isComplete(Warp &w, const Inst *i, unsigned lane, const Place &at, bool &fits) {
  const Mbarrier &b = *at.barrier;
  if (Parity) {
    const std::uint32_t parity = w.lanes<std::uint32_t>(i->o[6])[lane];
    fits = parity <= 1 || misuse(w, i, lane, at.address, "the parity of a phase is 0 or 1");
    return (b.phase & 1) != parity;
  }
  const std::uint64_t phase = w.lanes<std::uint64_t>(i->o[6])[lane] >> 20;
  fits = phase == b.phase || phase + 1 == b.phase ||
         misuse(w, i, lane, at.address, "a wait for a state of neither the current phase nor the one before");
  return phase != b.phase;
}

const Inst *waitsForEver(Warp &w, const Inst *i, unsigned lane, const Place &at) {
  const Mbarrier &b = *at.barrier;
  faultAt(w, i, ViolationKind::Deadlock, lane, at.address, Space::Shared,
          "nothing arrives at the mbarrier: phase " + std::to_string(b.phase) + " waits for " +
              std::to_string(b.pending) + " arrivals, and " +
              (b.bytes < 0 ? std::to_string(-b.bytes) + " bytes more than expected have come"
                           : "for " + std::to_string(b.bytes) + " bytes"));
  auto &details = w.block->violation->details;
  details = waitTexts(*w.block);
  if (w.block->hasPeers)
    for (std::string &text : waitsOf(*w.block->cluster)) details.push_back(std::move(text));
  return nullptr;
}

// Operands: predicate (two entries), address (four), state or parity. A failed wait lets the other warps run.
template <bool Parity> const Inst *wait(Warp &w, const Inst *i) {
  std::uint32_t done = 0;
  Place failedAt;
  const Mbarrier *acquired = nullptr;
  const Inst *next = eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!barrierAt(w, i, i->o + 2, lane, at)) return false;
    bool fits = true;
    bool complete = isComplete<Parity>(w, i, lane, at, fits);
    if (!fits) return false;
    if (!complete) {
      finishCopies(*at.block, at.address);
      complete = isComplete<Parity>(w, i, lane, at, fits);
    }
    if (!complete) {
      failedAt = at;
      return true;
    }
    done |= 1u << lane;
    if (acquired == at.barrier) return true;
    acquired = at.barrier;
    landCopies(w, at.address);
    if (w.block->order) w.block->order->wait(at.barrier->order, w.index, i->extra & Relaxed);
    return true;
  });
  if (!next) return nullptr;
  if (done != 0) orderLanes(w);
  std::uint32_t &result = *w.lanes<std::uint32_t>(i->o[0]);
  result = (result & ~w.active) | done;
  const std::uint32_t failed = w.active & ~done;
  if (failed == 0) return next;
  if (waitsInVain(w, i, failedAt.address) && w.block->checks.on(ViolationKind::Deadlock))
    return waitsForEver(w, i, static_cast<unsigned>(std::countr_zero(failed)), failedAt);
  return letOthersRun(w, i + 1);
}

const Inst *pendingCount(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    w.lanes<std::uint32_t>(i->o[0])[lane] =
        static_cast<std::uint32_t>(w.lanes<std::uint64_t>(i->o[1])[lane] & maxCount);
    return true;
  });
}

// §9.7.13.15.17: the arrival happens when the thread's copies are complete. Without .noinc it was added to the pending
// count first; with it the count of the phase must have room for it.
const Inst *copiesArrive(Warp &w, const Inst *i) {
  Release release(w, i);
  return eachLane(w, i, [&](unsigned lane) {
    Place at;
    if (!barrierAt(w, i, i->o, lane, at)) return false;
    Mbarrier &b = *at.barrier;
    if (!release.at(at, lane)) return false;
    if (!(i->extra & NoIncrement)) {
      if (b.pending == maxCount) return misuse(w, i, lane, at.address, "too many pending arrivals at an mbarrier");
      ++b.pending;
    } else if (b.pending == b.deferred) {
      return misuse(w, i, lane, at.address, "an arrival at an mbarrier that waits for 0");
    }
    ++b.deferred;
    const std::uint64_t newest = w.async.newest();
    if (b.tracked.empty() || b.tracked.back().counted || b.tracked.back().warp != w.index ||
        b.tracked.back().last != newest)
      b.tracked.push_back({w.index, 0, newest, false, false});
    b.tracked.back().lanes |= 1u << lane;
    proxyOf(*at.block).idleWaits = 0;
    return true;
  });
}

// What the warp's inits did reaches the cluster with its next barrier.
const Inst *initFence(Warp &w, const Inst *i) {
  for (auto &[address, barrier] : proxyOf(*w.block).barriers)
    if (barrier.initWarp == w.index && barrier.fencedPhase == ~0u) barrier.fencedPhase = w.block->cluster->phase;
  return i + 1;
}

const Inst *nothing(Warp &, const Inst *i) { return i + 1; }
// §9.7.13.4: what this warp knows of becomes visible to the asynchronous proxy.
template <bool Shared, bool Global> const Inst *proxyFence(Warp &w, const Inst *i) {
  if (w.block->order) w.block->order->proxyFence(w.index, Shared, Global);
  return i + 1;
}
// A fence of the generic proxy, for what it says of the tensor-map proxy: maps are never cached here.
const Inst *fence(Warp &w, const Inst *i) {
  if (w.block->order) w.block->order->fence(w.index);
  return i + 1;
}
// How many registers the code needs is the assembler's business. But warps that together ask for more than a
// multiprocessor has (§9.7.19.5: .inc waits for them) never get them.
const Inst *setRegisters(Warp &w, const Inst *i) {
  constexpr std::uint32_t registersOfBlock = 65536;
  if (!gatherAll(w, i)) return resume(w);
  std::vector<std::uint32_t> &counts = proxyOf(*w.block).registers;
  counts.resize(w.block->warps.size());
  counts[w.index] = i->o[0];
  std::uint32_t sum = 0;
  for (const Warp &other : w.block->warps) sum += other.alive == 0 ? 0 : 32 * counts[other.index];
  if (sum <= registersOfBlock || !w.block->checks.on(ViolationKind::Deadlock)) return i + 1;
  return fault(w, i, ViolationKind::Deadlock, 0,
               "the warps of the block ask for " + std::to_string(sum) + " registers, and there are " +
                   std::to_string(registersOfBlock));
}
template <Handler H> Picked plain(const Form &) { return H; }
template <Handler H> Picked at(const Form &f) {
  const bool shared = f.has("shared") || f.has("shared::cta") || f.has("shared::cluster");
  return {H, (shared ? 0u : Generic) | (f.has("expect_tx") ? Expects : 0u) | (f.has("noComplete") ? NoComplete : 0u) |
                 (f.row->pattern.starts_with("mbarrier arrive_drop") ? Drops : 0u) | (f.has("relaxed") ? Relaxed : 0u) |
                 (f.has("noinc") ? NoIncrement : 0u) | (f.has("shared::cta") || f.has("shared") ? 0u : Reaches)};
}

#define SIM_OWN "[shared|shared::cta]"
#define SIM_SEM "[acquire|relaxed] [cta|cluster]"
#define SIM_SCOPE "cta|cluster|gpu|sys"
#define SIM_RELEASE "[release|relaxed] [cta|cluster]"
const Row rows[] = {
    {"mbarrier init " SIM_OWN " b64", "m a:u32", UnitClass::Barrier, at<init>, 80},
    {"mbarrier inval " SIM_OWN " b64", "m", UnitClass::Barrier, at<invalidate>, 80},
    {"mbarrier arrive " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m ?a:u32", UnitClass::Barrier, at<arrive>, 80},
    {"mbarrier arrive " SIM_RELEASE " shared::cluster b64", "S:b64 m ?a:u32", UnitClass::Barrier, at<arrive>, 90},
    {"mbarrier arrive expect_tx " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m a:u32", UnitClass::Barrier, at<arrive>, 90},
    {"mbarrier arrive expect_tx " SIM_RELEASE " shared::cluster b64", "S:b64 m a:u32", UnitClass::Barrier, at<arrive>,
     90},
    {"mbarrier arrive noComplete " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m a:u32", UnitClass::Barrier, at<arrive>, 80},
    {"mbarrier arrive_drop " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m ?a:u32", UnitClass::Barrier, at<arrive>, 80},
    {"mbarrier arrive_drop " SIM_RELEASE " shared::cluster b64", "S:b64 m ?a:u32", UnitClass::Barrier, at<arrive>, 90},
    {"mbarrier arrive_drop expect_tx " SIM_RELEASE " " SIM_OWN " b64", "d:b64 m a:u32", UnitClass::Barrier, at<arrive>,
     90},
    {"mbarrier arrive_drop expect_tx " SIM_RELEASE " shared::cluster b64", "S:b64 m a:u32", UnitClass::Barrier,
     at<arrive>, 90},
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
    {"fence mbarrier_init release cluster", "", UnitClass::Barrier, plain<initFence>, 90},
    {"fence proxy alias", "", UnitClass::Barrier, plain<nothing>, 70},
    {"fence proxy async", "", UnitClass::Barrier, plain<proxyFence<true, true>>, 90},
    {"fence proxy async shared::cta|shared::cluster", "", UnitClass::Barrier, plain<proxyFence<true, false>>, 90},
    {"fence proxy async global", "", UnitClass::Barrier, plain<proxyFence<false, true>>, 90},
    {"fence proxy async::generic acquire|release sync_restrict::shared::cta|sync_restrict::shared::cluster cluster", "",
     UnitClass::Barrier, plain<proxyFence<true, false>>, 90},
    {"fence proxy tensormap::generic release " SIM_SCOPE, "", UnitClass::Barrier, plain<fence>, 90},
    {"fence proxy tensormap::generic acquire " SIM_SCOPE, "m i", UnitClass::Barrier, plain<fence>, 90},
    {"fence acquire|release sync_restrict::shared::cta|sync_restrict::shared::cluster cluster", "", UnitClass::Barrier,
     plain<fence>, 90},
    {"setmaxnreg inc|dec sync aligned u32", "r", UnitClass::Control, plain<setRegisters>, 90},
    {"griddepcontrol launch_dependents|wait", "", UnitClass::Control, plain<nothing>, 90},
};

} // namespace

std::span<const Row> mbarrierRows() { return rows; }

} // namespace sage::sim
