// See KernelText.h.
#include "KernelText.h"

#include <nlohmann/json.hpp>

namespace sage::machine {
namespace {

// As a string of MLIR and of LLVM's inline assembly.
std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text) {
    if (c == '\n')
      result += "\\0A";
    else if (c == '"' || c == '\\')
      result += c == '"' ? "\\22" : "\\5C";
    else
      result += c == '$' ? "$$" : std::string(1, c);
  }
  return result;
}

// A value of the MLIR and the register of the same name in the body.
struct Operand {
  std::string name, type, registerType;
};

// BODY as inline assembly, behind what moves the OPERANDS into their registers.
std::string assemblyOf(const std::string &body, const std::vector<Operand> &operands) {
  std::string moves, constraints, names, types;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const auto &[name, type, registerType] = operands[k];
    moves += ".reg " + registerType + " " + name + ";\\0A";
    moves += "mov" + registerType + " " + name + ", $" + std::to_string(k) + ";\\0A";
    constraints += registerType == ".b64" ? "l," : "r,";
    names += (k ? ", %" : "%") + name;
    types += (k ? ", " : "") + type;
  }
  return "  llvm.inline_asm has_side_effects \"{\\0A" + moves + escaped(body) + "}\", \"" + constraints +
         "~{memory}\" " + names + " : (" + types + ") -> ()\n";
}

} // namespace

std::string moduleText(const KernelText &kernel) {
  const bool isShared = kernel.sharedBytes > 0;
  std::vector<Operand> operands = {
      {"out", "i64", ".b64"}, {"in", "i64", ".b64"}, {"count", "i32", ".b32"}, {"extra", "i32", ".b32"}};
  if (isShared) operands.push_back({"smem", "i32", ".b32"});
  if (kernel.takesMap) operands.push_back({"map", "!llvm.ptr", ".b64"});
  std::string text;
  if (isShared)
    text +=
        "llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>\n";
  text += "llvm.func @" + std::string(entryName) + "(%out: i64, %in: i64, %count: i32, %extra: i32";
  if (kernel.takesMap)
    text += ", %map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}";
  text += ") attributes {nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: " +
          std::to_string(kernel.threads) + ", 1, 1>} {\n";
  if (isShared)
    text += "  %array = llvm.mlir.addressof @shared : !llvm.ptr<3>\n"
            "  %smem = llvm.ptrtoint %array : !llvm.ptr<3> to i32\n";
  return text + assemblyOf(kernel.body, operands) + "  llvm.return\n}\n";
}

Result<std::string> emitPtx(const CompilerLibrary &compiler, const KernelText &kernel, std::string_view arch) {
  nlohmann::json request = {{"mlir", moduleText(kernel)}, {"name", "probe.mlir"}, {"emit", "ptx"}, {"arch", arch}};
  if (!kernel.ptxVersion.empty()) request["ptx_version"] = kernel.ptxVersion;
  SAGE_ASSIGN(const std::string answer, compiler.call(request.dump()));
  nlohmann::json response = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!response.is_object() || !response["text"].is_string()) return internalError("the compiler gave no PTX");
  return response["text"].get<std::string>();
}

std::string registerList(std::string_view prefix, int count, int first) {
  std::string text = "{";
  for (int k = 0; k < count; ++k) text += (k ? ", " : "") + std::string(prefix) + std::to_string(first + k);
  return text + "}";
}

std::string withIndex(std::string_view text, int number, int around) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool isPlain = text.substr(at, 3) == "{k}", isNext = text.substr(at, 3) == "{k+";
    if (!isPlain && !isNext) {
      result += text[at];
      continue;
    }
    const int offset = isNext ? text[at + 3] - '0' : 0;
    result += std::to_string((number + offset) % around);
    at += isNext ? 4 : 2;
  }
  return result;
}

std::string copyToShared(std::size_t bytes) {
  return R"(mov.b32 at, tid;
COPY:
mul.wide.u32 wide, at, 16;
add.u64 address, in, wide;
ld.global.v4.b32 {v0, v1, v2, v3}, [address];
shl.b32 slot, at, 4;
add.u32 slot, smem, slot;
st.shared.v4.b32 [slot], {v0, v1, v2, v3};
add.u32 at, at, threads;
setp.lt.u32 more, at, )" +
         std::to_string(bytes / 16) + ";\n@more bra COPY;\n";
}

std::string timedLoop(const TimedLoop &loop) {
  std::string text = R"(
.reg .b32 tid, block, blocks, threads, warp, left, again, slot;
.reg .b64 start, stop, address, wide;
.reg .pred more, leader;
mov.u32 tid, %tid.x;
mov.u32 block, %ctaid.x;
mov.u32 blocks, %nctaid.x;
mov.u32 threads, %ntid.x;
shr.u32 warp, tid, 5;
)" + loop.setup + R"(
mov.b32 again, 0;
PASS:
mov.b32 left, count;
bar.sync 0;
mov.u64 start, %clock64;
LOOP:
)" + loop.body + R"(
sub.s32 left, left, 1;
setp.ne.s32 more, left, 0;
@more bra LOOP;
)" + loop.after + R"(
mov.u64 stop, %clock64;
add.s32 again, again, 1;
setp.lt.s32 more, again, 2;
@more bra PASS;
)" + loop.ending + R"(
shr.u32 slot, threads, 5;
mad.lo.u32 slot, slot, block, warp;
mul.wide.u32 wide, slot, 16;
add.u64 address, out, wide;
and.b32 slot, tid, 31;
setp.eq.u32 leader, slot, 0;
@leader st.global.b64 [address], start;
@leader st.global.b64 [address + 8], stop;
mul.lo.u32 slot, threads, blocks;
mul.wide.u32 wide, slot, 16;
shr.u64 wide, wide, 5;
add.u64 address, out, wide;
mad.lo.u32 slot, threads, block, tid;
)";
  text +=
      "mul.wide.u32 wide, slot, " + std::to_string(4 * loop.results.size()) + ";\nadd.u64 address, address, wide;\n";
  for (std::size_t k = 0; k < loop.results.size(); ++k)
    text += "st.global.b32 [address + " + std::to_string(4 * k) + "], " + loop.results[k] + ";\n";
  return text;
}

} // namespace sage::machine
