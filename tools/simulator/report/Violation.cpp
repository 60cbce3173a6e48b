// Names, error codes and wording of violations.
#include "report/Violation.h"

#include <cstdio>
#include <iterator>

#include "report/Json.h"
#include "runtime/driver/CudaAbi.h"

namespace sage::sim {
namespace {

struct KindRow {
  const char *name;
  cuda::Result result;
  bool detector = true;
};

// Nothing on a GPU notices these: they share the general launch failure, and the context lives on, as it does there.
constexpr cuda::Result unnoticed = cuda::Result::LaunchFailed;

// In the order of the enumeration.
constexpr KindRow kindRows[] = {
    {"out_of_bounds", cuda::Result::IllegalAddress},
    {"use_after_free", cuda::Result::IllegalAddress},
    {"misaligned", cuda::Result::MisalignedAddress},
    {"uninitialised_read", unnoticed},
    {"in_flight_access", unnoticed},
    {"read_only_write", cuda::Result::IllegalAddress},
    {"race", unnoticed},
    {"lane_race", unnoticed},
    {"global_race", unnoticed},
    {"divergence", unnoticed},
    {"deadlock", cuda::Result::LaunchTimeout},
    {"timeout", cuda::Result::LaunchTimeout},
    {"trap", cuda::Result::LaunchFailed, false},
    {"illegal_instruction", cuda::Result::IllegalInstruction, false},
    {"illegal_branch", cuda::Result::InvalidPc, false},
    {"assert", cuda::Result::Assert, false},
    {"double_free", cuda::Result::IllegalAddress},
    {"invalid_free", cuda::Result::IllegalAddress},
    {"leak", cuda::Result::Success},
    {"invalid_mask", unnoticed},
    {"invalid_source", unnoticed},
    {"barrier_misuse", unnoticed},
    {"stack_overflow", cuda::Result::HardwareStackError, false},
    {"missing_proxy_fence", unnoticed},
    {"missing_wgmma_fence", unnoticed},
    {"register_in_flight", unnoticed},
    {"mbarrier_misuse", cuda::Result::IllegalInstruction},
    {"unfinished_copy", unnoticed},
};
static_assert(std::size(kindRows) == violationKinds);

std::string triple(const std::array<std::uint32_t, 3> &v) {
  return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
}

std::string tripleJson(const std::array<std::uint32_t, 3> &v) {
  return "[" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + "]";
}

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

} // namespace

const char *violationName(ViolationKind kind) { return kindRows[static_cast<std::size_t>(kind)].name; }
bool isDetector(ViolationKind kind) { return kindRows[static_cast<std::size_t>(kind)].detector; }
bool isSticky(ViolationKind kind) {
  const KindRow &row = kindRows[static_cast<std::size_t>(kind)];
  return row.result != cuda::Result::Success && (row.result != unnoticed || !row.detector);
}
int violationResult(ViolationKind kind) { return static_cast<int>(kindRows[static_cast<std::size_t>(kind)].result); }

std::string violationText(const Violation &v) {
  std::string text = std::string("sagesim: ") + violationName(v.kind) + ": " + v.message + "\n";
  // What leaked may be of many threads.
  const bool hasThread = v.kind != ViolationKind::Leak;
  if (!v.kernel.empty())
    text += "  kernel " + v.kernel +
            (hasThread ? ", block " + triple(v.block) + ", thread " + triple(v.thread) : std::string()) + "\n";
  if (v.line != 0) text += "  PTX line " + std::to_string(v.line) + ": " + v.text + "\n";
  if (!v.source.empty()) text += "  source " + v.source + "\n";
  if (v.hasAddress) text += "  address " + hex(v.address) + " in " + v.space + " memory\n";
  if (!v.nearest.empty()) text += "  nearest: " + v.nearest + "\n";
  for (const std::string &detail : v.details) text += "  " + detail + "\n";
  return text;
}

std::string violationJson(const Violation &v) {
  std::string text = std::string("{\"kind\":\"") + violationName(v.kind) +
                     "\",\"code\":" + std::to_string(violationResult(v.kind)) +
                     ",\"message\":" + jsonString(v.message) + ",\"kernel\":" + jsonString(v.kernel) +
                     ",\"block\":" + tripleJson(v.block) + ",\"thread\":" + tripleJson(v.thread) +
                     ",\"line\":" + std::to_string(v.line) + ",\"text\":" + jsonString(v.text);
  if (!v.source.empty()) text += ",\"source\":" + jsonString(v.source);
  if (v.hasAddress) text += ",\"address\":\"" + hex(v.address) + "\",\"space\":" + jsonString(v.space);
  if (!v.nearest.empty()) text += ",\"nearest\":" + jsonString(v.nearest);
  if (!v.details.empty()) {
    text += ",\"details\":[";
    for (std::size_t i = 0; i < v.details.size(); ++i) text += (i ? "," : "") + jsonString(v.details[i]);
    text += "]";
  }
  return text + "}";
}

} // namespace sage::sim
