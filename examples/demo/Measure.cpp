// See Measure.h. Kernels come from the cache after the first layer, so a row pays for compilation once.
#include "Measure.h"

#include "reference/Half.h"

#include <algorithm>
#include <cmath>

namespace sage::demo {
namespace {

using namespace sage::reference;

// A metric that is not finite is worse than any other.
double worse(double a, double b, bool higherIsWorse) {
  if (!std::isfinite(a) || !std::isfinite(b)) return NAN;
  return higherIsWorse ? std::max(a, b) : std::min(a, b);
}

Metrics worstOf(const std::vector<Metrics> &layers) {
  Metrics worst = layers.front();
  for (const Metrics &layer : layers) {
    worst.cosine = worse(worst.cosine, layer.cosine, false);
    worst.relativeL1 = worse(worst.relativeL1, layer.relativeL1, true);
    worst.rmse = worse(worst.rmse, layer.rmse, true);
  }
  return worst;
}

void addRun(Measured &measured, HostRun &run) {
  measured.row.wallMs += run.wallMs;
  if (run.instructions) measured.row.instructions = measured.row.instructions.value_or(0) + *run.instructions;
  measured.outputs.push_back(std::move(run.o));
  measured.steps = std::move(run.steps);
}

} // namespace

Result<Measured> measure(const DeviceRef &device, const KernelCacheRef &cache, const Variant &variant,
                         const Group &group) {
  SAGE_ASSIGN(Config config, configFor(variant, group.causal));
  Measured measured;
  measured.row.variant = &variant;
  measured.row.group = &group;
  for (const Layer &layer : group.layers) {
    SAGE_ASSIGN(
        HostRun run,
        runAttention(device, cache, config, {layer.q, layer.k, layer.v}).context(variant.label + ", " + group.label));
    SAGE_ASSIGN(std::vector<double> computed, toDoubles(run.o));
    measured.row.layers.push_back(compare(layer.exact.o, computed));
    addRun(measured, run);
  }
  measured.row.worst = worstOf(measured.row.layers);
  for (const Attention::Step &step : measured.steps) {
    measured.row.ptxBytes += step.kernel->artifact().ptx.size();
    measured.row.compileMs += step.kernel->artifact().compileMs;
  }
  return measured;
}

} // namespace sage::demo
