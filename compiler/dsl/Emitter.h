// Where elaboration sends the code that it generates. This base class generates nothing: a program elaborated into it
// is only checked, so checking and lowering are one walk and cannot disagree. TileEmitter.h derives the class that
// builds the tile dialect.
//
// Types are concrete here: a shape has the axes that the code has (Value.h), a scalar has none. Handles given are those
// that were returned.
#pragma once

#include "Value.h"

#include <utility>

namespace sage::dsl {

/// Type of a value in the code.
struct CodeType {
  DataType element = DataType::F32;
  std::vector<int64_t> shape;
};

enum class MathOp : uint8_t { Negate, Not, Invert, Abs, Exp2, Log2, Rsqrt, Sqrt, FloatBits, BitsFloat };
enum class ReduceOp : uint8_t { Max, Sum };

/// ceil(of / divisor) * times, or `times` when `of` is empty: the sizes of docs/artifact.md.
struct LaunchSize {
  std::string of;
  int64_t divisor = 1, times = 1;
};

/// What a launch of the kernel needs to know, in ABI order.
struct KernelSignature {
  struct View {
    std::string name;
    DataType type;
    std::vector<LaunchSize> extents;
    bool writable = false;
  };
  struct Scalar {
    std::string name;
    DataType type;
  };
  std::string name;
  std::vector<LaunchSize> grid;
  std::vector<View> views;
  std::vector<std::string> extents;
  std::vector<Scalar> scalars;
};

/// Everything that the signature names, as values: views, extents and grid ordinals as i32, scalars in their type.
struct KernelValues {
  std::vector<Handle> views, extents, scalars, ordinals;
};

class Emitter {
public:
  virtual ~Emitter() = default;
  /// False here. What is not in the dialect yet is an error only where code is wanted.
  virtual bool generates() const { return false; }
  /// The place that the following code comes from; `calls` are the calls of functions that led there, outermost first.
  virtual void at(Location, const std::vector<Location> & /*calls*/) {}

  virtual KernelValues beginKernel(const KernelSignature &signature);
  virtual void endKernel(const KernelSignature &) {}

  virtual Handle integer(DataType, int64_t) { return nullptr; }
  virtual Handle real(DataType, double) { return nullptr; }
  virtual Handle splat(Handle, const CodeType &) { return nullptr; }
  /// A one-dimensional tile repeated along the new axis `axis`.
  virtual Handle broadcast(Handle, unsigned /*axis*/, const CodeType &) { return nullptr; }
  virtual Handle iota(const CodeType &) { return nullptr; }

  virtual Handle math(MathOp, Handle, const CodeType &) { return nullptr; }
  /// Both operands have the type; comparisons give bools of its shape.
  virtual Handle binary(BinaryOp, Handle, Handle, const CodeType &) { return nullptr; }
  virtual Handle select(Handle /*condition*/, Handle, Handle) { return nullptr; }
  virtual Handle convert(Handle, const CodeType & /*from*/, DataType /*to*/) { return nullptr; }
  virtual Handle saturate(Handle, const CodeType & /*from*/, DataType /*to*/) { return nullptr; }

  virtual Handle transpose(Handle, const CodeType & /*result*/) { return nullptr; }
  virtual Handle dot(Handle, Handle, Handle /*accumulator*/) { return nullptr; }
  virtual Handle reduce(ReduceOp, Handle, unsigned /*axis*/, const CodeType & /*result*/) { return nullptr; }
  virtual Handle groupReduce(ReduceOp, Handle, const Granularity &, const CodeType & /*result*/) { return nullptr; }
  virtual Handle spread(Handle, const Granularity &, const CodeType & /*result*/) { return nullptr; }

  /// `axes`: the axes of the view along which the tile lies, ascending; `offsets` has one i32 an axis of the view.
  virtual Handle load(Handle /*view*/, const std::vector<Handle> & /*offsets*/, const std::vector<int64_t> & /*axes*/,
                      const CodeType &) {
    return nullptr;
  }
  virtual void store(Handle /*value*/, Handle /*view*/, const std::vector<Handle> & /*offsets*/,
                     const std::vector<int64_t> & /*axes*/) {}

  /// A loop from 0 to `count`. Gives the ordinal and the carried values as they are in the body; `endFor` takes what
  /// the body leaves in them and gives what is left after the loop.
  virtual std::pair<Handle, std::vector<Handle>> beginFor(Handle /*count*/, const std::vector<Handle> &carried) {
    return {nullptr, carried};
  }
  virtual std::vector<Handle> endFor(const std::vector<Handle> &carried) { return carried; }

  /// A branch on a scalar: `beginElse` ends the first side, `endIf` the second; each says what its side leaves in the
  /// carried values.
  virtual void beginIf(Handle /*condition*/, const std::vector<Handle> & /*carried*/) {}
  virtual void beginElse(const std::vector<Handle> &) {}
  virtual std::vector<Handle> endIf(const std::vector<Handle> &carried) { return carried; }
};

} // namespace sage::dsl
