// Buffer, Stream, Event and Module: thin owners of driver handles. Destructors ignore errors, since nobody could act
// on them.
#include "runtime/driver/Driver.h"
#include "sage/runtime/Device.h"

#include <cstring>
#include <utility>

namespace sage {
namespace {

/// Runs `call` with the device's context current, if the device still takes calls.
template <class Call> void quietly(const DeviceRef &device, Call call) {
  ContextScope scope(*device);
  if (scope.take().ok()) call(device->driver().api());
}

/// The driver may return from a copy out of pageable memory, and from a memset, before the device's memory holds the
/// bytes ("API synchronization behavior" in the driver's manual), and the streams that createStream() makes do not wait
/// for the legacy stream in which both are done.
Status whenDone(Device &device, Status queued) {
  SAGE_TRY(std::move(queued));
  return SAGE_DRIVER_CALL(device.driver(), cuStreamSynchronize, nullptr);
}

Status outOfRange(const char *what, std::size_t size, std::size_t offset, std::size_t bytes) {
  return invalidInput(std::string(what) + " of " + std::to_string(size) + " bytes at offset " + std::to_string(offset) +
                      " does not fit a buffer of " + std::to_string(bytes));
}

// Where the driver's compiler writes its messages, as the options of a call.
struct JitLogs {
  std::string errors = std::string(16384, '\0'), notes = errors;
  std::array<cuda::JitOption, 4> options = {cuda::JitOption::ErrorLogBuffer, cuda::JitOption::ErrorLogBufferSizeBytes,
                                            cuda::JitOption::InfoLogBuffer, cuda::JitOption::InfoLogBufferSizeBytes};
  std::array<void *, 4> values = {errors.data(), reinterpret_cast<void *>(errors.size()), notes.data(),
                                  reinterpret_cast<void *>(notes.size())};

