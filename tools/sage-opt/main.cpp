// Runs passes of the compiler on IR, for its tests and for whoever develops a pass:
//
//   sage-opt --passes='builtin.module(func.func(tile-choose-layouts))' FILE.mlir      (or - for standard input)
//
// or emits inline kernels (docs/artifact.md) as PTX, after the passes if there are any:
//
//   sage-opt --emit-ptx=sm_80 FILE.mlir
//
// The result goes to standard output, diagnostics to standard error; exit code 1 when the passes fail. All the work is
// libsage_compiler's.
#include "sage/compiler/Compiler.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

static constexpr const char *usage = "usage: sage-opt [--passes=PIPELINE] [--emit-ptx=ARCH] FILE.mlir|-\n";

int main(int argc, char **argv) {
  std::string passes, arch, file;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--help") return std::cout << usage, 0;
    if (argument.starts_with("--passes="))
      passes = argument.substr(9);
    else if (argument.starts_with("--emit-ptx="))
      arch = argument.substr(11);
    else if (file.empty() && (argument == "-" || !argument.starts_with('-')))
      file = argument;
    else
      return std::cerr << "sage-opt: unexpected argument '" << argument << "'\n" << usage, 2;
  }
  if ((passes.empty() && arch.empty()) || file.empty()) return std::cerr << usage, 2;
  std::ifstream opened;
  if (file != "-") opened.open(file);
  std::istream &input = file == "-" ? std::cin : opened;
  if (!input) {
    std::cerr << "sage-opt: cannot read " << file << "\n";
    return 1;
  }
  std::string text{std::istreambuf_iterator<char>(input), {}};
  nlohmann::json fields = {{"mlir", text}, {"name", file}};
  if (!passes.empty()) fields["passes"] = passes;
  if (!arch.empty()) fields.update({{"emit", "ptx"}, {"arch", arch}});
  std::string request = fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  char *answer = nullptr;
  size_t size = 0;
  int code = sageCompile(request.data(), request.size(), &answer, &size);
  nlohmann::json response = nlohmann::json::parse(answer, answer + size, nullptr, false);
  sageCompilerFree(answer);
  for (const auto &diagnostic : response["diagnostics"]) std::cerr << diagnostic["rendered"].get<std::string>();
  if (code == SAGE_COMPILE_OK) std::cout << response["text"].get<std::string>();
  return code;
}
