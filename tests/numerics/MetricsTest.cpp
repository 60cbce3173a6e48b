// The papers' three metrics against exact attention: on N(0,1), on the bundled tensors of real transformers, on tails.
#include "Model.h"

#include <catch2/catch.hpp>

using namespace numerics;

namespace {

struct Layer {
  const char *file;
  int number;
  const char *mask;
};
constexpr Layer layers[] = {{"minilm", 0, "mask=none"},    {"minilm", 2, "mask=none"},    {"minilm", 5, "mask=none"},
                            {"decoder", 0, "mask=causal"}, {"decoder", 1, "mask=causal"}, {"decoder", 2, "mask=causal"},
                            {"decoder", 3, "mask=causal"}};

sage::reference::Metrics measured(const sage::Config &config, const Inputs &inputs,
                                  const sage::reference::ExactOutput &exact) {
  Execution execution(config, inputs);
  execution.run();
  return metricsOf(execution, exact);
}

sage::reference::ExactOutput exactFor(const char *mask, const Inputs &inputs) {
  // The exact output does not depend on the variant.
  return exactOf(Execution(config("flash", {mask}), inputs));
}

} // namespace

TEST_CASE("on N(0,1) of 1024 tokens each variant is as accurate as it should be") {
  for (std::int64_t dim : {64, 128}) {
    const Inputs inputs = normalInputs({1, 2, 2, 1024, dim}, 31);
    const auto exact = exactFor("mask=none", inputs);
    const auto flash = measured(config("flash"), inputs, exact);
    const auto token = measured(config("sage-t"), inputs, exact);
    const auto block = measured(config("sage-b"), inputs, exact);
    INFO("D " << dim << ": relative L1 flash " << flash.relativeL1 << ", sage-t " << token.relativeL1 << ", sage-b "
              << block.relativeL1);
    CHECK(flash.relativeL1 <= .001);
    CHECK(token.relativeL1 <= .0105);
    CHECK(block.relativeL1 <= .0150);
    for (const auto &metrics : {flash, token, block}) CHECK(metrics.cosine >= .9999);
    // A scale a token is finer than a scale a block: were they equal, one of them would not be what it says.
    CHECK(token.relativeL1 < .85 * block.relativeL1);
  }
}

TEST_CASE("every bundled layer is accurate with smoothing") {
  for (const Layer &layer : layers) {
    const Inputs inputs = bundledLayer(layer.file, layer.number);
    const auto exact = exactFor(layer.mask, inputs);
    for (const char *variant : {"sage-t", "sage-b"}) {
      const auto metrics = measured(config(variant, {layer.mask}), inputs, exact);
      INFO(layer.file << " layer " << layer.number << " " << variant << ": L1 " << metrics.relativeL1);
      CHECK(metrics.cosine >= .9999);
      CHECK(metrics.relativeL1 <= .0105);
    }
  }
}

TEST_CASE("smoothing makes an offset of K harmless, on every bundled layer") {
  for (const Layer &layer : layers) {
    const Inputs inputs = withKeyOffset(bundledLayer(layer.file, layer.number));
    const auto exact = exactFor(layer.mask, inputs);
    for (const char *variant : {"sage-t", "sage-b"}) {
      const auto smooth = measured(config(variant, {layer.mask}), inputs, exact);
      const auto raw = measured(config(variant, {layer.mask, "smooth_k=false"}), inputs, exact);
      INFO(layer.file << " layer " << layer.number << " " << variant << ": L1 " << smooth.relativeL1 << " smoothed, "
                      << raw.relativeL1 << " not");
      CHECK(smooth.cosine >= .9999);
      CHECK(smooth.relativeL1 <= .0105);
      CHECK(raw.relativeL1 >= 1.5 * smooth.relativeL1);
    }
  }
}

TEST_CASE("a tail of keys costs no accuracy") {
  for (const char *variant : {"flash", "sage-t", "sage-b"}) {
    const Inputs whole = normalInputs({1, 4, 4, 320, 64}, 32), tail = normalInputs({1, 4, 4, 333, 64}, 32);
    const auto even = measured(config(variant), whole, exactFor("mask=none", whole));
    const auto odd = measured(config(variant), tail, exactFor("mask=none", tail));
    INFO(variant << ": L1 " << odd.relativeL1 << " at N = 333, " << even.relativeL1 << " at N = 320");
    CHECK(odd.relativeL1 <= 1.1 * even.relativeL1);
  }
}
