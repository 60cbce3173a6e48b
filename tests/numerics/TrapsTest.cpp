// Inputs that break careless kernels: NaN and Inf, zeros, constants, outliers, and keys from the future.
#include "Model.h"

#include "reference/Half.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace numerics;

namespace {

constexpr std::uint16_t nan16 = 0x7e00, inf16 = 0x7c00;
const char *const variants[] = {"flash", "sage-t", "sage-b"};

HostTensor outputOf(const sage::Config &config, const Inputs &inputs) {
  Execution execution(config, inputs);
  execution.run();
  return execution.o();
}

/// Whether rows [first, last) of a head have the same bits in both.
bool sameRows(HostTensor a, HostTensor b, std::int64_t head, std::int64_t first, std::int64_t last) {
  for (std::int64_t n = first; n < last; ++n)
    for (std::int64_t d = 0; d < a.shape[3]; ++d)
      if (at(a, 0, head, n, d) != at(b, 0, head, n, d)) return false;
  return true;
}

bool isNan(std::uint16_t bits) { return std::isnan(sage::reference::halfValue(bits)); }

/// Whether every element of rows [first, last) of a head is NaN.
bool allNan(HostTensor tensor, std::int64_t head, std::int64_t first, std::int64_t last) {
  for (std::int64_t n = first; n < last; ++n)
    for (std::int64_t d = 0; d < tensor.shape[3]; ++d)
      if (!isNan(at(tensor, 0, head, n, d))) return false;
  return true;
}

bool allFinite(const HostTensor &tensor) {
  for (double value : must(sage::reference::toDoubles(tensor)))
    if (!std::isfinite(value)) return false;
  return true;
}

/// Replaces K and V of the tokens from `first` on by other values.
Inputs withOtherFuture(Inputs inputs, std::int64_t first) {
  Inputs other = normalInputs({1, inputs.queryHeads(), inputs.keyHeads(), inputs.tokens(), inputs.dim()}, 99);
  for (std::int64_t h = 0; h < inputs.keyHeads(); ++h)
    for (std::int64_t n = first; n < inputs.tokens(); ++n)
      for (std::int64_t d = 0; d < inputs.dim(); ++d) {
        at(inputs.k, 0, h, n, d) = at(other.k, 0, h, n, d);
        at(inputs.v, 0, h, n, d) = at(other.v, 0, h, n, d);
      }
  return inputs;
}

} // namespace

TEST_CASE("a causal row never sees the future: not one bit moves") {
  const Inputs inputs = normalInputs({1, 2, 1, 200, 64}, 41);
  for (std::int64_t first : {1, 63, 100, 128, 199})
    for (const sage::Config &variant :
         {config("flash", {"mask=causal"}), config("sage-t", {"mask=causal", "smooth_k=false"})}) {
      INFO(variant.name << " from token " << first);
      const HostTensor before = outputOf(variant, inputs), after = outputOf(variant, withOtherFuture(inputs, first));
      for (std::int64_t head : {0, 1}) {
        CHECK(sameRows(before, after, head, 0, first));
        CHECK_FALSE(sameRows(before, after, head, first, 200));
      }
    }
}

TEST_CASE("a causal row never sees future bytes of quantised keys and of V") {
  const Inputs inputs = normalInputs({1, 1, 1, 200, 64}, 42);
  for (const char *name : {"sage-t", "sage-b"})
    for (std::int64_t first : {1, 63, 100, 128, 199}) {
      INFO(name << " from token " << first);
      Execution execution(config(name, {"mask=causal"}), inputs);
      execution.run();
      const HostTensor before = execution.o();
      auto keys = execution.read<std::int8_t>("k_quantized");
      for (std::size_t i = std::size_t(first * 64); i < keys.size(); ++i) keys[i] = std::int8_t(keys[i] ^ 0x55);
      execution.write("k_quantized", keys);
      execution.writeV(withOtherFuture(inputs, first).v);
      execution.runStep("attention");
      CHECK(sameRows(before, execution.o(), 0, 0, first));
      CHECK_FALSE(sameRows(before, execution.o(), 0, first, 200));
    }
}

TEST_CASE("NaN and Inf in one head stay in that head, tails included") {
  const Inputs clean = normalInputs({1, 2, 2, 77, 64}, 43);
  for (const char *name : variants)
    for (std::uint16_t poison : {nan16, inf16}) {
      INFO(name << (poison == nan16 ? " NaN" : " Inf"));
      Inputs bad = clean;
      for (std::int64_t n = 0; n < 77; ++n)
        for (std::int64_t d = 0; d < 64; ++d)
          at(bad.q, 0, 1, n, d) = at(bad.k, 0, 1, n, d) = at(bad.v, 0, 1, n, d) = poison;
      const HostTensor after = outputOf(config(name), bad);
      CHECK(sameRows(outputOf(config(name), clean), after, 0, 0, 77));
      CHECK(allNan(after, 1, 0, 77));
    }
}

TEST_CASE("a NaN in K reaches the rows that see it and none that visits no block with it") {
  const Inputs clean = normalInputs({1, 1, 1, 300, 64}, 44);
  Inputs bad = clean;
  at(bad.k, 0, 0, 200, 5) = nan16;
  const std::vector<std::string> raw{"mask=causal", "smooth_k=false"};
  for (const sage::Config &variant : {config("flash", {"mask=causal"}), config("sage-t", raw), config("sage-b", raw)}) {
    INFO(variant.name);
    const HostTensor after = outputOf(variant, bad);
    CHECK(allNan(after, 0, 200, 300));
    CHECK(sameRows(outputOf(variant, clean), after, 0, 0, 128));
  }
}

