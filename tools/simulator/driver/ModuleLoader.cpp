// Loading of modules; see ModuleLoader.h.
#include "driver/ModuleLoader.h"

#include <algorithm>
#include <cstring>

#include "core/Decoder.h"
#include "driver/Linker.h"

namespace sage::sim {
namespace {

using cuda::Result;

constexpr int newestPtx = 90; // 9.0

std::string logLine(std::uint32_t line, const std::string &message) {
  return "line " + std::to_string(line) + "; error: " + message + "\n";
}

struct LoadFailure {
  Result result;
  std::uint32_t line;
  std::string message;
};

// PTX runs on its target and on everything newer; with a suffix (sm_90a) on exactly that.
void checkTarget(const Module &module, const DeviceSpec &spec) {
  const unsigned target = archNumber(module.target), device = static_cast<unsigned>(spec.major * 10 + spec.minor);
  const bool special = !module.target.empty() && (module.target.back() == 'a' || module.target.back() == 'f');
  if (target == 0 || target > device || (special && module.target != spec.arch))
    throw LoadFailure{Result::InvalidPtx, 1,
                      "target '" + module.target + "' cannot run on a device of " + std::string(spec.arch)};
  if (module.addressBits != 64) throw LoadFailure{Result::InvalidPtx, 1, "only .address_size 64 is supported"};
}

class Loader {
public:
  Loader(cuda::ContextHandle &c, const Module &m, const JitSettings &s)
      : context(c), parsed(m), settings(s), lines(std::make_shared<const std::vector<std::string>>(m.lines)) {}

  std::unique_ptr<cuda::ModuleHandle> run() {
    result->context = &context;
    result->ptxVersion = parsed.versionMajor * 10 + parsed.versionMinor;
    try {
      for (const Variable &v : parsed.variables) place(v);
      for (const Function &f : parsed.functions)
        for (const Variable &v : f.locals) place(v);
      for (std::size_t i = 0; i < parsed.functions.size(); ++i)
        if (const Function &f = parsed.functions[i]; !f.isEntry && f.hasBody)
          symbols[f.name] = {Space::Generic, functionAddress(i)};
      for (const Variable &v : parsed.variables) initialise(v);
      for (const Function &f : parsed.functions)
        for (const Variable &v : f.locals) initialise(v);
      for (const Function &f : parsed.functions)
        if (f.isEntry && f.hasBody) decode(f);
    } catch (...) {
      unloadModule(context, *result);
      throw;
    }
    return std::move(result);
  }

private:
  static bool hasStorage(const Variable &v) { return v.space == Space::Global || v.space == Space::Const; }

  void place(const Variable &v) {
    if (!hasStorage(v)) return;
    if (v.isExtern) throw LoadFailure{Result::InvalidPtx, v.line, "unresolved extern variable '" + v.name + "'"};
    const auto kind = v.space == Space::Const ? Allocation::Kind::ConstVariable : Allocation::Kind::GlobalVariable;
    const Allocation *a = context.memory->allocate(std::max<std::uint64_t>(v.bytes, 1), kind, v.name);
    if (!a) throw LoadFailure{Result::OutOfMemory, v.line, "no memory for variable '" + v.name + "'"};
    symbols[v.name] = {v.space, a->base};
    result->globals[v.name] = {a->base, v.bytes};
    if (v.space == Space::Const) result->constBytes += v.bytes;
  }

  void initialise(const Variable &v) {
    if (!hasStorage(v)) return;
    Allocation *a = context.memory->findLive(symbols[v.name].address);
    if (!v.initialiser.empty()) std::memcpy(a->data, v.initialiser.data(), v.initialiser.size());
    for (const Variable::Relocation &r : v.relocations) {
      const auto found = symbols.find(r.symbol);
      if (found == symbols.end())
        throw LoadFailure{Result::InvalidPtx, v.line,
                          "initialiser of '" + v.name + "' names the unknown variable '" + r.symbol + "'"};
      const std::uint64_t address = found->second.address + static_cast<std::uint64_t>(r.addend);
      std::memcpy(a->data + r.at, &address, sizeof address);
    }
    if (a->shadow) std::memset(a->shadow, shadowSet, a->bytes); // without an initialiser a variable is zero
  }

