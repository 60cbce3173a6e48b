// The attention plan as its user sees it: what it states, what it refuses at creation and at run time, and that it
// only touches what it may.
#include "Rig.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace numerics;
using namespace sage;
using Catch::Matchers::Contains;

namespace {

struct PlanUnderTest {
  Bench &b = bench();
  AttentionShape shape{.batch = 1, .queryHeads = 2, .keyHeads = 1, .queries = 100, .keys = 100, .headDim = 64};
  Attention plan;
  Buffer q, k, v, o, lse, workspace;

  explicit PlanUnderTest(const std::vector<std::string> &settings = {})
      : plan(must(Attention::create(b.device, config("sage-b", settings), shape, b.cache))), q(zeros(2 * 100 * 64 * 2)),
        k(zeros(100 * 64 * 2)), v(zeros(100 * 64 * 2)), o(zeros(2 * 100 * 64 * 2)), lse(zeros(2 * 100 * 4)),
        workspace(must(b.device->allocate(plan.workspaceBytes()))) {}

  Buffer zeros(std::size_t bytes) {
    Buffer buffer = must(b.device->allocate(bytes));
    must(buffer.fill(0));
    return buffer;
  }

  AttentionArguments arguments() const {
    auto view = [&](const Buffer &buffer, std::int64_t heads) {
      return TensorView::contiguous(buffer.pointer(), DType::F16, {1, heads, 100, 64});
    };
    return {.q = view(q, 2), .k = view(k, 1), .v = view(v, 1), .o = view(o, 2), .workspace = workspace.pointer()};
  }

  std::string errorOf(const AttentionArguments &arguments) {
    const Status status = plan.run(b.stream, arguments);
    CHECK(status.code() == Code::InvalidInput);
    return status.message();
  }
};

std::string creationError(AttentionShape shape, const std::vector<std::string> &settings = {}) {
  Result<Attention> plan = Attention::create(bench().device, config("sage-b", settings), shape, bench().cache);
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.status().code() == Code::InvalidInput);
  return plan.status().message();
}

} // namespace

TEST_CASE("a plan lays its workspace out in aligned tensors that do not overlap") {
  PlanUnderTest test({"lse=true"});
  std::size_t end = 0;
  std::vector<std::string> names;
  for (const WorkspaceTensor &tensor : test.plan.workspace()) {
    CHECK(tensor.offset % 256 == 0);
    CHECK(tensor.offset >= end);
    end = tensor.offset + std::size_t(tensor.view.spanBytes());
    names.push_back(tensor.name);
  }
  CHECK(end <= test.plan.workspaceBytes());
  CHECK(names ==
        std::vector<std::string>{"k_mean", "q_quantized", "q_scale", "k_quantized", "k_scale", "q_correction"});
  CHECK(test.plan.workspaceTensor("k_scale", 0)->shape[2] == 2);
  CHECK_FALSE(test.plan.workspaceTensor("v_scale", 0).has_value());
}

TEST_CASE("16-bit attention needs no workspace") {
  const AttentionShape shape{1, 1, 1, 64, 64, 64, DType::F16};
  const Attention plan = must(Attention::create(bench().device, config("flash"), shape, bench().cache));
  CHECK(plan.workspaceBytes() == 0);
}

TEST_CASE("shapes that a plan cannot take are refused when it is made") {
  using S = AttentionShape;
  CHECK_THAT(creationError(S{1, 3, 2, 64, 64, 64, DType::F16}), Contains("a multiple of the number of key heads"));
  CHECK_THAT(creationError(S{1, 2, 2, 64, 65, 64, DType::F16}), Contains("must equal the number of keys"));
  CHECK_THAT(creationError(S{1, 2, 2, 64, 64, 96, DType::F16}), Contains("head_dim: 96 is not supported"));
  CHECK_THAT(creationError(S{1, 2, 2, 64, 64, 64, DType::BF16}), Contains("type bf16 are not supported; allowed: f16"));
  CHECK_THAT(creationError(S{0, 2, 2, 64, 64, 64, DType::F16}), Contains("batch is 0"));
  CHECK_THAT(creationError(S{1, 2, 0, 64, 64, 64, DType::F16}), Contains("key heads is 0"));
  CHECK_THAT(creationError(S{1, 2, 2, 0, 0, 64, DType::F16}), Contains("queries is 0"));
  const std::int64_t huge = 2147483647;
  CHECK_THAT(creationError(S{huge, huge, huge, huge, huge, 64, DType::F16}), Contains("2^60 bytes"));
}

