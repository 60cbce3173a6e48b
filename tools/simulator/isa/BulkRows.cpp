// Bulk copies and tensor copies (PTX ISA §9.7.9.25.4, §9.7.9.27; §5.5 for tiles, bounds and swizzles). A copy into
// shared memory takes its bytes at once, but they land when the mbarrier's phase completes: until then the destination
// is in flight. A copy out of shared memory is done at once.
#include <cstring>

#include "core/AsyncProxy.h"
#include "core/Faults.h"
#include "isa/Families.h"
#include "memory/TensorMap.h"

namespace sage::sim {
namespace {

bool refuse(Warp &w, const Inst *i, unsigned lane, const std::string &what) {
  fault(w, i, ViolationKind::IllegalInstruction, lane, what);
  return false;
}

template <class F> const Inst *eachLane(Warp &w, const Inst *i, F body) {
  for (std::uint32_t m = w.active; m != 0; m &= m - 1)
    if (!body(static_cast<unsigned>(std::countr_zero(m)))) return nullptr;
  return i + 1;
}

/// The allocation of SIZE bytes at a global ADDRESS; null after a fault.
Allocation *globalAt(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint64_t size, bool write) {
  Allocation *a = w.block->memory->findLive(address);
  if (a && a->contains(address, size)) {
    if (!write || a->kind != Allocation::Kind::ConstVariable) return a;
    readOnlyFault(w, i, lane, address);
    return nullptr;
  }
  globalFault(w, i, lane, address, static_cast<std::uint32_t>(size), write);
  return nullptr;
}

bool readGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, std::uint8_t *to, std::uint64_t size) {
  const Allocation *a = globalAt(w, i, lane, address, size, false);
  if (!a) return false;
  const std::uint64_t offset = address - a->base;
  for (std::uint64_t k = 0; a->shadow && k < size; ++k)
    if (a->shadow[offset + k] != shadowSet) {
      shadowFault(w, i, lane, address + k, a->shadow + offset + k, 1, Space::Global, false);
      return false;
    }
  std::memcpy(to, a->data + offset, size);
  w.stats->globalReadBytes += size;
  return true;
}

bool writeGlobal(Warp &w, const Inst *i, unsigned lane, std::uint64_t address, const std::uint8_t *from,
                 std::uint64_t size) {
  Allocation *a = globalAt(w, i, lane, address, size, true);
  if (!a) return false;
  std::memcpy(a->data + (address - a->base), from, size);
  if (a->shadow) std::memset(a->shadow + (address - a->base), shadowSet, size);
  w.stats->globalWrittenBytes += size;
  return true;
}

bool readShared(Warp &w, const Inst *i, unsigned lane, std::uint32_t address, std::uint8_t *to, std::uint32_t size) {
  for (std::uint32_t k = 0; k < size; ++k)
    if (w.block->sharedShadow[address + k] != shadowSet) {
      shadowFault(w, i, lane, address + k, w.block->sharedShadow + address + k, 1, Space::Shared, false);
      return false;
    }
  std::memcpy(to, w.block->shared + address, size);
  return true;
}

/// Puts COPY in flight: its destination may not be touched until the barrier's phase completes.
bool launchCopy(Warp &w, const Inst *i, unsigned lane, BulkCopy copy) {
  AsyncProxy &proxy = proxyOf(*w.block);
  if (!proxy.barriers.contains(copy.barrier))
    return refuse(w, i, lane, "a bulk copy reports to an address that holds no initialised mbarrier");
  for (const std::uint32_t at : copy.chunks) {
    std::uint8_t *shadow = w.block->sharedShadow + at;
    for (std::uint32_t k = 0; k < 16; ++k)
      if (shadow[k] == shadowInFlight) {
        shadowFault(w, i, lane, at + k, shadow + k, 1, Space::Shared, true);
        return false;
      }
    std::memset(shadow, w.block->inFlight, 16);
  }
  w.stats->asyncCopyBytes += copy.data.size();
  proxy.idleWaits = 0;
  proxy.copies.push_back(std::move(copy));
  return true;
}

bool checkSize(Warp &w, const Inst *i, unsigned lane, std::uint32_t size) {
  return (size % 16 == 0 && size != 0) ||
         refuse(w, i, lane, "a bulk copy of " + std::to_string(size) + " bytes, not a multiple of 16");
}
bool checkGlobalAlign(Warp &w, const Inst *i, unsigned lane, std::uint64_t address) {
  if (address % 16 == 0) return true;
  misalignedFault(w, i, lane, address, 16, Space::Global);
  return false;
}

// Operands: destination (four entries), source (four), size, mbarrier (four). `extra` 1: the source is shared memory.
const Inst *copyIn(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    const std::uint32_t size = w.lanes<std::uint32_t>(i->o[8])[lane];
    std::uint32_t to = 0, from = 0;
    BulkCopy copy;
    if (!checkSize(w, i, lane, size) || !sharedAddress(w, i, i->o + 9, lane, 8, true, copy.barrier)) return false;
    if (!sharedAddress(w, i, i->o, lane, size, true, to)) return false;
    copy.data.resize(size);
    if (i->extra == 1) {
      if (!sharedAddress(w, i, i->o + 4, lane, size, true, from)) return false;
      if (!readShared(w, i, lane, from, copy.data.data(), size)) return false;
    } else {
      const std::uint64_t address = addressOf(w, i->o + 4, lane);
      if (!checkGlobalAlign(w, i, lane, address)) return false;
      if (!readGlobal(w, i, lane, address, copy.data.data(), size)) return false;
    }
    for (std::uint32_t k = 0; k < size; k += 16) copy.chunks.push_back(to + k);
    return launchCopy(w, i, lane, std::move(copy));
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
    std::vector<std::uint8_t> data(size);
    return readShared(w, i, lane, from, data.data(), size) && writeGlobal(w, i, lane, address, data.data(), size);
  });
}

