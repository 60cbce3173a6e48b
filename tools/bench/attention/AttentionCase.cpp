// See AttentionCase.h.
#include "attention/AttentionCase.h"

#include "reference/ExactAttention.h"
#include "reference/Half.h"
#include "reference/Metrics.h"

#include <algorithm>

namespace sage::bench {
namespace {

using reference::HostTensor;

// What the output must keep to on this data, to be worth a time. The shipped configs give about half of it.
double mostRelativeL1(const std::string &config) { return config == "flash" ? 0.001 : 0.025; }

// Rows of one head that are compared: with `keys` keys in sight of the last one.
struct Sample {
  std::int64_t head, first, count, keys;
};

// The last rows of two heads, and rows from the middle: a mask and a tail show there.
std::vector<Sample> samples(const Shape &s, bool causal) {
  constexpr std::int64_t most = 16;
  const std::int64_t count = std::min(most, s.tokens), last = s.tokens - count, middle = last / 2;
  std::vector<Sample> all;
  for (std::int64_t head : {std::int64_t(0), s.batch * s.heads - 1})
    for (std::int64_t first : {middle, last}) all.push_back({head, first, count, causal ? first + count : s.tokens});
  return all;
}

} // namespace

Status addFacts(const Kernel &kernel, Json &json) {
  SAGE_ASSIGN(const FunctionFacts facts, kernel.facts());
  json["registers"] = facts.registers;
  json["local_bytes"] = facts.localBytes;
  return {};
}

double operations(const Shape &s, const std::string &mask) {
  const double all = 4.0 * double(s.batch * s.heads) * double(s.tokens) * double(s.tokens) * double(s.headDim);
  return mask == "causal" ? all / 2 : all;
}

std::string caseName(const Shape &s, const std::string &config, const std::string &mask) {
  const std::string model = s.label == "grid" ? "" : " " + s.label;
  return config + " D " + std::to_string(s.headDim) + " N " + std::to_string(s.tokens) +
         (mask == "none" ? "" : " " + mask) + model;
}

Result<ShapeTensors> ShapeTensors::create(const DeviceRef &device, const Data &data, const Shape &shape) {
  ShapeTensors tensors(data, shape);
  const std::int64_t heads = shape.batch * shape.heads;
  SAGE_ASSIGN(tensors.q, data.upload(device, Data::Role::Q, heads, shape.tokens));
  SAGE_ASSIGN(tensors.k, data.upload(device, Data::Role::K, heads, shape.tokens));
  SAGE_ASSIGN(tensors.v, data.upload(device, Data::Role::V, heads, shape.tokens));
  SAGE_ASSIGN(tensors.o, device->allocate(tensors.q.size()));
  return tensors;
}

Status ShapeTensors::check(const std::string &config, const std::string &mask, Json &json) const {
  const bool causal = mask == "causal";
  std::vector<double> exact, computed;
  for (const Sample &s : samples(shape, causal)) {
    SAGE_ASSIGN(const HostTensor queries, data->rows(Data::Role::Q, s.head, s.first, s.count));
    SAGE_ASSIGN(const HostTensor keys, data->rows(Data::Role::K, s.head, 0, s.keys));
    SAGE_ASSIGN(const HostTensor values, data->rows(Data::Role::V, s.head, 0, s.keys));
    SAGE_ASSIGN(const reference::ExactOutput out,
                reference::exactAttention(queries, keys, values,
                                          {.causal = causal ? reference::Causal::Yes : reference::Causal::No}));
    exact.insert(exact.end(), out.o.begin(), out.o.end());
    HostTensor rows = queries;
    SAGE_TRY(o.download(rows.bytes.data(), rows.bytes.size(),
                        std::size_t((s.head * shape.tokens + s.first) * shape.headDim) * 2));
    SAGE_ASSIGN(const std::vector<double> part, reference::toDoubles(rows));
    computed.insert(computed.end(), part.begin(), part.end());
  }
  const reference::Metrics metrics = reference::compare(exact, computed);
  json["check"] = {{"rows", exact.size() / std::size_t(shape.headDim)},
                   {"cosine", metrics.cosine},
                   {"relative_l1", metrics.relativeL1},
                   {"rmse", metrics.rmse},
                   {"bound", mostRelativeL1(config)}};
  if (metrics.relativeL1 <= mostRelativeL1(config)) return {}; // false for a NaN
  json["status"] = "failed";
  json["reason"] = "relative L1 " + std::to_string(metrics.relativeL1) + " against exact attention";
  return {};
}

Status ShapeTensors::measure(Rig &rig, const std::string &configName, const std::string &mask, Json &json) {
  SAGE_ASSIGN(Config config, Config::load(configName));
  SAGE_TRY(config.set("mask=" + mask));
  const AttentionShape problem{shape.batch, shape.heads, shape.heads, shape.tokens, shape.tokens, shape.headDim};
  SAGE_ASSIGN(const Attention plan, Attention::create(rig.device, config, problem, rig.cache));
  SAGE_TRY(addFacts(*plan.steps().back().kernel, json)); // the attention kernel
  SAGE_ASSIGN(Buffer workspace, rig.device->allocate(plan.workspaceBytes()));
  const auto view = [&](const Buffer &b) {
    return TensorView::contiguous(b.pointer(), DType::F16, {shape.batch, shape.heads, shape.tokens, shape.headDim});
  };
  const AttentionArguments arguments{
      .q = view(q), .k = view(k), .v = view(v), .o = view(o), .workspace = workspace.pointer()};

  // The first run prepares the workspace for the kernel alone.
  SAGE_TRY(plan.run(rig.stream, arguments));
  SAGE_ASSIGN(const Times kernel, rig.stopwatch.time(rig.stream, [&](Stream &stream) {
    return plan.runStep("attention", stream, arguments);
  }));
  json["kernel"] = kernel.json(operations(shape, mask));
  json["quantize"] = nullptr;
  if (plan.steps().size() > 1) {
    SAGE_ASSIGN(const Times before, rig.stopwatch.time(rig.stream, [&](Stream &stream) -> Status {
      for (const Attention::Step &step : plan.steps())
        if (step.role != "attention") SAGE_TRY(plan.runStep(step.role, stream, arguments));
      return {};
    }));
    json["quantize"] = before.json();
  }
  SAGE_TRY(o.fill(0xff)); // NaN: what is checked was written by the runs that are timed last
  SAGE_ASSIGN(const Times whole,
              rig.stopwatch.time(rig.stream, [&](Stream &stream) { return plan.run(stream, arguments); }));
  json["end_to_end"] = whole.json(operations(shape, mask));
  json["status"] = "ok";
  return check(configName, mask, json);
}

} // namespace sage::bench
