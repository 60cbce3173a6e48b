// An emitter that generates nothing but believes nothing either: every handle that it gets must be one that it gave,
// with the type that the operation needs, and made in a region that is still open. It finds what MLIR's verifier would
// find, without MLIR, so mutated programs can be tried by the thousand.
#pragma once

#include "compiler/dsl/Emitter.h"

#include <deque>
#include <set>
#include <string>

namespace sage::dsl::test {

class StrictEmitter final : public Emitter {
public:
  /// The first broken promise, or "".
  std::string fault;
  size_t operations = 0;
  bool finished = false;

  bool generates() const override { return true; }

  KernelValues beginKernel(const KernelSignature &signature) override {
    KernelValues values;
    for (const auto &view : signature.views)
      values.views.push_back(make({view.type, {static_cast<int64_t>(view.extents.size())}}, Kind::View));
    for (size_t i = 0; i < signature.extents.size(); ++i)
      values.extents.push_back(make({DataType::I32, {}}));
    for (const auto &scalar : signature.scalars)
      values.scalars.push_back(make({scalar.type, {}}));
    for (size_t i = 0; i < signature.grid.size(); ++i)
      values.ordinals.push_back(make({DataType::I32, {}}));
    return values;
  }
  void endKernel(const KernelSignature &) override {
    need(regions_.size() == 1, "every region closed");
    finished = true;
  }

  Handle integer(DataType type, int64_t) override { return make({type, {}}); }
  Handle real(DataType type, double) override { return make({type, {}}); }
  Handle splat(Handle value, const CodeType &type) override {
    need(get(value).type.shape.empty() && get(value).type.element == type.element && !type.shape.empty(), "splat");
    return make(type);
  }
  Handle broadcast(Handle value, unsigned axis, const CodeType &type) override {
    std::vector<int64_t> rest = type.shape;
    need(axis < rest.size() && rest.size() == 2, "broadcast to two axes");
    rest.erase(rest.begin() + (axis < rest.size() ? axis : 0));
    need(get(value).type.shape == rest && get(value).type.element == type.element, "broadcast");
    return make(type);
  }
  Handle iota(const CodeType &type) override { return make(type); }

  Handle math(MathOp op, Handle value, const CodeType &type) override {
    expect(value, type, "math");
    DataType to = op == MathOp::FloatBits ? DataType::I32 : op == MathOp::BitsFloat ? DataType::F32 : type.element;
    return make({to, type.shape});
  }
  Handle binary(BinaryOp op, Handle a, Handle b, const CodeType &type) override {
    expect(a, type, "left operand");
    expect(b, type, "right operand");
    return make({isComparison(op) ? DataType::Bool : type.element, type.shape});
  }
  Handle select(Handle condition, Handle a, Handle b) override {
    need(get(condition).type.element == DataType::Bool && get(condition).type.shape == get(a).type.shape, "condition");
    expect(b, get(a).type, "select");
    return make(get(a).type);
  }
  Handle convert(Handle value, const CodeType &from, DataType to) override {
    expect(value, from, "convert");
    need(from.element != to && to != DataType::Bool && !isEightBit(to), "a conversion between these types");
    return make({to, from.shape});
  }
  Handle saturate(Handle value, const CodeType &from, DataType to) override {
    expect(value, from, "saturate");
    need(from.element == DataType::F32 && isEightBit(to) && !from.shape.empty(), "saturate f32 tiles");
    return make({to, from.shape});
  }

  Handle transpose(Handle value, const CodeType &type) override {
    need(type.shape.size() == 2, "transpose of two axes");
    expect(value, {type.element, {type.shape[1], type.shape[0]}}, "transpose");
    return make(type);
  }
  Handle dot(Handle a, Handle b, Handle accumulator) override {
    const CodeType &x = get(a).type, &y = get(b).type, &c = get(accumulator).type;
    bool shapes = x.shape.size() == 2 && y.shape.size() == 2 && c.shape.size() == 2 && x.shape[1] == y.shape[0] &&
                  c.shape[0] == x.shape[0] && c.shape[1] == y.shape[1];
    bool types = x.element == y.element && c.element == (x.element == DataType::I8 ? DataType::I32 : DataType::F32);
    need(shapes && types, "dot");
    return make(c);
  }
  Handle reduce(ReduceOp, Handle value, unsigned axis, const CodeType &type) override {
    std::vector<int64_t> rest = get(value).type.shape;
    need(axis < rest.size(), "axis of a reduction");
    if (axis < rest.size())
      rest.erase(rest.begin() + axis);
    need(rest == type.shape && get(value).type.element == type.element, "reduce");
    return make(type);
  }
  Handle groupReduce(ReduceOp, Handle value, const Granularity &groups, const CodeType &type) override {
    need(grouped(get(value).type, type, groups), "group_reduce");
    return make(type);
  }
  Handle spread(Handle value, const Granularity &groups, const CodeType &type) override {
    need(grouped(type, get(value).type, groups), "spread");
    return make(type);
  }

