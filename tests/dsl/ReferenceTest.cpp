// docs/language.md against the compiler: its examples are checked, its lists of functions, keywords, kinds and types
// are complete.
#include "Check.h"

#include "compiler/dsl/Builtins.h"
#include "compiler/dsl/Token.h"

#include <set>
#include <sstream>

using namespace sage::dsl;
using namespace sage::dsl::test;

namespace {

struct Example {
  std::string kind, text;
};

std::string page() { return readFile(SAGE_SOURCE_DIR "/docs/language.md"); }

// The fenced blocks of the page, by the word behind the fence.
std::vector<Example> examples() {
  std::vector<Example> out;
  std::istringstream lines(page());
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    bool fence = line.rfind("```", 0) == 0;
    if (fence && !inside)
      out.push_back({line.substr(3), ""});
    else if (!fence && inside)
      out.back().text += line + "\n";
    inside ^= fence;
  }
  return out;
}

std::vector<Example> examples(const std::string &kind) {
  std::vector<Example> out;
  for (Example &example : examples())
    if (example.kind == kind)
      out.push_back(std::move(example));
  return out;
}

// A body in the page's frame.
std::string framed(const std::string &body) {
  std::string frame = examples("tile-frame").at(0).text;
  size_t dots = frame.find("    ...");
  REQUIRE(dots != std::string::npos);
  return frame.replace(dots, 7, body);
}

bool mentions(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("reference: every program on the page checks") {
  REQUIRE(examples("tile").size() >= 2);
  for (const Example &example : examples("tile"))
    CHECK(check(example.text) == "");
}

TEST_CASE("reference: every body on the page checks") {
  REQUIRE(examples("tile-body").size() >= 5);
  for (const Example &example : examples("tile-body"))
    CHECK(check(framed(example.text)) == "");
}

TEST_CASE("reference: every error on the page is the one that is made") {
  REQUIRE(examples("tile-error").size() >= 4);
  for (const Example &example : examples("tile-error")) {
    size_t rule = example.text.find("\n----\n");
    REQUIRE(rule != std::string::npos);
    CHECK(firstError(framed(example.text.substr(rule + 6))) == example.text.substr(0, rule));
  }
}

TEST_CASE("reference: the list of functions is the compiler's") {
  std::set<std::string> listed;
  std::string text = page(), section = text.substr(text.find("## 6."), text.find("## 7.") - text.find("## 6."));
  std::istringstream lines(section);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("| `", 0) == 0)
      listed.insert(line.substr(3, line.find_first_of("<(", 3) - 3));
  std::vector<std::string> known = builtinNames();
  CHECK(listed == std::set<std::string>(known.begin(), known.end()));
}

TEST_CASE("reference: the grammar has every keyword, the tables every kind and value") {
  std::string grammar = examples("grammar").at(0).text, text = page();
  for (const std::string &keyword : keywords())
    CHECK(mentions(grammar, "\"" + keyword + "\""));
  for (const std::string &kind : parameterKindNames())
    CHECK(mentions(text, ": " + kind + "`"));
  for (const std::string &type : dataTypeNames())
    CHECK(mentions(text, "`" + type + "`"));
  for (ParameterKind kind : {ParameterKind::Mask, ParameterKind::Order, ParameterKind::Accumulation})
    for (const std::string &value : enumerators(kind))
      CHECK((mentions(text, "`" + value + "`") || mentions(text, "`\"" + value + "\"`")));
}
