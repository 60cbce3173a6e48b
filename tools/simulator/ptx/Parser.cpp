// Module level of the parser: version, target, linkage, function headings.
#include "ptx/Parser.h"

#include <algorithm>
#include <new>
#include <utility>

#include "ptx/ParserImpl.h"

namespace sage::sim {

std::variant<Module, SourceError> parseModule(std::string_view source) {
  try {
    return Parser(source).parse();
  } catch (const ParseFailure &failure) {
    return failure.error;
  } catch (const std::bad_alloc &) {
    return SourceError{0, "out of memory while parsing"};
  }
}

Parser::Parser(std::string_view source) : tokens(tokenize(source)) {
  if (tokens.size() > 1 && tokens[tokens.size() - 2].kind == Token::Kind::OpenComment)
    failAt(tokens[tokens.size() - 2].line, "the comment that begins here does not end");
  std::size_t start = 0;
  while (start <= source.size()) {
    const std::size_t end = std::min(source.find('\n', start), source.size());
    module.lines.emplace_back(source.substr(start, end - start));
    start = end + 1;
  }
}

const Token &Parser::peek(std::size_t ahead) const { return tokens[std::min(at + ahead, tokens.size() - 1)]; }

const Token &Parser::take() {
  const Token &token = peek();
  if (at + 1 < tokens.size()) ++at;
  return token;
}

bool Parser::isPunct(char c, std::size_t ahead) const {
  return peek(ahead).kind == Token::Kind::Punct && peek(ahead).punct == c;
}
bool Parser::isWord(std::string_view word) const { return peek().kind == Token::Kind::Word && peek().text == word; }

bool Parser::acceptPunct(char c) {
  if (!isPunct(c)) return false;
  take();
  return true;
}

bool Parser::acceptWord(std::string_view word) {
  if (!isWord(word)) return false;
  take();
  return true;
}

void Parser::fail(const std::string &message) const { failAt(peek().line, message); }
void Parser::failAt(std::uint32_t line, const std::string &message) const { throw ParseFailure{{line, message}}; }

void Parser::expectPunct(char c) {
  if (!acceptPunct(c))
    fail(std::string("expected '") + c + "' before '" + std::string(peek().text.substr(0, 60)) + "'");
}

std::string Parser::expectName(const char *what) {
  if (peek().kind != Token::Kind::Word) fail(std::string("expected ") + what);
  return std::string(take().text);
}

std::uint64_t Parser::expectInteger(const char *what) {
  if (peek().kind != Token::Kind::Integer) fail(std::string("expected ") + what);
  return take().bits;
}

std::uint64_t Parser::expectInteger(const char *what, std::uint64_t limit) {
  const std::uint64_t value = expectInteger(what);
  if (value > limit) fail(std::string(what) + " is too large");
  return value;
}

void Parser::skipBraces() {
  while (!isPunct('{') && peek().kind != Token::Kind::End) take();
  int depth = 0;
  do {
    if (isPunct('{')) ++depth;
    if (isPunct('}')) --depth;
    if (peek().kind == Token::Kind::End) fail("unbalanced braces");
    take();
  } while (depth > 0);
}

// .file 1 "kernel.cu" …   .loc 1 12 5 …   Both end with the line.
void Parser::parseSourcePlace() {
  const std::uint32_t here = peek().line;
  const bool isFile = take().text == ".file";
  std::uint32_t numbers[2] = {0, 0};
  for (std::uint32_t &n : numbers)
    if (peek().kind == Token::Kind::Integer && peek().line == here) n = static_cast<std::uint32_t>(take().bits);
  if (isFile && peek().kind == Token::Kind::String && peek().line == here)
    module.sources->files[numbers[0]] = std::string(peek().text.substr(1, peek().text.size() - 2));
  if (!isFile) module.sources->places.push_back({here, numbers[0], numbers[1]});
  while (peek().kind != Token::Kind::End && peek().line == here) take();
}

// .alias other, function;  (§11.6.9): `other` was declared without a body, and has that of `function`.
void Parser::parseAlias() {
  const std::uint32_t line = take().line;
  const std::string name = expectName("a function name");
  expectPunct(',');
  const std::string original = expectName("a function name");
  expectPunct(';');
  const auto find = [&](const std::string &wanted, bool hasBody) {
    return std::find_if(module.functions.begin(), module.functions.end(),
                        [&](const Function &f) { return f.name == wanted && f.hasBody == hasBody && !f.isEntry; });
  };
  const auto from = find(original, true), to = find(name, false);
  if (from == module.functions.end() || to == module.functions.end())
    failAt(line, "an alias needs '" + name + "' declared and '" + original + "' defined before it");
  const Linkage linkage = to->linkage;
  *to = *from;
  to->name = name;
  to->linkage = linkage;
}

std::string SourceMap::at(std::uint32_t ptxLine) const {
  auto after = std::upper_bound(places.begin(), places.end(), ptxLine,
                                [](std::uint32_t line, const Place &p) { return line < p.ptxLine; });
  if (after == places.begin()) return {};
  const Place &place = *--after;
  const auto file = files.find(place.file);
  if (place.line == 0 || file == files.end()) return {};
  return file->second + ":" + std::to_string(place.line);
}

Module Parser::parse() {
  bool isExtern = false;
  Linkage linkage = Linkage::Local;
  while (peek().kind != Token::Kind::End) {
    if (peek().kind != Token::Kind::Word)
      fail("expected a directive, found '" + std::string(peek().text.substr(0, 60)) + "'");
    const std::string word(peek().text);
    if (word == ".version")
      parseVersion();
    else if (word == ".target")
      parseTarget();
    else if (word == ".address_size")
      take(), module.addressBits = expectInteger("32 or 64", 64);
    else if (word == ".file" || word == ".loc")
      parseSourcePlace();
    else if (word == ".alias")
      parseAlias();
    else if (word == ".section")
      skipBraces();
    else if (word == ".pragma") {
      take();
      take();
      acceptPunct(';');
    } else if (word == ".extern")
      take(), isExtern = true, linkage = Linkage::Extern;
    else if (word == ".visible" || word == ".weak" || word == ".common")
      take(), linkage = word == ".visible" ? Linkage::Visible : word == ".weak" ? Linkage::Weak : Linkage::Common;
    else if (word == ".entry" || word == ".func") {
      parseFunction(word == ".entry"), isExtern = false;
      module.functions.back().linkage = std::exchange(linkage, Linkage::Local);
    } else if (word == ".global" || word == ".const" || word == ".shared") {
      take();
      const Space space = word == ".global" ? Space::Global : word == ".const" ? Space::Const : Space::Shared;
      for (Variable &v : parseVariables(space, isExtern)) {
        v.linkage = linkage;
        module.variables.push_back(std::move(v));
      }
      isExtern = false;
      linkage = Linkage::Local;
    } else {
      fail("unknown directive '" + word.substr(0, 60) + "'");
    }
  }
  if (module.versionMajor == 0) failAt(1, "missing .version directive");
  if (module.target.empty()) failAt(1, "missing .target directive");
  return std::move(module);
}

// The scanner reads "7.0" as a decimal number, so the digits come from its text.
void Parser::parseVersion() {
  take();
  const std::string text(take().text);
  const std::size_t dot = text.find('.');
  const auto isDigits = [](const std::string &s) {
    return !s.empty() && s.size() < 4 && s.find_first_not_of("0123456789") == std::string::npos;
  };
  if (dot == std::string::npos || !isDigits(text.substr(0, dot)) || !isDigits(text.substr(dot + 1)))
    fail("expected a version number such as 7.0");
  module.versionMajor = std::stoi(text.substr(0, dot));
  module.versionMinor = std::stoi(text.substr(dot + 1));
}

void Parser::parseTarget() {
  take();
  module.target = expectName("a target such as sm_80");
  while (acceptPunct(',')) expectName("a target option");
}

void Parser::parseFunction(bool isEntry) {
  take();
  Function function;
  function.isEntry = isEntry;
  function.line = peek().line;
  if (!isEntry && isPunct('(')) function.results = parseParameterList();
  function.name = expectName("a function name");
  if (isPunct('(')) function.parameters = parseParameterList();
  while (parseFunctionDirective(function)) {
  }
  checkClusterDirectives(function);
  registerParameters.clear();
  for (std::vector<Variable> *list : {&function.parameters, &function.results})
    for (Variable &v : *list) {
      if (v.space != Space::Reg) continue;
      if (isEntry || typeBits(v.type) < 16 || typeBits(v.type) > 64)
        failAt(v.line, "'" + v.name + "' cannot be a parameter in a register");
      registerParameters.push_back({v.name, v.name + "$reg", v.type, list == &function.results});
      v.space = Space::Param;
      v.name += "$reg";
    }
  if (isPunct('{')) {
    function.hasBody = true;
    parseBody(function);
  } else {
    expectPunct(';');
  }
  module.functions.push_back(std::move(function));
}

bool Parser::parseFunctionDirective(Function &function) {
  if (acceptWord(".reqntid")) return function.requiredThreads = parseTriple(), true;
  if (acceptWord(".maxntid")) return function.maxThreads = parseTriple(), true;
  if (acceptWord(".reqnctapercluster")) return function.requiredCluster = parseTriple(), true;
  if (acceptWord(".minnctapersm")) return function.minBlocksPerSm = expectInteger("a count", 1024), true;
  if (acceptWord(".local_maxnreg") || acceptWord(".abi_preserve") || acceptWord(".abi_preserve_control"))
    return expectInteger("a count", 65536), true;
  if (acceptWord(".maxnctapersm")) return expectInteger("a count", 65536), true;
  if (acceptWord(".maxclusterrank"))
    return function.maxClusterBlocks = static_cast<std::uint32_t>(expectInteger("a count", 65536)), true;
  if (acceptWord(".maxnreg")) return function.maxRegisters = expectInteger("a count", 256), true;
  if (acceptWord(".explicitcluster")) return function.explicitCluster = true;
  if (acceptWord(".blocksareclusters")) return function.blocksAreClusters = true;
  if (acceptWord(".noreturn")) return true;
  if (acceptWord(".pragma")) return take(), acceptPunct(';'), true;
  return false;
}

// PTX ISA §11.7: which cluster directives go together.
void Parser::checkClusterDirectives(const Function &function) {
  const bool sized = function.requiredCluster[0] != 0;
  if (sized && function.maxClusterBlocks != 0) fail(".maxclusterrank and .reqnctapercluster exclude each other");
  if (function.blocksAreClusters && (!sized || function.requiredThreads[0] == 0))
    fail(".blocksareclusters needs .reqntid and .reqnctapercluster");
}

std::array<std::uint32_t, 3> Parser::parseTriple() {
  std::array<std::uint32_t, 3> result{1, 1, 1};
  for (std::size_t i = 0; i < 3; ++i) {
    result[i] = static_cast<std::uint32_t>(expectInteger("a count", 0x7fffffff));
    if (i == 2 || !acceptPunct(',')) break;
  }
  return result;
}

std::vector<Variable> Parser::parseParameterList() {
  std::vector<Variable> result;
  expectPunct('(');
  while (!isPunct(')')) {
    result.push_back(parseParameter());
    if (!acceptPunct(',')) break;
  }
  expectPunct(')');
  return result;
}

// .param .u64 .ptr .global .align 16 NAME   or   .param .align 8 .b8 NAME[24]
Variable Parser::parseParameter() {
  Variable v;
  v.space = Space::Param;
  v.line = peek().line;
  if (acceptWord(".reg"))
    v.space = Space::Reg;
  else if (!acceptWord(".param"))
    fail("expected .param");
  bool aligned = false;
  while (peek().kind == Token::Kind::Word && peek().text.starts_with(".")) {
    const std::string word(take().text);
    if (word == ".align") {
      const auto align = static_cast<std::uint32_t>(expectInteger("an alignment", 1 << 20));
      // After .ptr the alignment is that of what the pointer points to.
      if (!aligned) v.align = align;
    } else if (word == ".ptr") {
      aligned = true;
    } else if (const Type type = typeByName(word.substr(1)); type != Type::None) {
      v.type = type;
    }
  }
  v.name = expectName("a parameter name");
  v.bytes = typeBytes(v.type);
  v.align = std::max(v.align, typeBytes(v.type));
  parseArrayBounds(v, typeBytes(v.type));
  return v;
}

} // namespace sage::sim