TEST_CASE("tensors must be those of the plan") {
  PlanUnderTest test;
  CHECK(test.plan.run(test.b.stream, test.arguments()).ok());
  AttentionArguments changed = test.arguments();
  changed.k.shape[2] = 99;
  CHECK_THAT(test.errorOf(changed), Contains("k is f16[1, 1, 99, 64]; this plan takes f16[1, 1, 100, 64]"));
  changed = test.arguments();
  changed.v.dtype = DType::BF16;
  CHECK_THAT(test.errorOf(changed), Contains("v is bf16"));
  changed = test.arguments();
  changed.workspace += 16;
  CHECK_THAT(test.errorOf(changed), Contains("multiple of 256"));
  changed = test.arguments();
  changed.workspace = 0;
  CHECK_THAT(test.errorOf(changed), Contains("needs a workspace"));
  changed = test.arguments();
  changed.q.pointer += 2;
  CHECK_THAT(test.errorOf(changed), Contains("must be a multiple of 16 bytes"));
  changed = test.arguments();
  changed.o = changed.q;
  CHECK_THAT(test.errorOf(changed), Contains("o overlaps q in memory"));
  changed = test.arguments();
  changed.lse = TensorView::contiguous(test.lse.pointer(), DType::F32, {1, 2, 100});
  CHECK_THAT(test.errorOf(changed), Contains("the config does not say lse"));
  CHECK(test.plan.runStep("merge", test.b.stream, test.arguments()).code() == Code::InvalidInput);
}

TEST_CASE("an LSE that the config asks for must be given") {
  PlanUnderTest test({"lse=true"});
  CHECK_THAT(test.errorOf(test.arguments()), Contains("a tensor lse must be given"));
  AttentionArguments arguments = test.arguments();
  arguments.lse = TensorView::contiguous(test.lse.pointer(), DType::F32, {1, 2, 100});
  CHECK(test.plan.run(test.b.stream, arguments).ok());
}

TEST_CASE("inputs are left as they are") {
  const Inputs inputs = normalInputs({1, 2, 1, 70, 64}, 61);
  Execution execution(config("sage-b", {"lse=true"}), inputs);
  execution.run();
  CHECK(execution.inputsAreUnchanged());
}

TEST_CASE("plans of one config share their kernels") {
  PlanUnderTest first, second;
  for (std::size_t i = 0; i < first.plan.steps().size(); ++i)
    CHECK(first.plan.steps()[i].kernel == second.plan.steps()[i].kernel);
}

TEST_CASE("an arch that the device cannot run is refused, as is one that does not exist") {
  const AttentionShape shape{1, 1, 1, 64, 64, 64, DType::F16};
  AttentionOptions options;
  options.arch = "sm_1000";
  Result<Attention> plan = Attention::create(bench().device, config("flash"), shape, bench().cache, options);
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.status().code() == Code::InvalidInput);
  CHECK_THAT(plan.status().message(), Contains("sm_1000") && Contains("sm_80"));
  options.arch = bench().device->arch() == "sm_90a" ? "sm_120a" : "sm_90a"; // runs on its own capability alone
  CHECK_THAT(Attention::create(bench().device, config("flash"), shape, bench().cache, options).status().message(),
             Contains("cannot run"));
}

TEST_CASE("a schedule that needs more shared memory than there is names the keys to change") {
  const AttentionShape shape{1, 1, 1, 64, 64, 128, DType::F16};
  const auto settings = {std::string("schedule.block_k=256"), std::string("schedule.stages=8")};
  const Status status = Attention::create(bench().device, config("flash", settings), shape, bench().cache).status();
  CHECK(status.code() == Code::InvalidInput);
  CHECK_THAT(status.message(), Contains("shared memory"));
}

TEST_CASE("plans run from several threads at once, each on its own stream") {
  const Inputs inputs = normalInputs({1, 2, 1, 150, 64}, 62);
  Execution alone(config("sage-b", {"mask=causal"}), inputs);
  alone.run();
  std::vector<std::string> failures(4, "not run");
  std::vector<std::thread> threads;
  for (std::string &failure : failures)
    threads.emplace_back([&] {
      try {
        Execution execution(config("sage-b", {"mask=causal"}), inputs);
        Stream stream = must(bench().device->createStream());
        for (int repeat = 0; repeat < 3; ++repeat) execution.run(stream);
        failure = execution.o().bytes == alone.o().bytes ? "" : "other bits than alone";
      } catch (const std::exception &error) {
        failure = error.what();
      }
    });
  for (std::thread &thread : threads) thread.join();
  CHECK(failures == std::vector<std::string>(4));
}
