// The parser's class, shared by its three files: Parser.cpp (module level), ParserBody.cpp (function bodies and
// operands), ParserVariable.cpp (declarations of variables and their initialisers). Nobody else includes this.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ptx/Lexer.h"
#include "ptx/Module.h"

namespace sage::sim {

/// Registers and labels live in nested { } scopes; inline assembly opens one each.
struct Scope {
  int parent = -1;
  std::unordered_map<std::string, int> registers;
  struct Range {
    std::string prefix;
    int first;
    std::uint32_t count;
  };
  std::vector<Range> ranges;
  std::unordered_map<std::string, int> labels;
};

class Parser {
public:
  explicit Parser(std::string_view source);
  Module parse();

private:
  // Tokens.
  const Token &peek(std::size_t ahead = 0) const;
  const Token &take();
  bool isPunct(char c, std::size_t ahead = 0) const;
  bool isWord(std::string_view word) const;
  bool acceptPunct(char c);
  bool acceptWord(std::string_view word);
  void expectPunct(char c);
  std::string expectName(const char *what);
  std::uint64_t expectInteger(const char *what);
  std::uint64_t expectInteger(const char *what, std::uint64_t limit);
  [[noreturn]] void fail(const std::string &message) const;
  [[noreturn]] void failAt(std::uint32_t line, const std::string &message) const;
  void parseSourcePlace();
  void parseAlias();
  void skipBraces();

  // Module level.
  void parseVersion();
  void parseTarget();
  void parseFunction(bool isEntry);
  std::vector<Variable> parseParameterList();
  Variable parseParameter();
  bool parseFunctionDirective(Function &function);
  std::array<std::uint32_t, 3> parseTriple();
  void checkClusterDirectives(const Function &function);

  // Variables.
  std::vector<Variable> parseVariables(Space space, bool isExtern);
  void parseArrayBounds(Variable &variable, std::uint64_t elementBytes);
  void parseInitialiser(Variable &variable);
  void parseInitialValue(Variable &variable, int depth);
  void appendBytes(Variable &variable, std::uint64_t bits, unsigned bytes);

  // Bodies.
  void parseBody(Function &function);
  void parseStatement();
  void parseRegisters();
  void parseBodyDirective();
  void parseLabel();
  void parseBranchTargets(const std::string &name);
  void parseInstruction();
  void declareRegisterParameters();
  void storeRegisterResults(const Instruction &ret);
  void passRegisters(Instruction &call, std::vector<Instruction> &after);
  void passRegister(Operand &operand, bool isResult, const Instruction &call, std::vector<Instruction> &after);
  void append(Instruction instruction);
  Operand parseOperand(int depth);
  Operand parseWordOperand();
  Operand parseNumber();
  Operand parseList(char close, int depth);
  Operand parseAddress(int depth);
  std::int64_t parseOffset();

  // Constant expressions.
  struct Constant {
    std::uint64_t bits;
    bool isUnsigned;
  };
  bool startsExpression() const;
  std::uint64_t parseExpression();
  Constant parseConditional(int depth);
  Constant parseBinary(int lowest, int depth);
  Constant parseUnary(int depth);
  Constant combine(std::string_view op, Constant a, Constant b) const;
  std::size_t operatorHere(int lowest) const;
  int findRegister(const std::string &name) const;
  int findLabel(const std::string &name, int scope) const;
  void resolveLabels();
  void openScope();

  std::vector<Token> tokens;
  std::size_t at = 0;
  Module module;

  // Of the body at hand.
  Function *current = nullptr;
  std::vector<Scope> scopes;
  int scope = -1;
  std::vector<int> instructionScopes;
  struct RegisterParameter {
    std::string name, variable;
    Type type;
    bool isResult;
    int index = -1;
  };
  std::vector<RegisterParameter> registerParameters;
  unsigned callCount = 0;
  bool inCall = false; ///< the instruction at hand passes lists in parentheses
  struct PendingTable {
    std::string name;
    std::vector<std::string> labels;
    int scope;
    std::uint32_t line;
  };
  std::vector<PendingTable> pendingTables;
};

/// Thrown inside the parser only; parseModule catches it.
struct ParseFailure {
  SourceError error;
};

} // namespace sage::sim
