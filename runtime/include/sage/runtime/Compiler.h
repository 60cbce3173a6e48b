// libsage_compiler.so, loaded on demand: text in, artifact out. The runtime has no other way to make a kernel, and
// never links LLVM.
#pragma once

#include "sage/runtime/Artifact.h"
#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sage {

/// One kernel to compile (docs/artifact.md, Request). Parameter and schedule values are JSON text: "64", "\"f16\"",
/// "{\"slab\":64,\"bits\":[]}".
struct CompileRequest {
  std::string programName, programText;
  std::string kernel; ///< may be empty when the program has one kernel
  std::map<std::string, std::string> parameters, schedule;
  std::string arch;
  std::string emit = "ptx"; ///< a stage of compiler/Pipeline.cpp
  std::string dumpStages;   ///< directory, or empty
  bool timePasses = false, lineinfo = false;

  /// The request as JSON, keys sorted: equal requests give equal texts.
  SAGE_API std::string json() const;
};

/// A value as a user writes it on a command line, as JSON text: what parses as JSON stays, anything else becomes a
/// string ("f16" → "\"f16\"").
SAGE_API std::string valueAsJson(std::string_view text);

struct Diagnostic {
  std::string severity, file, message, rendered;
  int line = 0, column = 0;
};

struct StageTime {
  std::string stage;
  double ms = 0;
};

/// What came back for a request that succeeded.
struct CompileResponse {
  std::string stage, text;
  std::string metadataJson; ///< empty for a stage that has none
  std::vector<Diagnostic> diagnostics;
  std::vector<StageTime> timings;
};

class CompilerLibrary;
using CompilerRef = std::shared_ptr<CompilerLibrary>;

class SAGE_API CompilerLibrary {
public:
  /// Empty path: SAGEC_COMPILER, or libsage_compiler.so next to libsage_runtime.so. Opened once per path and kept
  /// while used.
  static Result<CompilerRef> open(const std::string &path = {});
  ~CompilerLibrary();

  /// Any stage. The Status of a failure holds the rendered diagnostics.
  Result<CompileResponse> compile(const CompileRequest &request) const;
  /// To PTX, with checked metadata.
  Result<Artifact> compileArtifact(const CompileRequest &request) const;
  /// Parses and checks a program, generates nothing.
  Status check(const std::string &programName, const std::string &programText) const;
  /// A raw request and its raw response; the Status has the code that the compiler returned.
  Result<std::string> call(const std::string &requestJson) const;

  const std::string &id() const { return idText; }
  const std::string &path() const { return pathText; }

private:
  CompilerLibrary() = default;
  struct Entry;
  std::unique_ptr<Entry> entry;
  std::string idText, pathText;
};

} // namespace sage