  Handle load(Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes,
              const CodeType &type) override {
    access(view, offsets, axes, type);
    return make(type);
  }
  void store(Handle value, Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes) override {
    access(view, offsets, axes, get(value).type);
  }

  std::pair<Handle, std::vector<Handle>> beginFor(Handle count, const std::vector<Handle> &carried) override {
    expect(count, {DataType::I32, {}}, "count of a loop");
    std::vector<CodeType> types = typesOf(carried);
    open();
    return {make({DataType::I32, {}}), make(types)};
  }
  std::vector<Handle> endFor(const std::vector<Handle> &carried) override { return make(close(carried)); }
  void beginIf(Handle condition, const std::vector<Handle> &) override {
    expect(condition, {DataType::Bool, {}}, "condition of a branch");
    open();
  }
  void beginElse(const std::vector<Handle> &carried) override {
    sides_.push_back(close(carried));
    open();
  }
  std::vector<Handle> endIf(const std::vector<Handle> &carried) override {
    std::vector<CodeType> types = close(carried);
    need(types.size() == sides_.back().size(), "both sides of a branch leave as much");
    sides_.pop_back();
    return make(types);
  }

private:
  enum class Kind { Value, View };
  struct Node {
    CodeType type;
    Kind kind = Kind::Value;
  };

  Handle make(CodeType type, Kind kind = Kind::Value) {
    ++operations;
    nodes_.push_back({std::move(type), kind});
    known_.insert(&nodes_.back());
    regions_.back().push_back(&nodes_.back());
    return &nodes_.back();
  }
  std::vector<Handle> make(const std::vector<CodeType> &types) {
    std::vector<Handle> out;
    for (const CodeType &type : types)
      out.push_back(make(type));
    return out;
  }
  void open() { regions_.emplace_back(); }
  // What a region made is gone when it ends, except what it hands on.
  std::vector<CodeType> close(const std::vector<Handle> &carried) {
    std::vector<CodeType> types = typesOf(carried);
    need(regions_.size() > 1, "a region to close");
    for (const Node *node : regions_.back())
      known_.erase(node);
    regions_.pop_back();
    return types;
  }
  const Node &get(Handle handle) {
    static const Node nothing;
    need(known_.count(static_cast<Node *>(handle)), "a handle that was given");
    return known_.count(static_cast<Node *>(handle)) ? *static_cast<Node *>(handle) : nothing;
  }
  void need(bool holds, const std::string &what) {
    if (!holds && fault.empty())
      fault = what;
  }
  void expect(Handle value, const CodeType &type, const std::string &what) {
    need(get(value).type.element == type.element && get(value).type.shape == type.shape &&
             get(value).kind == Kind::Value,
         what);
  }
  std::vector<CodeType> typesOf(const std::vector<Handle> &handles) {
    std::vector<CodeType> out;
    for (Handle handle : handles)
      out.push_back(get(handle).type);
    return out;
  }
  bool grouped(const CodeType &rows, const CodeType &groups, const Granularity &granularity) {
    return rows.shape.size() == 1 && groups.shape.size() == 1 && !granularity.whole && rows.element == groups.element &&
           rows.shape[0] % granularity.slab == 0 &&
           groups.shape[0] == rows.shape[0] / granularity.slab * granularity.groupsPerSlab();
  }
  void access(Handle view, const std::vector<Handle> &offsets, const std::vector<int64_t> &axes, const CodeType &type) {
    const Node &node = get(view);
    need(node.kind == Kind::View && node.type.element == type.element, "view");
    need(!node.type.shape.empty() && offsets.size() == static_cast<size_t>(node.type.shape[0]), "offsets");
    need(axes.size() == type.shape.size(), "axes");
    for (Handle offset : offsets)
      expect(offset, {DataType::I32, {}}, "offset");
  }

  std::deque<Node> nodes_;
  std::set<const Node *> known_;
  std::vector<std::vector<const Node *>> regions_ = {{}};
  std::vector<std::vector<CodeType>> sides_;
};

} // namespace sage::dsl::test
