// The emitter that builds the tile dialect (Emitter.h says what each call means). Element-wise work is arith and math,
// control flow scf. No operation carries a fast-math flag: maxima keep NaN, divisions are exact.
#pragma once

#include "Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace sage::dsl {

class TileEmitter final : public Emitter {
public:
  TileEmitter(const Source &source, mlir::ModuleOp module)
      : source_(source), module_(module), builder_(module.getContext()), location_(builder_.getUnknownLoc()) {}

  bool generates() const override { return true; }
  void at(Location where, const std::vector<Location> &calls) override;

  KernelValues beginKernel(const KernelSignature &signature) override;
  void endKernel(const KernelSignature &signature) override;

  Handle integer(DataType type, int64_t value) override;
  Handle real(DataType type, double value) override;
  Handle splat(Handle value, const CodeType &type) override;
  Handle broadcast(Handle value, unsigned axis, const CodeType &type) override;
  Handle iota(const CodeType &type) override;

  Handle math(MathOp op, Handle value, const CodeType &type) override;
  Handle binary(BinaryOp op, Handle a, Handle b, const CodeType &type) override;
  Handle select(Handle condition, Handle a, Handle b) override;
  Handle convert(Handle value, const CodeType &from, DataType to) override;
  Handle saturate(Handle value, const CodeType &from, DataType to) override;

  Handle transpose(Handle value, const CodeType &type) override;
  Handle dot(Handle a, Handle b, Handle accumulator) override;
  Handle reduce(ReduceOp op, Handle value, unsigned axis, const CodeType &type) override;
  Handle groupReduce(ReduceOp op, Handle value, const Granularity &granularity, const CodeType &type) override;
  Handle spread(Handle value, const Granularity &granularity, const CodeType &type) override;

  Handle load(Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes,
              const CodeType &type) override;
  void store(Handle value, Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes) override;

  std::pair<Handle, std::vector<Handle>> beginFor(Handle count, const std::vector<Handle> &carried) override;
  std::vector<Handle> endFor(const std::vector<Handle> &carried) override;
  void beginIf(Handle condition, const std::vector<Handle> &carried) override;
  void beginElse(const std::vector<Handle> &carried) override;
  std::vector<Handle> endIf(const std::vector<Handle> &carried) override;

private:
  mlir::Location locate(Location where);
  mlir::Type elementType(DataType type);
  mlir::Type typeOf(const CodeType &type);
  mlir::Type withElement(mlir::Type shape, mlir::Type element) const;
  mlir::Value constant(int64_t value, unsigned bits);
  mlir::Value allOnes(mlir::Type type);
  mlir::Value integerBinary(BinaryOp op, mlir::Value a, mlir::Value b);
  mlir::Value floatBinary(BinaryOp op, mlir::Value a, mlir::Value b);
  mlir::Value sizeOf(const LaunchSize &size);
  mlir::Attribute sizeAttribute(const LaunchSize &size);
  mlir::Attribute viewAttribute(const KernelSignature::View &view);
  void setMetadata(const KernelSignature &signature);
  std::vector<mlir::Type> argumentTypes(const KernelSignature &signature);

  const Source &source_;
  mlir::ModuleOp module_;
  mlir::OpBuilder builder_;
  mlir::Location location_;
  mlir::func::FuncOp function_;
  std::map<std::string, mlir::Value> extents_; // as i64
  std::vector<mlir::Value> views_;             // in the signature's order
  std::vector<mlir::Operation *> open_;        // scf.for and scf.if around the insertion point
};

} // namespace sage::dsl
