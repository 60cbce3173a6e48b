// The grammar: what is refused, how it is said, and that one mistake does not hide the next.
#include "Check.h"

using namespace sage::dsl;
using namespace sage::dsl::test;

TEST_CASE("syntax: precedence is that of the reference page") {
  // Each line holds only when the operators bind as documented.
  CHECK(check(around("require 2 + 3 * 4 == 14, \"\"")) == "");
  CHECK(check(around("require 10 - 4 - 3 == 3, \"\"")) == "");
  CHECK(check(around("require not 1 == 2 and 3 < 4 or false, \"\"")) == "");
  CHECK(check(around("require 1 | 6 & 3 == 3, \"\"")) ==
        ""); // not as in C: a comparison is looser than a bit operation
  CHECK(check(around("require 1 << 2 + 1 == 8, \"\"")) == "");
  CHECK(check(around("require 256 >> 2 >> 1 == 32, \"\"")) == "");
  CHECK(check(around("require (true ? 1 : false ? 2 : 3) == 1, \"\"")) == "");
  CHECK(check(around("require -3 % 2 == -1 and 7 / 2 == 3 and 0x1F == 31, \"\"")) == "");
  CHECK(firstError(around("require 2 + 2 == 5, \"sums are sums\"")) == "sums are sums");
}

TEST_CASE("syntax: statements end with a line or a semicolon") {
  CHECK(check(around("let a = 1; let e = 2;; let f = a + e")) == "");
  CHECK(check(around("let a = 1 +\n 2")) == "");
  CHECK(firstError(around("let a = 1 let e = 2")) ==
        "expected ';' or a new line between two statements, found the keyword 'let'");
}

TEST_CASE("syntax: angle brackets are generics only in front of a call") {
  CHECK(check(around("let a = x < 2.0, e = x > 1.0")) == "");
  CHECK(check(around("let a = tile<BN>(0.0), e = tile<BN, pad<i8>(D)>(1.0)")) == "");
}

TEST_CASE("syntax: mistakes are named with what was expected") {
  CHECK(firstError("kernell k() grid (b in B) {}") ==
        "expected 'kernel' or 'fn', found 'kernell'; did you mean 'kernel'?");
  CHECK(firstError("kernel k(X: view<f32>[B]) {}") == "expected 'grid' after the kernel's arguments, found '{'");
  CHECK(firstError("kernel for() grid () {}") == "'for' is a keyword and cannot name a kernel");
  CHECK(firstError("kernel k<T: dtyp>() grid (b in B) {}") ==
        "unknown kind of parameter 'dtyp'; did you mean 'dtype'? (known: int, dtype, bool, granularity, mask_kind, "
        "accumulation and order)");
  CHECK(firstError(around("lett a = 1")) == "expected a statement, found 'lett'; did you mean 'let'?");
  CHECK(firstError(around("let a = (1 + 2")) == "expected ')', found '}'");
  CHECK(firstError(around("let a = 1 < 2 < 3")) == "comparisons do not chain: write 'a < b and b < c'");
  CHECK(firstError(around("x + 1")) == "this value is not used: expected an assignment or a call");
  CHECK(firstError(around("let a = 12ab")) == "'12ab' is not a number");
  CHECK(firstError(around("require c, no")) == "expected a message in quotes, found 'no'");
  CHECK(firstError("kernel k(X: view<f32>[B]) grid (b in B) { if true {") ==
        "expected '}' to close a block, found the end of the file");
}

TEST_CASE("syntax: several mistakes are reported in one run") {
  Diagnostics diagnostics;
  parseProgram("t", around("let = 1\nlet a = )\nlet e = 2\nstore = 3"), diagnostics);
  CHECK(diagnostics.all().size() == 3);
}

TEST_CASE("syntax: unterminated strings and comments are reported where they begin") {
  CHECK(check("kernel k() /* never\nclosed")
            .find("test.tile:1:12: error: this comment is never closed: '*/' is missing") == 0);
  CHECK(check(around("require c, \"never closed")).find("this string is never closed: '\"' is missing on its line") !=
        std::string::npos);
}

TEST_CASE("syntax: huge numbers") {
  CHECK(firstError(around("let a = 9223372036854775808")) ==
        "the number 9223372036854775808 is too large: integers have 63 bits");
  CHECK(check(around("let a = 9223372036854775807")) == "");
  CHECK(firstError(around("let a = 1e999")) == "the number 1e999 is too large");
  CHECK(firstError(around("let a = 9223372036854775807 + 1")) == "'+': this integer does not fit 63 bits");
  CHECK(firstError(around("let a = 1 / (2 - 2)")) == "'/': division by zero");
  CHECK(firstError(around("var a = 3000000000")) == "the integer 3000000000 does not fit i32");
}

TEST_CASE("syntax: a program needs a definition, once") {
  CHECK(firstError("") == "this program defines no kernel and no function");
  CHECK(firstError("fn f() {} fn f() {}") == "'f' is already defined");
}
