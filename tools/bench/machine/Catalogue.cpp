// The order of the probes: what is certain to work first.
#include "Probe.h"

namespace sage::machine {

const std::vector<Probe> &catalogue() {
  static const std::vector<Probe> all = [] {
    std::vector<Probe> probes;
    for (auto group : {launchProbes, loadProbes, rateProbes, softmaxProbes, scoreProbes, readProbes, sharedProbes,
                       mmaProbes, wgmmaProbes, fp8Probes, bulkProbes, registerProbes})
      for (Probe &probe : group()) probes.push_back(std::move(probe));
    return probes;
  }();
  return all;
}

} // namespace sage::machine
