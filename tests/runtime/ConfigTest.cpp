// Configs: what is shipped, what is refused and how the refusal reads, --set, and the arithmetic of granularities.
#include "sage/runtime/Config.h"
#include "sage/runtime/Sources.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

std::string errorOf(const std::string &text) {
  Result<Config> config = Config::parse(text, "c.json");
  REQUIRE_FALSE(config.ok());
  CHECK(config.status().code() == Code::InvalidInput);
  return config.status().message();
}

std::string setErrorOf(const std::string &assignment) {
  Config config;
  const std::string before = config.json();
  const Status status = config.set(assignment);
  CHECK(status.code() == Code::InvalidInput);
  CHECK(config.json() == before);
  return status.message();
}

} // namespace

TEST_CASE("the shipped configs are what SageAttention's table says") {
  CHECK(shippedConfigs() == std::vector<std::string>{"flash", "sage-b", "sage-t"});
  Result<Config> flash = Config::load("flash"), token = Config::load("sage-t"), block = Config::load("sage-b");
  REQUIRE(flash.ok());
  REQUIRE(token.ok());
  REQUIRE(block.ok());
  CHECK(flash->qk == DType::F16);
  CHECK_FALSE(flash->smoothK);
  CHECK(token->queryGranularity().groups(128) == 128);
  CHECK(token->keyGranularity().groups(128) == 128);
  CHECK(token->smoothK);
  CHECK(block->queryGranularity() == Granularity{128, {}});
  CHECK(block->keyGranularity() == Granularity{64, {}});
  CHECK(block->smoothK);
}

TEST_CASE("a config survives writing and reading") {
  Result<Config> config = Config::load("sage-b");
  REQUIRE(config.ok());
  for (const char *assignment : {"mask=causal", "lse=true", "head_dim=64", "scale=0.25", "schedule.warps=8",
                                 "q_granularity=thread", "k_granularity={\"slab\":32,\"bits\":[1]}", "output=f16"})
    REQUIRE(config->set(assignment).ok());
  Result<Config> again = Config::parse(config->json(), "again");
  REQUIRE(again.ok());
  CHECK(again->json() == config->json());
  CHECK(again->schedule.warps == 8);
  CHECK(again->keyGranularity() == Granularity{32, {1}});
}

TEST_CASE("an unknown key is named with its place, the nearest key, and all keys") {
  const std::string message = errorOf("{\n  \"qk\": \"i8\",\n  \"smoth_k\": true\n}");
  CHECK_THAT(message, Contains("c.json:3:3: error: unknown key 'smoth_k' (did you mean 'smooth_k'?)"));
  CHECK_THAT(message, Contains("\n    \"smoth_k\": true\n    ^"));
  CHECK_THAT(message, Contains("k_granularity"));
}

TEST_CASE("an unknown schedule key is found inside its object") {
  CHECK_THAT(errorOf("{\"schedule\": {\n\"warp\": 4}}"),
             Contains("c.json:2:1: error: unknown key 'schedule.warp'") && Contains("did you mean 'schedule.warps'?"));
}

TEST_CASE("a wrong type says what is allowed") {
  CHECK_THAT(errorOf("{\"smooth_k\": 1}"), Contains("smooth_k: 1 is not allowed; allowed: true or false"));
  CHECK_THAT(errorOf("{\"qk\": 8}"), Contains("qk: 8 is not allowed; allowed: \"i8\" or \"f16\""));
  CHECK_THAT(errorOf("{\"schedule\": 4}"), Contains("schedule: expected an object"));
  CHECK_THAT(errorOf("{\"schedule\": {\"warps\": 4.5}}"), Contains("schedule.warps: 4.5 is not allowed"));
  CHECK_THAT(errorOf("[1]"), Contains("expected a JSON object"));
}

TEST_CASE("what is designed but not built is refused with what is allowed") {
  CHECK_THAT(errorOf("{\"accumulate\": \"f16\"}"), Contains("accumulate: \"f16\" is not allowed; allowed: \"f32\""));
  CHECK_THAT(errorOf("{\"pv\": \"e4m3\"}"), Contains("pv: \"e4m3\" is not allowed"));
  CHECK_THAT(errorOf("{\"head_dim\": 96}"), Contains("head_dim: 96 is not allowed; allowed: 32, 64 or 128"));
}

TEST_CASE("values out of range are refused") {
  for (const char *bad : {"schedule.warps=0",
                          "schedule.warps=6",
                          "schedule.stages=99999999999999999999",
                          "schedule.block_q=40",
                          "schedule.block_k=-16",
                          "schedule.block_n=1e3",
                          "scale=0",
                          "scale=-1",
                          "scale=1e999",
                          "scale=nan",
                          "head_dim=0",
                          "accumulate_keys=128",
                          "name=",
                          "lse=yes",
                          "k_granularity=warp",
                          "q_granularity=block:48",
                          "q_granularity=block:",
                          "q_granularity={\"slab\":48,\"bits\":[]}",
                          "q_granularity={\"slab\":64,\"bits\":[6]}",
                          "q_granularity={\"slab\":64,\"bits\":[2,1]}",
                          "q_granularity={\"slab\":64}"})
    CHECK_THAT(setErrorOf(bad), Contains("is not allowed; allowed: "));
  CHECK_THAT(setErrorOf("warps=4"), Contains("unknown key 'warps'"));
  CHECK_THAT(setErrorOf("lse"), Contains("not of the form key=value"));
  CHECK_THAT(setErrorOf("=1"), Contains("not of the form key=value"));
}