  void decode(const Function &f) {
    auto decoded = decodeKernel(parsed, f, symbols, lines);
    if (auto *error = std::get_if<SourceError>(&decoded))
      throw LoadFailure{Result::InvalidPtx, error->line, error->message};
    auto function = std::make_unique<cuda::FunctionHandle>();
    function->module = result.get();
    function->program = limited(std::move(std::get<0>(decoded)), f);
    function->clusterMustBeSet = function->program->explicitCluster;
    if (!result->functions.emplace(f.name, std::move(function)).second)
      throw LoadFailure{Result::InvalidPtx, f.line, "kernel '" + f.name + "' is defined twice"};
  }

  // The estimate is what a compiler without limits would need; the kernel's own limit goes before the caller's, and a
  // promise about the block's threads leaves no more than its share to each.
  std::unique_ptr<Program> limited(std::unique_ptr<Program> program, const Function &f) const {
    std::uint64_t limit = f.maxRegisters != 0 ? f.maxRegisters : settings.maxRegisters;
    if (limit == 0) limit = 255;
    const auto &promised = program->requiredThreads[0] != 0 ? program->requiredThreads : program->maxThreads;
    const std::uint64_t threads = std::uint64_t{promised[0]} * promised[1] * promised[2];
    if (threads != 0) limit = std::min<std::uint64_t>(limit, std::max<std::uint64_t>(32, 65536 / threads / 8 * 8));
    program->registersPerThread = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(program->registersPerThread, std::max<std::uint64_t>(limit, 16)));
    return program;
  }

  cuda::ContextHandle &context;
  const Module &parsed;
  const JitSettings &settings;
  std::shared_ptr<const std::vector<std::string>> lines;
  SymbolTable symbols;
  std::unique_ptr<cuda::ModuleHandle> result = std::make_unique<cuda::ModuleHandle>();
};

} // namespace

LoadOutcome loadModule(cuda::ContextHandle &context, std::string_view ptx, const JitSettings &given) {
  LoadOutcome outcome;
  const auto fail = [&](Result result, std::uint32_t line, const std::string &message) {
    outcome.result = result;
    outcome.errorLog = logLine(line, message);
  };
  JitSettings settings = given;
  if (settings.maxRegisters == 0) settings.maxRegisters = linkedRegisterLimit(ptx);
  const auto parsed = linkImage(ptx);
  if (const auto *error = std::get_if<SourceError>(&parsed)) {
    fail(Result::InvalidPtx, error->line, error->message);
    return outcome;
  }
  const Module &module = std::get<0>(parsed);
  try {
    checkTarget(module, *context.spec);
    outcome.module = Loader(context, module, settings).run();
    if (module.versionMajor * 10 + module.versionMinor > newestPtx)
      outcome.warning = "warning: PTX version " + std::to_string(module.versionMajor) + "." +
                        std::to_string(module.versionMinor) + " is newer than 9.0, the newest known";
    if (!outcome.warning.empty()) outcome.infoLog += outcome.warning + "\n";
    for (const auto &[name, f] : outcome.module->functions)
      outcome.infoLog += "kernel '" + name + "': " + std::to_string(f->program->registersPerThread) +
                         " registers (estimate), " + std::to_string(f->program->staticSharedBytes) + " bytes shared, " +
                         std::to_string(f->program->localBytes) + " bytes local\n";
  } catch (const LoadFailure &failure) {
    fail(failure.result, failure.line, failure.message);
  }
  return outcome;
}

void unloadModule(cuda::ContextHandle &context, cuda::ModuleHandle &module) {
  for (const auto &[name, global] : module.globals) context.memory->free(global.address);
  module.globals.clear();
}

} // namespace sage::sim
