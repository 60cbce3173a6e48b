// The table of the language's functions (Builtins.h).
#include "Builtins.h"

#include <unordered_map>

namespace sage::dsl {

const std::vector<Builtin> &builtins() {
  static const std::vector<Builtin> table = {
      // element by element
      {"abs", "", 0, 1, 1, "abs(x)", Builtin::elementwise},
      {"exp2", "", 0, 1, 1, "exp2(x)", Builtin::elementwise},
      {"log2", "", 0, 1, 1, "log2(x)", Builtin::elementwise},
      {"rsqrt", "", 0, 1, 1, "rsqrt(x)", Builtin::elementwise},
      {"sqrt", "", 0, 1, 1, "sqrt(x)", Builtin::elementwise},
      {"bits", "", 0, 1, 1, "bits(x)", Builtin::elementwise},
      {"from_bits", "", 0, 1, 1, "from_bits(x)", Builtin::elementwise},
      {"max", "", 0, 1, 2, "max(a, b) or max(x)", Builtin::extremum},
      {"min", "", 0, 1, 2, "min(a, b) or min(x)", Builtin::extremum},
      {"where", "", 0, 3, 3, "where(condition, a, b)", Builtin::where},
      {"saturate", "T", 1, 1, 1, "saturate<T>(x)", Builtin::saturate},
      // tiles
      {"tile", "M, N", 2, 1, 1, "tile<M>(c) or tile<M, N>(c)", Builtin::tile},
      {"iota", "N", 1, 0, 0, "iota<N>()", Builtin::iota},
      {"transpose", "", 0, 1, 1, "transpose(x)", Builtin::transpose},
      {"dot", "", 0, 2, 2, "dot(a, b)", Builtin::dot},
      {"accumulate", "ACC", 1, 3, 3, "accumulate<ACC>(c, a, b)", Builtin::accumulate},
      // reductions and scans
      {"rowmax", "", 0, 1, 1, "rowmax(x)", Builtin::reduceAxis},
      {"rowmin", "", 0, 1, 1, "rowmin(x)", Builtin::reduceAxis},
      {"rowsum", "", 0, 1, 1, "rowsum(x)", Builtin::reduceAxis},
      {"colmax", "", 0, 1, 1, "colmax(x)", Builtin::reduceAxis},
      {"colmin", "", 0, 1, 1, "colmin(x)", Builtin::reduceAxis},
      {"colsum", "", 0, 1, 1, "colsum(x)", Builtin::reduceAxis},
      {"sum", "", 0, 1, 1, "sum(x)", Builtin::reduceAll},
      {"any", "", 0, 1, 1, "any(x) or any(x, rows: R)", Builtin::reduceAll},
      {"all", "", 0, 1, 1, "all(x) or all(x, rows: R)", Builtin::reduceAll},
      {"inclusive_scan", "", 0, 1, 1, "inclusive_scan(x)", Builtin::scan},
      {"exclusive_scan", "", 0, 1, 1, "exclusive_scan(x)", Builtin::scan},
      // blocks
      {"blocks", "", 0, 2, 2, "blocks(N, B)", Builtin::blocks},
      {"listed", "", 0, 2, 3, "listed(list, length) or listed(list, length, blocks(N, B))", Builtin::listed},
      {"visible_blocks", "mask", 1, 4, 4, "visible_blocks<mask>(i, N, M, B)", Builtin::visibleBlocks},
      {"cut_by", "mask", 1, 4, 4, "cut_by<mask>(i, j, N, M)", Builtin::cutBy},
      {"keeps", "mask", 1, 4, 4, "keeps<mask>(rows, columns, N, M)", Builtin::keeps},
      {"rows", "", 0, 1, 1, "rows(i)", Builtin::rows},
      {"count", "", 0, 1, 1, "count(i)", Builtin::count},
      // extents and scale groups
      {"pad", "T", 1, 1, 1, "pad<T>(D)", Builtin::pad},
      {"groups", "", 0, 2, 2, "groups(N, G), as an extent", Builtin::groups},
      {"ragged", "", 0, 2, 2, "ragged(N, starts), as an extent", Builtin::groups},
      {"groups_of", "", 0, 2, 2, "groups_of(i, G)", Builtin::groupsOf},
      {"group_max", "", 0, 2, 2, "group_max(x, G)", Builtin::groupMax},
      {"spread", "", 0, 2, 2, "spread(s, G)", Builtin::spread},
      {"scales", "", 0, 3, 3, "scales(S[b, h], i, G)", Builtin::scales},
  };
  return table;
}

const Builtin *findBuiltin(const std::string &name) {
  static const std::unordered_map<std::string, const Builtin *> index = [] {
    std::unordered_map<std::string, const Builtin *> map;
    for (const Builtin &builtin : builtins())
      map[builtin.name] = &builtin;
    return map;
  }();
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

std::vector<std::string> builtinNames() {
  std::vector<std::string> names;
  for (const Builtin &builtin : builtins())
    names.emplace_back(builtin.name);
  return names;
}

} // namespace sage::dsl