  Status explain(Status status) const {
    const std::string log = errors.c_str();
    return log.empty() ? status : deviceError(status.message() + "\n" + log);
  }
  std::string remarks() const { return notes.c_str(); }
};

} // namespace

// Buffer

Buffer::Buffer(DeviceRef owner, DevicePointer pointer, std::size_t size)
    : device(std::move(owner)), address(pointer), bytes(size) {}
Buffer::Buffer(Buffer &&other) noexcept { *this = std::move(other); }
Buffer &Buffer::operator=(Buffer &&other) noexcept {
  std::swap(device, other.device);
  std::swap(address, other.address);
  std::swap(bytes, other.bytes);
  return *this;
}
Buffer::~Buffer() {
  if (address) quietly(device, [&](const cuda::EntryPoints &api) { api.cuMemFree_v2(address); });
}

Status Buffer::upload(const void *source, std::size_t size, std::size_t offset) {
  if (offset > bytes || size > bytes - offset) return outOfRange("an upload", size, offset, bytes);
  if (size == 0) return {};
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return whenDone(*device, SAGE_DRIVER_CALL(device->driver(), cuMemcpyHtoD_v2, address + offset, source, size));
}

Status Buffer::download(void *target, std::size_t size, std::size_t offset) const {
  if (offset > bytes || size > bytes - offset) return outOfRange("a download", size, offset, bytes);
  if (size == 0) return {};
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(device->driver(), cuMemcpyDtoH_v2, target, address + offset, size);
}

Status Buffer::fill(std::uint8_t value) {
  if (bytes == 0) return {};
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return whenDone(*device, SAGE_DRIVER_CALL(device->driver(), cuMemsetD8_v2, address, value, bytes));
}

Status Buffer::fill(std::uint8_t value, Stream &stream) {
  if (bytes == 0) return {};
  if (stream.device() != device) return invalidInput("a buffer is filled in a stream of its own device");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(device->driver(), cuMemsetD8Async, address, value, bytes,
                          static_cast<cuda::Stream>(stream.handle()));
}

Result<Buffer> Device::allocate(std::size_t bytes) {
  if (bytes == 0) return Buffer();
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  cuda::DevicePtr pointer = 0;
  SAGE_TRY(SAGE_DRIVER_CALL(*driverRef, cuMemAlloc_v2, &pointer, bytes)
               .context("allocating " + std::to_string(bytes) + " bytes on " + specText));
  return Buffer(shared_from_this(), pointer, bytes);
}

// Stream

Stream::Stream(Stream &&other) noexcept { *this = std::move(other); }
Stream &Stream::operator=(Stream &&other) noexcept {
  std::swap(owner, other.owner);
  std::swap(stream, other.stream);
  std::swap(owned, other.owned);
  return *this;
}
Stream::~Stream() {
  if (!owned) return;
  quietly(owner, [&](const cuda::EntryPoints &api) { api.cuStreamDestroy_v2(static_cast<cuda::Stream>(stream)); });
}

Stream Stream::wrap(DeviceRef device, void *handle) {
  Stream result;
  result.owner = std::move(device);
  result.stream = handle;
  return result;
}

Status Stream::synchronize() {
  if (!owner) return invalidInput("a stream without a device cannot be synchronised");
  ContextScope scope(*owner);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(owner->driver(), cuStreamSynchronize, static_cast<cuda::Stream>(stream));
}

Result<Stream> Device::createStream() {
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  cuda::Stream handle = nullptr;
  SAGE_TRY(SAGE_DRIVER_CALL(*driverRef, cuStreamCreate, &handle, cuda::StreamNonBlocking));
  Stream stream = Stream::wrap(shared_from_this(), handle);
  stream.owned = true;
  return stream;
}

// Event

Event::Event(Event &&other) noexcept { *this = std::move(other); }
Event &Event::operator=(Event &&other) noexcept {
  std::swap(device, other.device);
  std::swap(event, other.event);
  return *this;
}
Event::~Event() {
  if (!event) return;
  quietly(device, [&](const cuda::EntryPoints &api) { api.cuEventDestroy_v2(static_cast<cuda::Event>(event)); });
}

Status Event::record(Stream &stream) {
  if (!event || stream.device() != device) return invalidInput("an event is recorded in a stream of its own device");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(device->driver(), cuEventRecord, static_cast<cuda::Event>(event),
                          static_cast<cuda::Stream>(stream.handle()));
}

Status Event::synchronize() {
  if (!event) return invalidInput("an event without a device cannot be synchronised");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(device->driver(), cuEventSynchronize, static_cast<cuda::Event>(event));
}

Result<bool> Event::reached() const {
  if (!event) return invalidInput("an event without a device is never reached");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  const cuda::Result answer = device->driver().api().cuEventQuery(static_cast<cuda::Event>(event));
  if (answer == cuda::Result::NotReady) return false;
  SAGE_TRY(device->driver().check(answer, "cuEventQuery"));
  return true;
}

Result<float> Event::millisecondsSince(const Event &start) const {
  if (!event || start.device != device) return invalidInput("the time between two events needs one device");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  float milliseconds = 0;
  SAGE_TRY(SAGE_DRIVER_CALL(device->driver(), cuEventElapsedTime, &milliseconds, static_cast<cuda::Event>(start.event),
                            static_cast<cuda::Event>(event)));
  return milliseconds;
}

Result<Event> Device::createEvent() {
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  cuda::Event handle = nullptr;
  SAGE_TRY(SAGE_DRIVER_CALL(*driverRef, cuEventCreate, &handle, cuda::EventDefault));
  Event event;
  event.device = shared_from_this();
  event.event = handle;
  return event;
}

// Module

Module::Module(Module &&other) noexcept { *this = std::move(other); }
Module &Module::operator=(Module &&other) noexcept {
  std::swap(device, other.device);
  std::swap(module, other.module);
  return *this;
}
Module::~Module() {
  if (!module) return;
  quietly(device, [&](const cuda::EntryPoints &api) { api.cuModuleUnload(static_cast<cuda::Module>(module)); });
}

Result<Function> Module::function(const std::string &name, std::size_t sharedBytes) const {
  if (!module) return invalidInput("an empty module has no function '" + name + "'");
  const std::size_t limit = std::size_t(device->limits().maxSharedBytesPerBlock);
  if (sharedBytes > limit)
    return invalidInput("kernel '" + name + "' needs " + std::to_string(sharedBytes) + " bytes of shared memory; " +
                        device->spec() + " has " + std::to_string(limit) +
                        " for a block: choose a smaller schedule.block_q, schedule.block_k or schedule.stages");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  cuda::Function handle = nullptr;
  SAGE_TRY(
      SAGE_DRIVER_CALL(device->driver(), cuModuleGetFunction, &handle, static_cast<cuda::Module>(module), name.c_str())
          .context("entry point '" + name + "'"));
  // Always set, so that a launch is right on drivers whose default limit is less than the 48 KiB of most.
  SAGE_TRY(SAGE_DRIVER_CALL(device->driver(), cuFuncSetAttribute, handle,
                            cuda::FunctionAttribute::MaxDynamicSharedSizeBytes, int(sharedBytes))
               .context("shared memory of '" + name + "'"));
  return Function{handle};
}

Result<FunctionFacts> Module::facts(Function function) const {
  if (!module) return invalidInput("an empty module has no functions");
  ContextScope scope(*device);
  SAGE_TRY(scope.take());
  FunctionFacts facts;
  const std::pair<cuda::FunctionAttribute, int *> wanted[] = {
      {cuda::FunctionAttribute::NumRegs, &facts.registers},
      {cuda::FunctionAttribute::LocalSizeBytes, &facts.localBytes},
      {cuda::FunctionAttribute::SharedSizeBytes, &facts.sharedBytes}};
  for (auto [attribute, value] : wanted)
    SAGE_TRY(SAGE_DRIVER_CALL(device->driver(), cuFuncGetAttribute, value, attribute,
                              static_cast<cuda::Function>(function.handle)));
  return facts;
}

Result<Module> Device::loadModule(const std::string &image, std::string *notes) {
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  JitLogs logs;
  cuda::Module handle = nullptr;
  Status status = SAGE_DRIVER_CALL(*driverRef, cuModuleLoadDataEx, &handle, image.c_str(),
                                   unsigned(logs.options.size()), logs.options.data(), logs.values.data());
  if (!status.ok()) return logs.explain(std::move(status));
  if (notes) *notes = logs.remarks();
  Module module;
  module.device = shared_from_this();
  module.module = handle;
  return module;
}

Result<std::string> Device::assemble(const std::string &ptx) {
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  JitLogs logs;
  cuda::Linker linker = nullptr;
  SAGE_TRY(SAGE_DRIVER_CALL(*driverRef, cuLinkCreate_v2, unsigned(logs.options.size()), logs.options.data(),
                            logs.values.data(), &linker));
  void *image = nullptr;
  std::size_t bytes = 0;
  Status status = SAGE_DRIVER_CALL(*driverRef, cuLinkAddData_v2, linker, cuda::JitInput::Ptx,
                                   const_cast<char *>(ptx.c_str()), ptx.size() + 1, "kernel.ptx", 0, nullptr, nullptr);
  if (status.ok()) status = SAGE_DRIVER_CALL(*driverRef, cuLinkComplete, linker, &image, &bytes);
  std::string copy; // the image belongs to the linker
  if (status.ok()) copy.assign(static_cast<const char *>(image), bytes);
  driverRef->api().cuLinkDestroy(linker);
  if (!status.ok()) return logs.explain(std::move(status));
  return copy;
}

Status Device::launch(Stream &stream, Function function, std::array<unsigned, 3> grid, std::array<unsigned, 3> block,
                      std::size_t sharedBytes, void **arguments) {
  if (stream.device().get() != this) return invalidInput("the stream belongs to another device than the kernel");
  ContextScope scope(*this);
  SAGE_TRY(scope.take());
  return SAGE_DRIVER_CALL(*driverRef, cuLaunchKernel, static_cast<cuda::Function>(function.handle), grid[0], grid[1],
                          grid[2], block[0], block[1], block[2], unsigned(sharedBytes),
                          static_cast<cuda::Stream>(stream.handle()), arguments, nullptr);
}

} // namespace sage
