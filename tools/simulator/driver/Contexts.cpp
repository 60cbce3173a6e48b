// The life of contexts and what they own; see State.h.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "driver/Graph.h"
#include "driver/ModuleLoader.h"
#include "driver/State.h"

namespace sage::sim {
namespace {

template <class Handle> void eraseOf(std::unordered_set<void *> &handles, const cuda::ContextHandle &c) {
  std::erase_if(handles, [&](void *p) {
    auto *handle = static_cast<Handle *>(p);
    if (handle->context != &c) return false;
    delete handle;
    return true;
  });
}

} // namespace

cuda::StreamHandle *streamObject(DriverState &s, cuda::Stream stream) {
  if (reinterpret_cast<std::uintptr_t>(stream) != cuda::perThreadStreamValue)
    return s.streams.contains(stream) ? stream : nullptr;
  static std::atomic<std::uint64_t> threads{0};
  static thread_local const std::uint64_t thread = ++threads;
  cuda::ContextHandle *c = currentContext();
  if (!c) return nullptr;
  cuda::StreamHandle *&mine = s.perThreadStreams[{thread, c}];
  if (!mine) {
    mine = new cuda::StreamHandle{c, 0, 0, s.nextId++, nullptr, {}};
    s.streams.insert(mine);
  }
  return mine;
}

bool isContext(const DriverState &s, cuda::Context context) {
  const auto is = [&](const auto &c) { return c.get() == context; };
  return std::any_of(s.devices.begin(), s.devices.end(), is) || std::any_of(s.created.begin(), s.created.end(), is);
}

cuda::ContextHandle *ownerOf(DriverState &s, cuda::ContextHandle &context, cuda::DevicePtr address) {
  // Peers answer for each other, so an allocation counts where its memory lists it first-hand.
  if (context.memory->owns(address)) return &context;
  for (const auto &device : s.devices)
    if (device->memory->owns(address)) return device.get();
  return nullptr;
}

bool isManaged(const DriverState &s, cuda::DevicePtr address) {
  const auto has = [&](const auto &c) { return c->managed.contains(address); };
  return std::any_of(s.devices.begin(), s.devices.end(), has) || std::any_of(s.created.begin(), s.created.end(), has);
}

void mapHost(DriverState &s, void *pointer, std::size_t bytes) {
  for (const auto &device : s.devices) device->memory->mapHost(pointer, bytes);
}
void unmapHost(DriverState &s, void *pointer) {
  for (const auto &device : s.devices) device->memory->free(reinterpret_cast<std::uintptr_t>(pointer));
}

void destroyContents(DriverState &s, cuda::ContextHandle &c) {
  reportLeaks(c);
  for (const auto &module : c.modules) {
    for (const auto &[name, function] : module->functions) s.functions.erase(function.get());
    s.modules.erase(module.get());
    unloadModule(c, *module);
  }
  c.modules.clear();
  for (void *p : s.libraries) static_cast<cuda::LibraryHandle *>(p)->modules.erase(&c);
  std::erase_if(s.perThreadStreams, [&](const auto &entry) { return entry.first.second == &c; });
  eraseOf<cuda::StreamHandle>(s.streams, c);
  eraseOf<cuda::EventHandle>(s.events, c);
  for (const auto &[pointer, range] : c.pinned) {
    unmapHost(s, pointer);
    if (range.allocated) std::free(pointer);
  }
  c.pinned.clear();
  for (const cuda::DevicePtr p : c.allocations) c.memory->free(p);
  c.ended.insert(c.allocations.begin(), c.allocations.end());
  c.allocations.clear();
  c.managed.clear();
  for (cuda::ContextHandle *peer : c.peers) c.memory->removePeer(*peer->memory);
  c.peers.clear();
  c.limits.clear();
  c.sticky = cuda::Result::Success;
}

cuda::FunctionHandle *functionOf(DriverState &s, cuda::ContextHandle &context, void *handle) {
  if (s.functions.contains(handle)) {
    auto *function = static_cast<cuda::FunctionHandle *>(handle);
    return function->module->context->ordinal == context.ordinal ? function : nullptr;
  }
  if (!s.kernels.contains(handle)) return nullptr;
  const auto *kernel = static_cast<cuda::KernelHandle *>(handle);
  cuda::ModuleHandle *module = nullptr;
  if (loadLibraryInto(s, context, *kernel->library, &module) != cuda::Result::Success) return nullptr;
  const auto found = module->functions.find(kernel->name);
  return found == module->functions.end() ? nullptr : found->second.get();
}

} // namespace sage::sim
