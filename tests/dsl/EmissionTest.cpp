// What elaboration asks of an emitter is always well-formed: for the shipped kernels, and for thousands of mutations of
// them.
#include "Check.h"
#include "StrictEmitter.h"

#include "compiler/dsl/Elaborator.h"

#include <random>

using namespace sage::dsl;
using namespace sage::dsl::test;
using Json = nlohmann::json;

namespace {

constexpr int Rounds = 4000;

struct Outcome {
  std::string fault;
  bool generated = false;
};

Outcome emit(const std::string &text, const Json &parameters) {
  Diagnostics diagnostics;
  auto program = parseProgram("test.tile", text, diagnostics);
  const Definition *kernel = program ? findKernel(*program, "", diagnostics) : nullptr;
  auto bound = kernel
                   ? bindParameters(*program, *kernel, parameters, {{"BQ", 128}, {"BK", 64}, {"BN", 128}}, diagnostics)
                   : std::nullopt;
  if (!bound)
    return {};
  StrictEmitter emitter;
  bool sound = Elaborator(*program, diagnostics, emitter).kernel(*kernel, *bound);
  if (sound != !diagnostics.hasErrors() || (sound && !emitter.finished))
    return {"an error without a report, or a report without an error", false};
  return {emitter.fault, sound};
}

struct Seed {
  std::string text;
  Json parameters;
};

std::vector<Seed> seeds() {
  std::string attention = readFile(SAGE_SOURCE_DIR "/kernels/attention.tile");
  std::string quantize = readFile(SAGE_SOURCE_DIR "/kernels/quantize.tile");
  Json causal = {{"D", 64},          {"DV", 64},
                 {"QK", "i8"},       {"GQ", {{"slab", 128}, {"bits", {5, 6}}}},
                 {"P", "f16"},       {"GK", {{"slab", 64}}},
                 {"ACC", "f32"},     {"OUT", "f16"},
                 {"lse", true},      {"scaled_v", true},
                 {"sparse", false},  {"mask", "causal"},
                 {"corrected", true}};
  Json listed = causal;
  listed.update({{"sparse", true}, {"QK", "f16"}, {"P", "e4m3"}, {"ACC", "f32+f32"}});
  Json whole = causal;
  whole.update({{"GQ", {{"whole", true}}}, {"mask", "causal_top_left"}, {"P", "i8"}, {"ACC", "f32+s32"}, {"D", 72}});
  Json quantized = {{"D", 72},        {"T", "bf16"},     {"Q", "i8"},
                    {"smooth", true}, {"correct", true}, {"G", {{"slab", 64}, {"bits", {1, 2}}}}};
  return {{attention, causal},
          {attention, listed},
          {attention, whole},
          {quantize, quantized},
          {readFile(SAGE_SOURCE_DIR "/kernels/mean.tile"), {{"D", 80}, {"T", "f32"}}}};
}

} // namespace

TEST_CASE("emission: the strict emitter notices what is wrong") {
  auto fault = [](auto &&use) {
    StrictEmitter emitter;
    use(emitter);
    return emitter.fault;
  };
  CodeType tile{DataType::F32, {16}};
  CHECK(fault([&](Emitter &e) { e.binary(BinaryOp::Add, e.iota(tile), e.iota(tile), tile); }) == "");
  CHECK(fault([&](Emitter &e) { e.binary(BinaryOp::Add, e.iota(tile), e.integer(DataType::I32, 1), tile); }) != "");
  CHECK(fault([&](Emitter &e) { e.math(MathOp::Abs, nullptr, tile); }) != "");
  CHECK(fault([&](Emitter &e) {
          auto [ordinal, carried] = e.beginFor(e.integer(DataType::I32, 4), {});
          e.endFor({});
          e.splat(ordinal, {DataType::I32, {16}});
        }) != "");
}

TEST_CASE("emission: the shipped kernels ask for well-formed code") {
  for (const Seed &seed : seeds()) {
    Outcome outcome = emit(seed.text, seed.parameters);
    CHECK(outcome.fault == "");
    CHECK(outcome.generated);
  }
}

TEST_CASE("emission: so does every mutation that checks") {
  const std::vector<std::string> words = {"x",          "m",
                                          "l",          "acc",
                                          "s",          "i",
                                          "j",          "h",
                                          "b",          "g",
                                          "q",          "v",
                                          "N",          "M",
                                          "D",          "BQ",
                                          "f32",        "f16",
                                          "i32",        "0.0",
                                          "1",          "max",
                                          "where",      "rowsum",
                                          "exp2",       "load",
                                          "[:, _]",     "[_, :]",
                                          " + ",        " * ",
                                          " < ",        " and ",
                                          " == ",       "as f32",
                                          "rowmax",     "colsum",
                                          "sum",        "any",
                                          "bits",       "abs",
                                          "rows(i)",    "count(j)",
                                          "not",        "if ",
                                          "when ",      "repeat",
                                          "let",        "var",
                                          "store",      "(",
                                          ")",          "{",
                                          "}",          ":",
                                          "transpose",  "dot",
                                          "c ? ",       "true",
                                          "mask",       "G",
                                          "iota<16>()", "tile<16>(0.0)",
                                          "= ",         "+= ",
                                          "listed",     "blocks",
                                          "keeps",      "scales",
                                          "spread",     "group_max"};
  std::mt19937 random(11);
  auto pick = [&](size_t count) { return static_cast<size_t>(random() % count); };
  std::vector<Seed> all = seeds();
  size_t generated = 0;
  for (int round = 0; round < Rounds; ++round) {
    Seed seed = all[pick(all.size())];
    for (size_t edits = 1 + pick(3); edits > 0; --edits) {
      size_t at = seed.text.find_first_of(" (,[<", pick(seed.text.size()));
      if (at == std::string::npos)
        continue;
      size_t end = std::min(seed.text.find_first_of(" (),[]<>:", at + 1), seed.text.size());
      seed.text.replace(at + 1, pick(3) ? end - at - 1 : 0, words[pick(words.size())]);
    }
    Outcome outcome = emit(seed.text, seed.parameters);
    INFO(seed.text);
    REQUIRE(outcome.fault == "");
    generated += outcome.generated;
  }
  CHECK(generated > Rounds / 100);
}
