// Runs one variant on one group through the runtime and measures it.
#pragma once

#include "Cases.h"
#include "reference/HostAttention.h"
#include "reference/Metrics.h"

namespace sage::demo {

// One row of the table. Of the three metrics the worst layer counts; instructions and time are sums over the layers.
struct Row {
  const Variant *variant;
  const Group *group;
  std::vector<reference::Metrics> layers;
  reference::Metrics worst;
  size_t ptxBytes = 0;                  // of all kernels of the plan
  double compileMs = 0;                 // from text to PTX, all kernels of the plan
  std::optional<uint64_t> instructions; // of all lanes; nothing on a GPU
  double wallMs = 0;
};

struct Measured {
  Row row;
  std::vector<reference::HostTensor> outputs; // a layer each
  std::vector<Attention::Step> steps;         // the kernels that ran
};

Result<Measured> measure(const DeviceRef &device, const KernelCacheRef &cache, const Variant &variant,
                         const Group &group);

} // namespace sage::demo
