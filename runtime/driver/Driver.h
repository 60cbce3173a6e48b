// A loaded driver library: its entry points, and errors of its calls as Status. There may be several in one process,
// a GPU's and the simulator's side by side. Nothing above this directory sees a CUDA type.
#pragma once

#include "runtime/driver/EntryPoints.h"
#include "sage/runtime/Device.h"
#include "sage/runtime/Result.h"

#include <memory>
#include <string>

namespace sage {

class Driver {
public:
  /// Loads `libcuda.so.1` (or what `paths` or SAGEC_DRIVER names) and calls cuInit.
  static Result<std::shared_ptr<Driver>> openGpu(const DriverPaths &paths);
  /// Loads the simulator, configures it as one device of `arch`, and calls cuInit.
  static Result<std::shared_ptr<Driver>> openSimulator(const DriverPaths &paths, const std::string &arch);

  const cuda::EntryPoints &api() const { return table; }
  const std::string &path() const { return libraryPath; }
  /// Success, or a device error that names the call, the driver's error and its text.
  Status check(cuda::Result result, const char *call) const;
  /// The simulator's counters as JSON.
  Result<std::string> counters() const;

private:
  Driver() = default;
  Status load(const std::string &path, const std::string &advice);
  Status fillTable(const std::string &advice);
  Status initialise();
  void *library = nullptr;
  std::string libraryPath;
  cuda::EntryPoints table;
};

/// Makes the device's context current for the life of the scope, and leaves the caller's as it was.
class ContextScope {
public:
  explicit ContextScope(const Device &device);
  ~ContextScope();
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;
  Status take() { return std::move(state); }

private:
  Driver &driver;
  bool pushed = false;
  Status state;
};

} // namespace sage

/// Calls an entry point of `driver`; the Status names it.
#define SAGE_DRIVER_CALL(driver, symbol, ...) (driver).check((driver).api().symbol(__VA_ARGS__), #symbol)
