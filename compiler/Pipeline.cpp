// The whole way from the tile dialect to PTX, in one list: `stages` below. Everything else here runs that list.
#include "Pipeline.h"

#include "compiler/nvidia/EmitPtx.h"
#include "compiler/nvidia/LowerTiles.h"
#include "compiler/passes/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;

namespace sage {
namespace {

std::unique_ptr<Pass> canonicalize() { return createCanonicalizerPass(); }
std::unique_ptr<Pass> mergeCommon() { return createCSEPass(); }

class Run {
public:
  Run(ModuleOp module, const PipelineOptions &options, PipelineResult &result)
      : module(module), options(options), result(result), emitter(module, *options.target) {}

  struct Stage {
    const char *name;
    const char *suffix;
    LogicalResult (Run::*run)();
  };
  static const std::vector<Stage> stages;

  LogicalResult all();

private:
  ModuleOp module;
  const PipelineOptions &options;
  PipelineResult &result;
  nvidia::PtxEmitter emitter;
  std::string ptx;

  LogicalResult tileProgram();
  LogicalResult simplify() { return passes({canonicalize, mergeCommon}); }
  LogicalResult chooseLayouts() {
    return passes({[] { return createChooseLayouts(); }, mergeCommon});
  }
  LogicalResult stageLoads() {
    return passes({[] { return createStageLoads(); }, canonicalize, mergeCommon});
  }
  LogicalResult placeShared();
  LogicalResult guardHazards() {
    return passes({[] { return createGuardHazards(); }, [] { return createCheckHazards(); }});
  }
  LogicalResult lowerToNvvm() { return passes({nvidia::createLowerTilesPass}); }
  LogicalResult lowerToLlvm();
  LogicalResult translate() { return emitter.translate(); }
  LogicalResult optimize() { return emitter.optimize(), success(); }
  LogicalResult emitPtx();

