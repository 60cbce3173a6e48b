// The driver's state and its reports.
#include "driver/State.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "core/Faults.h"
#include "driver/Environment.h"
#include "memory/DeviceHeap.h"

namespace sage::sim {
namespace {

std::uint64_t hostMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size)
                               : std::uint64_t{1} << 32;
}

} // namespace

void writeReports(DriverState &s) {
  if (environment().reportFile.empty()) return;
  std::FILE *file = std::fopen(environment().reportFile.c_str(), "w");
  if (!file)
    return warnOnce(s, "cannot write SAGESIM_REPORT='" + environment().reportFile + "'; there is no report file");
  std::fputs("{\"violations\":[", file);
  for (std::size_t i = 0; i < s.reports.size(); ++i) std::fprintf(file, "%s\n%s", i ? "," : "", s.reports[i].c_str());
  std::fputs("\n]}\n", file);
  std::fclose(file);
}

DriverState &state() {
  static auto *s = new DriverState; // never destroyed: other threads and late destructors may still call
  return *s;
}

bool makeDevices(DriverState &s, const std::string &names) {
  std::vector<const DeviceSpec *> specs;
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t end = std::min(names.find(',', start), names.size());
    const DeviceSpec *spec = deviceSpec(std::string_view(names).substr(start, end - start));
    if (!spec) return false;
    specs.push_back(spec);
    start = end + 1;
  }
  for (auto *old : {&s.devices, &s.created}) {
    std::move(old->begin(), old->end(), std::back_inserter(s.retired));
    old->clear();
  }
  for (const auto &context : s.retired) context->memory.reset();
  for (const DeviceSpec *spec : specs) {
    auto device = std::make_unique<cuda::ContextHandle>();
    device->ordinal = static_cast<int>(s.devices.size());
    device->spec = spec;
    // The host's memory limits the device's: data and shadows take three bytes for one.
    const Checks &checks = environment().checks;
    device->memory = std::make_shared<DeviceMemory>(std::min(spec->memoryBytes, hostMemoryBytes() / 3),
                                                    checks.on(ViolationKind::UninitialisedRead), checks.watchGlobal(),
                                                    static_cast<unsigned>(device->ordinal));
    s.devices.push_back(std::move(device));
  }
  return true;
}

// A program's static destructors still call the driver after the thread's own locals are gone: then a new, empty stack
// is made, which lives until the process ends.
std::vector<cuda::ContextHandle *> &contextStack() {
  using Stack = std::vector<cuda::ContextHandle *>;
  static thread_local Stack *stack = nullptr;
  struct Owner {
    ~Owner() { delete std::exchange(stack, nullptr); }
  };
  static thread_local Owner owner;
  if (!stack) {
    static_cast<void>(owner); // registers the destructor
    stack = new Stack;
  }
  return *stack;
}

cuda::ContextHandle *currentContext() { return contextStack().empty() ? nullptr : contextStack().back(); }

namespace {

void report(DriverState &s, const Violation &violation) {
  std::fputs(violationText(violation).c_str(), stderr);
  s.reports.push_back(violationJson(violation));
  writeReports(s);
}

Violation leakOf(std::uint64_t address, std::uint64_t bytes, const std::string &what) {
  Violation v;
  v.kind = ViolationKind::Leak;
  v.hasAddress = true;
  v.address = address;
  v.space = "global";
  v.message = std::to_string(bytes) + " bytes of " + what + " were never freed";
  return v;
}

/// What one call of malloc gave, in a report of its own.
Violation heapLeak(const HeapSite &site, const DeviceHeap::Held &held) {
  Violation v = leakOf(held.first, held.bytes, "the device heap");
  if (held.count > 1)
    v.message = std::to_string(held.count) + " blocks of the device heap, " + std::to_string(held.bytes) +
                " bytes in all, were never freed";
  v.kernel = site.kernel;
  v.line = site.line;
  if (site.lines) v.text = sourceLine(*site.lines, site.line);
  if (site.sources) v.source = site.sources->at(site.line);
  return v;
}

} // namespace

void reportFree(const cuda::ContextHandle &context, cuda::DevicePtr pointer) {
  const Allocation *a = context.memory->find(pointer);
  const bool twice = a && a->freed && a->base == pointer;
  if (twice && context.ended.contains(pointer)) return;
  Violation v;
  v.kind = twice ? ViolationKind::DoubleFree : ViolationKind::InvalidFree;
  if (!environment().checks.on(v.kind)) return;
  v.hasAddress = true;
  v.address = pointer;
  v.space = "global";
  v.message = twice ? "free of memory that was freed already" : "free of an address that no allocation starts at";
  v.nearest = nearestText(*context.memory, pointer);
  report(state(), v);
}

void reportLeaks(const cuda::ContextHandle &context) {
  if (!environment().leaks || !environment().checks.on(ViolationKind::Leak)) return;
  for (const cuda::DevicePtr p : context.allocations)
    if (const Allocation *a = context.memory->find(p); a && !a->freed)
      report(state(), leakOf(p, a->bytes, "allocation " + std::to_string(a->serial)));
  if (!context.isPrimary) return;
  for (const auto &[site, held] : context.memory->heap().held()) report(state(), heapLeak(site, held));
}

// Programs may load thousands of modules, or try launches until one fits.
void warnOnce(DriverState &s, const std::string &warning) {
  constexpr std::size_t most = 100;
  if (!warning.empty() && s.warned.size() < most && s.warned.insert(warning).second)
    std::fprintf(stderr, "sagesim: %s\n", warning.c_str());
}

cuda::Result refuse(cuda::Result code, const std::string &why) {
  if (environment().trace)
    std::fprintf(stderr, "sagesim: the launch is refused: %s\n", why.c_str());
  else
    warnOnce(state(), "the launch is refused: " + why);
  return code;
}

cuda::Result raise(DriverState &s, cuda::ContextHandle &context, const Violation &violation) {
  const auto code = static_cast<cuda::Result>(violationResult(violation.kind));
  if (isSticky(violation.kind)) context.sticky = code;
  report(s, violation);
  return code;
}

} // namespace sage::sim
