// The compiler behind its C interface: requests and responses as JSON, diagnostics as Status.
#include "sage/runtime/Compiler.h"

#include "runtime/compiler/JsonFields.h"
#include "runtime/config/JsonText.h"
#include "sage/runtime/Environment.h"

#include <chrono>
#include <dlfcn.h>
#include <nlohmann/json.hpp>

namespace sage {

using nlohmann::json;

struct CompilerLibrary::Entry {
  int (*compile)(const char *, std::size_t, char **, std::size_t *) = nullptr;
  void (*free)(char *) = nullptr;
  const char *(*id)() = nullptr;
};

namespace {

std::string dump(const json &value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json values(const std::map<std::string, std::string> &texts) {
  json result = json::object();
  for (const auto &[key, text] : texts) {
    Result<json> value = parseJson(text);
    result[key] = value.ok() ? *std::move(value) : json(text);
  }
  return result;
}

std::vector<Diagnostic> parseDiagnostics(const json &response) {
  std::vector<Diagnostic> result;
  auto found = response.find("diagnostics");
  if (found == response.end() || !found->is_array()) return result;
  for (const json &item : *found) {
    if (!item.is_object()) continue;
    auto text = [&](const char *key) { return stringField(item, key); };
    auto number = [&](const char *key) { return integerField(item, key, 0, INT32_MAX); };
    Diagnostic diagnostic;
    if (auto value = text("severity"); value.ok()) diagnostic.severity = *value;
    if (auto value = text("file"); value.ok()) diagnostic.file = *value;
    if (auto value = text("message"); value.ok()) diagnostic.message = *value;
    if (auto value = text("rendered"); value.ok()) diagnostic.rendered = *value;
    if (auto value = number("line"); value.ok()) diagnostic.line = int(*value);
    if (auto value = number("column"); value.ok()) diagnostic.column = int(*value);
    result.push_back(std::move(diagnostic));
  }
  return result;
}

std::string renderDiagnostics(const std::vector<Diagnostic> &diagnostics) {
  std::string text;
  for (const Diagnostic &diagnostic : diagnostics) {
    std::string shown = diagnostic.rendered;
    if (shown.empty()) shown = diagnostic.severity + ": " + diagnostic.message;
    while (shown.ends_with('\n')) shown.pop_back();
    // Whoever prints the message says that it is an error; one without a place would say so twice.
    if (text.empty() && diagnostic.severity == "error" && shown.starts_with("error: ")) shown.erase(0, 7);
    text += (text.empty() ? "" : "\n") + shown;
  }
  return text.empty() ? "the compiler failed without a diagnostic" : text;
}

std::vector<StageTime> parseTimings(const json &response) {
  std::vector<StageTime> result;
  auto found = response.find("timings_ms");
  if (found == response.end() || !found->is_array()) return result;
  for (const json &item : *found) {
    Result<std::string> stage = stringField(item, "stage");
    if (stage.ok() && item.contains("ms") && item["ms"].is_number())
      result.push_back({*std::move(stage), item["ms"].get<double>()});
  }
  return result;
}

} // namespace

std::string valueAsJson(std::string_view text) {
  Result<json> value = parseJson(text);
  return dump(value.ok() ? *value : json(std::string(text)));
}

std::string CompileRequest::json() const {
  nlohmann::json request = {{"program", {{"name", programName}, {"text", programText}}},
                            {"parameters", values(parameters)},
                            {"schedule", values(schedule)},
                            {"arch", arch},
                            {"emit", emit},
                            {"lineinfo", lineinfo}};
  if (!kernel.empty()) request["kernel"] = kernel;
  if (!dumpStages.empty()) request["dump_stages"] = dumpStages;
  if (timePasses) request["time_passes"] = true;
  return dump(request);
}

Result<CompilerRef> CompilerLibrary::open(const std::string &given) {
  std::string path = given.empty() ? readEnvironment().compiler : given;
  if (path.empty()) path = runtimeDirectory() + "/libsage_compiler.so";
  // Never unloaded: LLVM's static state does not survive a dlclose.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char *reason = dlerror();
    return invalidInput("cannot load the compiler " + path + ": " + (reason ? reason : "unknown reason") +
                        "; it belongs next to libsage_runtime.so, and SAGEC_COMPILER names another place");
  }
  CompilerRef result(new CompilerLibrary);
  result->entry = std::make_unique<Entry>();
  result->pathText = path;
  Entry &entry = *result->entry;
  entry.compile = reinterpret_cast<decltype(entry.compile)>(dlsym(library, "sageCompile"));
  entry.free = reinterpret_cast<decltype(entry.free)>(dlsym(library, "sageCompilerFree"));
  entry.id = reinterpret_cast<decltype(entry.id)>(dlsym(library, "sageCompilerId"));
  if (!entry.compile || !entry.free || !entry.id)
    return invalidInput(path + " is not a sage compiler: it lacks sageCompile, sageCompilerFree or sageCompilerId");
  const char *id = entry.id();
  result->idText = id ? id : "";
  return result;
}

CompilerLibrary::~CompilerLibrary() = default;

Result<std::string> CompilerLibrary::call(const std::string &request) const {
  char *raw = nullptr;
  std::size_t size = 0;
  const int code = entry->compile(request.data(), request.size(), &raw, &size);
  const std::string response(raw ? raw : "", raw ? size : 0);
  entry->free(raw);
  if (code == 0) return response;
  SAGE_ASSIGN(const json parsed, parseJson(response).context("response of the compiler"));
  return Status(code == 1 ? Code::InvalidInput : Code::Internal, renderDiagnostics(parseDiagnostics(parsed)));
}

Result<CompileResponse> CompilerLibrary::compile(const CompileRequest &request) const {
  SAGE_ASSIGN(const std::string text, call(request.json()));
  Result<json> parsed = parseJson(text);
  if (!parsed.ok() || !parsed->is_object()) return internalError("the compiler's response is not a JSON object");
  CompileResponse response;
  auto field = [&](const char *key) { return stringField(*parsed, key); };
  Result<std::string> stage = field("stage"), output = field("text");
  if (!output.ok()) return internalError("the compiler's response: " + output.status().message());
  if (stage.ok()) response.stage = *std::move(stage);
  response.text = *std::move(output);
  if (auto found = parsed->find("metadata"); found != parsed->end() && found->is_object())
    response.metadataJson = dump(*found);
  response.diagnostics = parseDiagnostics(*parsed);
  response.timings = parseTimings(*parsed);
  return response;
}

Result<Artifact> CompilerLibrary::compileArtifact(const CompileRequest &request) const {
  const auto start = std::chrono::steady_clock::now();
  CompileRequest toPtx = request;
  toPtx.emit = "ptx";
  SAGE_ASSIGN(CompileResponse response, compile(toPtx));
  Artifact artifact;
  Result<KernelMetadata> metadata = KernelMetadata::parse(response.metadataJson);
  if (!metadata.ok())
    return internalError("the compiler's answer for '" + request.kernel + "': " + metadata.status().message());
  artifact.ptx = std::move(response.text);
  artifact.metadataJson = std::move(response.metadataJson);
  artifact.metadata = *std::move(metadata);
  artifact.compileMs = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return artifact;
}

Status CompilerLibrary::check(const std::string &programName, const std::string &programText) const {
  return call(dump({{"check", {{"name", programName}, {"text", programText}}}})).status();
}

} // namespace sage