// §5.5.6: the 16-byte pieces of a line are exchanged by the number of the line.
std::uint32_t swizzled(std::uint32_t address, TensorSwizzle s) {
  switch (s) {
  case TensorSwizzle::B32: return address ^ ((address >> 7 & 1) << 4);
  case TensorSwizzle::B64: return address ^ ((address >> 7 & 3) << 4);
  case TensorSwizzle::B128: return address ^ ((address >> 7 & 7) << 4);
  default: return address;
  }
}

bool readMap(Warp &w, const Inst *i, unsigned lane, TensorMap &map, unsigned rank) {
  std::uint64_t address = addressOf(w, i->o, lane);
  std::uint8_t bytes[128];
  const bool isParameter = address - paramWindow < windowBytes;
  if (isParameter) address -= paramWindow;
  if (address % 64 != 0) {
    misalignedFault(w, i, lane, address, 64, isParameter ? Space::Param : Space::Global);
    return false;
  }
  if (isParameter) {
    const std::uint32_t limit = w.block->program->parameterBytes;
    if (address > limit || limit - address < sizeof bytes) {
      boundsFault(w, i, lane, address, sizeof bytes, limit, Space::Param);
      return false;
    }
    std::memcpy(bytes, w.block->parameters + address, sizeof bytes);
  } else if (!readGlobal(w, i, lane, address, bytes, sizeof bytes)) {
    return false;
  }
  std::memcpy(&map, bytes, sizeof map);
  if (map.magic != TensorMap::magicValue || map.rank == 0 || map.rank > 5)
    return refuse(w, i, lane, "there is no tensor map at this address");
  if (map.rank != rank)
    return refuse(w, i, lane,
                  "the tensor map has rank " + std::to_string(map.rank) + ", the copy " + std::to_string(rank));
  if (map.interleave != TensorInterleave::None || map.swizzle > TensorSwizzle::B128)
    return refuse(w, i, lane, "this interleaving or swizzle of a tensor map is not supported");
  return true;
}

/// A tile: walks over the rows of the box, innermost dimension first, and tells which part lies within the tensor.
class Tile {
public:
  Tile(const TensorMap &m, const std::array<std::int32_t, 5> &c) : map(m), start(c) {
    elementBytes = tensorElementBytes(map.element);
    for (unsigned d = 0; d < map.rank; ++d) {
      step[d] = std::max<std::uint32_t>(1, map.elementStride[d]);
      count[d] = (map.box[d] + step[d] - 1) / step[d];
      elements *= count[d];
    }
  }
  std::uint32_t bytes() const { return elements * elementBytes; }

