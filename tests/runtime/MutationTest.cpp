// Configs and metadata with bytes changed at random (fixed seed): each is taken or refused as bad input; none crashes,
// throws or hangs.
#include "sage/runtime/Artifact.h"
#include "sage/runtime/Config.h"

#include "TestMetadata.h"

#include <catch2/catch.hpp>
#include <random>

using namespace sage;

namespace {

/// `text` after one to four edits: a byte replaced, a range removed, a range doubled, a token of JSON put in.
std::string mutated(std::string text, std::mt19937 &random) {
  static const char *const tokens[] = {"{",  "}",  "[",     "]",    ",",    ":",   "\"",
                                       "\\", "-1", "1e999", "null", "\xff", "0.5", "99999999999999999999"};
  for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
    const std::size_t at = random() % text.size(), length = std::min<std::size_t>(random() % 20, text.size() - at - 1);
    switch (random() % 4) {
    case 0: text[at] = char(random()); break;
    case 1: text.erase(at, length); break;
    case 2: text.insert(at, text.substr(at, length)); break;
    default: text.insert(at, tokens[random() % std::size(tokens)]); break;
    }
  }
  return text;
}

} // namespace

TEST_CASE("a config with random edits is taken or refused") {
  const std::string text = R"({"name": "x", "qk": "i8", "head_dim": 64, "smooth_k": true, "q_granularity": {"slab": 128,
"bits": [5, 6]}, "k_granularity": "block:64", "mask": "causal", "scale": 0.125, "schedule": {"warps": 4, "block_q": 128}})";
  REQUIRE(Config::parse(text, "m.json").ok());
  std::mt19937 random(1);
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    Result<Config> config = Config::parse(mutated(text, random), "m.json");
    taken += config.ok();
    if (config.ok())
      REQUIRE(Config::parse(config->json(), "again").ok());
    else
      REQUIRE(config.status().code() == Code::InvalidInput);
  }
  CHECK(taken > 0);
  CHECK(taken < 10000);
}

TEST_CASE("metadata with random edits is taken or refused") {
  const std::string text = testMetadata().dump();
  std::mt19937 random(2);
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    Result<KernelMetadata> metadata = KernelMetadata::parse(mutated(text, random));
    taken += metadata.ok();
    if (!metadata.ok()) REQUIRE(metadata.status().code() == Code::InvalidInput);
  }
  CHECK(taken > 0);
  CHECK(taken < 15000);
}
