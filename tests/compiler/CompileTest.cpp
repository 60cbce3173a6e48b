// The compiler's C interface as a stranger would use it: every fault of a request is an answer that names the thing and
// what is allowed.
#include "sage/compiler/Compiler.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

using nlohmann::json;

namespace {

struct Answer {
  int code;
  json response;
  std::string message() const {
    return response["diagnostics"].empty() ? "" : response["diagnostics"][0]["message"].get<std::string>();
  }
};

Answer ask(const std::string &request) {
  char *text = nullptr;
  size_t size = 0;
  int code = sageCompile(request.data(), request.size(), &text, &size);
  Answer answer{code, json::parse(text, text + size, nullptr, false)};
  sageCompilerFree(text);
  return answer;
}

// A kernel that doubles rows; small, but through every stage.
json doubling() {
  return {{"program",
           {{"name", "double.tile"},
            {"text", "kernel twice<D, BN, T: dtype>(X: view<T>[N, D], Y: view<T>[N, D]) grid (i in blocks(N, BN)) { "
                     "store Y[i, :] = (2.0 * (load X[i, :] as f32)) as T }"}}},
          {"parameters", {{"D", 64}, {"T", "f16"}}},
          {"arch", "sm_80"}};
}

} // namespace

TEST_CASE("compile: a sound request gives PTX, metadata and times") {
  Answer answer = ask(doubling().dump());
  INFO(answer.response.dump(1));
  REQUIRE(answer.code == SAGE_COMPILE_OK);
  REQUIRE(answer.response["text"].get<std::string>().find(".visible .entry twice(") != std::string::npos);
  // Without it ptxas aims at several blocks a multiprocessor and spills.
  REQUIRE(answer.response["text"].get<std::string>().find(".minnctapersm 1") != std::string::npos);
  const json &metadata = answer.response["metadata"];
  REQUIRE(metadata["entry"] == "twice");
  REQUIRE(metadata["parameters"]["BN"] == metadata["schedule"]["block_n"]);
  REQUIRE(metadata["grid"][0]["of"] == "N");
  REQUIRE(metadata["views"][1]["access"] == "write");
  REQUIRE(metadata["block"][0].get<int>() % 32 == 0);
}

TEST_CASE("compile: the same request gives the same bytes, from several threads at once") {
  std::string request = doubling().dump(), first = ask(request).response["text"];
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string &text : texts) threads.emplace_back([&] { text = ask(request).response["text"]; });
  for (std::thread &thread : threads) thread.join();
  for (const std::string &text : texts) REQUIRE(text == first);
}

TEST_CASE("compile: what is wrong with a request is named, with what is allowed") {
  auto [key, value, expected] = GENERATE(table<std::string, json, std::string>({
      {"arch", "sm_75", "unknown arch 'sm_75'; known are sm_80, sm_86, sm_89, sm_90a, sm_120a"},
      {"emit", "cubin", "unknown stage 'cubin'; known are tile"},
      {"schedule", {{"warps", 3}}, "schedule.warps must be 1, 2, 4, 8 or 16, not 3"},
      {"schedule", {{"warp", 4}}, "unknown key schedule.warp; known are block_q"},
      {"schedule", {{"stages", 9}}, "schedule.stages must be an integer from 1 to 8, not 9"},
      {"schedule", 7, "schedule must be an object"},
      {"parameters", 7, "parameters must be an object"},
      {"program", 7, "program must be an object with 'name' and 'text'"},
      {"kernel", "thrice", "thrice"},
  }));
  json request = doubling();
  request[key] = value;
  Answer answer = ask(request.dump());
  INFO(answer.response.dump(1));
  REQUIRE(answer.code == SAGE_COMPILE_INVALID);
  REQUIRE(answer.message().find(expected) != std::string::npos);
  REQUIRE(!answer.response.contains("text"));
}

TEST_CASE("compile: a request that is no JSON, or no object, is an answer too") {
  for (const char *text : {"", "{", "[]", "null", "\xff\xfe", "{\"program\": 1"})
    REQUIRE(ask(text).code == SAGE_COMPILE_INVALID);
}

TEST_CASE("compile: every stage can be asked for") {
  for (const char *stage : {"tile", "simplified", "layouts", "staged", "placed", "guarded", "nvvm", "llvm", "llvm-ir",
                            "optimized", "ptx"}) {
    json request = doubling();
    request["emit"] = stage;
    Answer answer = ask(request.dump());
    REQUIRE(answer.code == SAGE_COMPILE_OK);
    REQUIRE(answer.response["stage"] == stage);
    REQUIRE(!answer.response["text"].get<std::string>().empty());
  }
}

