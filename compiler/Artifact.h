// The metadata of an artifact: what a launch needs to know about a kernel besides its PTX. The format is
// docs/artifact.md.
#pragma once

#include "compiler/Pipeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <nlohmann/json.hpp>

namespace sage {

// What the front end attached to the kernel, as JSON: grid, views, extents, scalars. Taken before the pipeline replaces
// the function.
nlohmann::json signatureOf(mlir::func::FuncOp kernel);

struct ArtifactFacts {
  std::string entry, program;
  const Target *target = nullptr;
  int64_t warps = 0, sharedBytes = 0;
  nlohmann::json signature, parameters, schedule;
};

// The whole metadata object, content hash included.
nlohmann::json makeMetadata(const ArtifactFacts &facts, const std::string &ptx);

// "sagec 0.1.0 llvm 22.1.8"
const char *compilerId();

} // namespace sage
