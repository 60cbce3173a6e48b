// See Linker.h. Local names that another unit has too get the unit's number as a suffix.
#include "driver/Linker.h"

#include <array>
#include <charconv>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "ptx/Parser.h"

namespace sage::sim {
namespace {

constexpr std::string_view mark = "// linked unit of bytes ", headMark = "// linked with registers ";

struct LinkFailure {
  SourceError error;
};

using Renames = std::unordered_map<std::string, std::string>;

class Linker {
public:
  explicit Linker(std::vector<Module> u) : units(std::move(u)) {}

  Module run() {
    for (const Module &m : units) countNames(m);
    Module result = std::move(units[0]);
    std::vector<Variable> variables = std::exchange(result.variables, {});
    std::vector<Function> functions = std::exchange(result.functions, {});
    take(result, std::move(variables), std::move(functions), 0, 0);
    for (std::size_t i = 1; i < units.size(); ++i) {
      Module &m = units[i];
      const auto offset = static_cast<std::uint32_t>(result.lines.size());
      if (m.versionMajor * 100 + m.versionMinor > result.versionMajor * 100 + result.versionMinor) {
        result.versionMajor = m.versionMajor;
        result.versionMinor = m.versionMinor;
      }
      if (m.target > result.target) result.target = m.target;
      take(result, std::move(m.variables), std::move(m.functions), i, offset);
      mergeSources(*result.sources, *m.sources, offset);
      for (std::string &line : m.lines) result.lines.push_back(std::move(line));
    }
    return result;
  }

private:
  static void mergeSources(SourceMap &to, const SourceMap &from, std::uint32_t offset) {
    const std::uint32_t first = to.files.empty() ? 0 : to.files.rbegin()->first + 1;
    for (const auto &[number, name] : from.files) to.files[number + first] = name;
    for (const SourceMap::Place &p : from.places) to.places.push_back({p.ptxLine + offset, p.file + first, p.line});
  }

  void countNames(const Module &m) {
    std::unordered_set<std::string_view> here;
    for (const Variable &v : m.variables) here.insert(v.name);
    for (const Function &f : m.functions) here.insert(f.name);
    for (const std::string_view name : here) ++uses[std::string(name)];
  }

  static bool isLocal(const Function &f) { return f.linkage == Linkage::Local && !f.isEntry && f.hasBody; }
  static bool isLocal(const Variable &v) { return v.linkage == Linkage::Local && !v.isExtern; }

  void take(Module &to, std::vector<Variable> variables, std::vector<Function> functions, std::size_t unit,
            std::uint32_t offset) {
    Renames renames;
    const auto rename = [&](std::string &name) {
      if (uses[name] < 2) return;
      std::string fresh = name + "$" + std::to_string(unit);
      renames[name] = fresh;
      name = std::move(fresh);
    };
    for (Variable &v : variables)
      if (isLocal(v)) rename(v.name);
    for (Function &f : functions)
      if (isLocal(f)) rename(f.name);
    for (Variable &v : variables) {
      moveLines(v, offset);
      apply(renames, v);
      add(to, std::move(v));
    }
    for (Function &f : functions) {
      moveLines(f, offset);
      apply(renames, f);
      add(to, std::move(f));
    }
  }

  static void moveLines(Variable &v, std::uint32_t offset) { v.line += offset; }
  static void moveLines(Function &f, std::uint32_t offset) {
    f.line += offset;
    for (Variable &v : f.parameters) v.line += offset;
    for (Variable &v : f.locals) v.line += offset;
    for (Instruction &i : f.body) i.line += offset;
  }

  static void apply(const Renames &renames, Variable &v) {
    for (Variable::Relocation &r : v.relocations)
      if (const auto found = renames.find(r.symbol); found != renames.end()) r.symbol = found->second;
  }
  static void apply(const Renames &renames, Function &f) {
    if (renames.empty()) return;
    Renames visible = renames;
    for (const Variable &v : f.parameters) visible.erase(v.name);
    for (const Variable &v : f.locals) visible.erase(v.name);
    for (Variable &v : f.locals) apply(visible, v);
    for (Instruction &i : f.body)
      for (Operand &o : i.operands) apply(visible, o);
  }
  static void apply(const Renames &renames, Operand &o) {
    if (const auto found = renames.find(o.name); !o.name.empty() && found != renames.end()) o.name = found->second;
    for (Operand &e : o.elements) apply(renames, e);
  }

