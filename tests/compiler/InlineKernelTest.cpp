// Kernels of inline PTX through the C interface: PTX comes back, and what LLVM would not survive is refused by name.
#include "sage/compiler/Compiler.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using nlohmann::json;

namespace {

const std::string attributes = "attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>}";

std::string kernel(const std::string &body) {
  return "llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>\n"
         "llvm.func @k(%p: i64, %n: i32) " +
         attributes + " {\n" + body + "\nllvm.return }";
}

const std::string sound = kernel(R"(%a = llvm.mlir.addressof @smem : !llvm.ptr<3>
  %s = llvm.ptrtoint %a : !llvm.ptr<3> to i32
  llvm.inline_asm has_side_effects "{ .reg .b32 x; mov.b32 x, $1; st.shared.b32 [$2], x; st.global.b32 [$0], x; }",
    "l,r,r" %p, %n, %s : (i64, i32, i32) -> ())");

// A kernel with an argument beside an i64 that may be a tensor map.
std::string mapped(const std::string &type, const std::string &bytes, const std::string &alignment,
                   const std::string &more) {
  return "llvm.func @f(%n: i64, %map: " + type + " {llvm.byval = !llvm.array<" + bytes +
         " x i8>, llvm.align = " + alignment + " : i64, " + more + "}) " + attributes + R"( {
  llvm.inline_asm has_side_effects "prefetch.tensormap [$1]; st.global.b64 [$0], $1;", "l,l" %n, %map : (i64, )" +
         type + ") -> ()\nllvm.return }";
}

// The answer's text, or the first complaint.
std::pair<int, std::string> ask(json request, json more = json::object()) {
  request.update({{"emit", "ptx"}, {"arch", "sm_80"}});
  request.update(more);
  std::string source = request.dump();
  char *text = nullptr;
  size_t size = 0;
  int code = sageCompile(source.data(), source.size(), &text, &size);
  json response = json::parse(text, text + size, nullptr, false);
  sageCompilerFree(text);
  if (code == SAGE_COMPILE_OK) return {code, response["text"]};
  return {code, response["diagnostics"][0]["message"]};
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("inline kernels: the body reaches PTX with its operands, the entry with its block and shared memory") {
  auto [code, ptx] = ask({{"mlir", sound}});
  INFO(ptx);
  REQUIRE(code == SAGE_COMPILE_OK);
  for (const char *part : {".version 7.0", ".target sm_80", ".visible .entry k(", ".reqntid 32, 1, 1",
                           ".extern .shared .align 1024 .b8 smem[]", "mov.b32 x, %r", "st.shared.b32 [%r"})
    REQUIRE(contains(ptx, part));
}

TEST_CASE("inline kernels: a tensor map stays in the parameters, and the body gets its address there") {
  for (const char *arch : {"sm_90a", "sm_120a"}) {
    auto [code, ptx] = ask({{"mlir", mapped("!llvm.ptr", "128", "64", "nvvm.grid_constant")}}, {{"arch", arch}});
    INFO(ptx);
    REQUIRE(code == SAGE_COMPILE_OK);
    for (const char *part :
         {".param .align 64 .b8 f_param_1[128]", "f_param_1;", "cvta.param.u64", "prefetch.tensormap [%rd"})
      REQUIRE(contains(ptx, part));
    REQUIRE_FALSE(contains(ptx, ".local"));
  }
}

TEST_CASE("inline kernels: a later version of PTX on request") {
  REQUIRE(contains(ask({{"mlir", sound}}, {{"arch", "sm_89"}, {"ptx_version", "8.4"}}).second, ".version 8.4"));
  for (const char *version : {"6.0", "8.45", "9.9", ""}) {
    auto [code, message] = ask({{"mlir", sound}}, {{"ptx_version", version}});
    REQUIRE(code == SAGE_COMPILE_INVALID);
    REQUIRE(message == "ptx_version '" + std::string(version) + "' cannot be written for sm_80; 7.0 to 8.8 can");
  }
}

TEST_CASE("inline kernels: what cannot be emitted is refused by name") {
  auto [source, expected] = GENERATE(table<std::string, std::string>({
      {"module {}", "there is no kernel"},
      {"func.func @f() { return }", "'func.func' is not allowed in inline kernels"},
      {"module { module {} }", "'builtin.module' is not allowed"},
      {kernel("%c = llvm.mlir.constant(1 : i32) : i32"), "'llvm.mlir.constant' is not allowed"},
      {"llvm.func @f(%x: f32) " + attributes + " { %y = llvm.intr.log2(%x) : (f32) -> f32 llvm.return }",
       "'llvm.intr.log2' is not allowed"},
      {"llvm.func @f() { llvm.return }", "a function with a body and the attribute nvvm.kernel"},
      {"llvm.func @f() " + attributes, "a function with a body and the attribute nvvm.kernel"},
      {"llvm.func @f(%x: i7) " + attributes + " { llvm.return }", "takes i32, i64, f32 and tensor maps, not 'i7'"},
      {"llvm.func @f(%x: !llvm.ptr) " + attributes + " { llvm.return }",
       "argument 0: a pointer in an inline kernel is a"},
      {"llvm.func @f(%x: i32 {llvm.noundef}) " + attributes + " { llvm.return }", "argument 0: a pointer in an inline"},
      {mapped("!llvm.ptr<3>", "128", "64", "nvvm.grid_constant"),
       "argument 1: a pointer in an inline kernel is a tensor map"},
      {mapped("!llvm.ptr", "127", "64", "nvvm.grid_constant"),
       "argument 1: a pointer in an inline kernel is a tensor map"},
      {mapped("!llvm.ptr", "128", "32", "nvvm.grid_constant"),
       "argument 1: a pointer in an inline kernel is a tensor map"},
      {mapped("!llvm.ptr", "128", "64", "llvm.nonnull"), "argument 1: a pointer in an inline kernel is a tensor map"},
      {mapped("!llvm.ptr", "128", "64", "nvvm.grid_constant, llvm.nonnull"), "argument 1: a pointer in an inline"},
      {"llvm.func @f() -> i32 attributes {nvvm.kernel} { llvm.unreachable }", "returns nothing"},
      {"llvm.func @f() attributes {nvvm.kernel, garbageCollector = \"x\"} { llvm.return }",
       "attribute 'garbageCollector' is not allowed"},
      {"llvm.func @f() attributes {nvvm.kernel, passthrough = [\"x\"]} { llvm.return }",
       "attribute 'passthrough' is not allowed"},
      {"llvm.func internal @f() attributes {nvvm.kernel} { llvm.return }", "the default linkage"},
      {"llvm.func fastcc @f() attributes {nvvm.kernel} { llvm.return }", "calling convention"},
      {"llvm.func @\"a b\"() " + attributes + " { llvm.return }", "a name in inline kernels is a letter, then"},
      {"llvm.func @\"\"() " + attributes + " { llvm.return }", "a name in inline kernels"},
      {"llvm.mlir.global external @\"\\C3\"() {addr_space = 3 : i32} : !llvm.array<0 x i8>",
       "a name in inline kernels"},
      {"llvm.mlir.global external @g() : i32", "external array of i8 in address space 3"},
      {kernel(R"(llvm.inline_asm "nop;", "" : () -> ())"), "has side effects and no result"},
      {kernel(R"(%x = llvm.inline_asm has_side_effects "mov.b32 $0, 1;", "=r" : () -> i32)"), "no result"},
      {kernel(R"(llvm.inline_asm has_side_effects "$1", "r" %n : (i32) -> ())"), "'$1' names no operand; there are 1"},
      {kernel(R"(llvm.inline_asm has_side_effects "${0:q}", "r" %n : (i32) -> ())"), "'${' names no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects "x$", "r" %n : (i32) -> ())"), "'$' names no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects "$99999999999", "r" %n : (i32) -> ())"), "names no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects "", "l" %n : (i32) -> ())"), "constraint 'l' fits no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects "", "r,r" %n : (i32) -> ())"), "constraint 'r' fits no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects "", "" %n : (i32) -> ())"), "an operand has no constraint"},
      {kernel(R"(llvm.inline_asm has_side_effects "", "~{cc}" : () -> ())"), "constraint '~{cc}' fits no operand"},
      {kernel(R"(llvm.inline_asm has_side_effects asm_dialect = intel "", "" : () -> ())"),
       "attribute 'asm_dialect' is not allowed"},
  }));
  INFO(source);
  auto [code, message] = ask({{"mlir", source}});
  REQUIRE(code == SAGE_COMPILE_INVALID);
  INFO(message);
  REQUIRE(contains(message, expected));
}

TEST_CASE("inline kernels: text that is no IR, and requests that ask for nothing known") {
  REQUIRE(ask({{"mlir", "llvm.func @f( {"}}).first == SAGE_COMPILE_INVALID);
  REQUIRE(ask({{"mlir", sound}}, {{"passes", "builtin.module(nothing)"}}).first == SAGE_COMPILE_INVALID);
  REQUIRE(ask({{"mlir", sound}}, {{"emit", "cubin"}}).second == "unknown emit 'cubin'; known are mlir, ptx");
  REQUIRE(contains(ask({{"mlir", sound}}, {{"arch", "sm_1"}}).second, "unknown arch 'sm_1'"));
}
