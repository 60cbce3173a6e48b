// Loading a driver library and filling its table. A library, once loaded, stays: drivers start threads that outlive a
// dlclose.
#include "runtime/driver/Driver.h"

#include "runtime/driver/Arch.h"
#include "sage/runtime/Environment.h"

#include <dlfcn.h>

namespace sage {
namespace {

constexpr const char *gpuAdvice = "install the NVIDIA driver (450 or later), or use the device sim:sm_80";
constexpr const char *simulatorAdvice =
    "libsagesim.so belongs next to libsage_runtime.so; SAGEC_SIMULATOR names another place";

std::string firstOf(const std::string &option, const std::string &variable, const std::string &standard) {
  return !option.empty() ? option : !variable.empty() ? variable : standard;
}

} // namespace

Status Driver::load(const std::string &path, const std::string &advice) {
  libraryPath = path;
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library) return {};
  const char *reason = dlerror();
  return deviceError("cannot load " + path + ": " + (reason ? reason : "unknown reason") + "; " + advice);
}

Status Driver::fillTable(const std::string &advice) {
  std::string missing;
#define SAGE_DRIVER_LOOKUP(symbol, parameters)                                                                         \
  table.symbol = reinterpret_cast<decltype(table.symbol)>(dlsym(library, #symbol));
#define SAGE_DRIVER_DEMAND(symbol, parameters)                                                                         \
  if (!table.symbol) missing += missing.empty() ? #symbol : ", " #symbol;
  SAGE_DRIVER_ENTRY_POINTS(SAGE_DRIVER_LOOKUP)
  SAGE_OPTIONAL_DRIVER_ENTRY_POINTS(SAGE_DRIVER_LOOKUP)
  SAGE_DRIVER_ENTRY_POINTS(SAGE_DRIVER_DEMAND)
#undef SAGE_DRIVER_DEMAND
#undef SAGE_DRIVER_LOOKUP
  if (missing.empty()) return {};
  return deviceError(libraryPath + " lacks the entry point " + missing + ": it is too old or not a CUDA driver; " +
                     advice);
}

Status Driver::initialise() { return SAGE_DRIVER_CALL(*this, cuInit, 0).context(libraryPath); }

Result<std::shared_ptr<Driver>> Driver::openGpu(const DriverPaths &paths) {
  std::shared_ptr<Driver> driver(new Driver);
  SAGE_TRY(driver->load(firstOf(paths.driver, readEnvironment().driver, "libcuda.so.1"), gpuAdvice));
  SAGE_TRY(driver->fillTable(gpuAdvice));
  SAGE_TRY(driver->initialise());
  return driver;
}

Result<std::shared_ptr<Driver>> Driver::openSimulator(const DriverPaths &paths, const std::string &arch) {
  std::shared_ptr<Driver> driver(new Driver);
  const std::string standard = runtimeDirectory() + "/libsagesim.so";
  SAGE_TRY(driver->load(firstOf(paths.simulator, readEnvironment().simulator, standard), simulatorAdvice));
  SAGE_TRY(driver->fillTable(simulatorAdvice));
  using Configure = cuda::Result (*)(const char *);
  auto configure = reinterpret_cast<Configure>(dlsym(driver->library, "sagesimConfigure"));
  if (!configure)
    return deviceError(driver->libraryPath + " lacks sagesimConfigure: it is not the simulator; " + simulatorAdvice);
  if (cuda::Result result = configure(arch.c_str()); result != cuda::Result::Success) {
    if (result == cuda::Result::InvalidValue || result == cuda::Result::InvalidDevice) {
      std::string known;
      for (std::string_view target : targets) known += (known.empty() ? "" : ", ") + std::string(target);
      return invalidInput("the simulator has no device '" + arch + "'; it has " + known + " (sim:sm_80 …)");
    }
    if (result == cuda::Result::IllegalState)
      return deviceError("a simulated device of another arch is open in this process; close it before sim:" + arch);
    return driver->check(result, "sagesimConfigure");
  }
  SAGE_TRY(driver->initialise());
  return driver;
}

Status Driver::check(cuda::Result result, const char *call) const {
  if (result == cuda::Result::Success) return {};
  const char *errorName = nullptr, *text = nullptr;
  if (table.cuGetErrorName) table.cuGetErrorName(result, &errorName);
  if (table.cuGetErrorString) table.cuGetErrorString(result, &text);
  std::string message = std::string(call) + ": ";
  message += errorName ? errorName : "error " + std::to_string(static_cast<int>(result));
  if (text) message += std::string(": ") + text;
  return deviceError(std::move(message));
}

Result<std::string> Driver::counters() const {
  using Counters = const char *(*)();
  auto counters = reinterpret_cast<Counters>(dlsym(library, "sagesimCounters"));
  if (!counters) return deviceError(libraryPath + " has no counters: only the simulator counts instructions");
  const char *text = counters();
  if (!text) return deviceError(libraryPath + ": the simulator gave no counters");
  return std::string(text);
}

ContextScope::ContextScope(const Device &device) : driver(device.driver()) {
  auto ours = static_cast<cuda::Context>(device.context());
  cuda::Context current = nullptr;
  state = SAGE_DRIVER_CALL(driver, cuCtxGetCurrent, &current);
  if (!state.ok() || current == ours) return;
  state = SAGE_DRIVER_CALL(driver, cuCtxPushCurrent_v2, ours);
  pushed = state.ok();
}

ContextScope::~ContextScope() {
  cuda::Context ignored = nullptr;
  if (pushed) driver.api().cuCtxPopCurrent_v2(&ignored);
}

} // namespace sage
