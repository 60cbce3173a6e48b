// The driver as objects: Device, Stream, Event, Buffer, Module. A device is a GPU behind libcuda.so.1 or the PTX
// simulator behind libsagesim.so; which one is decided when it is opened (`auto | cuda:N | sim:ARCH`) and nothing
// above this header can tell, except by asking. Every object keeps the device it belongs to alive. All calls may be
// made from any thread; the caller's current CUDA context is left as it was.
#pragma once

#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"
#include "sage/runtime/Tensor.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

class Driver; // runtime/driver/Driver.h: the loaded library and its entry points
class Device;
class Stream;
using DeviceRef = std::shared_ptr<Device>;

/// Where to find the driver libraries. Empty: SAGEC_DRIVER or libcuda.so.1; SAGEC_SIMULATOR or libsagesim.so next to
/// this library.
struct DriverPaths {
  std::string driver, simulator;
};

/// What a launch must respect.
struct DeviceLimits {
  int multiprocessors = 0;
  int maxThreadsPerBlock = 0;
  int maxSharedBytesPerBlock = 0; ///< with the opt-in that Module::function makes
  std::array<std::int64_t, 3> maxGrid{};
  std::size_t memoryBytes = 0;
};

/// Device memory, freed on destruction.
class SAGE_API Buffer {
public:
  Buffer() = default;
  Buffer(Buffer &&other) noexcept;
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer();

  DevicePointer pointer() const { return address; }
  std::size_t size() const { return bytes; }

  /// Blocking copies: done when they return, for every stream. `offset` and the size in bytes must lie inside the
  /// buffer.
  Status upload(const void *source, std::size_t size, std::size_t offset = 0);
  Status download(void *target, std::size_t size, std::size_t offset = 0) const;
  Status fill(std::uint8_t value);
  /// In the order of a stream of the same device; returns at once.
  Status fill(std::uint8_t value, Stream &stream);

private:
  friend class Device;
  Buffer(DeviceRef device, DevicePointer address, std::size_t bytes);
  DeviceRef device;
  DevicePointer address = 0;
  std::size_t bytes = 0;
};

/// An ordered queue of work. A Stream made by `Stream::wrap` does not own its handle.
class SAGE_API Stream {
public:
  Stream() = default;
  Stream(Stream &&other) noexcept;
  Stream &operator=(Stream &&other) noexcept;
  ~Stream();

  /// A CUstream of the caller (0: the legacy default stream).
  static Stream wrap(DeviceRef device, void *handle);

  Status synchronize();
  void *handle() const { return stream; }
  const DeviceRef &device() const { return owner; }

private:
  friend class Device;
  DeviceRef owner;
  void *stream = nullptr;
  bool owned = false;
};

/// A point in a stream, with its time.
class SAGE_API Event {
public:
  Event() = default;
  Event(Event &&other) noexcept;
  Event &operator=(Event &&other) noexcept;
  ~Event();

  Status record(Stream &stream);
  Status synchronize();
  /// Whether the device has got to this point, or the event was never recorded. Does not wait. A failure of earlier work
  /// on the device is an error here too.
  Result<bool> reached() const;
  /// Milliseconds from `start` to this event; both must have completed.
  Result<float> millisecondsSince(const Event &start) const;

private:
  friend class Device;
  DeviceRef device;
  void *event = nullptr;
};

/// A function of a module. Valid as long as the module.
struct Function {
  void *handle = nullptr;
};

/// What the driver's compiler made of a function: registers and local memory (spills and stack) of each thread, static
/// shared memory of each block.
struct FunctionFacts {
  int registers = 0, localBytes = 0, sharedBytes = 0;
};

/// PTX loaded into a device. A PTX that the driver refuses is an error with the driver's own log.
class SAGE_API Module {
public:
  Module() = default;
  Module(Module &&other) noexcept;
  Module &operator=(Module &&other) noexcept;
  ~Module();

  /// The entry point `name`, allowed to use `sharedBytes` of dynamic shared memory.
  Result<Function> function(const std::string &name, std::size_t sharedBytes = 0) const;
  Result<FunctionFacts> facts(Function function) const;

private:
  friend class Device;
  DeviceRef device;
  void *module = nullptr;
};

class SAGE_API Device : public std::enable_shared_from_this<Device> {
public:
  /// `auto`: the first GPU if there is one, else `sim:sm_80`; description() says which and why. `cuda:N`, `sim:ARCH`.
  /// Empty: SAGEC_DEVICE or `auto`.
  static Result<DeviceRef> open(std::string_view spec = {}, const DriverPaths &paths = {});
  ~Device();

  /// "cuda:0" or "sim:sm_80": opens the same device again.
  const std::string &spec() const { return specText; }
  /// The name that the driver gives.
  const std::string &name() const { return nameText; }
  /// The target to compile for: "sm_80", "sm_90a" …
  const std::string &arch() const { return archText; }
  /// One line for people, with the reason when `auto` chose: "sim:sm_80 (simulated …): no GPU: libcuda.so.1 …".
  const std::string &description() const { return descriptionText; }
  int driverVersion() const { return version; }
  /// Whether PTX for this target can be loaded here.
  bool runs(std::string_view arch) const;
  bool simulated() const { return isSimulated; }
  const DeviceLimits &limits() const { return limitValues; }

  Result<Buffer> allocate(std::size_t bytes);
  Result<Stream> createStream();
  Result<Event> createEvent();
  /// IMAGE is PTX, or what assemble() made. NOTES receives what the driver's compiler remarked.
  Result<Module> loadModule(const std::string &image, std::string *notes = nullptr);
  /// Machine code for this device, by the driver's linker: it loads without compilation.
  Result<std::string> assemble(const std::string &ptx);
  /// `arguments` holds a pointer to each kernel argument.
  Status launch(Stream &stream, Function function, std::array<unsigned, 3> grid, std::array<unsigned, 3> block,
                std::size_t sharedBytes, void **arguments);
  Status synchronize();

  /// The simulator's counters as JSON (instructions by class, bytes …); an error on a GPU, which has none.
  Result<std::string> counters();

  /// For the other objects of this header.
  Driver &driver() const { return *driverRef; }
  void *context() const { return contextHandle; }

private:
  Device() = default;
  static Result<DeviceRef> openGpu(int ordinal, const DriverPaths &paths);
  static Result<DeviceRef> openSimulator(const std::string &arch, const DriverPaths &paths);
  Status initialise(int ordinal);
  std::shared_ptr<Driver> driverRef;
  int ordinal = 0, version = 0, majorVersion = 0, minorVersion = 0;
  void *contextHandle = nullptr;
  bool isSimulated = false;
  std::string specText, nameText, archText, descriptionText;
  DeviceLimits limitValues;
};

/// One line for each way to name a device: what it is, or why it cannot be used. `usable` devices can be opened.
struct DeviceListing {
  std::string spec, name, arch, note;
  bool usable = false;
};

/// All GPUs (or one unusable entry that tells why there is none) and the simulated devices.
SAGE_API std::vector<DeviceListing> listDevices(const DriverPaths &paths = {});

} // namespace sage
