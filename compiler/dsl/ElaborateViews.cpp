// Views (Elaborator.h): their extents and how a launch computes them, indexing by blocks, and loads and stores.
//
//   axis of extent    index                    becomes
//   N (run time)      block of N               a tile axis of the block's rows
//   any               i32 scalar, integer      no axis: one row
//   D (compile time)  :                        a tile axis, D rounded up to what the hardware multiplies
//   blocks(N, B)      block of N, of B rows    no axis: the block's ordinal
//   groups(N, G)      groups_of(block, G)      a tile axis of the block's scale groups
//   any               i32 tile                 a tile axis, gathered
#include "Elaborator.h"

#include "Builtins.h"

#include <algorithm>

namespace sage::dsl {
namespace {

// Tiles are whole numbers of these; 32 where an 8-bit product sums over the axis (pad<T>).
constexpr int64_t TileMultiple = 16;

std::optional<int64_t> roundUp(std::optional<int64_t> value, int64_t multiple) {
  return value ? std::optional((*value + multiple - 1) / multiple * multiple) : std::nullopt;
}

} // namespace

//===- Extents -------------------------------------------------------------------------------===//

// A name in an extent that is no parameter is a run-time extent: its first use declares it, for as long as the view
// exists.
void Elaborator::noteExtentName(const Expr *extent, const ArgumentDecl &argument) {
  if (extent->kind == Expr::Kind::Call && !extent->args.empty() &&
      (extent->text == "blocks" || extent->text == "groups" || extent->text == "ragged"))
    return noteExtentName(extent->args[0], argument);
  if (extent->kind != Expr::Kind::Name)
    return;
  Symbol *symbol = find(extent->text);
  if (symbol && symbol->value.extent.empty())
    return; // a parameter
  if (!symbol) {
    Value value = scalarValue(typeName(DataType::I32), nullptr);
    value.extent = extent->text;
    symbol = declare(extent->text, extent->location, std::move(value));
    symbol->isConditional = true;
    extents_.push_back(symbol);
  }
  if (argument.when)
    symbol->guards.push_back(argument.when);
  else
    symbol->isConditional = false;
}

void Elaborator::declareExtents(const Definition &kernel) {
  for (const ArgumentDecl &argument : kernel.arguments)
    for (const Expr *extent : argument.extents)
      if (step())
        noteExtentName(extent, argument);
}

std::optional<Extent> Elaborator::runtimeExtent(const Expr *expr, const std::string &what) {
  Value value = eval(expr);
  Extent extent;
  extent.kind = Extent::Kind::Rows;
  extent.of = value.extent;
  if (value.is(Value::Kind::Scalar) && !value.extent.empty())
    return extent;
  if (!value.isUnknown())
    fail(expr->location, what + " needs a run-time extent of a view, such as N, not " + describe(value));
  return std::nullopt;
}

std::optional<Extent> Elaborator::extentCall(const Expr &call) {
  std::optional<Extent> extent = runtimeExtent(call.args[0], "'" + call.text + "'");
  if (!extent)
    return std::nullopt;
  if (call.text == "ragged") { // the second argument names the view of the sequences' first rows
    const Symbol *starts = call.args[1]->kind == Expr::Kind::Name ? find(call.args[1]->text) : nullptr;
    bool later =
        std::any_of(active_[0]->arguments.begin(), active_[0]->arguments.end(), [&](const ArgumentDecl &argument) {
          return argument.isView && argument.name == call.args[1]->text;
        });
    if (!starts && !later)
      fail(call.args[1]->location, "'ragged' needs the view that holds the first row of each sequence");
    extent->ragged = true;
    return extent;
  }
  if (call.text == "blocks") {
    extent->kind = Extent::Kind::Blocks;
    std::optional<Dim> size = evalSize(call.args[1], "a block's size");
    extent->size = size.value_or(Dim());
    return size ? extent : std::nullopt;
  }
  Value granularity = eval(call.args[1]);
  extent->kind = Extent::Kind::Groups;
  extent->granularity = granularity.granularity;
  if (granularity.is(Value::Kind::Granularity))
    return extent;
  if (!granularity.isUnknown())
    fail(call.args[1]->location, "'groups' needs a granularity, not " + describe(granularity));
  return std::nullopt;
}

std::optional<Extent> Elaborator::extent(const Expr *expr, const std::string &unnamed) {
  Extent result;
  result.kind = Extent::Kind::Rows;
  result.of = unnamed;
  if (expr->kind == Expr::Kind::NewAxis)
    return result;
  bool call =
      expr->kind == Expr::Kind::Call && (expr->text == "blocks" || expr->text == "groups" || expr->text == "ragged");
  if (call && expr->args.size() == 2 && expr->generics.empty())
    return extentCall(*expr);
  Value value = eval(expr);
  if (value.is(Value::Kind::Scalar) && !value.extent.empty()) {
    result.of = value.extent;
    return result;
  }
  result.kind = Extent::Kind::Static;
  result.of.clear();
  result.size = value.size;
  if (value.is(Value::Kind::Integer) && value.size.value.value_or(1) >= 1)
    return result;
  if (!value.isUnknown())
    fail(expr->location,
         "an extent is a name, a positive integer, blocks(...), groups(...) or ragged(...), not " + describe(value));
  return std::nullopt;
}

LaunchSize Elaborator::launchSize(const Extent &extent) const {
  const std::optional<Granularity> &granularity = extent.granularity.value;
  switch (extent.kind) {
  case Extent::Kind::Static:
    return {"", 1, extent.size.value.value_or(1)};
  case Extent::Kind::Rows:
    return {extent.of, 1, 1};
  case Extent::Kind::Blocks:
    return {extent.of, extent.size.value.value_or(1), 1};
  case Extent::Kind::Groups:
    return !granularity || granularity->whole ? LaunchSize{"", 1, 1}
                                              : LaunchSize{extent.of, granularity->slab, granularity->groupsPerSlab()};
  }
  return {};
}

// The extent of a tile along an axis of compile-time extent: one D has one tile, wherever it stands in a kernel.
Dim Elaborator::tileOf(const Dim &extent) const {
  std::string text = extent.base.empty() ? extent.text : extent.base;
  auto multiple = tileMultiple_.find(text);
  std::optional<int64_t> value =
      roundUp(extent.value, multiple == tileMultiple_.end() ? TileMultiple : multiple->second);
  return {extent.text == std::to_string(extent.value.value_or(0)) && value ? std::to_string(*value) : text, value, "",
          nullptr};
}

//===- Arguments and grid --------------------------------------------------------------------===//

bool Elaborator::isPresent(const ArgumentDecl &argument) {
  if (!argument.when)
    return true;
  Value condition = eval(argument.when);
  if (!condition.is(Value::Kind::Truth) && !condition.isUnknown())
    fail(argument.when->location, "'when' needs a compile-time condition, not " + describe(condition));
  return condition.truth != false;
}

// The type, extents and attributes of a view. One that does not exist has no extents: nothing may look at them.
Value Elaborator::viewArgument(const ArgumentDecl &argument, const TypeName &type, bool present) {
  ViewInfo &view = views_.emplace_back();
  view.decl = &argument;
  view.type = type;
  for (const Expr *expr : argument.extents)
    if (std::optional<Extent> axis =
            present ? extent(expr, argument.name + "." + std::to_string(view.extents.size())) : std::nullopt) {
      view.supported &= !axis->ragged;
      view.extents.push_back(*axis);
    }
  if (argument.extents.empty())
    fail("a view needs at least one axis");
  for (const ViewAttribute &attribute : argument.attributes) {
    Value setting = eval(attribute.value);
    bool order = attribute.name == "order" && (setting.is(Value::Kind::Text) || setting.isUnknown());
    bool fill = attribute.name == "fill" && (setting.isConstant() || setting.isUnknown());
    if (!order && !fill)
      fail(attribute.location,
           "'" + printable(attribute.name, 40) +
               "' is no attribute of a view with such a value (known: order = NAME, fill = NUMBER)");
    view.supported &= order                              ? setting.name == "row_major"
                      : setting.is(Value::Kind::Integer) ? setting.size.value == 0
                                                         : setting.real == 0.0;
  }
  Value value;
  value.kind = view.extents.size() == argument.extents.size() ? Value::Kind::View : Value::Kind::Unknown;
  value.view = &view;
  return value;
}

// A view's entry in the signature, and the run-time extents that it is the first to name.
void Elaborator::signView(const ViewInfo &view) {
  KernelSignature::View entry{view.decl->name, view.type.value.value_or(DataType::F32), {}, false};
  std::vector<std::string> &extents = signature_.extents;
  for (const Extent &extent : view.extents) {
    entry.extents.push_back(launchSize(extent));
    const std::string &of = entry.extents.back().of;
    if (!of.empty() && std::find(extents.begin(), extents.end(), of) == extents.end())
      extents.push_back(of);
  }
  signature_.views.push_back(std::move(entry));
}

void Elaborator::declareArguments(const Definition &kernel) {
  for (const ArgumentDecl &argument : kernel.arguments) {
    bool present = isPresent(argument);
    Facts saved = facts_;
    if (argument.when)
      assume(argument.when, true, facts_);
    here_ = argument.location;
    TypeName type = evalType(argument.type).value_or(TypeName());
    Value value = argument.isView ? viewArgument(argument, type, present) : scalarValue(type, nullptr);
    facts_ = std::move(saved);
    if (!argument.isView && type.value && (*type.value == DataType::Bool || isEightBit(*type.value)))
      fail("a scalar argument is f32, f16, bf16 or i32, not " + describe(type));
    Symbol *symbol = declare(argument.name, argument.location, std::move(value));
    symbol->isConditional = argument.when;
    if (argument.when)
      symbol->guards.push_back(argument.when);
    if (present && argument.isView)
      signView(views_.back());
    if (present && !argument.isView) {
      scalars_.push_back(symbol);
      signature_.scalars.push_back({argument.name, type.value.value_or(DataType::F32)});
    }
  }
}

void Elaborator::declareGrid(const Definition &kernel) {
  if (kernel.grid.empty() || kernel.grid.size() > 3)
    fail(kernel.location, "a grid has one to three axes, not " + std::to_string(kernel.grid.size()));
  for (const GridAxis &axis : kernel.grid) {
    here_ = axis.location;
    std::optional<Extent> range = extent(axis.range, "");
    if (range && range->kind == Extent::Kind::Groups)
      fail(axis.range->location, "a grid axis runs over an extent or its blocks");
    Value value = range ? scalarValue(typeName(DataType::I32), nullptr) : Value();
    if (range && range->kind == Extent::Kind::Blocks) {
      eval(axis.range); // checks the size of the block
      value.kind = Value::Kind::Block;
      value.extent = range->of;
      value.size = range->size;
    }
    Symbol *symbol = declare(axis.name, axis.location, std::move(value));
    if (range && range->of.size() &&
        std::find(signature_.extents.begin(), signature_.extents.end(), range->of) == signature_.extents.end())
      fail(axis.range->location, "no view that exists here has the extent '" + range->of + "'");
    grid_.emplace_back(symbol, range.value_or(Extent()));
    signature_.grid.push_back(launchSize(grid_.back().second));
  }
}

void Elaborator::connect(const KernelValues &values) {
  for (size_t i = 0; i < signature_.views.size(); ++i)
    for (ViewInfo &view : views_)
      if (view.decl->name == signature_.views[i].name)
        view.handle = values.views[i];
  for (size_t i = 0; i < signature_.extents.size(); ++i)
    if (Symbol *symbol = find(signature_.extents[i]))
      symbol->value.handle = values.extents[i];
  for (size_t i = 0; i < scalars_.size(); ++i)
    scalars_[i]->value.handle = values.scalars[i];
  for (size_t i = 0; i < grid_.size(); ++i)
    grid_[i].first->value.handle = values.ordinals[i];
}

//===- Indices -------------------------------------------------------------------------------===//

Value Elaborator::indexView(Value view, const Expr &expr) {
  for (size_t i = 1; i < expr.args.size(); ++i) {
    if (view.indices.size() == view.view->extents.size()) {
      auto error = report(expr.args[i]->location, "too many indices: '" + view.view->decl->name + "' has " +
                                                      std::to_string(view.view->extents.size()) + " axes");
      error.note(source_, view.view->decl->location, "declared here");
      return {};
    }
    std::optional<Index> index = viewIndex(view, expr.args[i]);
    if (!index)
      return {};
    view.indices.push_back(std::move(*index));
  }
  return view;
}

std::optional<Index> Elaborator::viewIndex(const Value &view, const Expr *item) {
  const Extent &extent = view.view->extents[view.indices.size()];
  if (item->kind == Expr::Kind::NewAxis) {
    fail(item->location, "'_' makes a new axis of a tile, not of a view: load first");
    return std::nullopt;
  }
  if (item->kind != Expr::Kind::Whole) {
    Value value = eval(item);
    return value.isUnknown() ? std::nullopt : indexBy(value, extent, item);
  }
  if (extent.kind == Extent::Kind::Static)
    return Index{Index::Kind::All, code().integer(DataType::I32, 0), tileOf(extent.size)};
  fail(item->location, "':' needs an extent known at compile time; this axis of '" + view.view->decl->name +
                           "' has extent " + describe(extent) + ": index it by a block");
  return std::nullopt;
}

std::optional<Index> Elaborator::indexBy(const Value &index, const Extent &extent, const Expr *item) {
  using Kind = Value::Kind;
  bool i32 = index.isRuntime() && (same(index.type, typeName(DataType::I32)));
  if (index.is(Kind::Integer))
    if (std::optional<Value> constant = materialize(index, typeName(DataType::I32)))
      return Index{Index::Kind::At, constant->handle, {}};
  if (index.is(Kind::Scalar) && i32)
    return Index{Index::Kind::At, index.handle, {}};
  if (index.is(Kind::Tile) && i32 && index.shape.size() == 1)
    return Index{Index::Kind::Gather, index.handle, index.shape[0].size};
  bool sameRows = index.extent == extent.of && !index.extent.empty();
  if (index.is(Kind::Block) && sameRows && extent.kind == Extent::Kind::Rows) {
    Value first = combine(BinaryOp::Mul, scalarValue(typeName(DataType::I32), index.handle), integerValue(index.size));
    return Index{Index::Kind::Block, first.handle, index.size};
  }
  if (index.is(Kind::Block) && sameRows && extent.kind == Extent::Kind::Blocks && same(index.size, extent.size))
    return Index{Index::Kind::At, index.handle, {}};
  if (index.is(Kind::Groups) && sameRows && extent.kind == Extent::Kind::Groups &&
      same(index.granularity, extent.granularity))
    return Index{Index::Kind::Groups, index.handle, index.size};
  std::string what = index.is(Kind::Groups)
                         ? "the scale groups (" + index.granularity.text + ") of a block of " + index.extent
                         : describe(index);
  auto error = report(item->location, "an axis of extent " + describe(extent) + " cannot be indexed by " + what);
  noteOrigins(error, {describe(extent), what});
  return std::nullopt;
}

// The axes of the tile at a fully indexed place.
std::optional<std::vector<Axis>> Elaborator::placeShape(const Value &place) {
  const ViewInfo &view = *place.view;
  if (place.indices.size() != view.extents.size()) {
    report(here_, "'" + view.decl->name + "' has " + std::to_string(view.extents.size()) + " axes, " +
                      std::to_string(place.indices.size()) + " are indexed")
        .note(source_, view.decl->location, "declared here");
    return std::nullopt;
  }
  std::vector<Axis> shape;
  for (const Index &index : place.indices)
    if (index.kind != Index::Kind::At)
      shape.push_back({index.size, false});
  if (shape.size() > 2) {
    fail("a tile has at most two axes, this place of '" + view.decl->name + "' has " + std::to_string(shape.size()));
    return std::nullopt;
  }
  return shape;
}

std::pair<std::vector<Handle>, std::vector<int64_t>> Elaborator::address(const Value &place) {
  std::vector<Handle> offsets;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < place.indices.size(); ++i) {
    offsets.push_back(place.indices[i].offset);
    if (place.indices[i].kind != Index::Kind::At)
      axes.push_back(static_cast<int64_t>(i));
  }
  return {offsets, axes};
}

