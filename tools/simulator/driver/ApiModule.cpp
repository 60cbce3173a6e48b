// Exports: modules, functions and their attributes, occupancy.
#include <algorithm>
#include <cstring>
#include <string>

#include "driver/Call.h"
#include "driver/ModuleLoader.h"
#include "driver/Occupancy.h"

namespace sage::cuda {
namespace {

using namespace sim;

/// The log buffers that a caller may hand over; sizes travel by value in the option slots and come back as what was
/// used.
class JitLogs {
public:
  JitLogs(unsigned n, JitOption *o, void **v) : count(n), options(o), values(v) {}
  bool valid() const { return count == 0 || (options && values); }
  void write(const LoadOutcome &outcome) {
    put(JitOption::InfoLogBuffer, JitOption::InfoLogBufferSizeBytes, outcome.infoLog);
    put(JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes, outcome.errorLog);
  }

private:
  void **find(JitOption wanted) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == wanted) return &values[i];
    return nullptr;
  }
  void put(JitOption buffer, JitOption size, const std::string &text) {
    void **to = find(buffer), **bytes = find(size);
    if (!to || !*to || !bytes) return;
    const auto room = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(*bytes));
    if (room == 0) return;
    const std::size_t used = std::min<std::size_t>(text.size(), room - 1);
    std::memcpy(*to, text.data(), used);
    static_cast<char *>(*to)[used] = '\0';
    *bytes = reinterpret_cast<void *>(static_cast<std::uintptr_t>(used ? used + 1 : 0));
  }

  unsigned count;
  JitOption *options;
  void **values;
};

// Binary images start with the mark of ELF or of a fat binary; only text is executed here.
bool isBinary(const void *image) {
  std::uint32_t mark;
  std::memcpy(&mark, image, sizeof mark);
  return mark == 0x464c457fu || mark == 0xba55ed50u;
}

Result load(const char *name, Module *module, const void *image, unsigned count, JitOption *options, void **values) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    JitLogs logs(count, options, values);
    if (!module || !image || !logs.valid()) return Result::InvalidValue;
    if (std::strlen(static_cast<const char *>(image)) < 4) return Result::InvalidImage;
    if (isBinary(image)) return Result::NoBinaryForGpu;
    LoadOutcome outcome = loadModule(c, static_cast<const char *>(image));
    logs.write(outcome);
    if (outcome.result != Result::Success) {
      if (environment().trace) std::fprintf(stderr, "sagesim: %s", outcome.errorLog.c_str());
      return outcome.result;
    }
    *module = outcome.module.get();
    s.modules.insert(*module);
    for (const auto &[kernel, f] : outcome.module->functions) s.functions.insert(f.get());
    c.modules.push_back(std::move(outcome.module));
    return Result::Success;
  });
}

Result functionCall(const char *name, Function function, auto body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!s.functions.contains(function)) return Result::InvalidHandle;
    return body(s, c);
  });
}

int maxThreadsOf(const Program &p) {
  const auto volume = [](const std::array<std::uint32_t, 3> &v) {
    return static_cast<std::uint64_t>(v[0]) * v[1] * v[2];
  };
  std::uint64_t limit = 1024;
  if (p.requiredThreads[0] != 0)
    limit = std::min(limit, volume(p.requiredThreads));
  else if (p.maxThreads[0] != 0)
    limit = std::min(limit, volume(p.maxThreads));
  return static_cast<int>(limit);
}

} // namespace

