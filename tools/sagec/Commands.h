// The commands of sagec. Each does its work, prints its data through Output.h, and returns what went wrong.
#pragma once

#include "Options.h"
#include "sage/runtime/Result.h"

namespace sage::cli {

Status run(const RunOptions &options);
Status emit(const EmitOptions &options);
Status devices(const DevicesOptions &options);

// Whether a CONFIG argument names a tile program.
bool isTileProgram(const std::string &argument);

} // namespace sage::cli
