// One attention computation on tensors in host memory: upload, plan, launch, download. What the command line, the demo
// and tests share; a program with tensors on the device already uses sage::Attention itself (sage/runtime/Attention.h).
#pragma once

#include "reference/HostTensor.h"
#include "sage/runtime/Attention.h"

#include <optional>

namespace sage::reference {

// q [B, Hq, N, D] and k, v [B, Hkv, N, D] in `layout`, all F16.
struct HostInputs {
  const HostTensor &q, &k, &v;
  TensorLayout layout = TensorLayout::Hnd;
};

struct HostRun {
  HostTensor o;                         // F16, shape and layout of q
  std::optional<HostTensor> lse;        // F32 [B, Hq, N], where the config asks for it
  double wallMs = 0;                    // launches and their completion; neither copies nor compilation
  std::optional<uint64_t> instructions; // of all lanes, where the device counts them (the simulator)
  std::vector<Attention::Step> steps;   // the kernels that ran
};

// The shape of the plan for these tensors; an error that names what does not fit or is not F16.
Result<AttentionShape> attentionShape(const HostInputs &inputs);

Result<HostRun> runAttention(const DeviceRef &device, const KernelCacheRef &cache, const Config &config,
                             const HostInputs &inputs, const AttentionOptions &options = {});

} // namespace sage::reference