//===- Loads and stores ----------------------------------------------------------------------===//

static bool gathers(const Value &place) {
  return std::any_of(place.indices.begin(), place.indices.end(),
                     [](const Index &index) { return index.kind == Index::Kind::Gather; });
}

Value Elaborator::load(const Value &place) {
  if (!place.is(Value::Kind::View))
    return {};
  std::optional<std::vector<Axis>> shape = placeShape(place);
  if (!shape || (gathers(place) && notYet("a gather")) ||
      (!place.view->supported && notYet("this view's order, fill or ragged extent")))
    return {};
  place.view->loaded = true;
  auto [offsets, axes] = address(place);
  Handle handle = code().load(place.view->handle, offsets, axes, codeType(place.view->type, *shape));
  Value value = shape->empty() ? scalarValue(place.view->type, handle) : makeTile(place.view->type, *shape, handle);
  value.label = place.view->decl->name;
  return value;
}

void Elaborator::store(const Stmt &stmt) {
  Value place = eval(stmt.place), value = eval(stmt.value);
  Value condition = stmt.condition ? eval(stmt.condition) : Value();
  here_ = stmt.place->at;
  if (!place.is(Value::Kind::View) && !place.isUnknown())
    fail(stmt.place->location, "'store' needs a place in a view, not " + describe(place));
  std::optional<std::vector<Axis>> shape = place.is(Value::Kind::View) ? placeShape(place) : std::nullopt;
  if (!shape || value.isUnknown())
    return;
  here_ = stmt.value->at;
  if (stmt.condition &&
      (!condition.isUnknown() && !(condition.isRuntime() && same(condition.type, typeName(DataType::Bool)))))
    fail(stmt.condition->location, "'where' needs a run-time condition, not " + describe(condition));
  ViewInfo &view = *place.view;
  view.stored = true;
  if (!value.isNumber()) {
    fail("'store' needs a number or a tile, not " + describe(value));
    return;
  }
  value = value.isConstant() ? materialize(value, view.type).value_or(Value()) : value;
  if (value.isUnknown())
    return;
  if (!same(value.type, view.type)) {
    std::string to = describe(view.type);
    auto error = report(stmt.value->location, "'" + view.decl->name + "' holds " + to + ", this is " + describe(value) +
                                                  ": write 'as " + to + "' or saturate<" + to + ">(...)");
    error.note(source_, view.decl->location, "declared here");
    return;
  }
  if (!value.is(Value::Kind::Scalar) && !sameShape(value.shape, *shape)) {
    auto error = report(stmt.value->location, "the place in '" + view.decl->name + "' is " + describeShape(*shape) +
                                                  ", this is " + describe(value));
    noteOrigins(error, {describeShape(*shape), describeShape(value.shape)});
    return;
  }
  if ((stmt.condition && notYet("a store with 'where'")) || (gathers(place) && notYet("a scatter")) ||
      (!view.supported && notYet("this view's order, fill or ragged extent")))
    return;
  here_ = stmt.location;
  Handle handle = spreadTo(value, *shape);
  auto [offsets, axes] = address(place);
  code().store(handle, view.handle, offsets, axes);
}

