// Parsing and checking whole programs (Program.h).
#include "Program.h"

#include "Elaborator.h"
#include "Names.h"
#include "Parser.h"

namespace sage::dsl {
namespace {

bool hasUniqueNames(const Program &program, Diagnostics &diagnostics) {
  std::map<std::string, const Definition *> seen;
  bool unique = true;
  for (const Definition &definition : program.definitions()) {
    auto [entry, isNew] = seen.try_emplace(definition.name, &definition);
    if (isNew)
      continue;
    unique = false;
    diagnostics
        .error(program.source(), definition.location, "'" + printable(definition.name, 40) + "' is already defined")
        .note(program.source(), entry->second->location, "here");
  }
  return unique;
}

} // namespace

const Definition *Program::find(std::string_view name, bool kernel) const {
  for (const Definition &definition : definitions())
    if (definition.isKernel == kernel && definition.name == name)
      return &definition;
  return nullptr;
}

std::vector<std::string> Program::names(bool kernels) const {
  std::vector<std::string> out;
  for (const Definition &definition : definitions())
    if (definition.isKernel == kernels)
      out.push_back(definition.name);
  return out;
}

std::optional<Program> parseProgram(std::string name, std::string text, Diagnostics &diagnostics) {
  if (text.size() > LargestProgram) {
    diagnostics.error(printable(name, 200) + ": a tile program has at most " + std::to_string(LargestProgram) +
                      " bytes, this has " + std::to_string(text.size()));
    return std::nullopt;
  }
  size_t before = diagnostics.all().size();
  auto source = std::make_unique<Source>(std::move(name), std::move(text));
  auto tree = std::make_unique<SyntaxTree>();
  Parser(*source, diagnostics, *tree).run();
  Program program(std::move(source), std::move(tree));
  bool sound = hasUniqueNames(program, diagnostics) && diagnostics.all().size() == before && !diagnostics.full();
  if (sound && program.definitions().empty()) {
    diagnostics.error(program.source(), {}, "this program defines no kernel and no function");
    sound = false;
  }
  return sound ? std::optional(std::move(program)) : std::nullopt;
}

bool checkProgram(const Program &program, Diagnostics &diagnostics) {
  bool sound = true;
  for (const Definition &definition : program.definitions()) {
    if (diagnostics.full())
      return false;
    Emitter nothing;
    Elaborator elaborator(program, diagnostics, nothing);
    sound &= definition.isKernel ? elaborator.kernel(definition, {}) : elaborator.function(definition);
  }
  return sound;
}

bool checkKernel(const Program &program, const Definition &kernel, const Parameters &parameters,
                 Diagnostics &diagnostics) {
  Emitter nothing;
  return Elaborator(program, diagnostics, nothing).kernel(kernel, parameters);
}

const Definition *findKernel(const Program &program, std::string_view name, Diagnostics &diagnostics) {
  std::vector<std::string> kernels = program.names(true);
  std::string file = program.source().name(), known = kernels.empty() ? "it has none" : "it has " + joinNames(kernels);
  if (!name.empty()) {
    if (const Definition *kernel = program.find(name, true))
      return kernel;
    diagnostics.error(file + ": there is no kernel '" + printable(name, 40) + "'" + suggestion(name, kernels) + " (" +
                      known + ")");
    return nullptr;
  }
  if (kernels.size() == 1)
    return program.find(kernels.front(), true);
  diagnostics.error(
      file + ": which kernel? " +
      (kernels.empty() ? "The program has none" : "The program has " + joinNames(kernels) + ": name one"));
  return nullptr;
}

} // namespace sage::dsl