TEST_CASE("compile: line information leads back to the tile program, and only on request") {
  json request = doubling();
  REQUIRE(ask(request.dump()).response["text"].get<std::string>().find(".loc") == std::string::npos);
  request["lineinfo"] = true;
  std::string ptx = ask(request.dump()).response["text"];
  REQUIRE(ptx.find("\t.loc\t1 1 ") != std::string::npos);
  REQUIRE(ptx.find(".file\t1 \"double.tile\"") != std::string::npos);
  // With "debug" after the target, the driver would not optimise.
  REQUIRE(ptx.find(".target sm_80\n") != std::string::npos);
}

TEST_CASE("compile: a directory that cannot be written is an error that names the file") {
  json request = doubling();
  request["dump_stages"] = "/proc/nowhere";
  Answer answer = ask(request.dump());
  REQUIRE(answer.code == SAGE_COMPILE_INVALID);
  REQUIRE(answer.message().find("cannot write /proc/nowhere/00-tile.mlir") != std::string::npos);
}

namespace {

// `body` has blocks of N in the grid, i, and square f16 tiles of X and W.
Answer askSquare(const std::string &body, json schedule = {{"block_q", 64}, {"block_k", 64}}) {
  return ask(json{{"program",
                   {{"name", "square.tile"},
                    {"text", "kernel square<BQ, BK>(X: view<f16>[N, BQ], W: view<f16>[M, BQ], W3: view<f16>[B, M, BQ], "
                             "O: view<f32>[N, BQ]) "
                             "grid (i in blocks(N, BQ)) {\n" +
                                 body + "\n}"}}},
                  {"schedule", schedule},
                  {"arch", "sm_80"}}
                 .dump());
}

} // namespace

TEST_CASE("compile: products in several loops, in nested loops and in branches") {
  std::string body = GENERATE(
      "let x = load X[i, :]\n var a = tile<BQ, BQ>(0.0)\n for j in blocks(M, BQ) { a += dot(x, load W[j, :]) }\n"
      "for j in blocks(N, BQ) { a += dot(x, load X[j, :]) }\n store O[i, :] = a",
      "let x = load X[i, :]\n var a = tile<BQ, BQ>(0.0)\n for j in blocks(M, BQ) {\n"
      "let s = dot(x, transpose(load W[j, :]))\n"
      "for k in blocks(N, BQ) { a += dot(s as f16, load X[k, :]) } }\n store O[i, :] = a",
      "let x = load X[i, :]\n var a = tile<BQ, BQ>(0.0)\n if sum(load X[i, :] as f32) > 1.0 {\n"
      "for j in blocks(M, BQ) { a += dot(x, load W[j, :]) } }\n store O[i, :] = a");
  for (int stages : {1, 2, 3}) {
    Answer answer = askSquare(body, {{"block_q", 64}, {"block_k", 64}, {"stages", stages}});
    INFO(body << answer.response["diagnostics"].dump(1));
    REQUIRE(answer.code == SAGE_COMPILE_OK);
  }
}

TEST_CASE("compile: one tile in several roles") {
  std::string body =
      GENERATE("let x = load X[i, :]\n store O[i, :] = dot(x, x)",
               "let x = load X[i, :]\n store O[i, :] = dot(x, transpose(x)) + dot(x, transpose(transpose(x)))",
               "let x = load X[i, :]\n store O[i, :] = dot(x, transpose(x)) + (x as f32)",
               "let x = load X[i, :]\n store O[i, :] = dot(x * 2.0, x)",
               "var a = tile<BQ, BQ>(0.0)\n let x = load X[i, :]\n for j in blocks(M, BQ) { let w = load W[j, :]\n"
               "a = a + dot(x, w) + dot(x, transpose(w)) }\n store O[i, :] = a");
  Answer answer = askSquare(body);
  INFO(body << answer.response["diagnostics"].dump(1));
  REQUIRE(answer.code == SAGE_COMPILE_OK);
}

TEST_CASE("compile: a tile is transposed for products only") {
  Answer answer = askSquare("let x = load X[i, :]\n store O[i, :] = transpose(x) as f32");
  REQUIRE(answer.code == SAGE_COMPILE_INVALID);
  REQUIRE(answer.message() == "a tile can be transposed only between its load and a product");
}

