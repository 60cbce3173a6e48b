// What the tile dialect looks like when it leaves the front end, seen through the compiler's C interface: the kernel
// ABI, the metadata, and the promises of the language (NaN kept, no hidden fast math, column vectors never
// materialised).
#include "Check.h"

#include "sage/compiler/Compiler.h"

#include <random>

using namespace sage::dsl::test;
using Json = nlohmann::json;

namespace {

Json compile(const std::string &name, const std::string &text, const Json &parameters) {
  Json request = {{"program", {{"name", name}, {"text", text}}},
                  {"parameters", parameters},
                  {"schedule", {{"block_n", 128}}},
                  {"arch", "sm_80"},
                  {"emit", "tile"}};
  std::string bytes = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  char *response = nullptr;
  size_t size = 0;
  int code = sageCompile(bytes.data(), bytes.size(), &response, &size);
  Json answer = Json::parse(std::string(response, size));
  sageCompilerFree(response);
  answer["code"] = code;
  return answer;
}

Json lower(const std::string &kernel, const Json &parameters) {
  Json answer = compile(kernel + ".tile", readFile(SAGE_SOURCE_DIR "/kernels/" + kernel + ".tile"), parameters);
  INFO(answer["diagnostics"].dump(1));
  REQUIRE(answer["code"] == SAGE_COMPILE_OK);
  return answer;
}

std::string textOf(const Json &answer) { return answer["text"].get<std::string>(); }

size_t count(const std::string &text, const std::string &part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++n;
  return n;
}

Json attention(const Json &changes = {}) {
  Json values = {
      {"D", 64},         {"DV", 64},     {"QK", "i8"},        {"GQ", {{"slab", 128}}}, {"GK", {{"slab", 64}}},
      {"P", "f16"},      {"ACC", "f32"}, {"OUT", "f16"},      {"scaled_v", false},     {"mask", "none"},
      {"sparse", false}, {"lse", false}, {"corrected", false}};
  if (changes.is_object())
    values.update(changes);
  return values;
}

Json quantize(bool smooth, bool correct, Json groups = {{"slab", 64}}) {
  return {{"D", 64}, {"T", "f16"}, {"Q", "i8"}, {"G", std::move(groups)}, {"smooth", smooth}, {"correct", correct}};
}

std::vector<std::string> names(const Json &list) {
  std::vector<std::string> out;
  for (const Json &entry : list)
    out.push_back(entry["name"]);
  return out;
}

// The argument types of the function, in order.
std::string argumentTypes(const std::string &text) {
  size_t open = text.find('(', text.find("func.func")), close = text.find(") attributes", open);
  std::string list = text.substr(open + 1, close - open - 1), out;
  for (size_t at = list.find(": "); at != std::string::npos; at = list.find(": ", at + 1))
    out += (out.empty() ? "" : " ") + list.substr(at + 2, list.find(',', at) - at - 2);
  return out;
}

} // namespace

TEST_CASE("lowering: arguments are pointers and strides, then extents, then scalars") {
  std::string ptr = "!llvm.ptr<1> ";
  CHECK(argumentTypes(textOf(lower("mean", {{"D", 64}, {"T", "f16"}}))) ==
        ptr + "i64 i64 i64 " + ptr + "i64 i64 i64 i64 i64");
  CHECK(argumentTypes(textOf(lower("quantize", quantize(false, true)))) == ptr + "i64 i64 i64 " + ptr + "i64 i64 " +
                                                                               ptr + "i64 i64 i64 " + ptr + "i64 i64 " +
                                                                               ptr + "i64 i64 i64 i64 i64 i64 f32");
}

