// Models of what the kernels compute, on the host: quantisation in f32 with the kernels' own roundings, and attention
// in double precision on quantised tensors as the kernel left them. They are written from the definition, one element
// at a time.
#pragma once

#include "Rig.h"
#include "reference/ExactAttention.h"
#include "reference/Metrics.h"

#include <cstdint>
#include <vector>

namespace numerics {

struct Quantized {
  std::vector<std::int8_t> values; ///< [B, H, N, D]
  std::vector<float> scales;       ///< [B, H, groups]
};

/// One scale a group of rows: s = max(amax, 1e-7) / 127, q = x / s rounded to nearest even. `mean` [B, H, D] is
/// subtracted first, if given.
Quantized quantizeModel(const HostTensor &x, const sage::Granularity &groups, const std::vector<float> *mean);

/// The mean over tokens of each channel, and of its absolute values, in double: [B, H, D].
struct ChannelMeans {
  std::vector<double> mean, absolute;
};
ChannelMeans channelMeans(const HostTensor &k);

/// Attention in double on the tensors that the attention kernel of this execution read. LSE includes the correction
/// as it was read.
sage::reference::ExactOutput modelOf(const Execution &execution);

/// Attention in double on the inputs.
sage::reference::ExactOutput exactOf(const Execution &execution);

/// The three metrics of what the execution left in O, against exact attention.
sage::reference::Metrics metricsOf(const Execution &execution);
sage::reference::Metrics metricsOf(const Execution &execution, const sage::reference::ExactOutput &exact);

/// The largest |Δ| of O against its model, as a multiple of max|V|, and of LSE.
struct Deviation {
  double output = 0, lse = 0;
};
Deviation deviationOf(const Execution &execution);

} // namespace numerics
