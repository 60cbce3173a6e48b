// The driver's state and its reports.
#include "driver/State.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "driver/Environment.h"

namespace sage::sim {
namespace {

std::uint64_t hostMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size)
                               : std::uint64_t{1} << 32;
}

void writeReports(const DriverState &s) {
  if (environment().reportFile.empty()) return;
  std::FILE *file = std::fopen(environment().reportFile.c_str(), "w");
  if (!file) {
    std::fprintf(stderr, "sagesim: cannot write the report file '%s'\n", environment().reportFile.c_str());
    return;
  }
  std::fputs("{\"violations\":[", file);
  for (std::size_t i = 0; i < s.reports.size(); ++i) std::fprintf(file, "%s\n%s", i ? "," : "", s.reports[i].c_str());
  std::fputs("\n]}\n", file);
  std::fclose(file);
}

} // namespace

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
  s.devices.clear();
  s.created.clear();
  for (const DeviceSpec *spec : specs) {
    auto device = std::make_unique<cuda::ContextHandle>();
    device->ordinal = static_cast<int>(s.devices.size());
    device->spec = spec;
    // The host's memory limits the device's: data and shadow take two bytes for one.
    device->memory = std::make_shared<DeviceMemory>(std::min(spec->memoryBytes, hostMemoryBytes() / 2),
                                                    environment().checks.on(ViolationKind::UninitialisedRead),
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

void raise(DriverState &s, cuda::ContextHandle &context, const Violation &violation) {
  std::fputs(violationText(violation).c_str(), stderr);
  context.sticky = static_cast<cuda::Result>(violationResult(violation.kind));
  s.reports.push_back(violationJson(violation));
  writeReports(s);
}

} // namespace sage::sim
