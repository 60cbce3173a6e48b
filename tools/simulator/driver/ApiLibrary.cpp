// Exports: libraries (code that belongs to no context), their kernels, and the linker.
#include <algorithm>
#include <cstring>

#include "driver/Call.h"
#include "driver/DeviceRuntime.h"
#include "driver/Exports.h"
#include "driver/Linker.h"
#include "driver/ModuleLoader.h"

namespace sage::cuda {

struct LinkHandle {
  std::vector<std::string> units;
  std::string image, errors;
  const sim::DeviceSpec *spec = nullptr;
  std::vector<JitOption> optionNames;
  void **values = nullptr; ///< the caller's; must live as long as this

  sim::JitOptions options() { return {static_cast<unsigned>(optionNames.size()), optionNames.data(), values}; }
};

namespace {

using namespace sim;

/// BYTES is the code's size, 0 when the caller does not say.
Result loadLibrary(const char *name, Library *library, const void *code, std::size_t bytes, JitOptions options) {
  return initialisedCall(name, [&](DriverState &s) {
    if (!library || !code) return Result::InvalidValue;
    ContextHandle *current = currentContext();
    ContextHandle &c = current ? *current : *s.devices.front();
    if (const Result r = options.check(c.spec); r != Result::Success) return r;
    auto created = std::make_unique<LibraryHandle>();
    created->settings = options.settings();
    if (const Result r = imageText(code, bytes, c.spec, created->image); r != Result::Success) return r;
    auto parsed = linkImage(created->image);
    if (const auto *error = std::get_if<SourceError>(&parsed)) {
      options.finish("", "line " + std::to_string(error->line) + "; error: " + error->message + "\n");
      if (environment().trace) std::fprintf(stderr, "sagesim: line %u: %s\n", error->line, error->message.c_str());
      return Result::InvalidPtx;
    }
    // Without a context it is loaded when a kernel is first used.
    Module module = nullptr;
    if (current && current->retained > 0) {
      if (const Result r = loadInto(s, c, created->image, &options, &module, created->settings); r != Result::Success)
        return r;
      created->modules[&c] = module;
    }
    for (const sim::Function &f : std::get<0>(parsed).functions) {
      if (!f.isEntry || !f.hasBody) continue;
      auto kernel = std::make_unique<KernelHandle>();
      kernel->library = created.get();
      kernel->name = f.name;
      s.kernels.insert(kernel.get());
      created->kernels[f.name] = std::move(kernel);
    }
    *library = created.release();
    s.libraries.insert(*library);
    return Result::Success;
  });
}

template <class Body> Result libraryCall(const char *name, Library library, Body body) {
  return initialisedCall(
      name, [&](DriverState &s) { return s.libraries.contains(library) ? body(s) : Result::InvalidHandle; });
}

/// A call about a library's code in the current context.
template <class Body> Result loadedCall(const char *name, Library library, Body body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!s.libraries.contains(library)) return Result::InvalidHandle;
    Module module = nullptr;
    const Result loaded = loadLibraryInto(s, c, *library, &module);
    return loaded == Result::Success ? body(*module) : loaded;
  });
}

template <class Body> Result kernelCall(const char *name, Kernel kernel, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.kernels.contains(kernel) ? body(s) : Result::InvalidHandle; });
}

/// A kernel's function on a device: in the current context when it is of that device, else in the primary one.
template <class Body> Result kernelOnDevice(const char *name, Kernel kernel, Device device, Body body) {
  return deviceCall(name, device, [&](DriverState &s, ContextHandle &primary) {
    if (!s.kernels.contains(kernel)) return Result::InvalidHandle;
    ContextHandle *current = currentContext();
    ContextHandle &c = current && current->ordinal == primary.ordinal ? *current : primary;
    FunctionHandle *function = functionOf(s, c, kernel);
    return function ? body(c, *function) : Result::InvalidHandle;
  });
}

template <class Body> Result linkCall(const char *name, Link link, Body body) {
  return initialisedCall(name,
                         [&](DriverState &s) { return s.links.contains(link) ? body(s) : Result::InvalidHandle; });
}

Result linkFailed(LinkHandle &link, const SourceError &error) {
  link.errors += "line " + std::to_string(error.line) + "; error: " + error.message + "\n";
  if (environment().trace) std::fprintf(stderr, "sagesim: %s", link.errors.c_str());
  link.options().finish("", link.errors);
  return Result::InvalidPtx;
}