void Elaborator::atomic(const Stmt &stmt) {
  Value place = eval(stmt.place), value = eval(stmt.value);
  here_ = stmt.place->at;
  if (!place.is(Value::Kind::View) && !place.isUnknown())
    fail(stmt.place->location, "'atomic' needs a place in a view, not " + describe(place));
  std::optional<std::vector<Axis>> shape = place.is(Value::Kind::View) ? placeShape(place) : std::nullopt;
  if (!shape || value.isUnknown())
    return;
  place.view->stored = true;
  bool integers = !place.view->type.value || *place.view->type.value == DataType::I32;
  if (stmt.name == "add" && !integers)
    fail("'atomic add' is for i32: a floating-point sum would depend on the order");
  bool fits = value.isConstant() || (value.isRuntime() && same(value.type, place.view->type) &&
                                     (value.is(Value::Kind::Scalar) || sameShape(value.shape, *shape)));
  if (!fits)
    fail(stmt.value->location, "the place in '" + place.view->decl->name + "' is " + describeShape(*shape) + " of " +
                                   describe(place.view->type) + ", this is " + describe(value));
  notYet("'atomic'");
}

//===- Scale groups --------------------------------------------------------------------------===//

// Groups in a tile of so many rows, which must be a whole number of slabs.
std::optional<Dim> Elaborator::groupCount(const Dim &rows, const GranularityName &granularity) {
  Dim count{bounded("groups(" + rows.text + ", " + granularity.text + ")"), std::nullopt, "",
            std::make_shared<const Dim>(rows)};
  if (!granularity.value)
    return count;
  if (granularity.value->whole) {
    fail("the granularity " + granularity.text + " is whole: its groups are larger than a tile (choose with " +
         granularity.text + ".whole)");
    return std::nullopt;
  }
  int64_t slab = granularity.value->slab;
  if (rows.value && *rows.value % slab != 0) {
    auto error = report(here_, "a tile of " + describe(rows) + " rows is not a whole number of slabs of " +
                                   std::to_string(slab) + " rows (" + granularity.text + ")");
    noteOrigins(error, {rows.text, granularity.text});
    return std::nullopt;
  }
  if (rows.value)
    count.value = *rows.value / slab * granularity.value->groupsPerSlab();
  return count;
}

Value Elaborator::groupsOf(const Value &block, const GranularityName &granularity) {
  std::optional<Dim> count = groupCount(block.size, granularity);
  if (!count)
    return {};
  Value first = combine(BinaryOp::Mul, scalarValue(typeName(DataType::I32), block.handle), integerValue(*count));
  Value groups;
  groups.kind = Value::Kind::Groups;
  groups.extent = block.extent;
  groups.size = *count;
  groups.granularity = granularity;
  groups.handle = first.handle;
  return groups;
}

} // namespace sage::dsl