TEST_CASE("a NaN in K makes its whole head NaN where K is smoothed") {
  Inputs bad = normalInputs({1, 1, 1, 100, 64}, 45);
  at(bad.k, 0, 0, 99, 0) = nan16;
  for (const char *name : {"sage-t", "sage-b"}) CHECK(allNan(outputOf(config(name, {"mask=causal"}), bad), 0, 0, 100));
}

TEST_CASE("a NaN in Q reaches the rows of its scale group only") {
  const Inputs clean = normalInputs({1, 1, 1, 300, 64}, 46);
  Inputs bad = clean;
  at(bad.q, 0, 0, 200, 5) = nan16;
  for (const char *name : variants) {
    const HostTensor before = outputOf(config(name), clean), after = outputOf(config(name), bad);
    const bool perBlock = std::string(name) == "sage-b";
    INFO(name);
    CHECK(allNan(after, 0, 200, 201));
    CHECK(sameRows(before, after, 0, 0, perBlock ? 128 : 200));
    CHECK(sameRows(before, after, 0, perBlock ? 256 : 201, 300));
  }
}

TEST_CASE("a NaN in V reaches its channel only") {
  const Inputs clean = normalInputs({1, 1, 1, 100, 64}, 47);
  Inputs bad = clean;
  at(bad.v, 0, 0, 50, 7) = nan16;
  for (const char *name : variants) {
    HostTensor before = outputOf(config(name), clean), after = outputOf(config(name), bad);
    INFO(name);
    for (std::int64_t n = 0; n < 100; ++n)
      for (std::int64_t d = 0; d < 64; ++d) {
        if (d == 7)
          REQUIRE(isNan(at(after, 0, 0, n, d)));
        else
          REQUIRE(at(after, 0, 0, n, d) == at(before, 0, 0, n, d));
      }
  }
}

TEST_CASE("an Inf in K neither hangs nor stays hidden") {
  Inputs bad = normalInputs({1, 1, 1, 100, 64}, 48);
  at(bad.k, 0, 0, 3, 3) = inf16;
  for (const char *name : {"sage-t", "sage-b"}) {
    INFO(name);
    CHECK(allNan(outputOf(config(name), bad), 0, 0, 100));
    CHECK(allNan(outputOf(config(name, {"smooth_k=false"}), bad), 0, 0, 100));
  }
}

TEST_CASE("zero queries and keys give the mean of V") {
  for (const char *name : variants)
    for (std::int64_t tokens : {1, 64, 77}) {
      Inputs inputs = normalInputs({1, 1, 1, tokens, 64}, 49);
      for (auto &bits : inputs.q.as<std::uint16_t>()) bits = 0;
      for (auto &bits : inputs.k.as<std::uint16_t>()) bits = 0;
      Execution execution(config(name, {"lse=true"}), inputs);
      execution.run();
      INFO(name << " N " << tokens);
      CHECK(allFinite(execution.o()));
      CHECK(metricsOf(execution).relativeL1 <= 2e-3);
      for (float value : execution.lse()) CHECK(std::abs(value - std::log(double(tokens))) <= 1e-4);
    }
}

TEST_CASE("keys that do not vary, or hardly, are no trouble") {
  for (const char *name : variants)
    for (float step : {0.0f, 0.001f}) {
      Inputs inputs = normalInputs({1, 1, 1, 130, 64}, 50);
      for (std::int64_t n = 0; n < 130; ++n)
        for (std::int64_t d = 0; d < 64; ++d)
          at(inputs.k, 0, 0, n, d) = sage::reference::halfBits(3.0f + step * float((n * 7 + d) % 5));
      Execution execution(config(name), inputs);
      execution.run();
      INFO(name << " step " << step);
      CHECK(allFinite(execution.o()));
      CHECK(deviationOf(execution).output <= 2e-3);
      CHECK(metricsOf(execution).cosine >= .999);
    }
}

TEST_CASE("the largest finite values neither overflow nor hide") {
  for (const char *name : {"sage-t", "sage-b"}) {
    Inputs inputs = normalInputs({1, 1, 1, 70, 64}, 51);
    for (std::int64_t n = 0; n < 70; n += 3) at(inputs.k, 0, 0, n, n % 64) = n % 2 ? 0x7bff : 0xfbff;
    Execution execution(config(name, {"scale=1e-6"}), inputs);
    execution.run();
    INFO(name);
    CHECK(allFinite(execution.o()));
    CHECK(deviationOf(execution).output <= 2e-3);
  }
}

TEST_CASE("one channel of K with a huge offset is harmless where K is smoothed") {
  Inputs inputs = normalInputs({1, 1, 1, 256, 64}, 52);
  for (std::int64_t n = 0; n < 256; ++n) {
    std::uint16_t &element = at(inputs.k, 0, 0, n, 9);
    element = sage::reference::halfBits(sage::reference::halfValue(element) + 100.0f);
  }
  for (const char *name : {"sage-t", "sage-b"}) {
    Execution smooth(config(name), inputs), raw(config(name, {"smooth_k=false"}), inputs);
    smooth.run();
    raw.run();
    INFO(name);
    CHECK(deviationOf(smooth).output <= 2e-3);
    CHECK(deviationOf(raw).output <= 2e-3);
    CHECK(metricsOf(smooth).cosine >= .999);
    CHECK(metricsOf(raw).relativeL1 >= 5 * metricsOf(smooth).relativeL1);
  }
}