Result addInput(LinkHandle &link, int type, const void *data, std::size_t bytes) {
  constexpr int cubin = 0, ptx = 1, fatBinary = 2, archive = 4, lastInput = 6;
  if (!data || bytes == 0 || type < 0 || type > lastInput) return Result::InvalidValue;
  // An archive gives what others need; with machine code only it gives nothing, and the link says what is missing.
  if (type == archive && std::string_view(static_cast<const char *>(data), bytes).starts_with("!<arch>\n"))
    return Result::Success;
  // The text ends with a zero, or with its size.
  std::string text(static_cast<const char *>(data), bytes);
  if (type == fatBinary) {
    std::string inner;
    if (const Result r = imageText(text.data(), text.size(), link.spec, inner); r != Result::Success) return r;
    text = inner;
  } else if (type == cubin && !text.starts_with("\x7f"
                                                "ELF")) {
    // What this linker made, handed in again.
  } else if (type != ptx) {
    return Result::NoBinaryForGpu;
  }
  text.resize(std::strlen(text.c_str()));
  for (const std::string_view unit : unitsOf(text)) {
    const auto parsed = linkImage(unit);
    if (const auto *error = std::get_if<SourceError>(&parsed)) return linkFailed(link, *error);
    link.units.emplace_back(unit);
  }
  return Result::Success;
}

} // namespace

