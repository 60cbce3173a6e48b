// A compiled kernel as data: PTX and the metadata that a launch needs (docs/artifact.md). Parsed strictly, since an
// artifact may come from a file.
#pragma once

#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"
#include "sage/runtime/Tensor.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

/// ⌈extent / divisor⌉ · times, or `times` when no extent is named.
struct SizeSpec {
  int extent = -1; ///< index into KernelMetadata::extents
  std::int64_t divisor = 1, times = 1;
  std::int64_t value(const std::int64_t *extents) const {
    return extent < 0 ? times : (extents[extent] + divisor - 1) / divisor * times;
  }
};

struct ViewSpec {
  std::string name;
  DType dtype = DType::F16;
  bool written = false;
  std::vector<SizeSpec> extents; ///< one for each axis
};

struct ScalarSpec {
  std::string name;
  std::string dtype; ///< "f32", "i32" or "i64"
};

struct SAGE_API KernelMetadata {
  std::string entry, program, arch, ptxVersion, compiler, hash;
  int minDriver = 0;
  std::array<SizeSpec, 3> grid;
  std::array<unsigned, 3> block{1, 1, 1}, cluster{1, 1, 1};
  std::int64_t sharedBytes = 0;
  std::vector<ViewSpec> views;
  std::vector<std::string> extents;
  std::vector<ScalarSpec> scalars;
  std::string parameters, schedule; ///< as bound and used, JSON text

  /// From the metadata object of docs/artifact.md. Sizes and counts are capped, so that later arithmetic cannot
  /// overflow.
  static Result<KernelMetadata> parse(std::string_view json);
};

struct Artifact {
  std::string ptx;
  std::string metadataJson;
  KernelMetadata metadata;
  double compileMs = 0; ///< time of the compilation that made it
};

} // namespace sage
