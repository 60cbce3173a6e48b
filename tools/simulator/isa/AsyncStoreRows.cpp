// st.async and red.async (PTX ISA §9.7.9.12, §9.7.13.17): a store or reduction to shared memory of the cluster that
// reports its bytes to an mbarrier of the same block. They fly as bulk copies do (Bulk.h), each lane's by itself.
#include <cstring>

#include "core/Cluster.h"
#include "isa/Bulk.h"
#include "isa/Families.h"

namespace sage::sim {
namespace {

using namespace bulk;

// `extra`: bit 0 elements of 8 bytes; a reduction as in Bulk.h. Operands: destination (four entries), values, mbarrier.
const Inst *storeAsync(Warp &w, const Inst *i) {
  const std::uint32_t bytes = i->extra & 1 ? 8 : 4, count = i->vector;
  return eachLane(w, i, [&](unsigned lane) {
    Destination to;
    if (!destinationOf(w, i, lane, i->o, bytes * count, i->o + 4 + count, to)) return false;
    BulkCopy copy;
    copy.barrier = to.barrier;
    copy.reduction = reductionOf(i);
    copy.pieceBytes = bytes;
    copy.data.resize(std::size_t{bytes} * count);
    for (std::uint32_t k = 0; k < count; ++k) {
      copy.chunks.push_back(to.address + k * bytes);
      const std::uint32_t value = i->o[4 + k];
      const void *from = bytes == 8 ? static_cast<const void *>(w.lanes<std::uint64_t>(value) + lane)
                                    : static_cast<const void *>(w.lanes<std::uint32_t>(value) + lane);
      std::memcpy(copy.data.data() + std::size_t{k} * bytes, from, bytes);
    }
    return launchCopy(w, i, lane, *to.block, std::move(copy));
  });
}

Picked picked(const Form &f) {
  Reduction r;
  for (const std::string_view m : f.modifiers)
    if (const Reduction::Op op = reductionNamed(m); op != Reduction::Op::None) r.op = op;
  r.type = r.op == Reduction::Op::None ? Type::None : f.type();
  return {storeAsync, (typeBits(f.type()) == 64 ? 1u : 0u) | reductionBits(r)};
}

#define SIM_WHERE " [shared::cluster] [mbarrier::complete_tx::bytes] "
const Row rows[] = {
    {"st async [weak]" SIM_WHERE "[v2|v4] b32|u32|s32|f32|b64|u64|s64|f64", "m AV m", UnitClass::Memory, picked, 90},
    {"red async [relaxed] [cluster]" SIM_WHERE "inc|dec u32", "m a m", UnitClass::Memory, picked, 90},
    {"red async [relaxed] [cluster]" SIM_WHERE "min|max u32|s32", "m a m", UnitClass::Memory, picked, 90},
    {"red async [relaxed] [cluster]" SIM_WHERE "add u32|s32|u64", "m a m", UnitClass::Memory, picked, 90},
    {"red async [relaxed] [cluster]" SIM_WHERE "and|or|xor b32", "m a m", UnitClass::Memory, picked, 90},
};

} // namespace

std::span<const Row> asyncStoreRows() { return rows; }

} // namespace sage::sim