TEST_CASE("compile: places that a branch or a loop computes, ahead of time where that is possible") {
  const char *carried = "its offsets depend on a value that the loop carries, so it cannot be loaded ahead of time";
  auto [place, complaint] = GENERATE_COPY(table<std::string, std::string>({
      {"let e = load X[0, 0]\n for k in blocks(N, BQ) { if e > 1.0 { b = b + 1 } }", ""},
      {"repeat 3 { b = b * c + 1 }\n c = c + 1", carried},
      {"b = c\n c = c + 1", carried},
  }));
  for (int stages : {1, 2, 3}) {
    Answer answer =
        askSquare("var a = tile<BQ, BQ>(0.0), c = 0\n let x = load X[i, :]\n for j in blocks(M, BQ) {\n var b = 0\n" +
                      place + "\n a += dot(x, (load W3[b, j, :])) }\n store O[i, :] = a",
                  {{"block_q", 64}, {"block_k", 64}, {"stages", stages}});
    INFO(place << answer.response["diagnostics"].dump(1));
    REQUIRE(answer.message() == complaint);
  }
}

TEST_CASE("compile: a product that no instruction fits says which extent is wrong") {
  auto [schedule, program, expected] = GENERATE(table<json, std::string, std::string>({
      {{{"block_q", 48}, {"warps", 1}}, "X[i, :]", "rows (schedule.block_q) must be 16, 16 a warp"},
      {{{"block_q", 16}, {"warps", 4}}, "X[i, :]", "rows (schedule.block_q) must be 64, 16 a warp"},
      {{{"block_q", 64}, {"warps", 4}}, "Y[i, :]", "rows of 48 elements of 'f16' cannot feed a product yet"},
      {{{"block_q", 64}, {"warps", 4}}, "Z[i, :]", "wider than the view's last extent"},
      {{{"block_q", 64}, {"warps", 4}}, "I[i, :]", "the inner extent must be a multiple of 32"},
  }));
  Answer answer = ask(json{{"program",
                            {{"name", "p.tile"},
                             {"text", "kernel p<BQ, BK>(X: view<f16>[N, 64], Y: view<f16>[N, 48], Z: view<f16>[N, 24], "
                                      "I: view<i8>[N, 16], O: view<f32>[N, BQ]) grid (i in blocks(N, BQ)) {\n"
                                      "store O[i, :] = dot(load " +
                                          program + ", transpose(load " + program + ")) as f32\n}"}}},
                           {"schedule", schedule},
                           {"arch", "sm_80"}}
                          .dump());
  INFO(answer.message());
  REQUIRE(answer.code == SAGE_COMPILE_INVALID);
  REQUIRE(answer.message().find(expected) != std::string::npos);
}

TEST_CASE("compile: approximations of 16-bit types") {
  for (const char *function : {"exp2", "log2", "rsqrt"}) {
    Answer answer = askSquare(std::string("store O[i, :] = ") + function + "(load X[i, :]) as f32");
    INFO(answer.message());
    REQUIRE(answer.code == SAGE_COMPILE_OK);
  }
}

TEST_CASE("compile: loops nested deeply are no reason to wait") {
  std::string body = "a += sum(load X[i, :] as f32)";
  for (int depth = 0; depth < 24; ++depth)
    body = "for j" + std::to_string(depth) + " in blocks(M, BQ) { " + body + " }";
  REQUIRE(askSquare("var a = 0.0\n" + body + "\nstore O[i, :] = tile<BQ, BQ>(a)").code == SAGE_COMPILE_OK);

  // With copies in each of them there are too many cases, which is an answer as well.
  body = "a += dot(x, transpose(load X[i, :]))";
  for (int depth = 0; depth < 8; ++depth) {
    std::string j = "j" + std::to_string(depth);
    body = "for " + j + " in blocks(M, BQ) { " + body + "\n a += dot(x, transpose(load W[" + j + ", :])) }";
  }
  Answer answer = askSquare("let x = load X[i, :]\n var a = tile<BQ, BQ>(0.0)\n" + body + "\nstore O[i, :] = a",
                            {{"block_q", 16}, {"warps", 1}, {"stages", 8}});
  INFO(answer.message());
  REQUIRE(answer.code == SAGE_COMPILE_INVALID);
  REQUIRE(answer.message().find("fewer schedule.stages") != std::string::npos);
}

TEST_CASE("compile: passes on IR that is not ready for them are refused, not run") {
  const std::string body =
      "func.func @f(%x: f32) attributes {tile.kernel, tile.warps = 1 : i64, tile.stages = 1 : i64} { "
      "%t = tile.splat %x : f32 -> tensor<32xf32> return }";
  for (const char *pass : {"func.func(tile-stage-loads)", "tile-lower-nvidia"}) {
    json request = {{"mlir", body}, {"passes", std::string("builtin.module(") + pass + ")"}};
    Answer answer = ask(request.dump());
    REQUIRE(answer.code == SAGE_COMPILE_INVALID);
    REQUIRE(answer.message().find("layout") != std::string::npos);
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "module {";
  REQUIRE(ask(json{{"mlir", deep}, {"passes", "builtin.module()"}}.dump()).message().find("deeper than 256") !=
          std::string::npos);
}
