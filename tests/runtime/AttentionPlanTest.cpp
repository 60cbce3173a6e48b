// What a plan compiles for a config, without a device.
#include "sage/runtime/Attention.h"
#include "sage/runtime/Sources.h"

#include <catch2/catch.hpp>

using namespace sage;
using Catch::Matchers::Contains;

namespace {

std::vector<AttentionKernel> kernelsOf(const std::string &name, std::vector<std::string> settings = {}) {
  Result<Config> config = Config::load(name);
  REQUIRE(config.ok());
  for (const std::string &setting : settings) REQUIRE(config->set(setting).ok());
  Result<std::vector<AttentionKernel>> kernels = attentionKernels(*config, 64, {.arch = "sm_80"});
  INFO(kernels.status().message());
  REQUIRE(kernels.ok());
  return *kernels;
}

std::vector<std::string> rolesOf(const std::vector<AttentionKernel> &kernels) {
  std::vector<std::string> roles;
  for (const AttentionKernel &kernel : kernels) roles.push_back(kernel.role);
  return roles;
}

using Roles = std::vector<std::string>;

} // namespace

TEST_CASE("a plan has the launches that its config needs") {
  CHECK(rolesOf(kernelsOf("flash")) == Roles{"attention"});
  CHECK(rolesOf(kernelsOf("sage-b")) == Roles{"mean_k", "quantize_q", "quantize_k", "attention"});
  CHECK(rolesOf(kernelsOf("sage-t", {"smooth_k=false"})) == Roles{"quantize_q", "quantize_k", "attention"});
}

TEST_CASE("the LSE is corrected only where keys are smoothed") {
  CHECK(kernelsOf("sage-b", {"lse=true"})[1].request.parameters["correct"] == "true");
  CHECK(kernelsOf("sage-b", {"lse=true"})[3].request.parameters["corrected"] == "true");
  CHECK(kernelsOf("sage-b")[3].request.parameters["corrected"] == "false");
  CHECK(kernelsOf("sage-b", {"lse=true", "smooth_k=false"})[2].request.parameters["corrected"] == "false");
  CHECK(kernelsOf("flash", {"lse=true"})[0].request.parameters["corrected"] == "false");
}

TEST_CASE("granularities and schedule reach the kernels that they belong to") {
  const auto kernels = kernelsOf("sage-b", {"schedule.block_q=128", "schedule.warps=8", "schedule.block_n=32"});
  CHECK(kernels[3].request.parameters.at("GQ") == R"({"bits":[],"slab":128})");
  CHECK(kernels[3].request.parameters.at("GK") == R"({"bits":[],"slab":64})");
  CHECK(kernels[3].request.schedule.at("block_q") == "128");
  CHECK(kernels[3].request.schedule.at("warps") == "8");
  CHECK(kernels[0].request.schedule.at("block_n") == "32");
  // A block that quantises holds whole slabs.
  CHECK(kernels[1].request.schedule.at("block_n") == "128");
  CHECK(kernels[2].request.schedule.at("block_n") == "64");
}

TEST_CASE("a head dim that is not supported, or not the config's, is refused") {
  Config config = *Config::load("sage-b");
  CHECK_THAT(attentionKernels(config, 48, {.arch = "sm_80"}).status().message(), Contains("allowed: 32, 64, 128"));
  REQUIRE(config.set("head_dim=128").ok());
  CHECK_THAT(attentionKernels(config, 64, {.arch = "sm_80"}).status().message(),
             Contains("the config says 128, the tensors have 64"));
}

TEST_CASE("a kernels directory that does not exist is an error") {
  const AttentionOptions options{.arch = "sm_80", .kernelsDirectory = "/nowhere"};
  CHECK_THAT(attentionKernels(*Config::load("flash"), 64, options).status().message(),
             Contains("there is no directory /nowhere"));
  CHECK_THAT(kernelSource("atention.tile").status().message(), Contains("did you mean 'attention.tile'?"));
}
