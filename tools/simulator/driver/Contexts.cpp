// The life of contexts and what they own; see State.h.
#include <algorithm>
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

bool isContext(const DriverState &s, cuda::Context context) {
  const auto is = [&](const auto &c) { return c.get() == context; };
  return std::any_of(s.devices.begin(), s.devices.end(), is) || std::any_of(s.created.begin(), s.created.end(), is);
}

void destroyContents(DriverState &s, cuda::ContextHandle &c) {
  for (const auto &module : c.modules) {
    for (const auto &[name, function] : module->functions) s.functions.erase(function.get());
    s.modules.erase(module.get());
    unloadModule(c, *module);
  }
  c.modules.clear();
  for (void *p : s.libraries) static_cast<cuda::LibraryHandle *>(p)->modules.erase(&c);
  eraseOf<cuda::StreamHandle>(s.streams, c);
  eraseOf<cuda::EventHandle>(s.events, c);
  for (const auto &[pointer, range] : c.pinned) {
    c.memory->free(reinterpret_cast<std::uintptr_t>(pointer));
    if (range.allocated) std::free(pointer);
  }
  c.pinned.clear();
  for (const cuda::DevicePtr p : c.allocations) c.memory->free(p);
  c.allocations.clear();
  c.managed.clear();
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
