// Which detectors look for their kind of violation: all of them, unless SAGESIM_CHECKS or `sagesim run --checks` says
// otherwise.
#pragma once

#include <cstdint>
#include <string>

#include "report/Violation.h"

namespace sage::sim {

class Checks {
public:
  /// Everything is looked for.
  Checks() = default;

  bool on(ViolationKind kind) const { return (mask >> static_cast<unsigned>(kind) & 1) != 0; }
  /// Whether somebody must know who touched global memory.
  bool watchGlobal() const { return on(ViolationKind::GlobalRace) || on(ViolationKind::LaneRace); }

  /// A list with commas: `all`, `none`, names of detectors, or -NAME to leave one out. A list that starts with -NAME
  /// starts from all. MESSAGE gets what is wrong with the list; words that are no detector change nothing.
  static Checks parse(const std::string &list, std::string &message);

private:
  std::uint64_t mask = ~std::uint64_t{0};
};

} // namespace sage::sim
