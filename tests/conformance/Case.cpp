// See Case.h.
#include "Case.h"

#include "reference/ExactAttention.h"
#include "reference/Half.h"
#include "reference/Metrics.h"

#include <cstdio>
#include <cstring>

namespace sage::conformance {
namespace {

using bench::Extent;
using bench::Json;

constexpr std::int64_t queryHeads = 2, keyHeads = 1;

// Against exact attention on N(0,1) with offset keys. Measured at N 1024, smoothed: flash .0003, sage-t .009, sage-b
// .013; few tokens leave less to average. Without smoothing the offsets cost what they cost: only the cosine is asked.
struct Bound {
  double cosine, relativeL1;
};
Bound boundOf(const Case &c) {
  if (c.config == "flash") return {.99999, .001};
  if (!c.smooth) return {.99, 1.0};
  return {.9998, .02};
}

Json skipped(const char *what, const char *why) { return {{"what", what}, {"status", "skipped"}, {"detail", why}}; }

Json verdict(const char *what, bool good, const std::string &detail) {
  return {{"what", what}, {"status", good ? "ok" : "failed"}, {"detail", detail}};
}

Result<Json> accuracy(const Case &c, const Inputs &inputs, const Outcome &outcome) {
  SAGE_ASSIGN(
      const reference::ExactOutput exact,
      reference::exactAttention(inputs.q, inputs.k, inputs.v,
                                {.causal = c.mask == "causal" ? reference::Causal::Yes : reference::Causal::No}));
  SAGE_ASSIGN(const std::vector<double> computed, reference::toDoubles(outcome.o));
  const reference::Metrics metrics = reference::compare(exact.o, computed);
  const Bound bound = boundOf(c);
  const bool good = metrics.cosine >= bound.cosine && metrics.relativeL1 <= bound.relativeL1; // false for a NaN
  char text[96];
  std::snprintf(text, sizeof text, "cosine %.6f, relative L1 %.5f", metrics.cosine, metrics.relativeL1);
  Json json = verdict("accuracy", good, text);
  json["cosine"] = metrics.cosine;
  json["relative_l1"] = metrics.relativeL1;
  json["rmse"] = metrics.rmse;
  json["bound"] = {{"cosine", bound.cosine}, {"relative_l1", bound.relativeL1}};
  return json;
}

// Nothing when they are the same.
std::string difference(const std::string &name, const Bytes &here, const Bytes &there, std::size_t width) {
  if (here == there) return {};
  std::size_t count = 0, first = here.size();
  for (std::size_t i = 0; i + width <= here.size(); i += width)
    if (std::memcmp(here.data() + i, there.data() + i, width) != 0) {
      if (count++ == 0) first = i / width;
    }
  return name + ": " + std::to_string(count) + " of " + std::to_string(here.size() / width) +
         " elements differ, the first is number " + std::to_string(first) + "; ";
}

Json quantizedBits(const Outcome &here, const Outcome &there) {
  std::string differences;
  std::size_t bytes = 0;
  for (const auto &[name, tensor] : here.workspace) {
    differences += difference(name, tensor, there.workspace.at(name), name.ends_with("quantized") ? 1 : 4);
    bytes += tensor.size();
  }
  return verdict("quantized_bits", differences.empty(),
                 differences.empty() ? std::to_string(bytes) + " bytes are the simulator's" : differences);
}

Json productBits(const Outcome &here, const Outcome &there) {
  std::string differences;
  std::size_t count = 0;
  for (std::size_t h = 0; h < here.products.size(); ++h) {
    differences += difference("head " + std::to_string(h), here.products[h], there.products[h], 4);
    count += here.products[h].size() / 4;
  }
  return verdict("product_bits", differences.empty(),
                 differences.empty() ? std::to_string(count) + " integers are the simulator's" : differences);
}

} // namespace

std::string Case::name() const {
  return config + (smooth || config == "flash" ? "" : " unsmoothed") + " D " + std::to_string(headDim) + " N " +
         std::to_string(tokens) + (mask == "none" ? "" : " " + mask);
}

std::vector<Case> cases(Extent extent) {
  // Around the edges of tiles, and one that has many of them.
  std::vector<std::int64_t> lengths{1, 17, 64, 129, 333};
  if (extent == Extent::Tiny) lengths = {1, 129};
  if (extent == Extent::Full) lengths.insert(lengths.end(), {128, 255, 1000, 2048});
  std::vector<Case> all;
  for (std::int64_t tokens : lengths)
    for (std::int64_t dim : {32, 64, 128})
      for (const char *mask : {"none", "causal"})
        for (const std::string &config : shippedConfigs()) all.push_back({config, mask, dim, tokens});
  for (const char *config : {"sage-t", "sage-b"}) all.push_back({config, "none", 64, lengths.back(), false});
  return all;
}

Result<Json> check(const Case &one, Target &target, Target *twin) {
  SAGE_ASSIGN(Config config, Config::load(one.config));
  SAGE_TRY(config.set("mask=" + one.mask));
  if (!one.smooth) SAGE_TRY(config.set("smooth_k=false"));
  SAGE_ASSIGN(const Inputs inputs, Inputs::normal(queryHeads, keyHeads, one.tokens, one.headDim));
  SAGE_ASSIGN(const Outcome first, execute(target, config, inputs));
  SAGE_ASSIGN(const Outcome second, execute(target, config, inputs));

  Json checks = Json::array();
  SAGE_ASSIGN(Json accurate, accuracy(one, inputs, first));
  checks.push_back(std::move(accurate));
  const std::string repeated = difference("o", first.o.bytes, second.o.bytes, 2);
  checks.push_back(verdict("repeat_bits", repeated.empty(), repeated));
  if (first.products.empty()) {
    checks.push_back(skipped("quantized_bits", "nothing is quantised"));
    checks.push_back(skipped("product_bits", "nothing is quantised"));
  } else if (!twin) {
    checks.push_back(skipped("quantized_bits", "there is no simulated device for these kernels"));
    checks.push_back(skipped("product_bits", "there is no simulated device for these kernels"));
  } else {
    SAGE_ASSIGN(const Outcome simulated, execute(*twin, config, inputs));
    checks.push_back(quantizedBits(first, simulated));
    checks.push_back(productBits(first, simulated));
  }
  return Json{{"name", one.name()}, {"config", one.config},      {"head_dim", one.headDim}, {"tokens", one.tokens},
              {"mask", one.mask},   {"query_heads", queryHeads}, {"key_heads", keyHeads},   {"checks", checks}};
}

} // namespace sage::conformance
