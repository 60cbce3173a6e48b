// One attention problem on one device, run, and everything it left there back on the host.
#pragma once

#include "reference/HostTensor.h"
#include "sage/runtime/Attention.h"

#include <map>
#include <string>
#include <vector>

namespace sage::conformance {

using Bytes = std::vector<std::byte>;

struct Target {
  DeviceRef device;
  KernelCacheRef cache;
  Stream stream;
  std::string arch; // of the kernels

  static Result<Target> open(const std::string &device, const std::string &arch = {});
};

struct Inputs {
  reference::HostTensor q, k, v; // F16 [B, H, N, D]

  // N(0,1), K with an offset on every eighth channel: what smoothing is for.
  static Result<Inputs> normal(std::int64_t queryHeads, std::int64_t keyHeads, std::int64_t tokens,
                               std::int64_t headDim);
};

struct Outcome {
  reference::HostTensor o;
  std::map<std::string, Bytes> workspace; // by name: "q_quantized", "k_scale" …
  std::vector<Bytes> products;            // where Q and K are i8: Q Kᵀ of each query head, i32 [N, N]
};

// Runs the plan, and for 8-bit Q and K the plain product of what was quantised (kernels/product.tile).
Result<Outcome> execute(Target &target, const Config &config, const Inputs &inputs);

} // namespace sage::conformance
