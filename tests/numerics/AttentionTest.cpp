// The attention kernels element by element against the double-precision model on their own quantised tensors, over
// head dims, masks, layouts, GQA, granularities and token counts around every tile edge. 2e-3 · max|V| covers the
// rounding of P and O to f16.
#include "Model.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace numerics;

namespace {

constexpr double outputBound = 2e-3, lseBound = 1e-3;
const char *const variants[] = {"flash", "sage-t", "sage-b"};

void checkAgainstModel(const sage::Config &config, const Inputs &inputs,
                       sage::TensorLayout layout = sage::TensorLayout::Hnd) {
  Execution execution(config, inputs, layout);
  execution.run();
  const Deviation deviation = deviationOf(execution);
  CHECK(deviation.output <= outputBound);
  CHECK(deviation.lse <= lseBound);
}

bool sameBits(const HostTensor &a, const HostTensor &b) { return a.bytes == b.bytes; }

} // namespace

TEST_CASE("attention is the model's, element by element") {
  for (const char *variant : variants)
    for (const char *mask : {"mask=none", "mask=causal"})
      for (std::int64_t dim : {32, 64, 128}) {
        INFO(variant << " " << mask << " D " << dim);
        checkAgainstModel(config(variant, {mask, "lse=true"}), normalInputs({1, 2, 1, 300, dim}, 11));
      }
}

TEST_CASE("without smoothing and without LSE too") {
  for (const char *variant : {"sage-t", "sage-b"})
    for (const char *lse : {"lse=true", "lse=false"}) {
      INFO(variant << " " << lse);
      checkAgainstModel(config(variant, {"smooth_k=false", lse}), normalInputs({1, 2, 2, 200, 64}, 12));
    }
}

TEST_CASE("token counts around every tile edge") {
  constexpr std::int64_t counts[] = {1,  2,  7,  8,   9,   15,  16,  17,  31,  32,  33,  63,
                                     64, 65, 95, 127, 128, 129, 191, 192, 193, 255, 256, 257};
  for (const char *variant : variants)
    for (const char *mask : {"mask=none", "mask=causal"})
      for (std::int64_t tokens : counts) {
        INFO(variant << " " << mask << " N " << tokens);
        const Inputs inputs = normalInputs({1, 1, 1, tokens, 64}, std::uint64_t(tokens));
        checkAgainstModel(config(variant, {mask, "lse=true"}), inputs);
      }
}

TEST_CASE("every token count from 1 to 257 for one config") {
  for (std::int64_t tokens = 1; tokens <= 257; ++tokens) {
    INFO("N " << tokens);
    checkAgainstModel(config("sage-b", {"mask=causal", "lse=true"}), normalInputs({1, 1, 1, tokens, 32}, 13));
  }
}

TEST_CASE("every granularity") {
  for (const char *query : {"token", "thread", "warp", "block", "block:64"})
    for (const char *key : {"token", "thread", "block", "block:32"}) {
      INFO("Q " << query << " K " << key);
      const auto settings = {std::string("q_granularity=") + query, std::string("k_granularity=") + key};
      checkAgainstModel(config("sage-b", settings), normalInputs({1, 1, 1, 200, 64}, 14));
    }
}

TEST_CASE("schedules change the numbers only within the bound") {
  for (const char *variant : {"flash", "sage-t"})
    for (std::vector<std::string> schedule : {std::vector<std::string>{"schedule.block_q=64", "schedule.warps=4"},
                                              {"schedule.block_k=128"},
                                              {"schedule.stages=1"},
                                              {"schedule.stages=3"},
                                              {"schedule.warps=8"}}) {
      INFO(variant << " " << schedule[0]);
      schedule.push_back("mask=causal");
      checkAgainstModel(config(variant, schedule), normalInputs({1, 1, 1, 300, 64}, 15));
    }
}

TEST_CASE("HND and NHD give the same bits") {
  for (const char *variant : variants) {
    const Inputs inputs = normalInputs({2, 4, 2, 130, 64}, 16);
    Execution hnd(config(variant), inputs), nhd(config(variant), inputs, sage::TensorLayout::Nhd);
    hnd.run();
    nhd.run();
    INFO(variant);
    CHECK(sameBits(hnd.o(), nhd.o()));
    checkAgainstModel(config(variant), inputs, sage::TensorLayout::Nhd);
  }
}

TEST_CASE("grouped query heads see the key head of their group") {
  const Inputs grouped = normalInputs({1, 4, 2, 100, 64}, 17);
  Inputs expanded = grouped;
  expanded.k = expanded.v = must(HostTensor::allocate(grouped.k.dtype, {1, 4, 100, 64}));
  const std::size_t head = 100 * 64 * 2;
  for (std::size_t h = 0; h < 4; ++h) {
    std::memcpy(expanded.k.bytes.data() + h * head, grouped.k.bytes.data() + h / 2 * head, head);
    std::memcpy(expanded.v.bytes.data() + h * head, grouped.v.bytes.data() + h / 2 * head, head);
  }
  for (const char *variant : variants) {
    Execution a(config(variant, {"lse=true"}), grouped), b(config(variant, {"lse=true"}), expanded);
    a.run();
    b.run();
    INFO(variant);
    CHECK(sameBits(a.o(), b.o()));
    CHECK(a.lse() == b.lse());
  }
}

TEST_CASE("a second run gives the same bits") {
  for (const char *variant : variants) {
    Execution execution(config(variant, {"mask=causal", "lse=true"}), normalInputs({1, 2, 2, 333, 64}, 18));
    execution.run();
    const HostTensor first = execution.o();
    const std::vector<float> lse = execution.lse();
    execution.run();
    INFO(variant);
    CHECK(sameBits(first, execution.o()));
    CHECK(lse == execution.lse());
  }
}

TEST_CASE("the softmax scale is the user's") {
  for (const char *variant : variants) {
    INFO(variant);
    checkAgainstModel(config(variant, {"scale=0.01", "lse=true"}), normalInputs({1, 1, 1, 100, 64}, 19));
    checkAgainstModel(config(variant, {"scale=1.5", "lse=true"}), normalInputs({1, 1, 1, 100, 64}, 20));
  }
}

TEST_CASE("the LSE of smoothed keys is that of the keys as they were") {
  for (const char *variant : {"sage-t", "sage-b"}) {
    Execution execution(config(variant, {"lse=true"}), withKeyOffset(normalInputs({1, 2, 1, 200, 64}, 21)));
    execution.run();
    const auto exact = exactOf(execution);
    const auto lse = execution.lse();
    for (std::size_t i = 0; i < lse.size(); ++i) REQUIRE(std::abs(lse[i] - exact.lse[i]) <= 0.05);
  }
}
