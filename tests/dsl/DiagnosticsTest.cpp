// How a report looks, letter by letter, and that it stays printable and bounded.
#include "Check.h"

using namespace sage::dsl;
using namespace sage::dsl::test;

TEST_CASE("diagnostics: place, line, caret, and where a size came from") {
  std::string text =
      "kernel k<D, BQ, BK>(Q: view<i8>[N, D], K: view<i8>[M, D], S: view<i32>[N, M]) grid (i in blocks(N, BQ))\n"
      "{\n"
      "    for j in blocks(M, BK) {\n"
      "        let s = dot(load Q[i, :], load K[j, :])\n"
      "    }\n"
      "}\n";
  CHECK(check(text, {{"D", 64}}) ==
        "test.tile:4:21: error: dot: inner extents differ: Q is [BQ, D], K is [BK, D]\n"
        "        let s = dot(load Q[i, :], load K[j, :])\n"
        "                    ^~~~~~~~~~~~\n"
        "test.tile:1:10: note: D is a parameter: this must hold for all its values\n"
        "kernel k<D, BQ, BK>(Q: view<i8>[N, D], K: view<i8>[M, D], S: view<i32>[N, M]) grid (i in blocks(N, BQ))\n"
        "         ^\n"
        "test.tile:1:13: note: BQ is a parameter: this must hold for all its values\n"
        "kernel k<D, BQ, BK>(Q: view<i8>[N, D], K: view<i8>[M, D], S: view<i32>[N, M]) grid (i in blocks(N, BQ))\n"
        "            ^~\n"
        "test.tile:1:17: note: BK is a parameter: this must hold for all its values\n"
        "kernel k<D, BQ, BK>(Q: view<i8>[N, D], K: view<i8>[M, D], S: view<i32>[N, M]) grid (i in blocks(N, BQ))\n"
        "                ^~\n");
}

TEST_CASE("diagnostics: a bound size is shown with its value and its config key") {
  std::string text = "kernel k<BN>(X: view<f32>[N]) grid (i in blocks(N, BN)) { let x = load X[i] }";
  std::string report = check(text, {{"BN", 100}});
  CHECK(report.find("error: a block is a multiple of 16 rows, not BN=100") != std::string::npos);
  CHECK(report.find("note: BN = 100 is a parameter of the kernel (config key schedule.block_n)") != std::string::npos);
}

TEST_CASE("diagnostics: columns count characters, tabs and controls are shown as spaces and '?'") {
  std::string report =
      check("kernel k(X: view<f32>[N]) grid (i in blocks(N, 16)) { /* äö\xE2\x82\xAC */ \tlet a = no }");
  CHECK(report.find("test.tile:1:74: error: unknown name 'no'") == 0);
  std::string broken = check("kernel k(X: view<f32>[N]) grid (i in N) { /* \xFF\x01 */ let a = no }");
  CHECK(broken.find("/* ?? */ let a = no") != std::string::npos);
}

TEST_CASE("diagnostics: the same complaint is made once, and at most twenty in all") {
  Diagnostics diagnostics;
  Source source("s", "abc");
  for (int i = 0; i < 5; ++i)
    diagnostics.error(source, {1, 1}, "same");
  CHECK(diagnostics.all().size() == 1);
  for (int i = 0; i < 100; ++i)
    diagnostics.error(source, {0, 1}, "number " + std::to_string(i)).note("n");
  CHECK(diagnostics.all().size() == Diagnostics::Limit);
  CHECK(diagnostics.full());
  CHECK(diagnostics.render().find("too many errors, the rest is not shown") != std::string::npos);
}

TEST_CASE("diagnostics: a long line is cut around the place") {
  std::string text = "kernel k(X: view<f32>[N]) grid (i in N) { " + std::string(5000, ' ') + "let a = no" +
                     std::string(5000, ' ') + "}";
  std::string report = check(text);
  CHECK(report.find("...") != std::string::npos);
  CHECK(report.size() < 500);
}

TEST_CASE("source: positions") {
  Source source("s", "ab\n\ncd");
  CHECK(source.position(0).line == 1);
  CHECK(source.position(3).line == 2);
  CHECK(source.position(5).line == 3);
  CHECK(source.position(5).column == 2);
  CHECK(source.position(1000).line == 3);
}

TEST_CASE("printable: malformed UTF-8 never gets through") {
  CHECK(printable("a\xC3\xA4z") == "a\xC3\xA4z");
  CHECK(printable("\xC0\x80|\xED\xA0\x80|\xF4\x90\x80\x80|\xE2\x82") == "??|???|????|??");
  CHECK(printable(std::string("a\0b", 3)) == "a?b");
  CHECK(printable("abcdef", 3) == "abc...");
}
