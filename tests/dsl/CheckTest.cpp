// What the checker refuses, and that it does so with parameters open: names, conditions, types, shapes, granularities,
// control flow.
#include "Check.h"

using namespace sage::dsl;
using namespace sage::dsl::test;

namespace {

bool mentions(const std::string &report, const std::string &part) { return report.find(part) != std::string::npos; }

} // namespace

TEST_CASE("names: unknown ones get the nearest known") {
  CHECK(firstError(around("let largest = x\nstore Y[b, i, :] = lergest")) ==
        "unknown name 'lergest'; did you mean 'largest'?");
  CHECK(firstError(around("let a = rowmux(x)")) == "unknown function 'rowmux'; did you mean 'rowmax'?");
  CHECK(firstError(around("let a = load X[bb, i, :]")) == "unknown name 'bb'");
  CHECK(firstError(around("let a = T.maxx")) ==
        "a type has no property 'maxx'; did you mean 'max'? (known: max, unit, scaled and bits)");
  CHECK(firstError(around("zzzzzzz = 1")) == "unknown name 'zzzzzzz'");
}

TEST_CASE("names: declared once, visible in their block") {
  CHECK(mentions(check(around("let x = 1")), "error: 'x' is already declared"));
  CHECK(firstError(around("let max = 1")) ==
        "'max' already means something in the language or this program: choose another name");
  CHECK(firstError(around("if load R[b, 0] > 0.0 { let a = 1 }\nlet e = a")) == "unknown name 'a'");
  CHECK(firstError(around("let a = 1\na = 2")) == "'a' cannot be assigned to");
}

TEST_CASE("when: a conditional name may be used only where its condition is known to hold") {
  CHECK(firstError(around("let a = load E[b, i, :]")) == "'E' exists only when c, which is not known to hold here");
  CHECK(firstError(around("when d { let a = load E[b, i, :] }")) ==
        "'E' exists only when c, which is not known to hold here");
  CHECK(check(around("when c { let a = load E[b, i, :] }")) == "");
  CHECK(check(around("when not c { } else { let a = load E[b, i, :] }")) == "");
  CHECK(check(around("when c and d { let a = load E[b, i, :], e = load M[b, 0] }")) == "");
  CHECK(check(around("when d { let a = load M[b, 0] }")) == "");
  CHECK(check(around("when not (not c or d) { let a = load E[b, i, :] }")) == "");
  CHECK(check(around("let a = c ? load E[b, 0, 0] as f32 : 1.0")) == "");
  CHECK(firstError(around("let a = c ? 1.0 : load E[b, 0, 0] as f32")) ==
        "'E' exists only when c, which is not known to hold here");
  CHECK(firstError(around("let a = P")) == "'P' exists only when c or d, which is not known to hold here");
}

TEST_CASE("when: a dead side is still checked in the generic program") {
  CHECK(firstError(around("when c { let a = nothing_there }")) == "unknown name 'nothing_there'");
  CHECK(firstError(around("when x { }")) ==
        "'when' needs a compile-time condition, not a tile [BN, D] of f32: write 'if'");
  CHECK(firstError(around("if c { }")) == "this condition is known at compile time: write 'when'");
}

TEST_CASE("types: operands must agree, conversions are written") {
  CHECK(firstError(around("let a = x + rows(i)[:, _]")) ==
        "'+': the types f32 and i32 differ; conversions are written, as in 'x as f32'");
  CHECK(check(around("let a = x + rows(i)[:, _] as f32")) == "");
  CHECK(check(around("let a = x * 2 + 0.5")) == "");
  CHECK(firstError(around("let a = rows(i) + 0.5")) == "a number cannot be used as i32");
  CHECK(firstError(around("let a = x as i8")) == "'as i8' would lose range silently: write saturate<i8>(...)");
  CHECK(firstError(around("let a = saturate<i8>(x) + saturate<i8>(x)")) ==
        "'+': i8 has no arithmetic: convert it first, as f32 or as i32");
  CHECK(firstError(around("let a = x and x")) == "'and' needs conditions, not a tile [BN, D] of f32");
  CHECK(firstError(around("let a = -(x > 0.0)")) == "'-' needs a number, not a tile [BN, D] of bool");
  CHECK(firstError(around("let a = exp2(rows(i))")) == "'exp2' cannot be applied to a tile [BN] of i32");
  CHECK(firstError(around("store Y[b, i, :] = x as f16")) ==
        "'Y' holds f32, this is a tile [BN, D] of f16: write 'as f32' or saturate<f32>(...)");
  CHECK(firstError(around("when c { store Y[b, i, :] = load E[b, i, :] }")) ==
        "'Y' holds f32, this is a tile [BN, D] of T: write 'as f32' or saturate<f32>(...)");
  CHECK(firstError(around("let a = x as f23")) == "unknown name 'f23'; did you mean 'f32'?");
}

