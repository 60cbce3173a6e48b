// The kernel as a function: arguments in ABI order, views built from them, and the metadata of docs/artifact.md as
// attributes (TileEmitter.h).
#include "TileEmitter.h"

#include "compiler/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace sage::dsl {

std::vector<mlir::Type> TileEmitter::argumentTypes(const KernelSignature &signature) {
  mlir::Type i64 = builder_.getI64Type();
  std::vector<mlir::Type> types;
  for (const KernelSignature::View &view : signature.views) {
    types.push_back(mlir::LLVM::LLVMPointerType::get(builder_.getContext(), /*addressSpace=*/1));
    types.insert(types.end(), view.extents.size() - 1, i64);
  }
  types.insert(types.end(), signature.extents.size(), i64);
  for (const KernelSignature::Scalar &scalar : signature.scalars)
    types.push_back(elementType(scalar.type));
  return types;
}

// ceil(of / divisor) * times in i64.
mlir::Value TileEmitter::sizeOf(const LaunchSize &size) {
  if (size.of.empty())
    return constant(size.times, 64);
  mlir::Value result = extents_[size.of];
  if (size.divisor != 1) {
    result = mlir::arith::AddIOp::create(builder_, location_, result, constant(size.divisor - 1, 64));
    result = mlir::arith::DivSIOp::create(builder_, location_, result, constant(size.divisor, 64));
  }
  return size.times == 1
             ? result
             : mlir::arith::MulIOp::create(builder_, location_, result, constant(size.times, 64)).getResult();
}

KernelValues TileEmitter::beginKernel(const KernelSignature &signature) {
  builder_.setInsertionPointToEnd(module_.getBody());
  function_ = mlir::func::FuncOp::create(builder_, location_, signature.name,
                                         builder_.getFunctionType(argumentTypes(signature), {}));
  mlir::Block *entry = function_.addEntryBlock();
  builder_.setInsertionPointToStart(entry);
  size_t next = 0;
  std::vector<std::vector<mlir::Value>> places; // of each view: pointer, strides
  for (const KernelSignature::View &view : signature.views) {
    auto first = entry->args_begin() + next;
    places.emplace_back(first, first + view.extents.size());
    next += view.extents.size();
  }
  KernelValues values;
  for (const std::string &extent : signature.extents) {
    extents_[extent] = entry->getArgument(next++);
    mlir::Value narrow = mlir::arith::TruncIOp::create(builder_, location_, builder_.getI32Type(), extents_[extent]);
    values.extents.push_back(narrow.getAsOpaquePointer());
  }
  for (size_t i = 0; i < signature.scalars.size(); ++i)
    values.scalars.push_back(entry->getArgument(next++).getAsOpaquePointer());
  for (size_t i = 0; i < signature.views.size(); ++i) {
    const KernelSignature::View &view = signature.views[i];
    std::vector<mlir::Value> sizes, strides(places[i].begin() + 1, places[i].end());
    for (const LaunchSize &size : view.extents)
      sizes.push_back(sizeOf(size));
    auto type =
        tile::ViewType::get(builder_.getContext(), static_cast<int64_t>(view.extents.size()), elementType(view.type));
    views_.push_back(
        tile::ViewOp::create(builder_, location_, type, places[i].front(), sizes, strides, mlir::UnitAttr()));
    values.views.push_back(views_.back().getAsOpaquePointer());
  }
  for (unsigned axis = 0; axis < signature.grid.size(); ++axis)
    values.ordinals.push_back(
        tile::ProgramIdOp::create(builder_, location_, builder_.getI32Type(), axis).getResult().getAsOpaquePointer());
  return values;
}

void TileEmitter::endKernel(const KernelSignature &signature) {
  mlir::func::ReturnOp::create(builder_, location_);
  for (size_t i = 0; i < views_.size(); ++i)
    if (signature.views[i].writable)
      views_[i].getDefiningOp<tile::ViewOp>().setWritable(true);
  setMetadata(signature);
}

//===- Metadata ------------------------------------------------------------------------------===//

mlir::Attribute TileEmitter::sizeAttribute(const LaunchSize &size) {
  mlir::Attribute of = size.of.empty() ? mlir::Attribute(builder_.getUnitAttr()) : builder_.getStringAttr(size.of);
  return builder_.getDictionaryAttr({builder_.getNamedAttr("of", of),
                                     builder_.getNamedAttr("divisor", builder_.getI64IntegerAttr(size.divisor)),
                                     builder_.getNamedAttr("times", builder_.getI64IntegerAttr(size.times))});
}

mlir::Attribute TileEmitter::viewAttribute(const KernelSignature::View &view) {
  std::vector<mlir::Attribute> extents;
  for (const LaunchSize &size : view.extents)
    extents.push_back(sizeAttribute(size));
  return builder_.getDictionaryAttr(
      {builder_.getNamedAttr("name", builder_.getStringAttr(view.name)),
       builder_.getNamedAttr("dtype", builder_.getStringAttr(nameOf(view.type))),
       builder_.getNamedAttr("access", builder_.getStringAttr(view.writable ? "write" : "read")),
       builder_.getNamedAttr("extents", builder_.getArrayAttr(extents))});
}

void TileEmitter::setMetadata(const KernelSignature &signature) {
  std::vector<mlir::Attribute> grid, views, extents, scalars;
  for (const LaunchSize &size : signature.grid)
    grid.push_back(sizeAttribute(size));
  for (const KernelSignature::View &view : signature.views)
    views.push_back(viewAttribute(view));
  for (const std::string &extent : signature.extents)
    extents.push_back(builder_.getStringAttr(extent));
  for (const KernelSignature::Scalar &scalar : signature.scalars)
    scalars.push_back(
        builder_.getDictionaryAttr({builder_.getNamedAttr("name", builder_.getStringAttr(scalar.name)),
                                    builder_.getNamedAttr("dtype", builder_.getStringAttr(nameOf(scalar.type)))}));
  function_->setAttr(tile::kernelAttr, builder_.getUnitAttr());
  function_->setAttr(tile::gridAttr, builder_.getArrayAttr(grid));
  function_->setAttr(tile::viewsAttr, builder_.getArrayAttr(views));
  function_->setAttr(tile::extentsAttr, builder_.getArrayAttr(extents));
  function_->setAttr(tile::scalarsAttr, builder_.getArrayAttr(scalars));
}

} // namespace sage::dsl
