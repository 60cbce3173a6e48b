// cp.async and its groups (PTX ISA §9.7.9.25.3). The bytes are taken at issue and land in shared memory at the wait;
// memory/AsyncCopies.h has the model.
#include "isa/Access.h"
#include "isa/LevelRows.h"
#include "isa/Pick.h"
#include "isa/Races.h"

namespace sage::sim::SAGESIM_LEVEL {
namespace {

// `extra`: bit 0 the fourth operand is a predicate that asks for zeros.
SIM_INLINE Lanes<u32> sourceSizes(const Warp &w, const Inst *i, u32 size) {
  if (i->operandCount <= 9) return Lanes<u32>(size);
  if (i->extra & 1) return choose<u32>(sourceMask(w, i->o + 9), Lanes<u32>(0u), Lanes<u32>(size));
  const Lanes<u32> n = get<u32>(w, i->o[9]);
  return n > size ? Lanes<u32>(size) : n;
}

bool fillRecord(Warp &w, const Inst *i, AsyncCopies::Record &record, u32 size) {
  const Lanes<u32> sizes = sourceSizes(w, i, size);
  const u32 full = maskOf(sizes == size) & w.active;
  const Lanes<u64> source = addresses(w, i->o + 4);
  const auto copy = [&](const Region &r, Lanes<u64> offset, u32 mask) {
    countSectors(w, r, offset, mask, size);
    alignas(128) u64 at[32];
    std::memcpy(at, &offset, sizeof at);
    for (unsigned lane = 0, count = 0; lane < 32; lane += count) { // neighbours at once
      for (count = 0; lane + count < 32 && (mask >> (lane + count) & 1) && at[lane + count] == at[lane] + count * size;)
        ++count;
      if (count != 0 && !raceFreeRead(w, i, r, at[lane], count * size, size, lane)) return false;
      count += count == 0;
    }
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
      if (!readable(w, i, r, offset[lane], size, lane)) return false;
      std::memcpy(record.data[lane].data(), r.data + offset[lane], size);
    }
    return true;
  };
  if (full != 0 && !globalAccess(w, i, source, full, size, Use::Read, copy)) return false;
  // Fewer source bytes: the rest is zero, and nothing at all is read when there are none.
  for (u32 m = w.active & ~full; m != 0; m &= m - 1) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
    const u32 bytes = sizes[lane];
    record.data[lane].fill(0);
    u32 aligned = u32{1} << lane;
    if (!checkAligned(w, i, source, size, aligned, Space::Global)) return false;
    if (aligned == 0) continue;
    for (u32 k = 0; k < bytes; ++k) {
      const auto one = [&](const Region &r, Lanes<u64> offset, u32) {
        if (!readable(w, i, r, offset[lane], 1, lane)) return false;
        if (!raceFreeRead(w, i, r, offset[lane], 1, 1, lane)) return false;
        record.data[lane][k] = r.data[offset[lane]];
        return true;
      };
      if (!globalAccess(w, i, source + u64(k), u32{1} << lane, 1, Use::Read, one)) return false;
    }
  }
  return true;
}

// Operands: destination m, source m, size, [source size or predicate].
const Inst *copyAsync(Warp &w, const Inst *i) {
  const u32 size = i->o[8];
  const Lanes<u64> destination = addresses(w, i->o);
  AsyncCopies::Record &record = w.async.issue();
  record.mask = 0;
  record.bytes = size;
  bool ok = fillRecord(w, i, record, size);
  ok = ok && sharedAccess(w, i, destination, w.active, size, [&](const Region &r, Lanes<u64> offset, u32 mask) {
         rememberAccess(w, i, r, offset, mask, size, true);
         record.mask |= mask;
         for (u32 m = mask; m != 0; m &= m - 1) {
           const unsigned lane = static_cast<unsigned>(std::countr_zero(m));
           if (!markWritten(w, i, r, offset[lane], size, lane)) return false;
           if (!raceFreeWrite(w, i, r, offset[lane], size, size, lane, record.data[lane].data())) return false;
           std::memset(r.shadow + offset[lane], w.block->inFlight, size);
           record.destination[lane] = static_cast<u32>(offset[lane]);
         }
         return true;
       });
  w.stats->asyncCopyBytes += static_cast<u64>(__builtin_popcount(w.active)) * size;
  return ok ? i + 1 : nullptr;
}

const Inst *commitGroup(Warp &w, const Inst *i) {
  w.async.commit(w.active);
  return i + 1;
}
const Inst *waitGroup(Warp &w, const Inst *i) {
  w.async.wait(w.active, i->o[0], w.block->shared, w.block->sharedShadow);
  return i + 1;
}
const Inst *waitAll(Warp &w, const Inst *i) {
  w.async.waitAll(w.active, w.block->shared, w.block->sharedShadow);
  return i + 1;
}

Picked pickCopy(const Form &) { return {copyAsync, 0}; }
Picked pickCopyIgnore(const Form &) { return {copyAsync, 1}; }

#define SIM_COPY "cp async ca|cg shared|shared::cta global [L2::64B|L2::128B|L2::256B]"
const Row rows[] = {
    {SIM_COPY, "m m s ?a:u32", UnitClass::Memory, pickCopy, 80},
    {SIM_COPY, "m m s p", UnitClass::Memory, pickCopyIgnore, 80},
    {"cp async commit_group", "", UnitClass::Memory, always<commitGroup>, 80},
    {"cp async wait_group", "i", UnitClass::Memory, always<waitGroup>, 80},
    {"cp async wait_all", "", UnitClass::Memory, always<waitAll>, 80},
};

} // namespace

std::span<const Row> asyncRows() { return rows; }

} // namespace sage::sim::SAGESIM_LEVEL