TEST_CASE("lowering: metadata has the sizes of a launch as data") {
  Json meta = lower("attention", attention({{"lse", true}}))["metadata"];
  CHECK(names(meta["views"]) == std::vector<std::string>{"Q", "sq", "K", "sk", "V", "O", "L"});
  CHECK(meta["extents"] == Json({"B", "H", "N", "G", "M"}));
  CHECK(meta["scalars"] == Json::array({{{"name", "fold"}, {"dtype", "f32"}}}));
  CHECK(meta["grid"][0] == Json({{"of", "N"}, {"divisor", 128}, {"times", 1}}));
  CHECK(meta["views"][0]["extents"][3] == Json({{"of", nullptr}, {"divisor", 1}, {"times", 64}}));
  CHECK(meta["views"][1]["extents"][2] == Json({{"of", "N"}, {"divisor", 128}, {"times", 1}}));
  CHECK(meta["views"][5] ==
        Json({{"name", "O"}, {"dtype", "f16"}, {"access", "write"}, {"extents", meta["views"][5]["extents"]}}));
}

TEST_CASE("lowering: what a 'when' excludes has no argument and no code") {
  Json plain = lower("quantize", quantize(false, false))["metadata"];
  CHECK(names(plain["views"]) == std::vector<std::string>{"X", "Y", "S"});
  CHECK(plain["extents"] == Json({"B", "H", "N"}));
  CHECK(plain["scalars"].empty());
  CHECK(names(lower("quantize", quantize(true, false))["metadata"]["views"]) ==
        std::vector<std::string>{"X", "mean", "Y", "S"});
  CHECK(count(textOf(lower("attention", attention({{"QK", "f16"}}))), "tile.spread") == 0);
}

TEST_CASE("lowering: scales of a whole granularity are read, others written") {
  CHECK(lower("quantize", quantize(false, false))["metadata"]["views"][2]["access"] == "write");
  CHECK(lower("quantize", quantize(false, false, {{"whole", true}}))["metadata"]["views"][2]["access"] == "read");
}

TEST_CASE("lowering: groups are counted from slab and bits") {
  Json answer = lower("quantize", quantize(false, false, {{"slab", 128}, {"bits", {5, 6}}}));
  CHECK(answer["metadata"]["views"][2]["extents"][2] == Json({{"of", "N"}, {"divisor", 128}, {"times", 4}}));
  CHECK(count(textOf(answer), "by <slab = 128, bits = [5, 6]> : tensor<128xf32> -> tensor<4xf32>") == 1);
  CHECK(count(textOf(answer), "by <slab = 128, bits = [5, 6]> : tensor<4xf32> -> tensor<128xf32>") == 1);
}

TEST_CASE("lowering: mean reduces across rows once, outside the loop") {
  std::string text = textOf(lower("mean", {{"D", 64}, {"T", "f16"}}));
  CHECK(count(text, "tile.reduce") == 1);
  CHECK(text.find("scf.yield") < text.find("tile.reduce"));
}

TEST_CASE("lowering: NaN is carried and arithmetic is exact") {
  for (const std::string &text : {textOf(lower("attention", attention({{"lse", true}, {"mask", "causal"}}))),
                                  textOf(lower("quantize", quantize(true, true)))}) {
    CHECK(count(text, "fastmath") == 0);
    CHECK(count(text, "maxnumf") == 0);
    CHECK(count(text, "arith.maximumf") > 0);
  }
}

TEST_CASE("lowering: a column or row vector stays one-dimensional") {
  std::string text = textOf(lower("attention", attention({{"mask", "causal"}, {"lse", true}, {"corrected", true}})));
  CHECK(count(text, "x1xf32>") == 0);
  CHECK(count(text, "tensor<1x64xf32>") == 0);
  CHECK(count(text, "tile.broadcast") > 0);
}

TEST_CASE("lowering: the mask is applied only in blocks that it cuts") {
  std::string causal = textOf(lower("attention", attention({{"mask", "causal"}})));
  CHECK(count(causal, "scf.if") == 1);
  CHECK(causal.find("scf.if") < causal.find("tile.iota"));
  CHECK(count(textOf(lower("attention", attention())), "arith.maxsi") ==
        0); // every key block is visible without a mask
}

