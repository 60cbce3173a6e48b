// The special registers of PTX (ISA §10) by name, and their values for a warp.
#pragma once

#include <optional>
#include <string_view>

#include "core/Program.h"

namespace sage::sim {

struct Warp;

struct SpecialInfo {
  Special special;
  unsigned bits; ///< 1: a predicate
  bool dynamic; ///< read when executed (clocks): has no slot
};
std::optional<SpecialInfo> specialByName(std::string_view name);

/// Fills the slot's lanes for W's warp of its block. What stays the same from block to block is filled too.
void fillSpecial(Warp &w, const Program::SpecialSlot &slot);

/// Shared memory that the system keeps, behind the block's own; only programs that ask where it lies have it.
inline constexpr std::uint32_t reservedSharedBytes = 1024;
bool usesReservedShared(const Program &program);

} // namespace sage::sim
