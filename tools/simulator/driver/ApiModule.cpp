// Exports: modules, functions and their attributes.
#include <algorithm>
#include <cstring>
#include <string>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/ModuleLoader.h"

namespace sage::cuda {
namespace {

using namespace sim;

struct Code {
  const void *image;
  std::size_t bytes = 0; ///< 0 when the caller does not say
};

Result load(const char *name, Module *module, Code code, JitOptions options) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!module || !code.image) return Result::InvalidValue;
    if (const Result r = options.check(c.spec); r != Result::Success) return r;
    std::string text;
    if (const Result r = imageText(code.image, code.bytes, c.spec, text); r != Result::Success) return r;
    return loadInto(s, c, text, &options, module, options.settings());
  });
}

Result functionCall(const char *name, Function function, auto body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    FunctionHandle *found = functionOf(s, c, function);
    return found ? body(s, c, *found) : Result::InvalidHandle;
  });
}

} // namespace

extern "C" {

Result cuModuleLoadData(Module *module, const void *image) {
  return load("cuModuleLoadData", module, {image}, {0, nullptr, nullptr});
}
Result cuModuleLoadDataEx(Module *module, const void *image, unsigned count, JitOption *options, void **values) {
  return load("cuModuleLoadDataEx", module, {image}, {count, options, values});
}

Result cuModuleUnload(Module module) {
  return initialisedCall("cuModuleUnload", [&](DriverState &s) {
    if (!s.modules.contains(module)) return Result::InvalidHandle;
    dropModule(s, *module);
    return Result::Success;
  });
}

Result cuModuleLoadFatBinary(Module *module, const void *image) {
  return load("cuModuleLoadFatBinary", module, {image}, {0, nullptr, nullptr});
}

Result cuModuleLoad(Module *module, const char *path) {
  std::string content;
  if (!path) return traced("cuModuleLoad", Result::InvalidValue);
  if (!readWholeFile(path, content)) return traced("cuModuleLoad", Result::FileNotFound);
  return load("cuModuleLoad", module, {content.c_str(), content.size()}, {0, nullptr, nullptr});
}

Result cuModuleGetFunctionCount(unsigned *count, Module module) {
  return contextCall("cuModuleGetFunctionCount", [&](DriverState &s, ContextHandle &) {
    if (!s.modules.contains(module)) return Result::InvalidHandle;
    if (!count) return Result::InvalidValue;
    *count = static_cast<unsigned>(module->functions.size());
    return Result::Success;
  });
}
Result cuModuleEnumerateFunctions(Function *functions, unsigned count, Module module) {
  return contextCall("cuModuleEnumerateFunctions", [&](DriverState &s, ContextHandle &) {
    if (!s.modules.contains(module)) return Result::InvalidHandle;
    if (!functions) return Result::InvalidValue;
    unsigned i = 0;
    for (const auto &[name, f] : module->functions)
      if (i < count) functions[i++] = f.get();
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
  return functionCall("cuFuncGetAttribute", function, [&](DriverState &, ContextHandle &c, FunctionHandle &f) {
    return value ? functionAttribute(c, f, attribute, *value) : Result::InvalidValue;
  });
}
Result cuFuncSetAttribute(Function function, FunctionAttribute attribute, int value) {
  return functionCall("cuFuncSetAttribute", function, [&](DriverState &, ContextHandle &c, FunctionHandle &f) {
    return setFunctionAttribute(c, f, attribute, value);
  });
}

Result cuFuncSetCacheConfig(Function function, int config) {
  return functionCall("cuFuncSetCacheConfig", function, [&](DriverState &, ContextHandle &, FunctionHandle &) {
    return config >= 0 && config <= 3 ? Result::Success : Result::InvalidValue;
  });
}

Result cuFuncGetName(const char **name, Function function) {
  return functionCall("cuFuncGetName", function, [&](DriverState &, ContextHandle &, FunctionHandle &f) {
    if (!name) return Result::InvalidValue;
    *name = f.program->name.c_str();
    return Result::Success;
  });
}

Result cuFuncGetModule(Module *module, Function function) {
  return functionCall("cuFuncGetModule", function, [&](DriverState &, ContextHandle &, FunctionHandle &f) {
    if (!module) return Result::InvalidValue;
    *module = f.module;
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