TEST_CASE("relations between keys are checked") {
  CHECK_THAT(errorOf("{\"qk\": \"f16\", \"smooth_k\": true}"), Contains("smooth_k: only Q and K of type i8"));
  CHECK_THAT(errorOf("{\"qk\": \"f16\", \"q_granularity\": \"token\"}"), Contains("only Q and K of type i8"));
  CHECK_THAT(errorOf("{\"accumulate_keys\": 64}"), Contains("accumulate_keys: belongs to an f16 accumulation"));
  CHECK_THAT(errorOf("{\"schedule\": {\"block_q\": 64}}"),
             Contains("schedule.block_q is 64, but q_granularity has slabs of 128 rows"));
}

TEST_CASE("broken JSON is an error with its place, whatever it is") {
  CHECK_THAT(errorOf("{\n  \"qk\": \"i8\",,\n}"), Contains("c.json:2:14: error: not valid JSON"));
  CHECK_THAT(errorOf(""), Contains("c.json:1:1: error: not valid JSON"));
  CHECK_THAT(errorOf("{\"qk\": \"i8\", \"qk\": \"f16\"}"), Contains("key 'qk' is given twice"));
  CHECK_THAT(errorOf(std::string(500000, '[')), Contains("nested deeper than 64 levels"));
  CHECK_THAT(errorOf("{\"a\":" + std::string(100000, '{')), Contains("nested deeper than 64 levels"));
  CHECK_THAT(errorOf(std::string(2 << 20, ' ')), Contains("at most 1 MiB"));
  CHECK_THAT(errorOf(std::string("{\"name\": \"\xff\xfe\"}")), Contains("not valid JSON"));
  CHECK_THAT(errorOf(std::string("\0\0\0\0", 4)), Contains("not valid JSON"));
}

TEST_CASE("loading says what a name could have been") {
  auto message = [](const std::string &name) { return Config::load(name).status().message(); };
  CHECK_THAT(message("sage-c"), Contains("unknown config 'sage-c'") && Contains("allowed: flash, sage-b, sage-t"));
  CHECK_THAT(message("flsh"), Contains("did you mean 'flash'?"));
  CHECK_THAT(message("attention.tile"), Contains("is a tile program; a config is expected here"));
  CHECK_THAT(message("/nowhere/c.json"), Contains("cannot read /nowhere/c.json"));
  CHECK_THAT(message("/proc"), Contains("it is a directory"));
  CHECK_THAT(Config::load("flash", "/nowhere").status().message(), Contains("there is no directory /nowhere"));
  CHECK_THAT(Config::load("flash", "/dev/null").status().message(), Contains("there is no directory /dev/null"));
  CHECK_THAT(kernelSource("mean.tile", "/dev/null").status().message(), Contains("there is no directory /dev/null"));
}

TEST_CASE("the schema lists exactly the keys that a config has") {
  std::ifstream file(SAGE_SOURCE_DIR "/configs/schema.json");
  const nlohmann::json schema = nlohmann::json::parse(file);
  std::set<std::string> listed, known;
  for (const auto &[key, value] : schema["properties"].items())
    if (key != "schedule") listed.insert(key);
  for (const auto &[key, value] : schema["properties"]["schedule"]["properties"].items())
    listed.insert("schedule." + key);
  const std::string message = Config().set("no_such_key=1").message();
  std::string names = message.substr(message.find("known: ") + 7);
  for (std::size_t at; !names.empty(); names = at == std::string::npos ? "" : names.substr(at + 2)) {
    at = names.find(", ");
    known.insert(names.substr(0, at));
  }
  CHECK(listed == known);
}

TEST_CASE("a granularity says which rows share a scale") {
  const Granularity block{64, {}}, thread{64, {1, 2}};
  CHECK(block.groups(65) == 2);
  CHECK(block.groupOf(63) == 0);
  CHECK(block.groupOf(64) == 1);
  CHECK(thread.groups(64) == 4);
  CHECK(thread.groupOf(0) == thread.groupOf(1));
  CHECK(thread.groupOf(0) == thread.groupOf(8));
  CHECK(thread.groupOf(0) != thread.groupOf(2));
  CHECK(thread.groupOf(64 + 6) == 4 + 3);
  CHECK(thread.json() == R"({"bits":[1,2],"slab":64})");
}

TEST_CASE("the softmax scale is one over the root of the head dim unless given") {
  Config config;
  CHECK(config.softmaxScale(64) == 0.125);
  REQUIRE(config.set("scale=2").ok());
  CHECK(config.softmaxScale(64) == 2.0);
}