TEST_CASE("shapes: broadcast from the last axis, symbols are equal when they are written the same") {
  CHECK(check(around("store Y[b, i, :] = x - rowmax(x)[:, _] * colsum(x)")) == "");
  CHECK(firstError(around("let a = x - rowmax(x)")) == "'-': the shapes differ: [BN, D] and [BN]");
  CHECK(firstError(around("let a = rowmax(x) + colmax(x)")) == "'+': the shapes differ: [BN] and [D]");
  CHECK(firstError(around("store R[b, i] = x")) == "the place in 'R' is [BN], this is a tile [BN, D] of f32");
  CHECK(firstError(around("let a = x[:, :, _]")) == "a tile has at most two axes");
  CHECK(firstError(around("let a = x[0, :]")) == "a tile is indexed with ':' and '_' only: it has no single elements");
  CHECK(firstError(around("let a = x[:]")) ==
        "too few indices: this is a tile [BN, D] of f32, and each axis needs a ':'");
  CHECK(firstError(around("x = rowmax(x)")) == "'x' is a tile [BN, D] of f32, this is a tile [BN] of f32");
  CHECK(firstError(around("let a = transpose(rowmax(x))")) ==
        "'transpose' needs a tile of two axes, not a tile [BN] of f32");
}

TEST_CASE("shapes: products") {
  CHECK(check(around("let h = x as f16, a = dot(h, transpose(h)), e = dot(transpose(h), h)")) == "");
  CHECK(firstError(around("let h = x as f16, a = dot(h, h)")) ==
        "dot: inner extents differ: h is [BN, D], h is [BN, D]");
  CHECK(firstError(around("let a = dot(x, transpose(x))")) ==
        "dot: there are products of i8, f16, bf16, e4m3 and e5m2, not of f32");
  CHECK(firstError(around("let a = dot(x as f16, transpose(x as bf16))")) ==
        "dot: the types differ: x as f16 is f16, transpose(x as bf16) is bf16");
  CHECK(firstError(around("let h = x as f16\nx = accumulate<f32>(x, transpose(h), h)")) ==
        "accumulate: the product is a tile [D, D], it cannot be added to a tile [BN, D] of f32");
  CHECK(firstError(around("let h = x as f16, z = accumulate<f64>(tile<D, D>(0.0), transpose(h), h)")) ==
        "unknown name 'f64'");
  CHECK(firstError(around("let h = x as f16, z = accumulate<\"f16\">(tile<D, D>(0.0), transpose(h), h)")) ==
        "'f16' is not a value of accumulation (known: f32, f32+f32, f32+f16 and f32+s32)");
}

TEST_CASE("shapes: the tile of D is a multiple of 16, of 32 where an 8-bit type pads it") {
  std::string plain = "kernel k<D>(X: view<f16>[N, D], Y: view<f16>[N, D]) grid (i in blocks(N, 16)) { store Y[i, :] = "
                      "load X[i, :] + tile<16, 80>(0.0) as f16 }";
  std::string padded = "kernel k<D>(X: view<f16>[N, D], Y: view<i8>[N, pad<i8>(D)]) grid (i in blocks(N, 16)) { store "
                       "Y[i, :] = saturate<i8>(load X[i, :] as f32 + tile<16, 96>(0.0)) }";
  auto bound = [](const std::string &text) {
    Diagnostics diagnostics;
    auto program = parseProgram("t", text, diagnostics);
    REQUIRE(program);
    const Definition *kernel = findKernel(*program, "k", diagnostics);
    checkKernel(*program, *kernel, *bindParameters(*program, *kernel, {{"D", 72}}, {}, diagnostics), diagnostics);
    return diagnostics.render();
  };
  CHECK(bound(plain) == "");
  CHECK(bound(padded) == "");
}

