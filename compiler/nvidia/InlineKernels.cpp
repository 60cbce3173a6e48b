// See InlineKernels.h. One function per operation that is allowed; each names what it refuses.
#include "InlineKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sage::nvidia {
namespace {

constexpr unsigned sharedSpace = 3;

// Attributes beyond `known` may ask for things that the backend refuses by ending the process.
LogicalResult checkAttributes(Operation *op, ArrayRef<StringRef> known) {
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (!llvm::is_contained(known, attribute.getName().strref()))
      return op->emitError() << "attribute '" << attribute.getName().strref() << "' is not allowed in an inline kernel";
  return success();
}

// PTX ISA, "Identifiers"; the back end refuses some other names and replaces the rest.
LogicalResult checkName(Operation *op, StringRef name) {
  if (!name.empty() && llvm::isAlpha(name[0]) &&
      llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
    return success();
  return op->emitError("a name in inline kernels is a letter, then letters, digits and underscores");
}

bool isScalar(Type type) { return type.isInteger(32) || type.isInteger(64) || type.isF32(); }

bool isGeneric(Type type) {
  auto pointer = dyn_cast<LLVM::LLVMPointerType>(type);
  return pointer && pointer.getAddressSpace() == 0;
}

// A tensor map by value, where it stays: in the kernel's parameters.
bool isTensorMap(LLVM::LLVMFuncOp function, unsigned argument) {
  auto attributes = function.getArgAttrDict(argument);
  if (!isGeneric(function.getArgumentTypes()[argument]) || !attributes || attributes.size() != 3) return false;
  auto type = attributes.getAs<TypeAttr>(LLVM::LLVMDialect::getByValAttrName());
  auto alignment = attributes.getAs<IntegerAttr>(LLVM::LLVMDialect::getAlignAttrName());
  return type && type.getValue() == LLVM::LLVMArrayType::get(IntegerType::get(function.getContext(), 8), 128) &&
         alignment && alignment.getValue() == 64 && attributes.contains(NVVM::NVVMDialect::getGridConstantAttrName());
}

LogicalResult checkArgument(LLVM::LLVMFuncOp function, unsigned argument) {
  Type type = function.getArgumentTypes()[argument];
  bool hasAttributes = function.getArgAttrDict(argument) && !function.getArgAttrDict(argument).empty();
  if ((isScalar(type) && !hasAttributes) || isTensorMap(function, argument)) return success();
  if (hasAttributes || isa<LLVM::LLVMPointerType>(type))
    return function.emitError() << "argument " << argument
                                << ": a pointer in an inline kernel is a tensor map: !llvm.ptr {llvm.byval = "
                                   "!llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}";
  return function.emitError() << "an inline kernel takes i32, i64, f32 and tensor maps, not " << type;
}

LogicalResult checkFunction(LLVM::LLVMFuncOp function) {
  if (failed(checkAttributes(function, {"sym_name", "function_type", "linkage", "CConv", "visibility_", "unnamed_addr",
                                        "arg_attrs", "nvvm.kernel", "nvvm.reqntid", "nvvm.minctasm"})) ||
      failed(checkName(function, function.getName())))
    return failure();
  if (!function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()) || function.isExternal())
    return function.emitError("an inline kernel is a function with a body and the attribute nvvm.kernel");
  if (function.getCConv() != LLVM::CConv::C || function.getLinkage() != LLVM::Linkage::External || function.isVarArg())
    return function.emitError("an inline kernel has the default linkage and calling convention");
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (failed(checkArgument(function, argument))) return failure();
  if (!isa<LLVM::LLVMVoidType>(function.getFunctionType().getReturnType()))
    return function.emitError("an inline kernel returns nothing");
  if (function.getLoc()->findInstanceOf<FusedLocWith<LLVM::DISubprogramAttr>>())
    return function.emitError("an inline kernel has no debug information");
  if (!function.getBody().hasOneBlock()) return function.emitError("an inline kernel is one block");
  return success();
}

LogicalResult checkGlobal(LLVM::GlobalOp global) {
  if (failed(checkAttributes(global, {"sym_name", "global_type", "linkage", "addr_space", "alignment", "visibility_",
                                      "unnamed_addr", "dso_local"})) ||
      failed(checkName(global, global.getSymName())))
    return failure();
  auto array = dyn_cast<LLVM::LLVMArrayType>(global.getGlobalType());
  bool isShared = global.getAddrSpace() == sharedSpace && global.getLinkage() == LLVM::Linkage::External;
  if (isShared && array && array.getElementType().isInteger(8) && global.getInitializerRegion().empty())
    return success();
  return global.emitError("a global of inline kernels is an external array of i8 in address space 3");
}

// "l,r,f,~{memory}": one letter for each operand, of its type.
FailureOr<unsigned> countConstraints(LLVM::InlineAsmOp assembly) {
  unsigned count = 0;
  SmallVector<StringRef> parts;
  assembly.getConstraints().split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    if (part == "~{memory}") continue;
    Type type = count < assembly.getNumOperands() ? assembly.getOperand(count).getType() : Type();
    if (!type || !((part == "r" && type.isInteger(32)) || (part == "f" && type.isF32()) ||
                   (part == "l" && (type.isInteger(64) || isGeneric(type)))))
      return assembly.emitError() << "constraint '" << part
                                  << "' fits no operand; r takes i32, l i64 and a tensor map's address, f f32",
             failure();
    ++count;
  }
  if (count != assembly.getNumOperands()) return assembly.emitError("an operand has no constraint"), failure();
  return count;
}

