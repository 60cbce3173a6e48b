// An image → a loaded module: find its PTX, parse, link, check the target against the device, place global variables,
// decode every kernel. And what is asked about the result: attributes, logs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "driver/State.h"

namespace sage::sim {

struct LoadOutcome {
  cuda::Result result = cuda::Result::Success;
  std::unique_ptr<cuda::ModuleHandle> module;
  std::string errorLog; ///< what a JIT error log would say
  std::string infoLog;
};

/// The log buffers that a caller may hand over; sizes travel by value in the option slots and come back as what was
/// used.
class JitLogs {
public:
  JitLogs(unsigned n, cuda::JitOption *o, void **v) : count(n), options(o), values(v) {}
  bool valid() const { return count == 0 || (options && values); }
  void write(const std::string &info, const std::string &error);

private:
  void **find(cuda::JitOption wanted);
  void put(cuda::JitOption buffer, cuda::JitOption size, const std::string &text);

  unsigned count;
  cuda::JitOption *options;
  void **values;
};

/// The PTX of an image: text as it is, or the newest that fits the device from a fat binary.
cuda::Result imageText(const void *image, const DeviceSpec *spec, std::string &text);
/// Loads TEXT into a context, which owns the module from then on.
cuda::Result loadInto(DriverState &s, cuda::ContextHandle &context, const std::string &text, JitLogs *logs,
                      cuda::Module *module);
cuda::Result loadLibraryInto(DriverState &s, cuda::ContextHandle &context, cuda::LibraryHandle &library,
                             cuda::Module *module);
/// Ends a module and its handles.
void dropModule(DriverState &s, cuda::ModuleHandle &module);
bool readWholeFile(const char *path, std::string &content);

cuda::Result functionAttribute(cuda::ContextHandle &context, cuda::FunctionHandle &function,
                               cuda::FunctionAttribute attribute, int &value);
cuda::Result setFunctionAttribute(cuda::ContextHandle &context, cuda::FunctionHandle &function,
                                  cuda::FunctionAttribute attribute, int value);

LoadOutcome loadModule(cuda::ContextHandle &context, std::string_view ptx);
/// Frees the module's variables.
void unloadModule(cuda::ContextHandle &context, cuda::ModuleHandle &module);

} // namespace sage::sim
