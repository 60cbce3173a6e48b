// The C interface: JSON in, JSON out (docs/artifact.md). Reads the request, calls the front end and the pipeline, and
// turns every complaint, theirs and its own, into the response's diagnostics. No exception and no abort leaves this
// file.
#include "sage/compiler/Compiler.h"

#include "compiler/Artifact.h"
#include "compiler/dsl/Lowering.h"
#include "compiler/dsl/Program.h"
#include "compiler/nvidia/EmitPtx.h"
#include "compiler/nvidia/InlineKernels.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <mutex>

namespace sage {
namespace {

using nlohmann::json;

// A fault of the request, found by this file.
struct Invalid {
  std::string message;
};

class Request {
public:
  explicit Request(json request) : request(std::move(request)) {}

  // Fills `response`; returns the C interface's code.
  int run();
  json response = {{"status", "ok"}, {"diagnostics", json::array()}};

private:
  json request;
  dsl::Diagnostics programDiagnostics;

  void compile();
  void check();
  void runPasses();
  void emitInlineKernels(mlir::ModuleOp module);
  const Target &target();
  Target targetWithPtxVersion();
  std::string text(const json &object, const char *key, std::optional<std::string> fallback = std::nullopt);
  std::optional<dsl::Program> parse(const json &program);
  json addTimes(double parseMs, const PipelineResult &result);
  void addDiagnostic(const char *severity, const std::string &message, const std::string &file = "", unsigned line = 0,
                     unsigned column = 0, const std::string &rendered = "");
  void addMlirDiagnostic(mlir::Diagnostic &diagnostic);
  void addProgramDiagnostics();
  bool failed() const;
};

double msSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

mlir::DialectRegistry &registry() {
  static mlir::DialectRegistry registry;
  static std::once_flag once;
  std::call_once(once, [] {
    registerPipelineDialects(registry);
    registerPipelinePasses();
  });
  return registry;
}

// Where an MLIR diagnostic points to in a program's text.
std::optional<mlir::FileLineColLoc> findFileLocation(mlir::Location location) {
  std::optional<mlir::FileLineColLoc> found;
  location->walk([&](mlir::Location inner) {
    if (auto file = mlir::dyn_cast<mlir::FileLineColLoc>(inner)) {
      found = file;
      return mlir::WalkResult::interrupt();
    }
    return mlir::WalkResult::advance();
  });
  return found;
}

void Request::addDiagnostic(const char *severity, const std::string &message, const std::string &file, unsigned line,
                            unsigned column, const std::string &rendered) {
  std::string place = file.empty() ? ""
                      : line       ? file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": "
                                   : file + ": ";
  json entry = {{"severity", severity},
                {"message", message},
                {"rendered", rendered.empty() ? place + severity + ": " + message + "\n" : rendered}};
  if (!file.empty()) entry.update({{"file", file}, {"line", line}, {"column", column}});
  response["diagnostics"].push_back(entry);
}

void Request::addMlirDiagnostic(mlir::Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error) return;
  if (auto place = findFileLocation(diagnostic.getLocation()))
    addDiagnostic("error", diagnostic.str(), place->getFilename().str(), place->getLine(), place->getColumn());
  else
    addDiagnostic("error", diagnostic.str());
}

void Request::addProgramDiagnostics() {
  for (const dsl::Diagnostic &diagnostic : programDiagnostics.all())
    addDiagnostic(dsl::severityName(diagnostic.severity), diagnostic.text, diagnostic.file, diagnostic.line,
                  diagnostic.column, diagnostic.render());
}

bool Request::failed() const {
  for (const json &diagnostic : response["diagnostics"])
    if (diagnostic["severity"] == "error") return true;
  return false;
}

std::string Request::text(const json &object, const char *key, std::optional<std::string> fallback) {
  auto it = object.find(key);
  if (it == object.end() && fallback) return *fallback;
  if (it == object.end() || !it->is_string()) throw Invalid{std::string("the request needs a string '") + key + "'"};
  return it->get<std::string>();
}

const Target &Request::target() {
  std::string name = text(request, "arch");
  if (const Target *found = findTarget(name)) return *found;
  throw Invalid{"unknown arch '" + dsl::printable(name) + "'; known are " + targetNames()};
}

// The request's target; a kernel that uses newer instructions may ask for a later version of PTX than the oldest.
Target Request::targetWithPtxVersion() {
  Target result = target();
  std::string wanted = text(request, "ptx_version", std::string(result.ptxVersion));
  const std::vector<std::string_view> &known = ptxVersions();
  auto it = std::find(known.begin(), known.end(), wanted);
  if (it == known.end() || *it < result.ptxVersion)
    throw Invalid{"ptx_version '" + dsl::printable(wanted) + "' cannot be written for " + std::string(result.name) +
                  "; " + std::string(result.ptxVersion) + " to " + std::string(known.back()) + " can"};
  result.ptxVersion = *it;
  return result;
}

std::optional<dsl::Program> Request::parse(const json &program) {
  if (!program.is_object()) throw Invalid{"the request's program must be an object with 'name' and 'text'"};
  return dsl::parseProgram(text(program, "name"), text(program, "text"), programDiagnostics);
}

void Request::check() {
  std::optional<dsl::Program> program = parse(request["check"]);
  if (program) dsl::checkProgram(*program, programDiagnostics);
}

KernelTraits traitsOf(const dsl::Definition &kernel, const json &parameters) {
  KernelTraits traits;
  bool hasQ = false, hasK = false;
  for (const auto &parameter : kernel.parameters) {
    hasQ |= parameter.name == "BQ";
    hasK |= parameter.name == "BK";
  }
  traits.attention = hasQ && hasK;
  if (auto it = parameters.find("D"); it != parameters.end() && it->is_number_integer())
    traits.headDim = it->get<int64_t>();
  if (auto it = parameters.find("QK"); it != parameters.end() && *it == "i8") traits.elementBits = 8;
  return traits;
}

void Request::compile() {
  auto start = std::chrono::steady_clock::now();
  PipelineOptions options;
  options.target = &target();
  options.emit = text(request, "emit", "ptx");
  options.dumpDirectory = text(request, "dump_stages", "");
  json lineinfo = request.value("lineinfo", json(false));
  if (!lineinfo.is_boolean()) throw Invalid{"the request's lineinfo must be true or false"};
  options.lineinfo = lineinfo.get<bool>();
  std::vector<std::string> stages = stageNames();
  if (std::find(stages.begin(), stages.end(), options.emit) == stages.end()) {
    std::string known;
    for (const std::string &stage : stages) known += (known.empty() ? "" : ", ") + stage;
    throw Invalid{"unknown stage '" + dsl::printable(options.emit) + "'; known are " + known};
  }
  json parameterValues = request.value("parameters", json::object());
  if (!parameterValues.is_object()) throw Invalid{"the request's parameters must be an object"};

  std::optional<dsl::Program> program = parse(request.value("program", json()));
  if (!program || !dsl::checkProgram(*program, programDiagnostics)) return;
  const dsl::Definition *kernel = dsl::findKernel(*program, text(request, "kernel", ""), programDiagnostics);
  if (!kernel) return;
  KernelTraits traits = traitsOf(*kernel, parameterValues);
  options.schedule = defaultSchedule(*options.target, traits);
  if (auto complaint = overrideSchedule(options.schedule, request.value("schedule", json::object())))
    throw Invalid{*complaint};
  auto parameters = dsl::bindParameters(
      *program, *kernel, parameterValues,
      {{"BQ", options.schedule.blockQ}, {"BK", options.schedule.blockK}, {"BN", options.schedule.blockN}},
      programDiagnostics);
  if (!parameters) return;

  mlir::MLIRContext context(registry(), mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { addMlirDiagnostic(diagnostic); });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      dsl::lowerProgram(*program, *kernel, *parameters, context, programDiagnostics);
  if (!module || programDiagnostics.hasErrors()) return;
  ArtifactFacts facts;
  facts.program = program->source().name();
  facts.target = options.target;
  facts.warps = options.schedule.warps;
  facts.parameters = dsl::toJson(*parameters);
  facts.schedule = toJson(options.schedule, traits);
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    facts.entry = function.getName().str();
    facts.signature = signatureOf(function);
  }
  PipelineResult result;
  double parseMs = msSince(start);
  if (mlir::failed(runPipeline(*module, options, result))) return;
  facts.sharedBytes = result.sharedBytes;
  response["stage"] = result.stage;
  response["text"] = result.text;
  response["metadata"] = makeMetadata(facts, result.text);
  response["timings_ms"] = addTimes(parseMs, result);
}