// LLVM takes `$N` for an operand and `$$` for a dollar, and does not survive anything else.
LogicalResult checkDollars(LLVM::InlineAsmOp assembly, unsigned operands) {
  StringRef text = assembly.getAsmString();
  while (true) {
    text = text.drop_until([](char c) { return c == '$'; });
    if (text.empty()) return success();
    text = text.drop_front();
    if (text.consume_front("$")) continue;
    StringRef digits = text.take_while(llvm::isDigit);
    unsigned number = 0;
    if (digits.getAsInteger(10, number) || number >= operands)
      return assembly.emitError() << "'$" << (digits.empty() ? text.take_front(1) : digits)
                                  << "' names no operand; there are " << operands << ", and a dollar is $$";
    text = text.drop_front(digits.size());
  }
}

LogicalResult checkAssembly(LLVM::InlineAsmOp assembly) {
  if (failed(checkAttributes(assembly, {"asm_string", "constraints", "has_side_effects", "tail_call_kind"})))
    return failure();
  if (assembly->getNumResults() || !assembly.getHasSideEffects())
    return assembly.emitError("inline PTX has side effects and no result");
  FailureOr<unsigned> operands = countConstraints(assembly);
  if (failed(operands)) return failure();
  return checkDollars(assembly, *operands);
}

LogicalResult checkAddress(LLVM::PtrToIntOp address) {
  bool isShared = cast<LLVM::LLVMPointerType>(address.getArg().getType()).getAddressSpace() == sharedSpace;
  if (!isShared || !address.getType().isInteger(32)) return address.emitError("the address of shared memory is an i32");
  return checkAttributes(address, {});
}

LogicalResult checkOperation(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](LLVM::LLVMFuncOp function) { return checkFunction(function); })
      .Case([](LLVM::GlobalOp global) { return checkGlobal(global); })
      .Case([](LLVM::InlineAsmOp assembly) { return checkAssembly(assembly); })
      .Case([](LLVM::PtrToIntOp address) { return checkAddress(address); })
      .Case([](LLVM::AddressOfOp address) { return checkAttributes(address, {"global_name"}); })
      .Case([](LLVM::ReturnOp end) { return checkAttributes(end, {}); })
      .Default([](Operation *other) {
        return other->emitError() << "'" << other->getName()
                                  << "' is not allowed in inline kernels; llvm.func, llvm.return, llvm.inline_asm, "
                                     "llvm.mlir.global, llvm.mlir.addressof and llvm.ptrtoint are";
      });
}

} // namespace

LogicalResult checkInlineKernels(ModuleOp module) {
  if (failed(checkAttributes(module, {}))) return failure();
  bool hasKernel = false;
  WalkResult walked = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    hasKernel |= isa<LLVM::LLVMFuncOp>(op);
    return op != module && failed(checkOperation(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (walked.wasInterrupted()) return failure();
  if (!hasKernel) return module.emitError("there is no kernel");
  return success();
}

} // namespace sage::nvidia