TEST_CASE("lowering: tiles are padded to what products need") {
  std::string text = textOf(lower("attention", attention({{"D", 72}, {"DV", 72}})));
  CHECK(count(text, "tensor<128x96xi8>") > 0);
  CHECK(count(text, "tensor<64x80xf16>") > 0);
  std::string wide = textOf(lower("attention", attention({{"D", 72}, {"DV", 72}, {"QK", "f16"}})));
  CHECK(count(wide, "tensor<128x80xf16>") > 0);
}

TEST_CASE("lowering: accumulations differ in where the sum runs") {
  auto body = [](const Json &changes) { return textOf(lower("attention", attention(changes))); };
  CHECK(count(body({{"ACC", "f32"}}), "tile.dot") == 2);
  CHECK(count(body({{"ACC", "f32+f32"}}), "arith.addf") == count(body({{"ACC", "f32"}}), "arith.addf") + 1);
  CHECK(count(body({{"ACC", "f32+s32"}, {"P", "i8"}}), "tile.saturate") == 1);
}

TEST_CASE("lowering: a list of key blocks is loaded in the loop") {
  Json answer = lower("attention", attention({{"sparse", true}}));
  CHECK(names(answer["metadata"]["views"]) ==
        std::vector<std::string>{"Q", "sq", "K", "sk", "V", "list", "length", "O"});
  CHECK(answer["metadata"]["extents"].back() == "list.3");
  CHECK(count(textOf(answer), "-> i32") >= 2);
}

TEST_CASE("lowering: what no target has is refused by name, with its place") {
  Json answer =
      compile("attention.tile", readFile(SAGE_SOURCE_DIR "/kernels/attention.tile"), attention({{"ACC", "f32+f16"}}));
  CHECK(answer["code"] == SAGE_COMPILE_INVALID);
  CHECK(answer["diagnostics"][0]["message"] ==
        "accumulation in f16 ('f32+f16') cannot be compiled yet: no target has it");
  CHECK(answer["diagnostics"][0]["line"] > 1);
  Json gather = compile("g.tile",
                        "kernel g<D>(X: view<f32>[N, D], I: view<i32>[N], Y: view<f32>[N, D]) grid (i in blocks(N, "
                        "64)) { store Y[i, :] = load X[load I[i], :] }",
                        {{"D", 64}});
  CHECK(gather["diagnostics"][0]["message"] == "a gather cannot be compiled yet: no target has it");
}

TEST_CASE("lowering: mutated programs give a diagnostic or code, never a crash") {
  std::mt19937 random(7);
  auto pick = [&](size_t count) { return static_cast<size_t>(random() % count); };
  std::vector<std::pair<std::string, Json>> seeds;
  for (const Json &parameters :
       {attention({{"mask", "causal"}, {"lse", true}}), attention({{"sparse", true}, {"QK", "f16"}})})
    seeds.emplace_back(readFile(SAGE_SOURCE_DIR "/kernels/attention.tile"), parameters);
  seeds.emplace_back(readFile(SAGE_SOURCE_DIR "/kernels/quantize.tile"), quantize(true, true));
  const std::vector<std::string> words = {"x",   "m",     "l",      "acc",    "s",    "i",      "j",     "h",   "b",
                                          "g",   "N",     "M",      "D",      "BQ",   "f32",    "f16",   "0.0", "1",
                                          "max", "where", "rowsum", "colsum", "load", "[:, _]", "[_, :]"};
  size_t compiled = 0;
  for (int round = 0; round < 400; ++round) {
    auto [text, parameters] = seeds[pick(seeds.size())];
    // Replace a word by another: most results still parse, and some still mean something.
    for (size_t edits = 1 + pick(2); edits > 0; --edits) {
      size_t begin = text.find_first_of("xmlsijhbgNMD0", text.find("{\n") + pick(text.size() / 2));
      if (begin != std::string::npos)
        text.replace(begin, 1 + pick(3), words[pick(words.size())]);
    }
    Json answer = compile("mutant.tile", text, parameters);
    CHECK((answer["code"] == SAGE_COMPILE_OK || answer["code"] == SAGE_COMPILE_INVALID));
    compiled += answer["code"] == SAGE_COMPILE_OK;
  }
  CHECK(compiled > 0);
}