  LogicalResult passes(ArrayRef<std::function<std::unique_ptr<Pass>()>> create);
  std::string textOf(const Stage &stage);
  LogicalResult dump(size_t number, const Stage &stage);
};

// Name, suffix of its dump, and what it does. Warp roles (Hopper) go between "staged" and "placed", the order of
// asynchronous products after them.
const std::vector<Run::Stage> Run::stages = {
    {"tile", "mlir", &Run::tileProgram},      // the program as written, specialised, with the schedule on the kernel
    {"simplified", "mlir", &Run::simplify},   // constants folded, common subexpressions merged
    {"layouts", "mlir", &Run::chooseLayouts}, // every tile has a layout
    {"staged", "mlir", &Run::stageLoads},     // operands come through rings in shared memory, ahead of time
    {"placed", "mlir", &Run::placeShared},    // buffers have offsets
    {"guarded", "mlir", &Run::guardHazards},  // barriers inserted, every pair of accesses checked
    {"nvvm", "mlir", &Run::lowerToNvvm},      // scalars of one thread; mma, ldmatrix, cp.async
    {"llvm", "mlir", &Run::lowerToLlvm},      // the LLVM dialect
    {"llvm-ir", "ll", &Run::translate},       // LLVM IR
    {"optimized", "ll", &Run::optimize},      // after LLVM's passes (nvidia/EmitPtx.cpp lists them)
    {"ptx", "ptx", &Run::emitPtx},            // PTX text
};

LogicalResult Run::all() {
  for (auto [number, stage] : llvm::enumerate(stages)) {
    auto start = std::chrono::steady_clock::now();
    if (failed((this->*stage.run)())) return failure();
    std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    result.times.push_back({stage.name, time.count()});
    if (!options.dumpDirectory.empty() && failed(dump(number, stage))) return failure();
    if (options.emit == stage.name) {
      result.stage = stage.name;
      result.text = textOf(stage);
      return success();
    }
  }
  return module.emitError() << "there is no stage '" << options.emit << "'";
}

// The schedule becomes attributes of the kernel, where the passes read it.
LogicalResult Run::tileProgram() {
  Builder builder(module.getContext());
  module.walk([&](func::FuncOp function) {
    function->setAttr(tile::warpsAttr, builder.getI64IntegerAttr(options.schedule.warps));
    function->setAttr(tile::stagesAttr, builder.getI64IntegerAttr(options.schedule.stages));
    if (options.schedule.queriesInRegisters) function->setAttr(tile::operandAInRegistersAttr, builder.getUnitAttr());
  });
  return verify(module);
}

LogicalResult Run::placeShared() {
  if (failed(passes({[] { return createPlaceShared(); }}))) return failure();
  module.walk([&](func::FuncOp function) {
    result.sharedBytes = function->getAttrOfType<IntegerAttr>(tile::sharedBytesAttr).getInt();
  });
  int64_t available = options.target->maxSharedBytesPerBlock;
  if (result.sharedBytes <= available) return success();
  return module.emitError() << "the kernel needs " << result.sharedBytes << " bytes of shared memory, "
                            << options.target->name << " has " << available
                            << " for a block: choose a smaller schedule.block_q, schedule.block_k or schedule.stages";
}

LogicalResult Run::lowerToLlvm() {
  LogicalResult lowered =
      passes({[] { return createSCFToControlFlowPass(); }, [] { return createConvertMathToLLVMPass(); },
              [] { return createArithToLLVMConversionPass(); }, [] { return createConvertControlFlowToLLVMPass(); },
              [] { return createConvertFuncToLLVMPass(); }, [] { return createConvertNVVMToLLVMPass(); },
              [] { return createReconcileUnrealizedCastsPass(); }});
  nvidia::markKernels(module);
  if (failed(lowered) || !options.lineinfo) return lowered;
  return passes({[] { return LLVM::createDIScopeForLLVMFuncOpPass({LLVM::DIEmissionKind::DebugDirectivesOnly}); }});
}

LogicalResult Run::emitPtx() {
  FailureOr<std::string> text = emitter.emit();
  if (succeeded(text)) ptx = *text;
  return text;
}

LogicalResult Run::passes(ArrayRef<std::function<std::unique_ptr<Pass>()>> create) {
  PassManager manager(module.getContext());
  for (auto &make : create) {
    std::unique_ptr<Pass> pass = make();
    if (pass->getOpName() == func::FuncOp::getOperationName())
      manager.addNestedPass<func::FuncOp>(std::move(pass));
    else
      manager.addPass(std::move(pass));
  }
  return manager.run(module);
}

std::string Run::textOf(const Stage &stage) {
  if (StringRef(stage.suffix) == "ptx") return ptx;
  if (StringRef(stage.suffix) == "ll") return emitter.irText();
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

LogicalResult Run::dump(size_t number, const Stage &stage) {
  std::string path = llvm::formatv("{0}/{1,0+2}-{2}.{3}", options.dumpDirectory, number, stage.name, stage.suffix);
  std::error_code error;
  if (number == 0)
    error = llvm::sys::fs::create_directories(options.dumpDirectory, /*IgnoreExisting=*/true, llvm::sys::fs::all_all);
  if (!error)
    // Under a temporary name first, so that a full disk leaves no half-written stage.
    error = llvm::errorToErrorCode(llvm::writeToOutput(path, [&](llvm::raw_ostream &file) {
      file << textOf(stage);
      file.flush();
      auto &output = static_cast<llvm::raw_fd_ostream &>(file);
      std::error_code written = output.error();
      output.clear_error();
      return llvm::errorCodeToError(written);
    }));
  return error ? module.emitError() << "cannot write " << path << ": " << error.message() : success();
}

} // namespace

std::vector<std::string> stageNames() {
  std::vector<std::string> names;
  for (const Run::Stage &stage : Run::stages) names.push_back(stage.name);
  return names;
}

LogicalResult runPipeline(ModuleOp module, const PipelineOptions &options, PipelineResult &result) {
  return Run(module, options, result).all();
}

void registerPipelineDialects(DialectRegistry &registry) {
  registry.insert<tile::TileDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect, func::FuncDialect,
                  cf::ControlFlowDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  nvidia::registerTranslations(registry);
}

void registerPipelinePasses() {
  registerSagePasses();
  registerPass(nvidia::createLowerTilesPass);
  registerCanonicalizerPass();
  registerCSEPass();
}

} // namespace sage
