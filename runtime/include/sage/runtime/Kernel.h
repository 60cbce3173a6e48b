// A kernel on a device, ready to launch, and the cache that makes it: (program, parameters, schedule, arch, compiler)
// → PTX → module → Kernel.
#pragma once

#include "sage/runtime/Artifact.h"
#include "sage/runtime/Compiler.h"
#include "sage/runtime/Device.h"
#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"
#include "sage/runtime/Tensor.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sage {

struct NamedView {
  std::string_view name;
  TensorView view;
};
struct NamedExtent {
  std::string_view name;
  std::int64_t value = 0;
};
struct NamedScalar {
  std::string_view name;
  double value = 0; ///< converted to the scalar's type
};

/// What a kernel is called with. Extents that a view's shape tells need not be given; one that is given must agree.
struct KernelArguments {
  std::span<const NamedView> views;
  std::span<const NamedScalar> scalars;
  std::span<const NamedExtent> extents;
};

/// Checked and laid out as docs/artifact.md says: one 8-byte slot for each argument. Lives on the stack; nothing is
/// allocated on success.
struct PackedArguments {
  static constexpr int maxSlots = 256;
  std::array<std::uint64_t, maxSlots> slots;
  std::array<void *, maxSlots> pointers;
  int count = 0;
  std::array<unsigned, 3> grid{};
};

/// Checks names, types, shapes against sizes, contiguity of the last axis, alignment (16 bytes where a tile has
/// rows), overlap of outputs, extents (1 … 2^31-1) and the grid; fills `packed`.
SAGE_API Status packArguments(const KernelMetadata &metadata, const KernelArguments &arguments,
                              const std::array<std::int64_t, 3> &maxGrid, PackedArguments &packed);

class SAGE_API Kernel {
public:
  /// Loads an artifact. Its arch must be one that the device can run.
  static Result<std::shared_ptr<const Kernel>> load(const DeviceRef &device, std::shared_ptr<const Artifact> artifact);

  const KernelMetadata &metadata() const { return artifactRef->metadata; }
  const Artifact &artifact() const { return *artifactRef; }
  /// What the driver's compiler made of it.
  Result<FunctionFacts> facts() const { return module.facts(function); }
  /// Asynchronous on the stream. Allocates nothing, takes no lock.
  Status launch(Stream &stream, const KernelArguments &arguments) const;

private:
  DeviceRef device;
  std::shared_ptr<const Artifact> artifactRef;
  Module module;
  Function function;
};

using KernelRef = std::shared_ptr<const Kernel>;

/// In-memory cache of artifacts and loaded kernels, for any number of threads and devices. Each key is compiled once,
/// however many ask at the same time; nobody else waits for that compilation. A failed compilation is not remembered.
/// Loaded kernels keep their device alive until clear().
class SAGE_API KernelCache {
public:
  /// The compiler is loaded from `compilerPath` (empty: as CompilerLibrary::open) when the first kernel is missing.
  explicit KernelCache(std::string compilerPath = {});
  ~KernelCache();

  Result<std::shared_ptr<const Artifact>> artifact(const CompileRequest &request);
  Result<KernelRef> kernel(const DeviceRef &device, const CompileRequest &request);
  void clear();

  struct Statistics {
    std::uint64_t hits = 0, compilations = 0;
  };
  Statistics statistics() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

using KernelCacheRef = std::shared_ptr<KernelCache>;

} // namespace sage
