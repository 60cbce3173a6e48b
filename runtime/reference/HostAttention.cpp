// Buffers live for one call. Their sizes come from checked host tensors, so nothing here can overflow.
#include "reference/HostAttention.h"

#include "reference/ExactAttention.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace sage::reference {
namespace {

Status requireF16(const HostTensor &tensor, const char *name) {
  if (tensor.dtype == Dtype::F16) return {};
  return invalidInput(std::string(name) + " is " + std::string(dtypeName(tensor.dtype)) +
                      "; only F16 tensors are supported");
}

Result<Buffer> upload(const DeviceRef &device, const HostTensor &tensor) {
  SAGE_ASSIGN(Buffer buffer, device->allocate(tensor.bytes.size()));
  SAGE_TRY(buffer.upload(tensor.bytes.data(), tensor.bytes.size()));
  return buffer;
}

// Lane instructions of all launches so far; nothing on a device without counters.
std::optional<uint64_t> laneInstructions(Device &device) {
  if (!device.simulated()) return std::nullopt;
  Result<std::string> text = device.counters();
  if (!text) return std::nullopt;
  nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json["kernels"].is_array()) return std::nullopt;
  uint64_t sum = 0;
  for (const auto &kernel : json["kernels"]) sum += kernel.value("lane_instructions", uint64_t(0));
  return sum;
}

// The launches between two readings of the clock and of the counters.
Status launchTimed(Device &device, const Attention &plan, const AttentionArguments &arguments, HostRun &run) {
  SAGE_ASSIGN(Stream stream, device.createStream());
  std::optional<uint64_t> before = laneInstructions(device);
  auto start = std::chrono::steady_clock::now();
  SAGE_TRY(plan.run(stream, arguments));
  SAGE_TRY(stream.synchronize());
  run.wallMs = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  std::optional<uint64_t> after = laneInstructions(device);
  if (before && after) run.instructions = *after - *before;
  return {};
}

} // namespace

Result<AttentionShape> attentionShape(const HostInputs &inputs) {
  SAGE_TRY(requireF16(inputs.q, "q"));
  SAGE_TRY(requireF16(inputs.k, "k"));
  SAGE_TRY(requireF16(inputs.v, "v"));
  SAGE_ASSIGN(Extents e, attentionExtents(inputs.q.shape, inputs.k.shape, inputs.v.shape, inputs.layout));
  if (e.valueDim != e.headDim)
    return invalidInput("v must have the head dim of q and k (" + std::to_string(e.headDim) + "), not " +
                        std::to_string(e.valueDim));
  return AttentionShape{.batch = e.batch,
                        .queryHeads = e.queryHeads,
                        .keyHeads = e.keyHeads,
                        .queries = e.queries,
                        .keys = e.keys,
                        .headDim = e.headDim,
                        .dtype = DType::F16};
}

Result<HostRun> runAttention(const DeviceRef &device, const KernelCacheRef &cache, const Config &config,
                             const HostInputs &inputs, const AttentionOptions &options) {
  SAGE_ASSIGN(AttentionShape shape, attentionShape(inputs));
  SAGE_ASSIGN(Attention plan, Attention::create(device, config, shape, cache, options));
  HostRun run;
  run.steps = plan.steps();
  SAGE_ASSIGN(run.o, HostTensor::allocate(Dtype::F16, inputs.q.shape));
  SAGE_ASSIGN(Buffer q, upload(device, inputs.q));
  SAGE_ASSIGN(Buffer k, upload(device, inputs.k));
  SAGE_ASSIGN(Buffer v, upload(device, inputs.v));
  SAGE_ASSIGN(Buffer o, device->allocate(run.o.bytes.size()));
  Buffer workspace, lse;
  if (plan.workspaceBytes() > 0) {
    SAGE_ASSIGN(workspace, device->allocate(plan.workspaceBytes()));
  }
  auto view = [&](const Buffer &buffer, int64_t heads, int64_t tokens) {
    return attentionTensor(buffer.pointer(), DType::F16, inputs.layout, shape.batch, heads, tokens, shape.headDim);
  };
  AttentionArguments arguments{.q = view(q, shape.queryHeads, shape.queries),
                               .k = view(k, shape.keyHeads, shape.keys),
                               .v = view(v, shape.keyHeads, shape.keys),
                               .o = view(o, shape.queryHeads, shape.queries),
                               .lse = {},
                               .workspace = workspace.pointer()};
  if (config.lse) {
    SAGE_ASSIGN(run.lse, HostTensor::allocate(Dtype::F32, {shape.batch, shape.queryHeads, shape.queries}));
    SAGE_ASSIGN(lse, device->allocate(run.lse->bytes.size()));
    arguments.lse = TensorView::contiguous(lse.pointer(), DType::F32, {shape.batch, shape.queryHeads, shape.queries});
  }
  SAGE_TRY(launchTimed(*device, plan, arguments, run));
  SAGE_TRY(o.download(run.o.bytes.data(), run.o.bytes.size()));
  if (run.lse) SAGE_TRY(lse.download(run.lse->bytes.data(), run.lse->bytes.size()));
  return run;
}

} // namespace sage::reference