extern "C" {

Result cuLibraryLoadData(Library *library, const void *code, JitOption *options, void **values, unsigned count, int *,
                         void **, unsigned) {
  return loadLibrary("cuLibraryLoadData", library, code, 0, {count, options, values});
}
Result cuLibraryLoadFromFile(Library *library, const char *path, JitOption *options, void **values, unsigned count,
                             int *, void **, unsigned) {
  std::string content;
  if (!path) return traced("cuLibraryLoadFromFile", Result::InvalidValue);
  if (!readWholeFile(path, content)) return traced("cuLibraryLoadFromFile", Result::FileNotFound);
  return loadLibrary("cuLibraryLoadFromFile", library, content.c_str(), content.size(), {count, options, values});
}
Result cuLibraryUnload(Library library) {
  return libraryCall("cuLibraryUnload", library, [&](DriverState &s) {
    const auto modules = library->modules;
    for (const auto &[context, module] : modules) dropModule(s, *module);
    for (const auto &[name, kernel] : library->kernels) s.kernels.erase(kernel.get());
    s.libraries.erase(library);
    delete library;
    return Result::Success;
  });
}
Result cuLibraryGetKernel(Kernel *kernel, Library library, const char *name) {
  return libraryCall("cuLibraryGetKernel", library, [&](DriverState &) {
    if (!kernel || !name) return Result::InvalidValue;
    const auto found = library->kernels.find(name);
    if (found == library->kernels.end()) return Result::NotFound;
    *kernel = found->second.get();
    return Result::Success;
  });
}
Result cuLibraryGetKernelCount(unsigned *count, Library library) {
  return libraryCall("cuLibraryGetKernelCount", library, [&](DriverState &) {
    if (!count) return Result::InvalidValue;
    *count = static_cast<unsigned>(library->kernels.size());
    return Result::Success;
  });
}
Result cuLibraryEnumerateKernels(Kernel *kernels, unsigned count, Library library) {
  return libraryCall("cuLibraryEnumerateKernels", library, [&](DriverState &) {
    if (!kernels) return Result::InvalidValue;
    unsigned i = 0;
    for (const auto &[name, kernel] : library->kernels)
      if (i < count) kernels[i++] = kernel.get();
    return Result::Success;
  });
}
Result cuLibraryGetModule(Module *module, Library library) {
  return loadedCall("cuLibraryGetModule", library, [&](ModuleHandle &loaded) {
    if (!module) return Result::InvalidValue;
    *module = &loaded;
    return Result::Success;
  });
}
Result cuLibraryGetGlobal(DevicePtr *pointer, std::size_t *bytes, Library library, const char *name) {
  return loadedCall("cuLibraryGetGlobal", library, [&](ModuleHandle &loaded) {
    if (!name) return Result::InvalidValue;
    const auto found = loaded.globals.find(name);
    if (found == loaded.globals.end()) return Result::NotFound;
    if (pointer) *pointer = found->second.address;
    if (bytes) *bytes = found->second.bytes;
    return Result::Success;
  });
}

Result cuKernelGetFunction(Function *function, Kernel kernel) {
  return contextCall("cuKernelGetFunction", [&](DriverState &s, ContextHandle &c) {
    if (!function) return Result::InvalidValue;
    *function = s.kernels.contains(kernel) ? functionOf(s, c, kernel) : nullptr;
    return *function ? Result::Success : Result::InvalidHandle;
  });
}
Result cuKernelGetLibrary(Library *library, Kernel kernel) {
  return kernelCall("cuKernelGetLibrary", kernel, [&](DriverState &) {
    if (!library) return Result::InvalidValue;
    *library = kernel->library;
    return Result::Success;
  });
}
Result cuKernelGetName(const char **name, Kernel kernel) {
  return kernelCall("cuKernelGetName", kernel, [&](DriverState &) {
    if (!name) return Result::InvalidValue;
    *name = kernel->name.c_str();
    return Result::Success;
  });
}
Result cuKernelGetAttribute(int *value, FunctionAttribute attribute, Kernel kernel, Device device) {
  return kernelOnDevice("cuKernelGetAttribute", kernel, device, [&](ContextHandle &c, FunctionHandle &f) {
    return value ? functionAttribute(c, f, attribute, *value) : Result::InvalidValue;
  });
}
Result cuKernelSetAttribute(FunctionAttribute attribute, int value, Kernel kernel, Device device) {
  return kernelOnDevice("cuKernelSetAttribute", kernel, device, [&](ContextHandle &c, FunctionHandle &f) {
    return setFunctionAttribute(c, f, attribute, value);
  });
}
Result cuKernelSetCacheConfig(Kernel kernel, int config, Device device) {
  return kernelOnDevice("cuKernelSetCacheConfig", kernel, device, [&](ContextHandle &, FunctionHandle &) {
    return config >= 0 && config <= 3 ? Result::Success : Result::InvalidValue;
  });
}
Result cuKernelGetParamInfo(Kernel kernel, std::size_t index, std::size_t *offset, std::size_t *bytes) {
  return contextCall("cuKernelGetParamInfo", [&](DriverState &s, ContextHandle &c) {
    const FunctionHandle *f = s.kernels.contains(kernel) ? functionOf(s, c, kernel) : nullptr;
    return f ? parameterInfo(*f, index, offset, bytes) : Result::InvalidHandle;
  });
}

Result cuLinkCreate_v2(unsigned count, JitOption *options, void **values, Link *link) {
  return contextCall("cuLinkCreate_v2", [&](DriverState &s, ContextHandle &c) {
    if (!link) return Result::InvalidValue;
    if (const Result r = JitOptions(count, options, values).check(c.spec); r != Result::Success) return r;
    auto *created = new LinkHandle;
    created->spec = c.spec;
    created->optionNames.assign(options, options + count);
    created->values = values;
    s.links.insert(created);
    *link = created;
    return Result::Success;
  });
}
Result cuLinkAddData_v2(Link link, int type, void *data, std::size_t bytes, const char *, unsigned, JitOption *,
                        void **) {
  return linkCall("cuLinkAddData_v2", link, [&](DriverState &) { return addInput(*link, type, data, bytes); });
}
Result cuLinkAddFile_v2(Link link, int type, const char *path, unsigned, JitOption *, void **) {
  return linkCall("cuLinkAddFile_v2", link, [&](DriverState &) {
    std::string content;
    if (!path) return Result::InvalidValue;
    if (!readWholeFile(path, content)) return Result::FileNotFound;
    return addInput(*link, type, content.data(), content.size());
  });
}
Result cuLinkComplete(Link link, void **image, std::size_t *bytes) {
  return linkCall("cuLinkComplete", link, [&](DriverState &) {
    if (!image) return Result::InvalidValue;
    if (link->units.empty()) return Result::InvalidImage;
    link->image = imageHead(link->options().settings().maxRegisters);
    for (const std::string &unit : link->units) link->image += unitText(unit);
    auto linked = linkImage(link->image);
    if (const auto *error = std::get_if<SourceError>(&linked)) return linkFailed(*link, *error);
    std::string missing = undefinedName(std::get<0>(linked));
    if (isDeviceRuntimeFunction(missing)) {
      link->image += unitText(deviceRuntimePtx());
      linked = linkImage(link->image);
      if (const auto *error = std::get_if<SourceError>(&linked)) return linkFailed(*link, *error);
      missing = undefinedName(std::get<0>(linked));
    }
    if (!missing.empty()) return linkFailed(*link, {0, "Undefined reference to '" + missing + "'"});
    link->options().finish("", "");
    *image = link->image.data();
    if (bytes) *bytes = link->image.size() + 1; // with the zero that ends the text
    return Result::Success;
  });
}
Result cuLinkDestroy(Link link) {
  return linkCall("cuLinkDestroy", link, [&](DriverState &s) {
    s.links.erase(link);
    delete link;
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
