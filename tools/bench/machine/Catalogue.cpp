// The order of the probes: first what is quick and answers the most; wgmma, which the driver compiles for seconds,
// last. A run that its time limit stops loses the last ones.
#include "Probe.h"

namespace sage::machine {

const std::vector<Probe> &catalogue() {
  static const std::vector<Probe> all = [] {
    std::vector<Probe> probes;
    for (auto group : {launchProbes, registerProbes, rateProbes, softmaxProbes, scoreProbes, readProbes, bulkProbes,
                       sharedProbes, mmaProbes, fp8Probes, loadProbes, wgmmaProbes})
      for (Probe &probe : group()) probes.push_back(std::move(probe));
    return probes;
  }();
  return all;
}

} // namespace sage::machine
