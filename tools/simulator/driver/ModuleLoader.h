// An image → a loaded module: find its PTX, parse, link, check the target against the device, place global variables,
// decode every kernel. And what is asked about the result: attributes, logs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "driver/JitOptions.h"
#include "driver/State.h"

namespace sage::sim {

struct LoadOutcome {
  cuda::Result result = cuda::Result::Success;
  std::unique_ptr<cuda::ModuleHandle> module;
  std::string errorLog; ///< what a JIT error log would say
  std::string infoLog;
  std::string warning; ///< the part of it that everybody should see; one line
};

/// The PTX of an image: text as it is, or what suits the device best from a fat binary. AVAILABLE is the image's size,
/// 0 when nobody knows it.
cuda::Result imageText(const void *image, std::size_t available, const DeviceSpec *spec, std::string &text);
/// Loads TEXT into a context, which owns the module from then on.
cuda::Result loadInto(DriverState &s, cuda::ContextHandle &context, const std::string &text, JitOptions *options,
                      cuda::Module *module, const JitSettings &settings);
cuda::Result loadLibraryInto(DriverState &s, cuda::ContextHandle &context, cuda::LibraryHandle &library,
                             cuda::Module *module);
/// Ends a module and its handles.
void dropModule(DriverState &s, cuda::ModuleHandle &module);
bool readWholeFile(const char *path, std::string &content);

cuda::Result functionAttribute(cuda::ContextHandle &context, cuda::FunctionHandle &function,
                               cuda::FunctionAttribute attribute, int &value);
cuda::Result setFunctionAttribute(cuda::ContextHandle &context, cuda::FunctionHandle &function,
                                  cuda::FunctionAttribute attribute, int value);

LoadOutcome loadModule(cuda::ContextHandle &context, std::string_view ptx, const JitSettings &settings);
/// Frees the module's variables.
void unloadModule(cuda::ContextHandle &context, cuda::ModuleHandle &module);

} // namespace sage::sim