TEST_CASE("views: an axis is indexed by what fits it") {
  CHECK(firstError(around("let a = load X[b, :, :]")) ==
        "':' needs an extent known at compile time; this axis of 'X' has extent N: index it by a block");
  CHECK(firstError(around("let a = load X[i, i, :]")) ==
        "an axis of extent B cannot be indexed by a block of BN rows of N");
  CHECK(firstError(around("let a = load X[b, i]")) == "'X' has 3 axes, 2 are indexed");
  CHECK(firstError(around("let a = load X[b, i, :, :]")) == "too many indices: 'X' has 3 axes");
  CHECK(firstError(around("let a = load S[b, i]")) ==
        "an axis of extent groups(N, G) cannot be indexed by a block of BN rows of N");
  CHECK(firstError(around("let a = load x")) == "'load' needs a view, not a tile [BN, D] of f32");
  CHECK(firstError(around("let a = load X[b, i, 0.5]")) == "an axis of extent D cannot be indexed by a number");
  CHECK(firstError(around("let a = blocks(D, BN)")) ==
        "'blocks' needs a run-time extent of a view, such as N, not the integer D");
}

TEST_CASE("granularity: groups belong to their block and granularity") {
  CHECK(check(around("when not G.whole { store S[b, groups_of(i, G)] = group_max(rowmax(x), G) }")) == "");
  CHECK(firstError(around("let s = group_max(x, G)")) ==
        "'group_max' needs a one-dimensional tile of f32 and a granularity, not a tile [BN, D] of f32");
  CHECK(firstError(around("let s = spread(rowmax(x), G)")) ==
        "'spread' needs one number a scale group, as group_max or a load of groups_of gives, not a tile [BN] of f32");
  std::string text = around("let s = group_max(rowmax(x), G)");
  nlohmann::json values = {{"D", 64}, {"T", "f16"}, {"c", false}, {"d", false}, {"mask", "none"}};
  values["G"] = {{"slab", 128}};
  CHECK(firstError(text, values) == "a tile of BN=64 rows is not a whole number of slabs of 128 rows (G)");
  values["G"] = {{"slab", 32}, {"bits", {0, 4}}};
  CHECK(check(text, values) == "");
  values["G"] = {{"whole", true}};
  CHECK(firstError(text, values) ==
        "the granularity G is whole: its groups are larger than a tile (choose with G.whole)");
}

TEST_CASE("control flow: loops over blocks, branches on scalars, variables that keep their type") {
  CHECK(firstError(around("for j in x { }")) ==
        "'for' needs blocks to walk over, not a tile [BN, D] of f32: blocks(N, B), visible_blocks or listed");
  CHECK(firstError(around("if x > 0.0 { }")) == "'if' needs a scalar condition, not a tile [BN, D] of bool");
  CHECK(firstError(around("repeat 1.5 { }")) == "'repeat' needs an integer, not a number");
  CHECK(firstError(around("var n = 1\nn = 1.5")) == "a number cannot be used as i32");
  CHECK(firstError(around("let k2 = visible_blocks<causle>(i, N, N, BN)")) ==
        "unknown name 'causle'; did you mean 'causal'?");
  CHECK(firstError(around("return 1")) == "a kernel returns nothing: it stores");
  CHECK(firstError(around("let a = c > d")) ==
        "'>' cannot be applied to a compile-time condition and a compile-time condition");
}

TEST_CASE("functions: inlined, with 'ref' for what they change") {
  std::string step = "fn grow<S: dtype>(ref a, e: tile) { a = a + e }\n";
  CHECK(check(step + around("grow<f32>(x, x * 2.0)")) == "");
  CHECK(firstError(step + around("grow<f32>(x * 2.0, x)")) == "'a' is a 'ref' input: it needs a variable");
  CHECK(firstError(step + around("grow<BN>(x, x)")) == "'S' must be of kind dtype, not the integer BN");
  CHECK(firstError(step + around("grow(x, x)")) == "'grow' takes 1 compile-time arguments, 0 are given");
  CHECK(firstError(step + around("grow<f32>(x, 1.0)")) == "'e' of 'grow' cannot be a number");
  CHECK(firstError("fn f(a) { f(a) }\n" + around("f(x)")) ==
        "'f' calls itself: functions are inlined, so they cannot recurse");
  std::string report = check("fn f(a: tile) { let e = a + a[_, :] }\n" + around("f(rowmax(x))\nf(x)"));
  CHECK(mentions(report, "note: in this call of 'f'"));
  CHECK(firstError("fn f(a) { let e = 1; return a + e }\n" + around("store Y[b, i, :] = f(x)")) == "");
  CHECK(firstError(around("rowmax(x)")) == "the result of this call is not used");
}

TEST_CASE("views: read or written, not both") {
  nlohmann::json values = {{"D", 64},    {"T", "f16"},     {"c", false},
                           {"d", false}, {"mask", "none"}, {"G", {{"slab", 64}}}};
  CHECK(firstError(around("store X[b, i, :] = x"), values) ==
        "'X' is both read and written: a view is one or the other");
}
