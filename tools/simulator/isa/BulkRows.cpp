// Bulk copies and reductions of one run of bytes, and bulk groups (PTX ISA §9.7.9.25.4, §9.7.9.25.5). A copy into
// shared memory takes its bytes at once, but they land when a wait at its mbarrier succeeds: until then the destination
// is in flight. A copy out of shared memory lands when its group is waited for; until `.read` its source is being read.
#include <cstring>

#include "core/Faults.h"
#include "isa/Bulk.h"
#include "isa/Families.h"

namespace sage::sim {
namespace {

using namespace bulk;

enum Flag : unsigned { FromShared = 1, Reads = 2, Multicast = 4 };

// Operands: destination (four entries), source (four), size, mbarrier (four), [mask of blocks].
const Inst *copyIn(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t size = w.lanes<std::uint32_t>(i->o[8])[lane];
    std::uint32_t from = 0;
    BulkCopy copy;
    Destination to;
    if (!checkSize(w, i, lane, size) || !destinationOf(w, i, lane, i->o, size, i->o + 9, to)) return false;
    copy.barrier = to.barrier;
    copy.data.resize(size);
    copy.reduction = reductionOf(i);
    if (i->extra & FromShared) {
      if (!sharedAddress(w, i, i->o + 4, lane, size, true, from)) return false;
      if (!readShared(w, i, lane, from, copy.data.data(), size, copy.source)) return false;
    } else {
      const std::uint64_t address = addressOf(w, i->o + 4, lane);
      if (!checkGlobalAlign(w, i, lane, address)) return false;
      if (!takeGlobal(w, i, lane, address, 0, size, copy)) return false;
    }
    for (std::uint32_t k = 0; k < size; k += 16) copy.chunks.push_back(to.address + k);
    if (i->extra & Multicast) return multicastCopy(w, i, lane, w.lanes<std::uint32_t>(i->o[13])[lane] & 0xffff, copy);
    return launchCopy(w, i, lane, *to.block, std::move(copy));
  });
}

// Operands: destination, source (four entries each), size.
const Inst *copyOut(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t size = w.lanes<std::uint32_t>(i->o[8])[lane];
    const std::uint64_t address = addressOf(w, i->o, lane);
    std::uint32_t from = 0;
    if (!checkSize(w, i, lane, size) || !checkGlobalAlign(w, i, lane, address)) return false;
    if (!sharedAddress(w, i, i->o + 4, lane, size, true, from)) return false;
    BulkStore store;
    store.data.resize(size);
    store.pieces.push_back({address, 0, size});
    store.reduction = reductionOf(i);
    return readShared(w, i, lane, from, store.data.data(), size, store.source) &&
           launchStore(w, i, lane, std::move(store));
  });
}

// A prefetch changes nothing, but it must name memory that is there.
const Inst *prefetch(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t size = w.lanes<std::uint32_t>(i->o[4])[lane];
    const std::uint64_t address = addressOf(w, i->o, lane);
    if (!checkSize(w, i, lane, size) || !checkGlobalAlign(w, i, lane, address)) return false;
    const Allocation *a = w.block->memory->findLive(address);
    if (a && a->contains(address, size)) return true;
    globalFault(w, i, lane, address, size, false);
    return false;
  });
}

// §9.7.9.25.5.3: groups belong to a thread.
const Inst *commitGroup(Warp &w, const Inst *i) {
  AsyncProxy &proxy = proxyOf(*w.block);
  std::array<std::uint32_t, 32> &groups = proxy.storeGroups[w.index];
  for (std::uint32_t m = w.active; m != 0; m &= m - 1) ++groups[static_cast<unsigned>(std::countr_zero(m))];
  for (BulkStore &s : proxy.stores)
    if (s.warp == w.index && s.group == 0 && (w.active >> s.lane & 1)) s.group = groups[s.lane];
  return i + 1;
}

// All groups but the newest N: their source has been read, and without `.read` their result is there.
const Inst *waitGroup(Warp &w, const Inst *i) {
  AsyncProxy &proxy = proxyOf(*w.block);
  bool ok = true;
  std::erase_if(proxy.stores, [&](BulkStore &s) {
    if (!ok || s.warp != w.index || s.group == 0 || !(w.active >> s.lane & 1)) return false;
    if (proxy.storeGroups[w.index][s.lane] - s.group < i->o[0]) return false;
    if (i->extra & Reads) return endReading(w, s.source), false;
    return ok = landStore(w, s);
  });
  return ok ? i + 1 : nullptr;
}