extern "C" {

Result cuModuleLoadData(Module *module, const void *image) {
  return load("cuModuleLoadData", module, image, 0, nullptr, nullptr);
}
Result cuModuleLoadDataEx(Module *module, const void *image, unsigned count, JitOption *options, void **values) {
  return load("cuModuleLoadDataEx", module, image, count, options, values);
}

Result cuModuleUnload(Module module) {
  return initialisedCall("cuModuleUnload", [&](DriverState &s) {
    if (s.modules.erase(module) == 0) return Result::InvalidHandle;
    ContextHandle &c = *module->context;
    for (const auto &[name, function] : module->functions) s.functions.erase(function.get());
    unloadModule(c, *module);
    std::erase_if(c.modules, [&](const auto &m) { return m.get() == module; });
    return Result::Success;
  });
}

Result cuModuleGetFunction(Function *function, Module module, const char *name) {
  return contextCall("cuModuleGetFunction", [&](DriverState &s, ContextHandle &) {
    if (!function || !name) return Result::InvalidValue;
    if (!s.modules.contains(module)) return Result::InvalidHandle;
    const auto found = module->functions.find(name);
    if (found == module->functions.end()) return Result::NotFound;
    *function = found->second.get();
    return Result::Success;
  });
}

Result cuModuleGetGlobal_v2(DevicePtr *pointer, std::size_t *bytes, Module module, const char *name) {
  return contextCall("cuModuleGetGlobal_v2", [&](DriverState &s, ContextHandle &) {
    if (!name) return Result::InvalidValue;
    if (!s.modules.contains(module)) return Result::InvalidHandle;
    const auto found = module->globals.find(name);
    if (found == module->globals.end()) return Result::NotFound;
    if (pointer) *pointer = found->second.address;
    if (bytes) *bytes = found->second.bytes;
    return Result::Success;
  });
}

Result cuModuleGetLoadingMode(int *mode) {
  return initialisedCall("cuModuleGetLoadingMode", [&](DriverState &) {
    if (!mode) return Result::InvalidValue;
    *mode = 1; // eager: everything is decoded when the module is loaded
    return Result::Success;
  });
}

Result cuFuncGetAttribute(int *value, FunctionAttribute attribute, Function function) {
  return functionCall("cuFuncGetAttribute", function, [&](DriverState &, ContextHandle &c) {
    if (!value) return Result::InvalidValue;
    const Program &p = *function->program;
    switch (attribute) {
    case FunctionAttribute::MaxThreadsPerBlock: *value = maxThreadsOf(p); break;
    case FunctionAttribute::SharedSizeBytes: *value = static_cast<int>(p.staticSharedBytes); break;
    case FunctionAttribute::ConstSizeBytes: *value = 0; break;
    case FunctionAttribute::LocalSizeBytes: *value = static_cast<int>(p.localBytes); break;
    case FunctionAttribute::NumRegs: *value = static_cast<int>(p.registersPerThread); break;
    case FunctionAttribute::PtxVersion: *value = function->module->ptxVersion; break;
    case FunctionAttribute::BinaryVersion: *value = c.spec->major * 10 + c.spec->minor; break;
    case FunctionAttribute::CacheModeCa: *value = 0; break;
    case FunctionAttribute::MaxDynamicSharedSizeBytes: *value = function->maxDynamicSharedBytes; break;
    case FunctionAttribute::PreferredSharedMemoryCarveout: *value = function->sharedCarveout; break;
    case FunctionAttribute::RequiredClusterWidth: *value = static_cast<int>(p.requiredCluster[0]); break;
    case FunctionAttribute::RequiredClusterHeight: *value = static_cast<int>(p.requiredCluster[1]); break;
    case FunctionAttribute::RequiredClusterDepth: *value = static_cast<int>(p.requiredCluster[2]); break;
    case FunctionAttribute::NonPortableClusterSizeAllowed: *value = function->nonPortableCluster; break;
    case FunctionAttribute::ClusterSizeMustBeSet:
    case FunctionAttribute::ClusterSchedulingPolicyPreference: *value = 0; break;
    default: return Result::InvalidValue;
    }
    return Result::Success;
  });
}

Result cuFuncSetAttribute(Function function, FunctionAttribute attribute, int value) {
  return functionCall("cuFuncSetAttribute", function, [&](DriverState &, ContextHandle &c) {
    switch (attribute) {
    case FunctionAttribute::MaxDynamicSharedSizeBytes:
      if (value < 0 || value > c.spec->sharedOptinBytes - static_cast<int>(function->program->staticSharedBytes))
        return Result::InvalidValue;
      function->maxDynamicSharedBytes = value;
      return Result::Success;
    case FunctionAttribute::PreferredSharedMemoryCarveout:
      if (value < -1 || value > 100) return Result::InvalidValue;
      function->sharedCarveout = value;
      return Result::Success;
    case FunctionAttribute::NonPortableClusterSizeAllowed:
      function->nonPortableCluster = value != 0;
      return Result::Success;
    default: return Result::InvalidValue;
    }
  });
}

Result cuFuncSetCacheConfig(Function function, int config) {
  return functionCall("cuFuncSetCacheConfig", function, [&](DriverState &, ContextHandle &) {
    return config >= 0 && config <= 3 ? Result::Success : Result::InvalidValue;
  });
}

Result cuFuncGetName(const char **name, Function function) {
  return functionCall("cuFuncGetName", function, [&](DriverState &, ContextHandle &) {
    if (!name) return Result::InvalidValue;
    *name = function->program->name.c_str();
    return Result::Success;
  });
}

Result cuFuncGetModule(Module *module, Function function) {
  return functionCall("cuFuncGetModule", function, [&](DriverState &, ContextHandle &) {
    if (!module) return Result::InvalidValue;
    *module = function->module;
    return Result::Success;
  });
}

Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Function function, int threads,
                                                   std::size_t dynamicSharedBytes) {
  return functionCall("cuOccupancyMaxActiveBlocksPerMultiprocessor", function, [&](DriverState &, ContextHandle &c) {
    if (!blocks || threads <= 0) return Result::InvalidValue;
    *blocks = blocksPerSm(*c.spec, *function->program, static_cast<unsigned>(threads), dynamicSharedBytes);
    return Result::Success;
  });
}

Result cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, Function function, int threads,
                                                            std::size_t dynamicSharedBytes, unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, dynamicSharedBytes);
}

} // extern "C"

} // namespace sage::cuda
