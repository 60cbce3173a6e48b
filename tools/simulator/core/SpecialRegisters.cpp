// One table of names and one function of values; see SpecialRegisters.h.
#include "core/SpecialRegisters.h"

#include <algorithm>

#include "core/Cluster.h"
#include "core/GridRunner.h"

namespace sage::sim {
namespace {

struct NameRow {
  std::string_view name;
  SpecialInfo info;
};

// Without clusters every block is a cluster of its own (§10.13 to §10.19).
constexpr Special noValue = Special::Clock; // nothing is filled in for it: zero
constexpr NameRow nameRows[] = {
    {"%tid.x", {Special::TidX, 32, false}},
    {"%tid.y", {Special::TidY, 32, false}},
    {"%tid.z", {Special::TidZ, 32, false}},
    {"%ntid.x", {Special::NtidX, 32, false}},
    {"%ntid.y", {Special::NtidY, 32, false}},
    {"%ntid.z", {Special::NtidZ, 32, false}},
    {"%ctaid.x", {Special::CtaidX, 32, false}},
    {"%ctaid.y", {Special::CtaidY, 32, false}},
    {"%ctaid.z", {Special::CtaidZ, 32, false}},
    {"%nctaid.x", {Special::NctaidX, 32, false}},
    {"%nctaid.y", {Special::NctaidY, 32, false}},
    {"%nctaid.z", {Special::NctaidZ, 32, false}},
    {"%clusterid.x", {Special::ClusteridX, 32, false}},
    {"%clusterid.y", {Special::ClusteridY, 32, false}},
    {"%clusterid.z", {Special::ClusteridZ, 32, false}},
    {"%nclusterid.x", {Special::NclusteridX, 32, false}},
    {"%nclusterid.y", {Special::NclusteridY, 32, false}},
    {"%nclusterid.z", {Special::NclusteridZ, 32, false}},
    {"%cluster_ctaid.x", {Special::ClusterCtaidX, 32, false}},
    {"%cluster_ctaid.y", {Special::ClusterCtaidY, 32, false}},
    {"%cluster_ctaid.z", {Special::ClusterCtaidZ, 32, false}},
    {"%cluster_nctaid.x", {Special::ClusterNctaidX, 32, false}},
    {"%cluster_nctaid.y", {Special::ClusterNctaidY, 32, false}},
    {"%cluster_nctaid.z", {Special::ClusterNctaidZ, 32, false}},
    {"%cluster_ctarank", {Special::ClusterCtarank, 32, false}},
    {"%cluster_nctarank", {Special::ClusterNctarank, 32, false}},
    {"%is_explicit_cluster", {Special::IsExplicitCluster, 1, false}},
    {"%laneid", {Special::LaneId, 32, false}},
    {"%warpid", {Special::WarpId, 32, false}},
    {"%nwarpid", {Special::NWarpId, 32, false}},
    {"%smid", {Special::SmId, 32, false}},
    {"%nsmid", {Special::NSmId, 32, false}},
    {"%gridid", {Special::GridId, 64, false}},
    {"%lanemask_eq", {Special::LaneMaskEq, 32, false}},
    {"%lanemask_le", {Special::LaneMaskLe, 32, false}},
    {"%lanemask_lt", {Special::LaneMaskLt, 32, false}},
    {"%lanemask_ge", {Special::LaneMaskGe, 32, false}},
    {"%lanemask_gt", {Special::LaneMaskGt, 32, false}},
    {"%dynamic_smem_size", {Special::DynamicSharedBytes, 32, false}},
    {"%total_smem_size", {Special::TotalSharedBytes, 32, false}},
    {"%aggr_smem_size", {Special::AllSharedBytes, 32, false}},
    {"%reserved_smem_offset_begin", {Special::ReservedSharedBegin, 32, false}},
    {"%reserved_smem_offset_end", {Special::ReservedSharedEnd, 32, false}},
    {"%reserved_smem_offset_cap", {Special::ReservedSharedBytes, 32, false}},
    {"%reserved_smem_offset_0", {Special::ReservedSharedBegin, 32, false}},
    {"%reserved_smem_offset_1", {Special::ReservedSharedBegin, 32, false}},
    // What the environment registers hold is up to the driver (§10.27); code of CUDA finds the grid's workspace there.
    {"%envreg1", {Special::GridWorkspaceHigh, 32, false}},
    {"%envreg2", {Special::GridWorkspaceLow, 32, false}},
    {"%clock", {Special::Clock, 32, true}},
    {"%clock_hi", {Special::Clock, 32, true}},
    {"%clock64", {Special::Clock64, 64, true}},
    {"%globaltimer", {Special::GlobalTimer, 64, true}},
    {"%globaltimer_lo", {Special::GlobalTimer, 32, true}},
    {"%globaltimer_hi", {Special::GlobalTimer, 32, true}},
    // No graph has a number, nobody sets the other environment registers, and there are no performance counters
    // (§10.25–10.41): all zero.
    {"%current_graph_exec", {noValue, 64, false}},
    {"%envreg*", {noValue, 32, false}},
    {"%pm*_64", {noValue, 64, false}},
    {"%pm*", {noValue, 32, false}},
};

/// Equal, where a * in PATTERN stands for one or two digits.
bool fits(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (!name.starts_with(head) || !name.ends_with(tail) || name.size() <= head.size() + tail.size()) return false;
  name = name.substr(star, name.size() - head.size() - tail.size());
  return name.size() <= 2 && name.find_first_not_of("0123456789") == std::string_view::npos;
}

std::uint64_t valueOf(const Warp &w, unsigned lane, Special special) {
  const Block &b = *w.block;
  const auto &shape = b.cluster->shape;
  const std::uint32_t linear = w.index * 32 + lane, bit = 1u << lane;
  switch (special) {
  case Special::TidX: return linear % b.threads[0];
  case Special::TidY: return linear / b.threads[0] % b.threads[1];
  case Special::TidZ: return linear / b.threads[0] / b.threads[1];
  case Special::NtidX: return b.threads[0];
  case Special::NtidY: return b.threads[1];
  case Special::NtidZ: return b.threads[2];
  case Special::CtaidX: return b.index[0];
  case Special::CtaidY: return b.index[1];
  case Special::CtaidZ: return b.index[2];
  case Special::NctaidX: return b.grid[0];
  case Special::NctaidY: return b.grid[1];
  case Special::NctaidZ: return b.grid[2];
  case Special::ClusteridX: return b.index[0] / shape[0];
  case Special::ClusteridY: return b.index[1] / shape[1];
  case Special::ClusteridZ: return b.index[2] / shape[2];
  case Special::NclusteridX: return b.grid[0] / shape[0];
  case Special::NclusteridY: return b.grid[1] / shape[1];
  case Special::NclusteridZ: return b.grid[2] / shape[2];
  case Special::ClusterCtaidX: return b.index[0] % shape[0];
  case Special::ClusterCtaidY: return b.index[1] % shape[1];
  case Special::ClusterCtaidZ: return b.index[2] % shape[2];
  case Special::ClusterNctaidX: return shape[0];
  case Special::ClusterNctaidY: return shape[1];
  case Special::ClusterNctaidZ: return shape[2];
  case Special::ClusterCtarank: return b.rank;
  case Special::ClusterNctarank: return b.cluster->blocks.size();
  case Special::IsExplicitCluster: return b.cluster->isExplicit ? allLanes : 0;
  case Special::LaneId: return lane;
  case Special::WarpId: return w.index;
  case Special::NWarpId: return b.warps.size();
  case Special::SmId: return (b.index[0] + std::uint64_t{b.index[1]} * b.grid[0]) % b.launch->smCount;
  case Special::NSmId: return b.launch->smCount;
  case Special::GridId: return b.launch->gridId;
  case Special::LaneMaskEq: return bit;
  case Special::LaneMaskLe: return bit | (bit - 1);
  case Special::LaneMaskLt: return bit - 1;
  case Special::LaneMaskGe: return ~(bit - 1);
  case Special::LaneMaskGt: return ~(bit | (bit - 1));
  case Special::DynamicSharedBytes: return b.launch->dynamicSharedBytes;
  case Special::TotalSharedBytes: return b.program->staticSharedBytes + b.launch->dynamicSharedBytes;
  case Special::AllSharedBytes: return b.sharedBytes;
  case Special::ReservedSharedBegin: return b.reservedShared;
  case Special::ReservedSharedEnd: return b.reservedShared + reservedSharedBytes;
  case Special::ReservedSharedBytes: return reservedSharedBytes;
  case Special::GridWorkspaceHigh: return b.launch->gridWorkspace >> 32;
  case Special::GridWorkspaceLow: return b.launch->gridWorkspace & 0xffffffffu;
  default: return 0;
  }
}

} // namespace

std::optional<SpecialInfo> specialByName(std::string_view name) {
  for (const NameRow &row : nameRows)
    if (fits(row.name, name)) return row.info;
  return std::nullopt;
}

void fillSpecial(Warp &w, const Program::SpecialSlot &slot) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    const std::uint64_t value = valueOf(w, lane, slot.special);
    if (slot.wide)
      w.lanes<std::uint64_t>(slot.offset)[lane] = value;
    else
      w.lanes<std::uint32_t>(slot.offset)[lane] = static_cast<std::uint32_t>(value);
  }
}

bool usesReservedShared(const Program &program) {
  return std::any_of(program.specials.begin(), program.specials.end(), [](const Program::SpecialSlot &slot) {
    return slot.special == Special::ReservedSharedBegin || slot.special == Special::ReservedSharedEnd;
  });
}

} // namespace sage::sim
