// Where a plan's intermediate tensors lie in its workspace. Pure arithmetic on shapes.
#pragma once

#include "sage/runtime/Attention.h"

namespace sage {

struct Workspace {
  std::vector<WorkspaceTensor> tensors;
  std::size_t bytes = 0;

  /// The tensor, its pointer set; rank 0 if there is none of that name.
  TensorView find(std::string_view name, DevicePointer base) const;
};

/// The tensors that `config` needs for these shapes, each aligned to 256 bytes. An error if they exceed 2^60 bytes.
Result<Workspace> layOutWorkspace(const Config &config, const AttentionShape &shape);

} // namespace sage
