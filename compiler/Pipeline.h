// From a lowered tile program to PTX: the list of stages, and a run over them.
#pragma once

#include "compiler/Schedule.h"

#include "mlir/IR/BuiltinOps.h"

namespace sage {

struct PipelineOptions {
  const Target *target = nullptr;
  Schedule schedule;
  std::string emit = "ptx";  // the stage to stop after
  bool lineinfo = false;     // .loc directives that lead back to the tile program
  std::string dumpDirectory; // where every stage is written, numbered; empty: nowhere
};

struct StageTime {
  std::string stage;
  double ms;
};

struct PipelineResult {
  std::string stage, text; // of the stage asked for
  std::vector<StageTime> times;
  int64_t sharedBytes = 0; // once shared memory is placed
};

// Names of the stages, in order.
std::vector<std::string> stageNames();

// Runs the stages on `module`, which holds one kernel without layouts. What goes wrong is a diagnostic of the module's
// context.
mlir::LogicalResult runPipeline(mlir::ModuleOp module, const PipelineOptions &options, PipelineResult &result);

// What every context needs that runs the pipeline, or a part of it.
void registerPipelineDialects(mlir::DialectRegistry &registry);
// Makes all passes of the pipeline known by name, for textual pipelines. Once a process.
void registerPipelinePasses();

} // namespace sage
