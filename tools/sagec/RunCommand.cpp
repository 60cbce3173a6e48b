// sagec run: config and tensors in, attention out, on request compared with exact attention.
#include "Commands.h"
#include "Output.h"
#include "RunInputs.h"
#include "reference/AtomicFile.h"
#include "reference/ExactAttention.h"
#include "reference/Half.h"
#include "reference/HostAttention.h"
#include "reference/Metrics.h"
#include "reference/Safetensors.h"

namespace sage::cli {
namespace {

using namespace sage::reference;

Result<Config> loadConfig(const RunOptions &options) {
  if (isTileProgram(options.config))
    return invalidInput(options.config +
                        " is a tile program; run takes a config: flash, sage-t, sage-b, or the path of a JSON file");
  SAGE_ASSIGN(Config config, Config::load(options.config, options.configs));
  for (const std::string &assignment : options.sets) SAGE_TRY(config.set(assignment).context("--set " + assignment));
  if (options.causal) config.mask = Mask::Causal;
  SAGE_TRY(config.validate());
  return config;
}

Result<Metrics> check(const RunOptions &options, const Config &config, const RunInputs &inputs, const HostRun &run) {
  ExactOptions exactOptions{.layout = options.layout,
                            .causal = config.mask == Mask::Causal ? Causal::Yes : Causal::No,
                            .scale = config.scale.value_or(0)};
  SAGE_ASSIGN(ExactOutput exact, exactAttention(inputs.q, inputs.k, inputs.v, exactOptions));
  SAGE_ASSIGN(std::vector<double> computed, toDoubles(run.o));
  return compare(exact.o, computed);
}

Status writeOutputs(const RunOptions &options, const Config &config, const HostRun &run) {
  if (options.output.empty()) return {};
  std::vector<NamedTensor> tensors{{"o", &run.o}};
  if (run.lse) tensors.push_back({"lse", &*run.lse});
  SAGE_TRY(writeSafetensors(options.output, tensors,
                            {{"config", config.name}, {"layout", std::string(name(options.layout))}}));
  talk("wrote " + options.output);
  return {};
}

Json kernelsJson(const HostRun &run) {
  Json kernels = Json::array();
  for (const Attention::Step &step : run.steps)
    kernels.push_back({{"role", step.role},
                       {"entry", step.kernel->metadata().entry},
                       {"ptx_bytes", step.kernel->artifact().ptx.size()},
                       {"compile_ms", step.kernel->artifact().compileMs}});
  return kernels;
}

Json metricsJson(const Metrics &metrics) {
  return Json{{"cosine", metrics.cosine}, {"relative_l1", metrics.relativeL1}, {"rmse", metrics.rmse}};
}

Json runJson(const RunOptions &options, const Config &config, const Device &device, const HostRun &run,
             const Metrics *metrics, const Json *counters) {
  Json json{{"config", Json::parse(config.json(), nullptr, false)},
            {"device", device.spec()},
            {"device_name", device.name()},
            {"arch", options.arch.empty() ? device.arch() : options.arch},
            {"layout", name(options.layout)},
            {"shape", run.o.shape},
            {"kernels", kernelsJson(run)},
            {"wall_ms", run.wallMs},
            {"output", options.output.empty() ? Json() : Json(options.output)}};
  if (run.instructions) json["simulated_instructions"] = *run.instructions;
  if (metrics) json["check"] = metricsJson(*metrics);
  if (counters) json["counters"] = *counters;
  return json;
}

std::string metricsText(const Metrics &metrics) {
  return "cosine       " + numberText(metrics.cosine) + "\nrelative_l1  " + numberText(metrics.relativeL1) +
         "\nrmse         " + numberText(metrics.rmse) + "\n";
}

} // namespace

bool isTileProgram(const std::string &argument) { return argument.ends_with(".tile"); }

Status run(const RunOptions &options) {
  SAGE_ASSIGN(Config config, loadConfig(options));
  SAGE_ASSIGN(RunInputs inputs, loadInputs(options));
  HostInputs hostInputs{inputs.q, inputs.k, inputs.v, options.layout};
  SAGE_TRY(attentionShape(hostInputs).status().context(options.random ? "--random" : options.input));
  // An output that cannot be written is better known before the computation than after.
  if (!options.output.empty()) SAGE_TRY(probeWritable(options.output));
  SAGE_ASSIGN(DeviceRef device, Device::open(options.device, options.drivers));
  talk("device: " + device->description());
  auto cache = std::make_shared<KernelCache>(options.compiler);
  AttentionOptions attentionOptions{
      .arch = options.arch, .kernelsDirectory = options.kernels, .dumpStages = options.dumpStages};
  SAGE_ASSIGN(HostRun result, runAttention(device, cache, config, hostInputs, attentionOptions));
  talk("computed " + config.name + " " + shapeText(result.o.shape) + " in " + numberText(result.wallMs) + " ms");
  std::optional<Metrics> metrics;
  if (options.check) {
    SAGE_ASSIGN(metrics, check(options, config, inputs, result));
  }
  std::optional<Json> counters;
  if (options.counters) {
    SAGE_ASSIGN(std::string text, device->counters().context("--counters"));
    counters = Json::parse(text, nullptr, false);
  }
  SAGE_TRY(writeOutputs(options, config, result));
  if (options.format == Format::Json)
    return printJson(
        runJson(options, config, *device, result, metrics ? &*metrics : nullptr, counters ? &*counters : nullptr));
  if (metrics) SAGE_TRY(printData(metricsText(*metrics)));
  return counters ? printJson(*counters) : Status();
}

} // namespace sage::cli
