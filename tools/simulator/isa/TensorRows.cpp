// Tensor copies and reductions in tile mode (PTX ISA §9.7.9.27; §5.5 for tiles, bounds and swizzles). They fly as bulk
// copies do (BulkRows.cpp).
#include <algorithm>
#include <cstring>

#include "core/Cluster.h"
#include "core/Faults.h"
#include "isa/Bulk.h"
#include "isa/Families.h"
#include "memory/TensorMap.h"

namespace sage::sim {
namespace {

using namespace bulk;

constexpr unsigned rankBits = 7, multicast = 8; // of `extra`; a reduction lies above

// §5.5.6: the 16-byte pieces of a line are exchanged by the number of the line.
std::uint32_t swizzled(std::uint32_t address, TensorSwizzle s) {
  switch (s) {
  case TensorSwizzle::B32: return address ^ ((address >> 7 & 1) << 4);
  case TensorSwizzle::B64: return address ^ ((address >> 7 & 3) << 4);
  case TensorSwizzle::B128: return address ^ ((address >> 7 & 7) << 4);
  default: return address;
  }
}

/// M: the map's address, four entries.
bool readMap(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, TensorMap &map, unsigned rank) {
  std::uint64_t address = addressOf(w, m, lane);
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

/// A tile: walks over the rows of the box, innermost dimension first, and tells which part lies within the tensor. A
/// stride of elements leaves some out; there is none along the innermost dimension (§5.5.4; that of the map is ignored).
class Tile {
public:
  Tile(const TensorMap &m, const std::array<std::int32_t, 5> &c) : map(m), start(c) {
    elementBytes = tensorElementBytes(map.element);
    for (unsigned d = 0; d < map.rank; ++d) {
      step[d] = d == 0 ? 1 : std::max<std::uint32_t>(1, map.elementStride[d]);
      count[d] = (map.box[d] + step[d] - 1) / step[d];
      elements *= count[d];
    }
  }
  std::uint32_t bytes() const { return elements * elementBytes; }

  /// BODY(offset in the tile, global address, bytes) for the part of every row that is inside; false stops.
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
  template <class Body> bool row(std::uint32_t first, std::uint64_t address, Body body) const {
    const std::int64_t end = std::int64_t{map.size[0]} + 1;
    const std::int64_t low = std::max<std::int64_t>(start[0], 0);
    const std::int64_t high = std::min<std::int64_t>(std::int64_t{start[0]} + count[0], end);
    if (low >= high) return true;
    return body((first + static_cast<std::uint32_t>(low - start[0])) * elementBytes,
                address + static_cast<std::uint64_t>(low) * elementBytes,
                static_cast<std::uint32_t>(high - low) * elementBytes);
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

/// The 16-byte pieces of the tile's box at AT of BLOCK's shared memory, in the order of the box.
bool sharedTile(Warp &w, const Inst *i, unsigned lane, const TensorMap &map, std::uint32_t bytes, const Block &block,
                std::uint32_t at, std::vector<std::uint32_t> &chunks) {
  if (at % 128 != 0) {
    misalignedFault(w, i, lane, at, 128, Space::Shared);
    return false;
  }
  for (std::uint32_t k = 0; k < bytes; k += 16) {
    chunks.push_back(swizzled(at + k, map.swizzle));
    if (chunks.back() + 16 > block.sharedBytes) {
      boundsFault(w, i, lane, chunks.back(), 16, block.sharedBytes, Space::Shared);
      return nameOwner(w, block), false;
    }
  }
  return true;
}

// Operands: destination (four entries), map (four), coordinates, mbarrier (four), [mask of blocks].
const Inst *tensorIn(Warp &w, const Inst *i) {
  const unsigned rank = i->extra & rankBits;
  return eachLane(w, i, [&](unsigned lane) {
    TensorMap map;
    BulkCopy copy;
    if (!readMap(w, i, i->o + 4, lane, map, rank)) return false;
    const auto start = coordinates(w, i->o + 8, lane, rank);
    const Tile tile(map, start);
    Destination to;
    if (!checkSize(w, i, lane, tile.bytes())) return false;
    if (!destinationOf(w, i, lane, i->o, tile.bytes(), i->o + 8 + rank, to)) return false;
    if (!sharedTile(w, i, lane, map, tile.bytes(), *to.block, to.address, copy.chunks)) return false;
    copy.barrier = to.barrier;
    copy.data.assign(tile.bytes(), 0);
    fillNan(map, copy.data);
    const bool read = tile.forEach([&](std::uint32_t offset, std::uint64_t address, std::uint32_t size) {
      return takeGlobal(w, i, lane, address, offset, size, copy);
    });
    if (!read) return false;
    if (i->extra & multicast)
      return multicastCopy(w, i, lane, w.lanes<std::uint32_t>(i->o[12 + rank])[lane] & 0xffff, copy);
    return launchCopy(w, i, lane, *to.block, std::move(copy));
  });
}

/// The type that a reduction has on the elements of a tensor; None where there is none.
Type reducedType(TensorElement e, Reduction::Op op) {
  constexpr Type types[] = {Type::None, Type::None, Type::U32,  Type::S32, Type::U64,  Type::S64, Type::F16,
                            Type::F32,  Type::F64,  Type::BF16, Type::F32, Type::None, Type::None};
  const Type type = types[static_cast<std::size_t>(e)];
  const bool bitwise = op == Reduction::Op::And || op == Reduction::Op::Or || op == Reduction::Op::Xor;
  if (!bitwise) return isReduction({op, type}) ? type : Type::None;
  return type == Type::U32 || type == Type::S32   ? Type::B32
         : type == Type::U64 || type == Type::S64 ? Type::B64
                                                  : Type::None;
}

// Operands: map (four entries), coordinates, source (four).
const Inst *tensorOut(Warp &w, const Inst *i) {
  const unsigned rank = i->extra & rankBits;
  return eachLane(w, i, [&](unsigned lane) {
    TensorMap map;
    BulkStore store;
    if (!readMap(w, i, i->o, lane, map, rank)) return false;
    store.reduction = reductionOf(i);
    if (store.reduction.op != Reduction::Op::None) {
      store.reduction.type = reducedType(map.element, store.reduction.op);
      store.reduction.keepsSubnormals = map.element == TensorElement::F32;
      if (store.reduction.type == Type::None)
        return refuse(w, i, lane, "the elements of this tensor map have no such reduction");
    }
    const auto start = coordinates(w, i->o + 4, lane, rank);
    const Tile tile(map, start);
    std::vector<std::uint32_t> chunks;
    std::uint32_t from = 0;
    if (!checkSize(w, i, lane, tile.bytes())) return false;
    if (!sharedAddress(w, i, i->o + 4 + rank, lane, tile.bytes(), true, from)) return false;
    if (!sharedTile(w, i, lane, map, tile.bytes(), *w.block, from, chunks)) return false;
    store.data.resize(tile.bytes());
    for (std::size_t k = 0; k < chunks.size(); ++k)
      if (!readShared(w, i, lane, chunks[k], store.data.data() + 16 * k, 16, store.source)) return false;
    return tile.forEach([&](std::uint32_t offset, std::uint64_t address, std::uint32_t size) {
      store.pieces.push_back({address, offset, size});
      return true;
    }) && launchStore(w, i, lane, std::move(store));
  });
}

// Operands: map (four entries), coordinates. The map must be one.
const Inst *prefetch(Warp &w, const Inst *i) {
  return eachLane(w, i, [&](unsigned lane) {
    TensorMap map;
    return readMap(w, i, i->o, lane, map, i->extra & rankBits);
  });
}

template <Handler H> Picked ranked(const Form &f) {
  Reduction r;
  unsigned rank = 0;
  for (const std::string_view m : f.modifiers) {
    if (m.size() == 2 && m[1] == 'd') rank = static_cast<unsigned>(m[0] - '0');
    if (const Reduction::Op op = reductionNamed(m); op != Reduction::Op::None) r.op = op;
  }
  return {H, rank | (f.has("multicast::cluster") ? multicast : 0u) | reductionBits(r)};
}

#define SIM_RANKS "1d|2d|3d|4d|5d"
#define SIM_DONE "mbarrier::complete_tx::bytes"
#define SIM_OPS "add|min|max|inc|dec|and|or|xor"
const Row rows[] = {
    {"cp async bulk tensor " SIM_RANKS " shared::cluster|shared::cta global [tile] " SIM_DONE, "m t m",
     UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " shared::cluster|shared::cta global [tile] " SIM_DONE " L2::cache_hint",
     "m t m a:b64", UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " shared::cluster global [tile] " SIM_DONE " multicast::cluster", "m t m a:b16",
     UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " shared::cluster global [tile] " SIM_DONE " multicast::cluster L2::cache_hint",
     "m t m a:b16 a:b64", UnitClass::Memory, ranked<tensorIn>, 90},
    {"cp async bulk tensor " SIM_RANKS " global shared::cta [tile] bulk_group", "t m", UnitClass::Memory,
     ranked<tensorOut>, 90},
    {"cp async bulk tensor " SIM_RANKS " global shared::cta [tile] bulk_group L2::cache_hint", "t m a:b64",
     UnitClass::Memory, ranked<tensorOut>, 90},
    {"cp reduce async bulk tensor " SIM_RANKS " global shared::cta " SIM_OPS " [tile] bulk_group", "t m",
     UnitClass::Memory, ranked<tensorOut>, 90},
    {"cp reduce async bulk tensor " SIM_RANKS " global shared::cta " SIM_OPS " [tile] bulk_group L2::cache_hint",
     "t m a:b64", UnitClass::Memory, ranked<tensorOut>, 90},
    {"cp async bulk prefetch tensor " SIM_RANKS " L2 global [tile]", "t", UnitClass::Memory, ranked<prefetch>, 90},
    {"cp async bulk prefetch tensor " SIM_RANKS " L2 global [tile] L2::cache_hint", "t a:b64", UnitClass::Memory,
     ranked<prefetch>, 90},
};

} // namespace

std::span<const Row> tensorRows() { return rows; }

} // namespace sage::sim
