// From the LLVM dialect to PTX text: translation, the few LLVM passes that help, and the NVPTX backend.
#pragma once

#include "compiler/Target.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace sage::nvidia {

// One module on its way through LLVM. Failures are diagnostics of the MLIR context.
class PtxEmitter {
public:
  PtxEmitter(mlir::ModuleOp module, const Target &target);
  ~PtxEmitter();

  mlir::LogicalResult translate();
  void optimize();
  std::string irText() const;
  mlir::FailureOr<std::string> emit();

private:
  mlir::ModuleOp source;
  const Target &target;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

// What translation needs to know of the dialects.
void registerTranslations(mlir::DialectRegistry &registry);

} // namespace sage::nvidia
