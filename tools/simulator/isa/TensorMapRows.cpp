// Tensor maps that a kernel changes (PTX ISA §9.7.9.28 tensormap.replace, §9.7.13.16 tensormap.cp_fenceproxy): fields
// of the 128 bytes in global or shared memory. What the driver's side encodes has the same form (memory/TensorMap.h); a
// map that a kernel builds from nothing becomes one with its first field.
#include <algorithm>
#include <cstring>

#include "core/Faults.h"
#include "isa/Bulk.h"
#include "isa/Families.h"
#include "memory/TensorMap.h"

namespace sage::sim {
namespace {

using namespace bulk;

constexpr std::uint32_t mapBytes = 128;

enum class Field : unsigned {
  GlobalAddress,
  Rank,
  BoxDim,
  GlobalDim,
  GlobalStride,
  ElementStride,
  ElementType,
  Interleave,
  Swizzle,
  SwizzleAtom,
  Fill
};
constexpr std::string_view fieldNames[] = {
    "global_address", "rank",     "box_dim",           "global_dim",   "global_stride",
    "element_stride", "elemtype", "interleave_layout", "swizzle_mode", "swizzle_atomicity",
    "fill_mode"};

// `extra`: the field, and where the map lies.
enum Place : unsigned { InShared = 16, InGlobal = 32 };

struct MapBytes {
  std::uint8_t *data = nullptr, *shadow = nullptr; ///< no shadow: all counts as written
  std::uint32_t offset = 0;                        ///< in shared memory
  bool inShared = false;
};

/// The 128 bytes at the address operand M, written or about to be; false after a fault.
bool mapAt(Warp &w, const Inst *i, const std::uint32_t *m, unsigned lane, unsigned place, bool isWrite, MapBytes &map) {
  const std::uint64_t address = addressOf(w, m, lane);
  map.inShared = (place & InShared) || (!(place & InGlobal) && address - sharedWindow < windowBytes);
  if (address % 64 != 0) {
    misalignedFault(w, i, lane, address, 64, map.inShared ? Space::Shared : Space::Global);
    return false;
  }
  if (map.inShared) {
    if (!sharedAddress(w, i, m, lane, mapBytes, true, map.offset)) return false;
    map.data = w.block->shared + map.offset;
    map.shadow = w.block->sharedShadow + map.offset;
  } else {
    Allocation *a = w.block->memory->findLive(address);
    if (!a || !a->contains(address, mapBytes)) {
      globalFault(w, i, lane, address, mapBytes, isWrite);
      return false;
    }
    map.data = a->data + (address - a->base);
    map.shadow = a->shadow ? a->shadow + (address - a->base) : nullptr;
  }
  for (std::uint32_t k = 0; map.shadow && k < mapBytes; ++k)
    if (isWrite ? map.shadow[k] > shadowSet : map.shadow[k] != shadowSet) {
      shadowFault(w, i, lane, address + k, map.shadow + k, 1, map.inShared ? Space::Shared : Space::Global, isWrite);
      return false;
    }
  return true;
}

// The numbers of §9.7.9.28 for the element type; ours are the driver's.
constexpr TensorElement elementTypes[] = {
    TensorElement::U8,   TensorElement::U16,  TensorElement::U32,    TensorElement::S32,    TensorElement::U64,
    TensorElement::S64,  TensorElement::F16,  TensorElement::F32,    TensorElement::F32Ftz, TensorElement::F64,
    TensorElement::BF16, TensorElement::TF32, TensorElement::TF32Ftz};

/// Sets FIELD (of dimension ORDINAL) to VALUE; false when it cannot be that.
bool setField(TensorMap &map, Field field, std::uint32_t ordinal, std::uint64_t value) {
  const auto small = static_cast<std::uint8_t>(value);
  switch (field) {
  case Field::GlobalAddress: return map.address = value, value % 16 == 0;
  case Field::Rank: return map.rank = static_cast<std::uint8_t>(value + 1), value < 5;
  case Field::BoxDim:
    if (ordinal >= 5 || value == 0 || value > 256) return false;
    return map.box[ordinal] = static_cast<std::uint16_t>(value), true;
  case Field::GlobalDim:
    if (ordinal >= 5) return false;
    return map.size[ordinal] = static_cast<std::uint32_t>(value) - 1, true;
  case Field::GlobalStride:
    if (ordinal >= 4 || value % 16 != 0) return false;
    return map.stride[ordinal] = value, true;
  case Field::ElementStride:
    if (ordinal >= 5 || value == 0 || value > 8) return false;
    return map.elementStride[ordinal] = small, true;
  case Field::ElementType:
    if (value >= std::size(elementTypes)) return false;
    return map.element = elementTypes[value], true;
  case Field::Interleave: return map.interleave = static_cast<TensorInterleave>(small), value <= 2;
  case Field::Swizzle: return map.swizzle = static_cast<TensorSwizzle>(small), value <= 3;
  case Field::SwizzleAtom: return value == 0; // others are not simulated
  case Field::Fill: return map.nanFill = small, value <= 1;
  }
  return false;
}

// Operands: address (four entries), [ordinal], value.
const Inst *replace(Warp &w, const Inst *i) {
  const auto field = static_cast<Field>(i->extra & 15);
  const bool hasOrdinal = i->operandCount > 5, isWide = field == Field::GlobalAddress || field == Field::GlobalStride;
  const std::uint32_t source = i->o[hasOrdinal ? 5 : 4], ordinal = hasOrdinal ? i->o[4] : 0;
  return eachLane(w, i, [&](unsigned lane) {
    MapBytes bytes;
    if (!mapAt(w, i, i->o, lane, i->extra, true, bytes)) return false;
    const std::uint64_t value = isWide ? w.lanes<std::uint64_t>(source)[lane] : w.lanes<std::uint32_t>(source)[lane];
    TensorMap map;
    std::memcpy(&map, bytes.data, sizeof map);
    if (!setField(map, field, ordinal, value))
      return refuse(w, i, lane,
                    "the " + std::string(fieldNames[i->extra & 15]) + " of a tensor map cannot be " +
                        std::to_string(value) + " here");
    map.magic = TensorMap::magicValue;
    std::memcpy(bytes.data, &map, sizeof map);
    if (bytes.shadow) std::memset(bytes.shadow, shadowSet, mapBytes);
    if (bytes.inShared && w.block->races) w.block->races->landed(w.index, bytes.offset, mapBytes);
    return true;
  });
}

// A collective: all lanes name the same 128 bytes. Operands: destination, source (four entries each), size.
const Inst *copyMap(Warp &w, const Inst *i) {
  if (!gatherAll(w, i)) return resume(w);
  const auto lane = static_cast<unsigned>(std::countr_zero(w.active));
  MapBytes to, from;
  if (!mapAt(w, i, i->o, lane, InGlobal, true, to) || !mapAt(w, i, i->o + 4, lane, InShared, false, from))
    return nullptr;
  std::memcpy(to.data, from.data, mapBytes);
  if (to.shadow) std::memset(to.shadow, shadowSet, mapBytes);
  if (w.block->races) w.block->races->fence(w.index);
  return i + 1;
}

Picked pickReplace(const Form &f) {
  const auto *const found = std::find(std::begin(fieldNames), std::end(fieldNames), f.modifiers[2]);
  const unsigned place = f.has("shared::cta") ? unsigned(InShared) : f.has("global") ? unsigned(InGlobal) : 0u;
  return {replace, static_cast<unsigned>(found - std::begin(fieldNames)) | place};
}
Picked pickCopy(const Form &) { return copyMap; }

#define SIM_PLACE "[global|shared::cta] b1024"
const Row rows[] = {
    {"tensormap replace tile global_address " SIM_PLACE " b64", "m a:b64", UnitClass::Memory, pickReplace, 90},
    {"tensormap replace tile rank " SIM_PLACE " b32", "m a:b32", UnitClass::Memory, pickReplace, 90},
    {"tensormap replace tile box_dim|global_dim|element_stride " SIM_PLACE " b32", "m i a:b32", UnitClass::Memory,
     pickReplace, 90},
    {"tensormap replace tile global_stride " SIM_PLACE " b64", "m i a:b64", UnitClass::Memory, pickReplace, 90},
    {"tensormap replace tile elemtype|interleave_layout|swizzle_mode|swizzle_atomicity|fill_mode " SIM_PLACE " b32",
     "m a:b32", UnitClass::Memory, pickReplace, 90},
    {"tensormap cp_fenceproxy global shared::cta tensormap::generic release cta|cluster|gpu|sys sync aligned", "m m i",
     UnitClass::Memory, pickCopy, 90},
};

} // namespace

std::span<const Row> tensorMapRows() { return rows; }

} // namespace sage::sim
