// What the demo leaves behind for a look: PTX and metadata of every kernel, the compiler's stages, and the outputs.
//   DIR/ptx/VARIANT-GROUP/KERNEL.{ptx,json}   DIR/stages/VARIANT-GROUP/KERNEL/…
//   DIR/outputs/VARIANT-GROUP-{asis,offset}.safetensors
#pragma once

#include "Measure.h"

namespace sage::demo {

Status writeFiles(const std::string &directory, const Device &device, const Measured &measured);

} // namespace sage::demo