json Request::addTimes(double parseMs, const PipelineResult &result) {
  json times = {{{"stage", "parse"}, {"ms", parseMs}}};
  for (const StageTime &time : result.times) times.push_back({{"stage", time.stage}, {"ms", time.ms}});
  return times;
}

void Request::runPasses() {
  mlir::MLIRContext context(registry(), mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { addMlirDiagnostic(diagnostic); });
  // MLIR's parser recurses at each region; a text nested without end would overflow the stack.
  std::string source = text(request, "mlir");
  constexpr int deepest = 256;
  int depth = 0;
  for (char c : source)
    if ((depth += (c == '{') - (c == '}')) > deepest)
      throw Invalid{"mlir: regions nest deeper than " + std::to_string(deepest)};
  mlir::ParserConfig config(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(source, config, text(request, "name", "input.mlir"));
  if (!module) return;
  std::string emit = text(request, "emit", "mlir"), complaint;
  if (emit != "mlir" && emit != "ptx")
    throw Invalid{"unknown emit '" + dsl::printable(emit) + "'; known are mlir, ptx"};
  llvm::raw_string_ostream complaints(complaint);
  mlir::FailureOr<mlir::OpPassManager> pipeline =
      mlir::parsePassPipeline(text(request, "passes", "builtin.module()"), complaints);
  if (mlir::failed(pipeline)) throw Invalid{"passes: " + complaint};
  mlir::PassManager manager(&context);
  static_cast<mlir::OpPassManager &>(manager) = *pipeline;
  if (mlir::failed(manager.run(*module))) return;
  if (emit == "ptx") return emitInlineKernels(*module);
  std::string result;
  llvm::raw_string_ostream stream(result);
  module->print(stream);
  response["text"] = result;
}

void Request::emitInlineKernels(mlir::ModuleOp module) {
  Target target = targetWithPtxVersion();
  std::string feature = "+ptx";
  for (char c : target.ptxVersion)
    if (c != '.') feature += c;
  target.ptxFeature = feature;
  if (mlir::failed(nvidia::checkInlineKernels(module))) return;
  nvidia::PtxEmitter emitter(module, target);
  if (mlir::failed(emitter.translate())) return;
  emitter.optimize();
  mlir::FailureOr<std::string> ptx = emitter.emit();
  if (mlir::succeeded(ptx)) response.update({{"text", *ptx}, {"stage", "ptx"}});
}

int Request::run() {
  try {
    if (!request.is_object()) throw Invalid{"the request is not a JSON object"};
    if (request.contains("check"))
      check();
    else if (request.contains("mlir"))
      runPasses();
    else
      compile();
  } catch (const Invalid &invalid) {
    addDiagnostic("error", invalid.message);
  } catch (const std::exception &error) {
    addDiagnostic("error", std::string("internal error: ") + error.what());
    response["status"] = "internal";
    return SAGE_COMPILE_INTERNAL;
  }
  addProgramDiagnostics();
  bool hasAnswer = response.contains("text") || request.contains("check");
  if (!failed() && hasAnswer) return SAGE_COMPILE_OK;
  if (!failed()) {
    addDiagnostic("error", "internal error: the compiler stopped without saying why");
    response["status"] = "internal";
    return SAGE_COMPILE_INTERNAL;
  }
  response["status"] = "invalid";
  for (const char *key : {"text", "metadata", "stage"}) response.erase(key);
  return SAGE_COMPILE_INVALID;
}

} // namespace
} // namespace sage

namespace {

// The answer in memory that a C caller can free; null when there is none left.
char *copyOf(const std::string &text, size_t *size) {
  char *copy = static_cast<char *>(malloc(text.size() + 1));
  if (!copy) return nullptr;
  memcpy(copy, text.c_str(), text.size() + 1);
  if (size) *size = text.size();
  return copy;
}

} // namespace

int sageCompile(const char *requestText, size_t requestSize, char **responseText, size_t *responseSize) {
  try {
    sage::Request request(
        nlohmann::json::parse(requestText, requestText + requestSize, nullptr, /*allow_exceptions=*/false));
    int code = request.run();
    *responseText =
        copyOf(request.response.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), responseSize);
    return *responseText ? code : SAGE_COMPILE_INTERNAL;
  } catch (const std::exception &) { // out of memory; no exception may cross into C
    *responseText = copyOf(R"({"status":"internal","diagnostics":[{"severity":"error","message":"out of memory",)"
                           R"("rendered":"error: out of memory\n"}]})",
                           responseSize);
    return SAGE_COMPILE_INTERNAL;
  }
}

void sageCompilerFree(char *response) { free(response); }

const char *sageCompilerId(void) { return sage::compilerId(); }
