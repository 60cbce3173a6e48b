// Mean, quantisation and LSE correction against their models: values and scales bit for bit, given the mean as it was
// read back.
#include "Model.h"

#include "reference/Half.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace numerics;

namespace {

void checkQuantized(const Execution &execution, const char *prefix, const HostTensor &x,
                    const sage::Granularity &groups, const std::vector<float> *mean) {
  const Quantized model = quantizeModel(x, groups, mean);
  const auto values = execution.read<std::int8_t>(std::string(prefix) + "_quantized");
  const auto scales = execution.read<float>(std::string(prefix) + "_scale");
  INFO(prefix);
  CHECK(scales == model.scales);
  std::size_t different = 0;
  for (std::size_t i = 0; i < values.size(); ++i) different += values[i] != model.values[i];
  CHECK(different == 0);
}

void checkBitForBit(const sage::Config &config, const Inputs &inputs) {
  Execution execution(config, inputs);
  execution.run();
  checkQuantized(execution, "q", inputs.q, config.queryGranularity(), nullptr);
  if (!config.smoothK) return checkQuantized(execution, "k", inputs.k, config.keyGranularity(), nullptr);
  const std::vector<float> mean = execution.read<float>("k_mean");
  checkQuantized(execution, "k", inputs.k, config.keyGranularity(), &mean);
}

} // namespace

TEST_CASE("quantised values and scales are the model's, bit for bit") {
  for (const char *variant : {"sage-t", "sage-b"})
    for (std::int64_t dim : {32, 64, 128})
      for (std::int64_t tokens : {1, 63, 130, 257}) {
        INFO(variant << " D " << dim << " N " << tokens);
        checkBitForBit(config(variant), normalInputs({2, 2, 1, tokens, dim}, 3));
        checkBitForBit(config(variant, {"smooth_k=false"}), normalInputs({1, 2, 2, tokens, dim}, 4));
      }
}

TEST_CASE("every granularity is quantised as its model says") {
  for (const char *query : {"token", "thread", "warp", "block", "block:64", "{\"slab\":64,\"bits\":[5]}"})
    for (const char *key : {"token", "thread", "block", "block:32", "{\"slab\":32,\"bits\":[0,4]}"}) {
      INFO("Q " << query << " K " << key);
      const auto settings = {std::string("q_granularity=") + query, std::string("k_granularity=") + key};
      checkBitForBit(config("sage-b", settings), normalInputs({1, 1, 1, 200, 64}, 5));
    }
}

TEST_CASE("ties round to even and the largest value becomes 127") {
  Inputs inputs = normalInputs({1, 1, 1, 64, 64});
  // With amax 127 the scale is 1, and halves are ties.
  for (std::int64_t n = 0; n < 64; ++n)
    for (std::int64_t d = 0; d < 64; ++d)
      at(inputs.q, 0, 0, n, d) = at(inputs.k, 0, 0, n, d) = sage::reference::halfBits(float(d) - 32.5f);
  at(inputs.q, 0, 0, 0, 0) = at(inputs.k, 0, 0, 0, 0) = sage::reference::halfBits(-127.0f);
  Execution execution(config("sage-b", {"smooth_k=false"}), inputs);
  execution.run();
  CHECK(execution.read<float>("k_scale") == std::vector<float>{1.0f});
  const auto values = execution.read<std::int8_t>("k_quantized");
  CHECK(int(values[0]) == -127);
  CHECK(int(values[31]) == -2);
  CHECK(int(values[32]) == 0);
  CHECK(int(values[33]) == 0);
  CHECK(int(values[34]) == 2);
  checkBitForBit(config("sage-b", {"smooth_k=false"}), inputs);
}

TEST_CASE("the mean of K is within 1e-5 of its channel's mean magnitude") {
  for (std::int64_t dim : {32, 64, 128})
    for (std::int64_t tokens : {1, 65, 1000}) {
      Inputs inputs = withKeyOffset(normalInputs({2, 2, 2, tokens, dim}, 6));
      Execution execution(config("sage-b"), inputs);
      execution.run();
      const std::vector<float> mean = execution.read<float>("k_mean");
      const ChannelMeans exact = channelMeans(inputs.k);
      double worst = 0;
      for (std::size_t i = 0; i < mean.size(); ++i)
        worst = std::max(worst, std::abs(mean[i] - exact.mean[i]) / (exact.absolute[i] + 1e-30));
      INFO("D " << dim << " N " << tokens);
      CHECK(worst <= 1e-5);
    }
}

TEST_CASE("the LSE correction is scale times q times the mean of K") {
  const Inputs inputs = withKeyOffset(normalInputs({1, 4, 2, 100, 64}, 8));
  Execution execution(config("sage-b", {"lse=true"}), inputs);
  execution.run();
  const auto correction = execution.read<float>("q_correction");
  const auto mean = execution.read<float>("k_mean");
  const auto q = must(sage::reference::toDoubles(inputs.q));
  const double scale = execution.plan().softmaxScale();
  for (std::size_t row = 0; row < correction.size(); ++row) {
    double sum = 0, magnitude = 0;
    const std::size_t keyHead = row / 100 / 2;
    for (std::size_t d = 0; d < 64; ++d) {
      const double term = scale * q[row * 64 + d] * mean[keyHead * 64 + d];
      sum += term;
      magnitude += std::abs(term);
    }
    REQUIRE(std::abs(correction[row] - sum) <= 1e-4 * magnitude);
  }
}

TEST_CASE("an all-zero tensor is quantised to zeros with the smallest scale") {
  Inputs inputs = normalInputs({1, 1, 1, 70, 64});
  for (auto &bits : inputs.k.as<std::uint16_t>()) bits = 0;
  checkBitForBit(config("sage-t"), inputs);
  Execution execution(config("sage-b"), inputs);
  execution.run();
  for (float scale : execution.read<float>("k_scale")) CHECK(scale == 1e-7f / 127.0f);
}