  /// BODY(offset in the tile, global address) for every element inside; false stops.
  template <class Body> bool forEach(Body body) const {
    std::array<std::uint32_t, 5> at{};
    for (std::uint32_t e = 0; e < elements; e += count[0]) {
      std::uint64_t address = map.address;
      bool inside = true;
      for (unsigned d = 1; d < map.rank; ++d) {
        const std::int64_t c = start[d] + std::int64_t{at[d]} * step[d];
        inside &= c >= 0 && c <= map.size[d];
        address += static_cast<std::uint64_t>(c) * map.stride[d - 1];
      }
      if (inside && !row(e, address, body)) return false;
      for (unsigned d = 1; d < map.rank && ++at[d] == count[d]; ++d) at[d] = 0;
    }
    return true;
  }

private:
  // A row without gaps is one piece.
  template <class Body> bool row(std::uint32_t first, std::uint64_t address, Body body) const {
    const std::int64_t end = std::int64_t{map.size[0]} + 1;
    if (step[0] == 1) {
      const std::int64_t low = std::max<std::int64_t>(start[0], 0);
      const std::int64_t high = std::min<std::int64_t>(std::int64_t{start[0]} + count[0], end);
      if (low >= high) return true;
      return body((first + static_cast<std::uint32_t>(low - start[0])) * elementBytes,
                  address + static_cast<std::uint64_t>(low) * elementBytes,
                  static_cast<std::uint32_t>(high - low) * elementBytes);
    }
    for (std::uint32_t k = 0; k < count[0]; ++k) {
      const std::int64_t c = start[0] + std::int64_t{k} * step[0];
      if (c < 0 || c >= end) continue;
      if (!body((first + k) * elementBytes, address + static_cast<std::uint64_t>(c) * elementBytes, elementBytes))
        return false;
    }
    return true;
  }

  const TensorMap &map;
  const std::array<std::int32_t, 5> &start;
  std::uint32_t elementBytes = 1, elements = 1;
  std::array<std::uint32_t, 5> count{}, step{};
};

void fillNan(const TensorMap &map, std::vector<std::uint8_t> &data) {
  const bool isFloat = map.element >= TensorElement::F16;
  if (!map.nanFill || !isFloat) return;
  const std::uint32_t bytes = tensorElementBytes(map.element);
  const std::uint64_t nan = bytes == 2 ? 0x7fff : bytes == 4 ? 0x7fffffff : 0x7fffffffffffffff;
  for (std::size_t k = 0; k + bytes <= data.size(); k += bytes) std::memcpy(data.data() + k, &nan, bytes);
}

std::array<std::int32_t, 5> coordinates(Warp &w, const std::uint32_t *o, unsigned lane, unsigned rank) {
  std::array<std::int32_t, 5> c{};
  for (unsigned d = 0; d < rank; ++d) c[d] = w.lanes<std::int32_t>(o[d])[lane];
  return c;
}

bool sharedTile(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, const TensorMap &map,
                std::uint32_t bytes, std::vector<std::uint32_t> &chunks) {
  std::uint32_t at = 0;
  if (!checkSize(w, i, lane, bytes) || !sharedAddress(w, i, m, lane, bytes, true, at)) return false;
  if (at % 128 != 0) {
    misalignedFault(w, i, lane, at, 128, Space::Shared);
    return false;
  }
  for (std::uint32_t k = 0; k < bytes; k += 16) {
    chunks.push_back(swizzled(at + k, map.swizzle));
    if (chunks.back() + 16 > w.block->sharedBytes) {
      boundsFault(w, i, lane, chunks.back(), 16, w.block->sharedBytes, Space::Shared);
      return false;
    }
  }
  return true;
}

