// The list of detectors as people write it; see Checks.h.
#include "report/Checks.h"

#include <algorithm>
#include <string_view>

namespace sage::sim {
namespace {

std::uint64_t bit(std::size_t kind) { return std::uint64_t{1} << kind; }

/// The detectors called NAME, as bits; 0 when there is none.
std::uint64_t named(std::string_view name) {
  for (std::size_t k = 0; k < violationKinds; ++k) {
    const auto kind = static_cast<ViolationKind>(k);
    if (name == violationName(kind)) return isDetector(kind) ? bit(k) : 0;
  }
  return 0;
}

std::string detectorNames() {
  std::string names;
  for (std::size_t k = 0; k < violationKinds; ++k)
    if (isDetector(static_cast<ViolationKind>(k)))
      names += (names.empty() ? "" : ", ") + std::string(violationName(static_cast<ViolationKind>(k)));
  return names;
}

} // namespace

Checks Checks::parse(const std::string &list, std::string &message) {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  Checks result;
  bool first = true;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    std::string_view word = std::string_view(list).substr(start, end - start);
    start = end + 1;
    if (word.empty()) continue;
    const bool leaveOut = word.starts_with("-");
    if (leaveOut) word.remove_prefix(1);
    const std::uint64_t bits = word == "all" ? all : named(word);
    if (bits == 0 && word != "none") {
      message += (message.empty() ? "" : "; ") + ("'" + std::string(word) + "' is no detector");
      continue;
    }
    if (first && !leaveOut) result.mask = 0;
    first = false;
    result.mask = leaveOut ? result.mask & ~bits : result.mask | bits;
  }
  if (!message.empty()) message += "; there are: all, none, " + detectorNames() + " (-NAME leaves one out)";
  return result;
}

} // namespace sage::sim
