// See Model.h. Compiled without contraction of a·b + c, so that each f32 operation rounds once, as `.rn` does.
#include "Model.h"

#include "reference/Half.h"

#include <algorithm>
#include <cmath>

namespace numerics {

using namespace sage;
using reference::Dtype;
using reference::ExactOptions;
using reference::ExactOutput;

namespace {

/// Rows of Q or K as the attention kernel sees them, dequantised exactly: values · scale, in double.
HostTensor dequantized(const Execution &execution, const std::string &prefix, std::int64_t heads,
                       const Granularity &groups) {
  const Inputs &in = execution.inputs();
  const auto values = execution.read<std::int8_t>(prefix + "_quantized");
  const auto scales = execution.read<float>(prefix + "_scale");
  const std::int64_t tokens = in.tokens(), dim = in.dim();
  HostTensor result = must(HostTensor::allocate(Dtype::F64, {in.batch(), heads, tokens, dim}));
  auto target = result.as<double>();
  for (std::int64_t head = 0; head < in.batch() * heads; ++head)
    for (std::int64_t n = 0; n < tokens; ++n) {
      const double scale = scales[std::size_t(head * groups.groups(tokens) + groups.groupOf(n))];
      for (std::int64_t d = 0; d < dim; ++d) {
        const auto index = std::size_t((head * tokens + n) * dim + d);
        target[index] = values[index] * scale;
      }
    }
  return result;
}

ExactOptions optionsOf(const Execution &execution) {
  ExactOptions options;
  options.causal = execution.plan().config().mask == Mask::Causal ? reference::Causal::Yes : reference::Causal::No;
  options.scale = execution.plan().softmaxScale();
  return options;
}

double largest(const HostTensor &tensor) {
  double result = 0;
  for (double value : must(reference::toDoubles(tensor))) result = std::max(result, std::abs(value));
  return result;
}

} // namespace

Quantized quantizeModel(const HostTensor &x, const Granularity &groups, const std::vector<float> *mean) {
  const std::int64_t heads = x.shape[0] * x.shape[1], tokens = x.shape[2], dim = x.shape[3];
  std::vector<float> values = must(reference::toFloats(x));
  if (mean)
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t n = 0; n < tokens; ++n)
        for (std::int64_t d = 0; d < dim; ++d)
          values[std::size_t((head * tokens + n) * dim + d)] -= (*mean)[std::size_t(head * dim + d)];

  Quantized result;
  result.values.resize(values.size());
  result.scales.assign(std::size_t(heads * groups.groups(tokens)), 0.0f);
  auto scaleOf = [&](std::int64_t head, std::int64_t n) -> float & {
    return result.scales[std::size_t(head * groups.groups(tokens) + groups.groupOf(n))];
  };
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t n = 0; n < tokens; ++n)
      for (std::int64_t d = 0; d < dim; ++d) {
        float &amax = scaleOf(head, n);
        amax = std::max(amax, std::abs(values[std::size_t((head * tokens + n) * dim + d)]));
      }
  for (float &scale : result.scales) scale = std::max(scale, 1e-7f) / 127.0f;
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t n = 0; n < tokens; ++n)
      for (std::int64_t d = 0; d < dim; ++d) {
        const auto index = std::size_t((head * tokens + n) * dim + d);
        const float rounded = std::nearbyint(values[index] / scaleOf(head, n));
        result.values[index] = std::int8_t(std::clamp(rounded, -128.0f, 127.0f));
      }
  return result;
}

ChannelMeans channelMeans(const HostTensor &k) {
  const std::vector<double> values = must(reference::toDoubles(k));
  const std::int64_t heads = k.shape[0] * k.shape[1], tokens = k.shape[2], dim = k.shape[3];
  ChannelMeans result{std::vector<double>(std::size_t(heads * dim)), std::vector<double>(std::size_t(heads * dim))};
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t n = 0; n < tokens; ++n)
      for (std::int64_t d = 0; d < dim; ++d) {
        const double value = values[std::size_t((head * tokens + n) * dim + d)] / double(tokens);
        result.mean[std::size_t(head * dim + d)] += value;
        result.absolute[std::size_t(head * dim + d)] += std::abs(value);
      }
  return result;
}

ExactOutput modelOf(const Execution &execution) {
  const Config &config = execution.plan().config();
  const Inputs &in = execution.inputs();
  if (config.qk != DType::I8) return exactOf(execution);
  const HostTensor q = dequantized(execution, "q", in.queryHeads(), config.queryGranularity());
  const HostTensor k = dequantized(execution, "k", in.keyHeads(), config.keyGranularity());
  ExactOutput model = must(reference::exactAttention(q, k, in.v, optionsOf(execution)));
  if (!config.lse || !config.smoothK) return model;
  const auto correction = execution.read<float>("q_correction");
  for (std::size_t i = 0; i < model.lse.size(); ++i) model.lse[i] += correction[i];
  return model;
}

ExactOutput exactOf(const Execution &execution) {
  const Inputs &in = execution.inputs();
  return must(reference::exactAttention(in.q, in.k, in.v, optionsOf(execution)));
}

reference::Metrics metricsOf(const Execution &execution) { return metricsOf(execution, exactOf(execution)); }

reference::Metrics metricsOf(const Execution &execution, const ExactOutput &exact) {
  return reference::compare(exact.o, must(reference::toDoubles(execution.o())));
}

Deviation deviationOf(const Execution &execution) {
  const ExactOutput model = modelOf(execution);
  const std::vector<double> output = must(reference::toDoubles(execution.o()));
  Deviation result;
  auto widen = [](double &bound, double difference) { // a NaN, once there, stays
    if (!(difference <= bound) && !std::isnan(bound)) bound = difference;
  };
  for (std::size_t i = 0; i < output.size(); ++i) widen(result.output, std::abs(output[i] - model.o[i]));
  result.output /= largest(execution.inputs().v);
  if (!execution.plan().config().lse) return result;
  const std::vector<float> lse = execution.lse();
  for (std::size_t i = 0; i < lse.size(); ++i) widen(result.lse, std::abs(lse[i] - model.lse[i]));
  return result;
}

} // namespace numerics