// `extra` is the rank. Operands: destination (four entries), map (four), coordinates, mbarrier (four). The row's
// signature puts the destination first; the map's entries follow it.
const Inst *tensorIn(Warp &w, const Inst *i) {
  const unsigned rank = i->extra;
  return eachLane(w, i, [&](unsigned lane) {
    TensorMap map;
    Inst mapped = *i;
    mapped.o = i->o + 4;
    BulkCopy copy;
    if (!readMap(w, &mapped, lane, map, rank)) return false;
    const auto start = coordinates(w, i->o + 8, lane, rank);
    const Tile tile(map, start);
    if (!sharedAddress(w, i, i->o + 8 + rank, lane, 8, true, copy.barrier)) return false;
    if (!sharedTile(w, i, i->o, lane, map, tile.bytes(), copy.chunks)) return false;
    copy.data.assign(tile.bytes(), 0);
    fillNan(map, copy.data);
    return tile.forEach([&](std::uint32_t offset, std::uint64_t address, std::uint32_t size) {
      return readGlobal(w, i, lane, address, copy.data.data() + offset, size);
    }) && launchCopy(w, i, lane, std::move(copy));
  });
}

// Operands: map (four entries), coordinates, source (four).
const Inst *tensorOut(Warp &w, const Inst *i) {
  const unsigned rank = i->extra;
  return eachLane(w, i, [&](unsigned lane) {
    TensorMap map;
    if (!readMap(w, i, lane, map, rank)) return false;
    const auto start = coordinates(w, i->o + 4, lane, rank);
    const Tile tile(map, start);
    std::vector<std::uint32_t> chunks;
    if (!sharedTile(w, i, i->o + 4 + rank, lane, map, tile.bytes(), chunks)) return false;
    std::vector<std::uint8_t> data(tile.bytes());
    for (std::size_t k = 0; k < chunks.size(); ++k)
      if (!readShared(w, i, lane, chunks[k], data.data() + 16 * k, 16)) return false;
    return tile.forEach([&](std::uint32_t offset, std::uint64_t address, std::uint32_t size) {
      return writeGlobal(w, i, lane, address, data.data() + offset, size);
    });
  });
}

const Inst *nothing(Warp &, const Inst *i) { return i + 1; }
template <Handler H, unsigned Extra = 0> Picked plain(const Form &) { return {H, Extra}; }
template <Handler H> Picked ranked(const Form &f) {
  for (const std::string_view m : f.modifiers)
    if (m.size() == 2 && m[1] == 'd') return {H, static_cast<unsigned>(m[0] - '0')};
  return {};
}

#define SIM_RANKS "1d|2d|3d|4d|5d"
#define SIM_DONE "mbarrier::complete_tx::bytes"
const Row rows[] = {
    {"cp async bulk shared::cluster|shared::cta global " SIM_DONE, "m m a:u32 m", UnitClass::Memory, plain<copyIn>, 90},
    {"cp async bulk shared::cluster|shared::cta global " SIM_DONE " L2::cache_hint", "m m a:u32 m a:b64",
     UnitClass::Memory, plain<copyIn>, 90},
    {"cp async bulk shared::cluster shared::cta " SIM_DONE, "m m a:u32 m", UnitClass::Memory, plain<copyIn, 1>, 90},
    {"cp async bulk global shared::cta bulk_group", "m m a:u32", UnitClass::Memory, plain<copyOut>, 90},
    {"cp async bulk global shared::cta bulk_group L2::cache_hint", "m m a:u32 a:b64", UnitClass::Memory, plain<copyOut>,
     90},
    {"cp async bulk prefetch L2 global", "m a:u32", UnitClass::Memory, plain<nothing>, 90},
    {"cp async bulk tensor " SIM_RANKS " shared::cluster|shared::cta global [tile] " SIM_DONE, "m t m",
     UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " shared::cluster|shared::cta global [tile] " SIM_DONE " L2::cache_hint",
     "m t m a:b64", UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " global shared::cta [tile] bulk_group", "t m", UnitClass::Memory,
     ranked<tensorOut>, 90},
    {"cp async bulk tensor " SIM_RANKS " global shared::cta [tile] bulk_group L2::cache_hint", "t m a:b64",
     UnitClass::Memory, ranked<tensorOut>, 90},
    {"cp async bulk prefetch tensor " SIM_RANKS " L2 global [tile]", "t", UnitClass::Memory, plain<nothing>, 90},
    {"cp async bulk commit_group", "", UnitClass::Memory, plain<nothing>, 90},
    {"cp async bulk wait_group [read]", "i", UnitClass::Memory, plain<nothing>, 90},
};

} // namespace

std::span<const Row> bulkRows() { return rows; }

} // namespace sage::sim
