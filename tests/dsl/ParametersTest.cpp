// Binding compile-time parameters: every kind, every way to get it wrong, all unbound ones at once.
#include "Check.h"

using namespace sage::dsl;
using namespace sage::dsl::test;

namespace {

const char *const Text = "kernel k<D, BN, T: dtype, on: bool, G: granularity, mask: mask_kind, ACC: accumulation>(X: "
                         "view<T>[N, D]) grid (i in blocks(N, BN)) {}";

nlohmann::json sound() {
  return {{"D", 64},          {"BN", 32},        {"T", "bf16"}, {"on", true}, {"G", {{"slab", 32}, {"bits", {0, 4}}}},
          {"mask", "causal"}, {"ACC", "f32+f16"}};
}

std::string with(const char *name, nlohmann::json value) {
  nlohmann::json values = sound();
  values[name] = std::move(value);
  return firstError(Text, values);
}

} // namespace

TEST_CASE("parameters: sound values come back as they were given") {
  Diagnostics diagnostics;
  auto program = parseProgram("t", Text, diagnostics);
  auto bound = bindParameters(*program, program->definitions().front(), sound(), {}, diagnostics);
  REQUIRE(bound);
  CHECK(toJson(*bound) == sound());
}

TEST_CASE("parameters: the schedule fills in blocks that are left out") {
  Diagnostics diagnostics;
  auto program = parseProgram("t", Text, diagnostics);
  nlohmann::json values = sound();
  values.erase("BN");
  auto bound = bindParameters(*program, program->definitions().front(), values, {{"BN", 128}, {"BQ", 64}}, diagnostics);
  REQUIRE(bound);
  CHECK(bound->at("BN").integer == 128);
  CHECK(bound->size() == 7);
}

TEST_CASE("parameters: unbound ones are listed in one message, with what each may be") {
  std::string report = check(Text, {{"D", 64}});
  CHECK(report.find("error: kernel 'k': no value for the parameters T, on, G, mask and ACC\n") != std::string::npos);
  CHECK(report.find("note: G (config key q_granularity or k_granularity) must be {\"slab\": S, \"bits\": [b, ...]} or "
                    "{\"whole\": true}") != std::string::npos);
}

TEST_CASE("parameters: wrong values are named, with the config key") {
  CHECK(with("D", "64") == "parameter D (config key head_dim) must be an integer from 1 to 1048576, not \"64\"");
  CHECK(with("D", 0) == "parameter D (config key head_dim) must be an integer from 1 to 1048576, not 0");
  CHECK(with("D", 1e30) == "parameter D (config key head_dim) must be an integer from 1 to 1048576, not 1e+30");
  CHECK(with("D", 18446744073709551615ull) ==
        "parameter D (config key head_dim) must be an integer from 1 to 1048576, not 18446744073709551615");
  CHECK(with("T", "f61") ==
        "parameter T must be one of f32, f16, bf16, e4m3, e5m2, i8 and i32, not \"f61\"; did you mean 'f16'?");
  CHECK(with("on", 1) == "parameter on must be true or false, not 1");
  CHECK(with("mask", "casual") == "parameter mask (config key mask) must be one of none, causal and causal_top_left, "
                                  "not \"casual\"; did you mean 'causal'?");
  CHECK(with("ACC", "f32+f64") == "parameter ACC (config key accumulate) must be one of f32, f32+f32, f32+f16 and "
                                  "f32+s32, not \"f32+f64\"; did you mean 'f32+f32'?");
  CHECK(with("mesk", 1) ==
        "kernel 'k' has no parameter 'mesk'; did you mean 'mask'? (it has D, BN, T, on, G, mask and ACC)");
}

TEST_CASE("parameters: granularities") {
  auto wrong = [](nlohmann::json value) { return with("G", std::move(value)); };
  CHECK(wrong({{"whole", true}}) == "");
  CHECK(wrong({{"slab", 32}}) == "");
  CHECK(wrong({{"slab", 48}}) ==
        "parameter G (config key q_granularity or k_granularity) needs a 'slab', a power of two up to 4096, not 48");
  CHECK(wrong({{"slab", 32}, {"bits", {0, 5}}}) == "parameter G (config key q_granularity or k_granularity) needs "
                                                   "ascending row bits inside a slab of 32 in 'bits', not [0,5]");
  CHECK(wrong({{"slab", 32}, {"bits", {1, 1}}}) == "parameter G (config key q_granularity or k_granularity) needs "
                                                   "ascending row bits inside a slab of 32 in 'bits', not [1,1]");
  CHECK(wrong({{"slab", 32}, {"bit", 1}}) == "parameter G (config key q_granularity or k_granularity) has the unknown "
                                             "key 'bit' (known: slab, bits and whole)");
  CHECK(wrong({{"slab", 32}, {"whole", true}}) ==
        "parameter G (config key q_granularity or k_granularity) is whole: slab and bits have no meaning then");
  CHECK(wrong(64) == "parameter G (config key q_granularity or k_granularity) must be {\"slab\": S, \"bits\": [b, "
                     "...]} or {\"whole\": true}, not 64");
}

TEST_CASE("parameters: what is no object at all") {
  CHECK(firstError(Text, nlohmann::json::array({1, 2})) ==
        "the parameters must be an object of names and values, not [1,2]");
}

TEST_CASE("kernels: found by name, or by being the only one") {
  Diagnostics diagnostics;
  auto program =
      parseProgram("t.tile", std::string(Text) + "\nkernel other(X: view<f32>[N]) grid (i in N) {}", diagnostics);
  CHECK(findKernel(*program, "k", diagnostics)->name == "k");
  CHECK(findKernel(*program, "othr", diagnostics) == nullptr);
  CHECK(findKernel(*program, "", diagnostics) == nullptr);
  CHECK(diagnostics.all()[0].text == "t.tile: there is no kernel 'othr'; did you mean 'other'? (it has k and other)");
  CHECK(diagnostics.all()[1].text == "t.tile: which kernel? The program has k and other: name one");
}
