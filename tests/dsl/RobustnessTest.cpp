// Whatever the text, the answer is a bounded report in bounded time. Mutations of real programs reach further in than
// plain garbage.
#include "Check.h"

#include <random>

using namespace sage::dsl;
using namespace sage::dsl::test;

namespace {

std::string repeat(const std::string &unit, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += unit;
  return out;
}

} // namespace

TEST_CASE("robustness: ten megabytes of garbage are refused unread") {
  std::string text(10u << 20, '@');
  CHECK(firstError(text) == "test.tile: a tile program has at most 1048576 bytes, this has 10485760");
}

TEST_CASE("robustness: a megabyte of anything gives a bounded report") {
  for (const char *unit : {"@", "(", "kernel ",  "a ",   "a<", "\"", "/*", "{",  "}",  "\xFF",
                           "0", ";", "fn f() {", "let ", "1+", "-",  "[",  "a.", "x?", "kernel k<"}) {
    INFO(unit);
    CHECK(check(repeat(unit, LargestProgram / std::string(unit).size())).size() < 20000);
  }
  CHECK(check(std::string(LargestProgram, '\0')).size() < 20000);
}

TEST_CASE("robustness: nesting is limited with a message") {
  std::string limit = "this is nested too deeply: at most 100 levels are allowed";
  for (auto [open, close] : {std::pair("(", ")"), std::pair("-", ""), std::pair("abs(", ")"), std::pair("c ? 1 : ", ""),
                             std::pair("load ", ""), std::pair("tile<pad<i8>(", "")})
    CHECK(firstError(around("let a = " + repeat(open, 50000) + "x" + repeat(close, 50000))) != "");
  CHECK(firstError(around("let a = " + repeat("(", 5000) + "x" + repeat(")", 5000))) == limit);
  CHECK(firstError(around("let a = 1" + repeat(" + 1", 50000))) == limit);
  CHECK(firstError(around("let a = x" + repeat("[:, :]", 50000))) == limit);
  CHECK(firstError(around(repeat("when c { ", 50000) + repeat("}", 50000))) == limit);
  CHECK(firstError(around("when c { }" + repeat(" else when d { }", 50000))) == limit);
  CHECK(check(around("let a = " + repeat("(", 40) + "1" + repeat(")", 40))) == "");
}

TEST_CASE("robustness: functions that double at every level stop at a limit") {
  std::string text = "fn f0(a) { let z0 = a + a }\n";
  for (int i = 1; i < 16; ++i)
    text += "fn f" + std::to_string(i) + "(a) { " + repeat("f" + std::to_string(i - 1) + "(a);", 8) + " }\n";
  CHECK(check(text + around("f15(x)")).find("this program is too large once its functions are inlined") !=
        std::string::npos);
}

TEST_CASE("robustness: symbolic sizes that square at every step keep short names") {
  std::string body = "let s0 = D + BN\n";
  for (int i = 1; i < 60; ++i)
    body += "let s" + std::to_string(i) + " = s" + std::to_string(i - 1) + " * s" + std::to_string(i - 1) + "\n";
  CHECK(check(around(body + "let t = tile<s59>(0.0), e = t + x")).size() < 5000);
}

TEST_CASE("robustness: huge tiles are refused") {
  CHECK(firstError(around("let a = tile<1048576, 1048576>(0.0)")) ==
        "a tile [1048576, 1048576] is too large: at most 262144 elements");
  CHECK(firstError(around("let a = tile<0>(0.0)")) ==
        "the extents of a tile are positive compile-time integers, not the integer 0");
}

TEST_CASE("robustness: mutated programs never break the front end") {
  std::mt19937 random(20240607);
  std::vector<std::string> seeds;
  for (const char *file : {"/kernels/attention.tile", "/kernels/quantize.tile", "/tests/dsl/programs/design.tile",
                           "/tests/dsl/programs/cousins.tile"})
    seeds.push_back(readFile(SAGE_SOURCE_DIR + std::string(file)));
  auto pick = [&](size_t count) { return static_cast<size_t>(random() % count); };
  for (int round = 0; round < 1500; ++round) {
    std::string text = seeds[pick(seeds.size())];
    for (size_t edits = 1 + pick(6); edits > 0; --edits) {
      size_t at = pick(text.size()), length = 1 + pick(12);
      switch (pick(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, 1, "(){}[]<>,;:.=+-*/?\n \"#_0a"[pick(26)]);
        break;
      case 2:
        text.insert(at, text.substr(pick(text.size()), length));
        break;
      default:
        std::swap(text[at], text[pick(text.size())]);
      }
    }
    REQUIRE(check(text).size() < 60000);
  }
}