  /// How strong a definition is; the strongest one stays.
  static int strength(const Variable &v) {
    if (v.isExtern) return 0;
    return v.linkage == Linkage::Weak ? 2 : v.linkage == Linkage::Common ? 1 : 3;
  }
  static int strength(const Function &f) { return !f.hasBody ? 0 : f.linkage == Linkage::Weak ? 2 : 3; }

  template <class T> void addTo(std::vector<T> &all, std::unordered_map<std::string, std::size_t> &index, T item) {
    const auto [at, isNew] = index.emplace(item.name, all.size());
    if (isNew) return all.push_back(std::move(item));
    T &known = all[at->second];
    if (strength(known) == 3 && strength(item) == 3)
      throw LinkFailure{{item.line, "multiple definition of '" + item.name + "'"}};
    if (strength(item) > strength(known) || bigger(item, known)) known = std::move(item);
  }
  static bool bigger(const Variable &a, const Variable &b) {
    return a.linkage == Linkage::Common && b.linkage == Linkage::Common && a.bytes > b.bytes;
  }
  static bool bigger(const Function &, const Function &) { return false; }

  void add(Module &to, Variable v) { addTo(to.variables, variableIndex, std::move(v)); }
  void add(Module &to, Function f) { addTo(to.functions, functionIndex, std::move(f)); }

  std::vector<Module> units;
  std::unordered_map<std::string, unsigned> uses;
  std::unordered_map<std::string, std::size_t> variableIndex, functionIndex;
};

bool isBuiltin(std::string_view name) {
  static constexpr std::array<std::string_view, 4> names{"vprintf", "malloc", "free", "__assertfail"};
  for (const std::string_view n : names)
    if (n == name) return true;
  return false;
}

} // namespace

std::string imageHead(unsigned maxRegisters) {
  return maxRegisters == 0 ? std::string() : std::string(headMark) + std::to_string(maxRegisters) + "\n";
}

unsigned linkedRegisterLimit(std::string_view image) {
  unsigned limit = 0;
  if (image.starts_with(headMark)) std::from_chars(image.data() + headMark.size(), image.data() + image.size(), limit);
  return limit;
}

std::string unitText(std::string_view ptx) {
  return std::string(mark) + std::to_string(ptx.size()) + "\n" + std::string(ptx) + "\n";
}

std::vector<std::string_view> unitsOf(std::string_view image) {
  std::vector<std::string_view> units;
  std::string_view rest = image;
  if (rest.starts_with(headMark)) rest.remove_prefix(std::min(rest.size(), rest.find('\n')) + 1);
  while (rest.starts_with(mark)) {
    const std::size_t end = rest.find('\n');
    std::size_t bytes = 0;
    if (end == std::string_view::npos) break;
    const auto parsed = std::from_chars(rest.data() + mark.size(), rest.data() + end, bytes);
    if (parsed.ec != std::errc() || bytes > rest.size() - end - 1) break;
    units.push_back(rest.substr(end + 1, bytes));
    rest.remove_prefix(std::min(rest.size(), end + 1 + bytes + 1));
  }
  if (units.empty()) units.push_back(image);
  return units;
}

std::variant<Module, SourceError> linkImage(std::string_view image) {
  std::vector<Module> modules;
  for (const std::string_view unit : unitsOf(image)) {
    auto parsed = parseModule(unit);
    if (auto *error = std::get_if<SourceError>(&parsed)) return *error;
    modules.push_back(std::move(std::get<0>(parsed)));
  }
  if (modules.size() == 1) return std::move(modules[0]);
  try {
    return Linker(std::move(modules)).run();
  } catch (const LinkFailure &failure) {
    return failure.error;
  }
}

std::string undefinedName(const Module &module) {
  std::unordered_set<std::string_view> defined;
  for (const Function &f : module.functions)
    if (f.hasBody) defined.insert(f.name);
  for (const Function &f : module.functions)
    if (!f.hasBody && !f.isEntry && !defined.contains(f.name) && !isBuiltin(f.name)) return f.name;
  for (const Variable &v : module.variables)
    if (v.isExtern && v.space != Space::Shared) return v.name;
  return {};
}

} // namespace sage::sim