template <Handler H, unsigned Extra = 0> Picked plain(const Form &) { return {H, Extra}; }

Picked reductionPicked(Handler h, const Form &f, unsigned flags, bool inShared) {
  Reduction r;
  r.type = f.type();
  for (const std::string_view m : f.modifiers)
    if (const Reduction::Op op = reductionNamed(m); op != Reduction::Op::None) r.op = op;
  const bool half = r.type == Type::F16 || r.type == Type::BF16;
  if (!isReduction(r) || f.has("noftz") != (half && r.op == Reduction::Op::Add)) return {};
  // Within shared memory: 32 bits, and the sum of u64 (table of §9.7.9.25.5.2).
  const bool narrow = r.type == Type::U32 || r.type == Type::S32 || r.type == Type::B32;
  const bool isWideSum = r.type == Type::U64 && r.op == Reduction::Op::Add;
  if (inShared ? !narrow && !isWideSum : r.type == Type::S64 && r.op == Reduction::Op::Add) return {};
  return {h, flags | reductionBits(r)};
}
Picked reduceIn(const Form &f) { return reductionPicked(copyIn, f, FromShared, true); }
Picked reduceOut(const Form &f) { return reductionPicked(copyOut, f, 0, false); }

#define SIM_DONE "mbarrier::complete_tx::bytes"
#define SIM_OPS "add|min|max|inc|dec|and|or|xor [noftz] u32|s32|u64|s64|b32|b64|f16|bf16|f32|f64"
const Row rows[] = {
    {"cp async bulk shared::cluster|shared::cta global " SIM_DONE, "m m a:u32 m", UnitClass::Memory, plain<copyIn>, 90},
    {"cp async bulk shared::cluster|shared::cta global " SIM_DONE " L2::cache_hint", "m m a:u32 m a:b64",
     UnitClass::Memory, plain<copyIn>, 90},
    {"cp async bulk shared::cluster global " SIM_DONE " multicast::cluster", "m m a:u32 m a:b16", UnitClass::Memory,
     plain<copyIn, Multicast>, 90},
    {"cp async bulk shared::cluster global " SIM_DONE " multicast::cluster L2::cache_hint", "m m a:u32 m a:b16 a:b64",
     UnitClass::Memory, plain<copyIn, Multicast>, 90},
    {"cp async bulk shared::cluster shared::cta " SIM_DONE, "m m a:u32 m", UnitClass::Memory, plain<copyIn, FromShared>,
     90},
    {"cp async bulk global shared::cta bulk_group", "m m a:u32", UnitClass::Memory, plain<copyOut>, 90},
    {"cp async bulk global shared::cta bulk_group L2::cache_hint", "m m a:u32 a:b64", UnitClass::Memory, plain<copyOut>,
     90},
    {"cp reduce async bulk shared::cluster shared::cta " SIM_DONE " " SIM_OPS, "m m a:u32 m", UnitClass::Memory,
     reduceIn, 90},
    {"cp reduce async bulk global shared::cta bulk_group " SIM_OPS, "m m a:u32", UnitClass::Memory, reduceOut, 90},
    {"cp reduce async bulk global shared::cta bulk_group L2::cache_hint " SIM_OPS, "m m a:u32 a:b64", UnitClass::Memory,
     reduceOut, 90},
    {"cp async bulk prefetch L2 global", "m a:u32", UnitClass::Memory, plain<prefetch>, 90},
    {"cp async bulk prefetch L2 global L2::cache_hint", "m a:u32 a:b64", UnitClass::Memory, plain<prefetch>, 90},
    {"cp async bulk commit_group", "", UnitClass::Memory, plain<commitGroup>, 90},
    {"cp async bulk wait_group", "i", UnitClass::Memory, plain<waitGroup>, 90},
    {"cp async bulk wait_group read", "i", UnitClass::Memory, plain<waitGroup, Reads>, 90},
};

} // namespace

std::span<const Row> bulkRows() { return rows; }

} // namespace sage::sim
