// From a config to the kernels that a plan compiles: which programs of kernels/, with which parameters and schedule.
// No device is involved. The names of programs, parameters and views are those of the tile programs.
#include "runtime/attention/Kernels.h"

#include "sage/runtime/Sources.h"

#include <algorithm>

namespace sage {
namespace {

using Values = std::map<std::string, std::string>;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }
std::string boolean(bool value) { return value ? "true" : "false"; }

void putIfSet(Values &values, const char *key, const std::optional<int> &value) {
  if (value) values[key] = std::to_string(*value);
}

Values attentionParameters(const Config &config, std::int64_t headDim) {
  const bool quantized = config.qk == DType::I8;
  // 16-bit Q and K have no scales; the program's granularity parameters still need a value, and any will do.
  const Granularity none{16, {}};
  const std::string dim = std::to_string(headDim);
  return {{"D", dim},
          {"DV", dim},
          {"QK", quoted(name(config.qk))},
          {"GQ", (quantized ? config.queryGranularity() : none).json()},
          {"GK", (quantized ? config.keyGranularity() : none).json()},
          {"P", quoted(name(config.pv))},
          {"ACC", quoted(config.accumulate)},
          {"OUT", quoted(name(config.output.value_or(DType::F16)))},
          {"scaled_v", "false"},
          {"mask", quoted(config.mask == Mask::Causal ? "causal" : "none")},
          {"sparse", "false"},
          {"lse", boolean(config.lse)},
          {"corrected", boolean(needsCorrection(config))}};
}

Values attentionSchedule(const Config &config) {
  Values values;
  putIfSet(values, "block_q", config.schedule.blockQ);
  putIfSet(values, "block_k", config.schedule.blockK);
  putIfSet(values, "warps", config.schedule.warps);
  putIfSet(values, "stages", config.schedule.stages);
  if (config.schedule.qInRegisters) values["q_in_registers"] = boolean(*config.schedule.qInRegisters);
  return values;
}

Values quantizeParameters(std::int64_t headDim, const Granularity &groups, bool smooth, bool correct) {
  return {{"D", std::to_string(headDim)}, {"T", quoted("f16")},        {"Q", quoted("i8")},
          {"G", groups.json()},           {"smooth", boolean(smooth)}, {"correct", boolean(correct)}};
}

/// Rows of a block that quantises: whole slabs, since a group is reduced inside one block (both are powers of two).
Values quantizeSchedule(const Config &config, const Granularity &groups) {
  return {{"block_n", std::to_string(std::max(config.schedule.blockN.value_or(64), groups.slab))}};
}

Values meanSchedule(const Config &config) {
  Values values;
  putIfSet(values, "block_n", config.schedule.blockN);
  return values;
}

Status checkHeadDim(const Config &config, std::int64_t headDim) {
  if (headDim != 32 && headDim != 64 && headDim != 128)
    return invalidInput("head_dim: " + std::to_string(headDim) + " is not supported; allowed: 32, 64, 128");
  if (config.headDim && *config.headDim != headDim)
    return invalidInput("head_dim: the config says " + std::to_string(*config.headDim) + ", the tensors have " +
                        std::to_string(headDim));
  return {};
}

} // namespace

bool needsCorrection(const Config &config) { return config.lse && config.smoothK; }

std::string_view roleName(Role role) {
  switch (role) {
  case Role::MeanK: return "mean_k";
  case Role::QuantizeQ: return "quantize_q";
  case Role::QuantizeK: return "quantize_k";
  case Role::Attention: break;
  }
  return "attention";
}

std::vector<Role> planRoles(const Config &config) {
  if (config.qk != DType::I8) return {Role::Attention};
  if (!config.smoothK) return {Role::QuantizeQ, Role::QuantizeK, Role::Attention};
  return {Role::MeanK, Role::QuantizeQ, Role::QuantizeK, Role::Attention};
}

Result<CompileRequest> planRequest(Role role, const Config &config, std::int64_t headDim,
                                   const AttentionOptions &options) {
  CompileRequest request;
  request.kernel = role == Role::MeanK ? "mean" : role == Role::Attention ? "attention" : "quantize";
  SAGE_ASSIGN(SourceText source, kernelSource(request.kernel + ".tile", options.kernelsDirectory));
  request.programName = source.file;
  request.programText = std::move(source.text);
  request.arch = options.arch;
  request.lineinfo = options.lineinfo;
  if (!options.dumpStages.empty()) request.dumpStages = options.dumpStages + "/" + std::string(roleName(role));
  switch (role) {
  case Role::MeanK:
    request.parameters = {{"D", std::to_string(headDim)}, {"T", quoted("f16")}};
    request.schedule = meanSchedule(config);
    break;
  case Role::QuantizeQ:
    request.parameters = quantizeParameters(headDim, config.queryGranularity(), false, needsCorrection(config));
    request.schedule = quantizeSchedule(config, config.queryGranularity());
    break;
  case Role::QuantizeK:
    request.parameters = quantizeParameters(headDim, config.keyGranularity(), config.smoothK, false);
    request.schedule = quantizeSchedule(config, config.keyGranularity());
    break;
  case Role::Attention:
    request.parameters = attentionParameters(config, headDim);
    request.schedule = attentionSchedule(config);
    break;
  }
  return request;
}

Result<std::vector<AttentionKernel>> attentionKernels(const Config &config, std::int64_t headDim,
                                                      const AttentionOptions &options) {
  SAGE_TRY(config.validate().context("config '" + config.name + "'"));
  SAGE_TRY(checkHeadDim(config, headDim));
  std::vector<AttentionKernel> kernels;
  for (Role role : planRoles(config)) {
    SAGE_ASSIGN(CompileRequest request, planRequest(role, config, headDim, options));
    kernels.push_back({std::string(roleName(role)), std::move(request)});
  }
  return kernels;
}

} // namespace sage
