// Inputs that look like a transformer's: Q and V are N(0,1); K is N(0,1) with an offset on one channel in sixteen of
// each head, the same for all tokens, of random sign and 4 to 8 standard deviations (as SageAttention describes the K
// of real models). Made for a few heads on the host; a device tensor repeats these heads, each at its own place in
// memory.
#pragma once

#include "reference/HostTensor.h"
#include "sage/runtime/Device.h"

#include <cstdint>

namespace sage::bench {

class Data {
public:
  // TOKENS are the most that any tensor takes.
  static Result<Data> create(std::int64_t heads, std::int64_t tokens, std::int64_t headDim);

  // "q", "k" and "v", F16 [heads, tokens, head dim], in one .safetensors file: written whole or not at all.
  Status save(const std::string &path) const;

  enum class Role { Q, K, V };
  // [batch · heads, tokens, head dim] on the device: the first TOKENS rows of the heads. Those that peers are timed on
  // are made of a saved file by the same rule (tools/gpu-kit/sagekit/tensors.py).
  Result<Buffer> upload(const DeviceRef &device, Role role, std::int64_t heads, std::int64_t tokens) const;
  // Rows FIRST … FIRST + COUNT of the head that stands at HEAD of such a tensor, as F16 [1, 1, count, head dim].
  Result<reference::HostTensor> rows(Role role, std::int64_t head, std::int64_t first, std::int64_t count) const;

private:
  const reference::HostTensor &tensor(Role role) const { return role == Role::Q ? q : role == Role::K ? k : v; }
  reference::HostTensor q, k, v; // [heads, tokens, head dim]
};

} // namespace sage::bench
