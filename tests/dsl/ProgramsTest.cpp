// The programs of the design, its cousins, and the shipped kernels: generic, and with every combination of parameters
// that a config could ask for.
#include "Check.h"

using namespace sage::dsl;
using namespace sage::dsl::test;
using Json = nlohmann::json;

namespace {

void requireSound(const std::string &path) {
  Diagnostics diagnostics;
  auto program = parseProgram(path, readFile(SAGE_SOURCE_DIR + ("/" + path)), diagnostics);
  bool sound = program && checkProgram(*program, diagnostics);
  INFO(diagnostics.render());
  REQUIRE(sound);
}

void requireSound(const std::string &path, const std::string &kernelName, const Json &parameters) {
  Diagnostics diagnostics;
  auto program = parseProgram(path, readFile(SAGE_SOURCE_DIR + ("/" + path)), diagnostics);
  REQUIRE(program);
  const Definition *kernel = findKernel(*program, kernelName, diagnostics);
  REQUIRE(kernel);
  auto bound = bindParameters(*program, *kernel, parameters, {{"BQ", 128}, {"BK", 64}, {"BN", 128}}, diagnostics);
  bool sound = bound && checkKernel(*program, *kernel, *bound, diagnostics);
  INFO(parameters.dump() + "\n" + diagnostics.render());
  REQUIRE(sound);
}

const std::vector<Json> QueryGroups = {{{"slab", 128}, {"bits", Json::array()}},
                                       {{"slab", 128}, {"bits", {5, 6}}},
                                       {{"slab", 128}, {"bits", {0, 1, 2, 5, 6}}},
                                       {{"slab", 64}, {"bits", {0, 1, 2, 3, 4, 5}}},
                                       {{"whole", true}}};
const std::vector<Json> KeyGroups = {{{"slab", 64}, {"bits", Json::array()}},
                                     {{"slab", 64}, {"bits", {1, 2}}},
                                     {{"slab", 64}, {"bits", {0, 1, 2, 3, 4, 5}}},
                                     {{"whole", true}}};

} // namespace

TEST_CASE("programs: all parse and check with their parameters open") {
  for (const char *path : {"tests/dsl/programs/design.tile", "tests/dsl/programs/cousins.tile", "kernels/mean.tile",
                           "kernels/quantize.tile", "kernels/attention.tile"})
    requireSound(path);
}

TEST_CASE("programs: mean and summarize for every head dim") {
  for (int d : {32, 64, 72, 80, 96, 128, 160, 192, 256})
    for (const char *type : {"f16", "bf16", "f32"}) {
      requireSound("kernels/mean.tile", "mean", {{"D", d}, {"T", type}});
      requireSound("tests/dsl/programs/design.tile", "summarize", {{"D", d}, {"T", type}, {"smooth", true}});
    }
}

TEST_CASE("programs: quantize for every granularity, type and option") {
  for (const char *file : {"kernels/quantize.tile", "tests/dsl/programs/design.tile"})
    for (int d : {32, 72, 80, 128})
      for (const char *type : {"i8", "e4m3", "e5m2"})
        for (const Json &groups : QueryGroups)
          for (int options = 0; options < 4; ++options)
            requireSound(file, "quantize",
                         {{"D", d},
                          {"T", "f16"},
                          {"Q", type},
                          {"G", groups},
                          {"smooth", (options & 1) != 0},
                          {"correct", (options & 2) != 0}});
}

TEST_CASE("programs: attention for every type, granularity, mask and option") {
  for (const char *file : {"kernels/attention.tile", "tests/dsl/programs/design.tile"})
    for (const char *qk : {"i8", "f16", "bf16", "e4m3"})
      for (auto [p, accumulate] : {std::pair("f16", "f32"), std::pair("bf16", "f32+f32"), std::pair("e4m3", "f32+f16"),
                                   std::pair("i8", "f32+s32")})
        for (const Json &queryGroups : QueryGroups)
          for (int options = 0; options < 16; ++options)
            requireSound(file, "attention",
                         {{"D", 72},
                          {"DV", 80},
                          {"QK", qk},
                          {"GQ", queryGroups},
                          {"GK", KeyGroups[options % KeyGroups.size()]},
                          {"P", p},
                          {"ACC", accumulate},
                          {"OUT", "f16"},
                          {"scaled_v", options % 3 == 0},
                          {"mask", options % 3 == 0   ? "none"
                                   : options % 3 == 1 ? "causal"
                                                      : "causal_top_left"},
                          {"sparse", (options & 1) != 0},
                          {"lse", (options & 2) != 0},
                          {"corrected", (options & 4) != 0}});
}

TEST_CASE("programs: attention refuses what does not fit") {
  std::string text = readFile(SAGE_SOURCE_DIR "/kernels/attention.tile");
  Json values = {
      {"D", 64},         {"DV", 64},         {"QK", "i8"},        {"GQ", QueryGroups[0]}, {"GK", KeyGroups[0]},
      {"P", "f16"},      {"ACC", "f32+s32"}, {"OUT", "f16"},      {"scaled_v", false},    {"mask", "none"},
      {"sparse", false}, {"lse", false},     {"corrected", false}};
  CHECK(firstError(text, values) == "accumulate: products of f16 cannot be accumulated as 'f32+s32'");
  values["ACC"] = "f32";
  CHECK(firstError(text, values) == "");
  values["GK"] = {{"slab", 128}};
  CHECK(firstError(text, values) == "a tile of BK=64 rows is not a whole number of slabs of 128 rows (GK)");
}
