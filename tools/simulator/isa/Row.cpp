// Matching of opcodes against patterns, and the index of all rows by name.
#include "isa/Row.h"

#include <algorithm>
#include <unordered_map>

#include "isa/Families.h"

namespace sage::sim {
namespace {

std::string_view takeUntil(std::string_view &rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return head;
}

/// Equal, where a * in NAME stands for digits.
bool fits(std::string_view name, std::string_view token) {
  const std::size_t star = name.find('*');
  if (star == std::string_view::npos) return name == token;
  const std::string_view head = name.substr(0, star), tail = name.substr(star + 1);
  if (token.size() <= head.size() + tail.size() || !token.starts_with(head) || !token.ends_with(tail)) return false;
  token = token.substr(star, token.size() - head.size() - tail.size());
  return token.size() <= 4 && token.find_first_not_of("0123456789") == std::string_view::npos;
}

bool isAlternative(std::string_view alternatives, std::string_view token) {
  while (!alternatives.empty())
    if (fits(takeUntil(alternatives, '|'), token)) return true;
  return false;
}

using Index = std::unordered_map<std::string_view, std::vector<const Row *>>;

const Index &index() {
  static const Index result = [] {
    Index built;
    for (const Row *row : instructionSet().rows) {
      std::string_view pattern = row->pattern;
      built[takeUntil(pattern, ' ')].push_back(row);
    }
    return built;
  }();
  return result;
}

} // namespace

MemoryUse memoryUse(const Row &row) {
  const std::string_view p = row.pattern;
  const auto starts = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return p.starts_with(name); });
  };
  const auto has = [&](std::string_view words) { return p.find(words) != std::string_view::npos; };
  if (starts({"cp async mbarrier"})) return MemoryUse::Atomic;
  if (starts({"cp async", "cp reduce"})) {
    if (has("prefetch")) return MemoryUse::Read;
    if (has(" shared::cluster shared::cta ")) return MemoryUse::Other; // both sides are shared memory
    return has(" global shared::cta") ? MemoryUse::CopyOut : MemoryUse::CopyIn;
  }
  if (starts({"ld ", "ldu ", "ldmatrix", "wmma load", "wgmma mma_async", "prefetch"})) return MemoryUse::Read;
  if (starts({"st ", "stmatrix", "wmma store", "discard", "mbarrier init", "mbarrier inval", "tensormap replace"}))
    return MemoryUse::Write;
  return starts({"atom ", "red ", "mbarrier"}) ? MemoryUse::Atomic : MemoryUse::Other;
}

bool matches(const Row &row, std::string_view opcode, Order order, Form &form) {
  std::string_view pattern = row.pattern;
  if (takeUntil(pattern, ' ') != takeUntil(opcode, '.')) return false;
  std::vector<std::string_view> tokens;
  while (!opcode.empty()) tokens.push_back(takeUntil(opcode, '.'));
  form = {};
  form.row = &row;
  while (!pattern.empty()) {
    std::string_view element = takeUntil(pattern, ' ');
    const bool optional = element.starts_with("[");
    if (optional) element = element.substr(1, element.size() - 2);
    const auto end = order == Order::Any ? tokens.end() : tokens.begin() + !tokens.empty();
    const auto isType = [](std::string_view t) { return typeByName(t) != Type::None; };
    auto token = std::find_if(tokens.begin(), end, [&](auto t) { return isAlternative(element, t); });
    if (token != end && isType(*token) && std::any_of(tokens.begin(), token, isType)) token = end;
    if (token != end) {
      form.modifiers.push_back(*token);
      if (const Type type = typeByName(*token); type != Type::None) form.types.push_back(type);
      tokens.erase(token);
    } else if (optional) {
      form.modifiers.emplace_back();
    } else {
      return false;
    }
  }
  return tokens.empty();
}

std::span<const Row *const> rowsNamed(std::string_view name) {
  const auto found = index().find(name);
  if (found == index().end()) return {};
  return found->second;
}

const InstructionSet &instructionSet() {
  static const InstructionSet set = [] {
    const Families &families = bestFamilies();
    InstructionSet built{{}, blockEntryHandler, predicatedHandler};
    for (const std::span<const Row> rows :
         {families.integer,      families.logic,   families.compare,       families.floating,  families.half,
          families.approximate,  families.convert, families.move,          families.memory,    families.atomic,
          families.asynchronous, families.matrix,  families.collective,    families.warpgroup, families.dense,
          families.matrixBytes,  families.wmma,    families.narrowConvert, controlRows(),      clusterRows(),
          mbarrierRows(),        bulkRows(),       tensorRows(),           tensorMapRows(),    asyncStoreRows()})
      for (const Row &row : rows) built.rows.push_back(&row);
    return built;
  }();
  return set;
}

} // namespace sage::sim
