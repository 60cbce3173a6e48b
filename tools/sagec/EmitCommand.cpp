// sagec emit: kernels of a config, or of a tile program with its parameters bound by --set, as files. All are compiled
// before any is written.
#include "Commands.h"
#include "Output.h"
#include "reference/AtomicFile.h"
#include "sage/runtime/Attention.h"
#include "sage/runtime/Compiler.h"
#include "sage/runtime/Sources.h"

#include <filesystem>

namespace sage::cli {
namespace {

constexpr size_t maxProgramBytes = size_t(1) << 20; // the compiler takes no more
constexpr int64_t defaultHeadDim = 128;

// One kernel to emit: the name of its files, and what to compile.
struct Job {
  std::string name;
  CompileRequest request;
};

struct Emitted {
  std::string name, textPath, metadataPath;
  CompileResponse response;
};

Result<std::vector<Job>> configJobs(const EmitOptions &options) {
  SAGE_ASSIGN(Config config, Config::load(options.source, options.configs));
  for (const std::string &assignment : options.sets) SAGE_TRY(config.set(assignment).context("--set " + assignment));
  SAGE_TRY(config.validate());
  AttentionOptions attention{
      .arch = options.arch, .kernelsDirectory = options.kernels, .dumpStages = options.dumpStages};
  SAGE_ASSIGN(std::vector<AttentionKernel> kernels,
              attentionKernels(config, config.headDim.value_or(defaultHeadDim), attention));
  std::vector<Job> jobs;
  std::string roles;
  for (AttentionKernel &kernel : kernels) {
    roles += (roles.empty() ? "" : ", ") + kernel.role;
    if (options.kernel.empty() || options.kernel == kernel.role)
      jobs.push_back({kernel.role, std::move(kernel.request)});
  }
  if (jobs.empty())
    return invalidInput("--kernel " + options.kernel + ": " + config.name + " has no such kernel; it has " + roles);
  return jobs;
}

Result<std::vector<Job>> programJobs(const EmitOptions &options) {
  constexpr std::string_view schedulePrefix = "schedule.";
  CompileRequest request;
  SAGE_ASSIGN(request.programText, readTextFile(options.source, maxProgramBytes));
  request.programName = options.source;
  request.kernel = options.kernel;
  request.arch = options.arch;
  for (const std::string &assignment : options.sets) {
    size_t equals = assignment.find('=');
    std::string key = assignment.substr(0, equals), value = valueAsJson(assignment.substr(equals + 1));
    if (key.starts_with(schedulePrefix))
      request.schedule[key.substr(schedulePrefix.size())] = value;
    else
      request.parameters[key] = value;
  }
  std::string name = options.kernel.empty() ? std::filesystem::path(options.source).stem().string() : options.kernel;
  if (!options.dumpStages.empty()) request.dumpStages = (std::filesystem::path(options.dumpStages) / name).string();
  return std::vector<Job>{{name, std::move(request)}};
}

// LLVM IR, PTX, or MLIR, by the name of the stage.
std::string extension(const std::string &stage) {
  if (stage == "ptx") return ".ptx";
  bool llvmIr = stage == "llvm-ir" || stage == "optimized";
  return "." + stage + (llvmIr ? ".ll" : ".mlir");
}

Result<std::vector<Emitted>> compileAll(const EmitOptions &options, std::vector<Job> jobs) {
  SAGE_ASSIGN(CompilerRef compiler, CompilerLibrary::open(options.compiler));
  std::vector<Emitted> done;
  for (Job &job : jobs) {
    job.request.emit = options.stage;
    job.request.timePasses = options.timePasses;
    SAGE_ASSIGN(CompileResponse response, compiler->compile(job.request));
    std::filesystem::path base = std::filesystem::path(options.output) / job.name;
    // Metadata describes PTX; beside another stage it would pass for that of an older KERNEL.ptx.
    std::string metadataPath = options.stage == "ptx" ? base.string() + ".json" : "";
    done.push_back({job.name, base.string() + extension(options.stage), metadataPath, std::move(response)});
  }
  return done;
}

Status writeAll(const EmitOptions &options, const std::vector<Emitted> &kernels) {
  std::error_code error;
  std::filesystem::create_directories(options.output, error);
  if (error) return invalidInput(options.output + ": cannot make the directory: " + error.message());
  for (const Emitted &kernel : kernels) {
    std::string_view text[] = {kernel.response.text};
    SAGE_TRY(reference::writeFileAtomically(kernel.textPath, text));
    std::string_view metadata[] = {kernel.response.metadataJson, "\n"};
    if (!kernel.metadataPath.empty()) SAGE_TRY(reference::writeFileAtomically(kernel.metadataPath, metadata));
  }
  return {};
}

// The compiler times every stage anyway; they are shown to those who asked.
std::vector<StageTime> timings(const EmitOptions &options, const Emitted &kernel) {
  return options.timePasses ? kernel.response.timings : std::vector<StageTime>{};
}

Json emittedJson(const EmitOptions &options, const std::vector<Emitted> &kernels) {
  Json list = Json::array();
  for (const Emitted &kernel : kernels) {
    Json entry{{"kernel", kernel.name}, {"file", kernel.textPath}, {"bytes", kernel.response.text.size()}};
    if (!kernel.metadataPath.empty()) entry["metadata"] = kernel.metadataPath;
    for (const StageTime &time : timings(options, kernel))
      entry["timings_ms"].push_back({{"stage", time.stage}, {"ms", time.ms}});
    list.push_back(std::move(entry));
  }
  return Json{{"arch", options.arch}, {"stage", options.stage}, {"kernels", list}};
}

void talkTimings(const EmitOptions &options, const std::vector<Emitted> &kernels) {
  for (const Emitted &kernel : kernels)
    for (const StageTime &time : timings(options, kernel))
      talk(kernel.name + ": " + time.stage + " " + numberText(time.ms) + " ms");
}

} // namespace

Status emit(const EmitOptions &options) {
  SAGE_ASSIGN(std::vector<Job> jobs, isTileProgram(options.source) ? programJobs(options) : configJobs(options));
  SAGE_ASSIGN(std::vector<Emitted> kernels, compileAll(options, std::move(jobs)));
  SAGE_TRY(writeAll(options, kernels));
  for (const Emitted &kernel : kernels)
    for (const Diagnostic &diagnostic : kernel.response.diagnostics)
      talk(diagnostic.rendered.empty() ? diagnostic.message : diagnostic.rendered);
  if (options.format == Format::Json) return printJson(emittedJson(options, kernels));
  talkTimings(options, kernels);
  std::string paths;
  for (const Emitted &kernel : kernels)
    paths += kernel.textPath + "\n" + (kernel.metadataPath.empty() ? "" : kernel.metadataPath + "\n");
  return printData(paths);
}

} // namespace sage::cli
