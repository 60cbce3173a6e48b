// A kernel on a device: module, function, metadata; and its launch.
#include "sage/runtime/Kernel.h"

namespace sage {

Result<KernelRef> Kernel::load(const DeviceRef &device, std::shared_ptr<const Artifact> artifact) {
  const KernelMetadata &metadata = artifact->metadata;
  const std::string what = "kernel '" + metadata.entry + "'";
  if (!device->runs(metadata.arch))
    return invalidInput(what + " is compiled for " + metadata.arch + ", which " + device->spec() +
                        " cannot run; its own is " + device->arch());
  if (device->driverVersion() < metadata.minDriver)
    return deviceError(what + " needs a driver for CUDA " + std::to_string(metadata.minDriver / 1000) + "." +
                       std::to_string(metadata.minDriver % 1000 / 10) + " or later; " + device->spec() + " has " +
                       std::to_string(device->driverVersion() / 1000) + "." +
                       std::to_string(device->driverVersion() % 1000 / 10));
  const unsigned threads = metadata.block[0] * metadata.block[1] * metadata.block[2];
  if (threads > unsigned(device->limits().maxThreadsPerBlock))
    return invalidInput(what + " needs blocks of " + std::to_string(threads) + " threads; " + device->spec() +
                        " allows " + std::to_string(device->limits().maxThreadsPerBlock));
  auto kernel = std::make_shared<Kernel>();
  kernel->device = device;
  SAGE_ASSIGN(kernel->module, device->loadModule(artifact->ptx).context(what));
  SAGE_ASSIGN(kernel->function, kernel->module.function(metadata.entry, std::size_t(metadata.sharedBytes)));
  kernel->artifactRef = std::move(artifact);
  return KernelRef(std::move(kernel));
}

Status Kernel::launch(Stream &stream, const KernelArguments &arguments) const {
  PackedArguments packed;
  SAGE_TRY(packArguments(metadata(), arguments, device->limits().maxGrid, packed));
  Status status = device->launch(stream, function, packed.grid, metadata().block, std::size_t(metadata().sharedBytes),
                                 packed.pointers.data());
  if (status.ok()) return status;
  return std::move(status).context("kernel '" + metadata().entry + "'");
}

} // namespace sage
