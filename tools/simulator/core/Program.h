// A kernel ready to run: decoded instructions and the layout of its register file, parameters and shared memory.
// Immutable after decoding, shared by all launches.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/Inst.h"
#include "ptx/Module.h"
#include "report/Counters.h"

namespace sage::sim {

/// Values that a block or a warp fills into its register file before it starts (PTX ISA §10).
enum class Special : std::uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  ClusteridX,
  ClusteridY,
  ClusteridZ,
  NclusteridX,
  NclusteridY,
  NclusteridZ,
  ClusterCtaidX,
  ClusterCtaidY,
  ClusterCtaidZ,
  ClusterNctaidX,
  ClusterNctaidY,
  ClusterNctaidZ,
  ClusterCtarank,
  ClusterNctarank,
  IsExplicitCluster, ///< a predicate
  LaneId,
  WarpId,
  NWarpId,
  SmId,
  NSmId,
  GridId,
  LaneMaskEq,
  LaneMaskLe,
  LaneMaskLt,
  LaneMaskGe,
  LaneMaskGt,
  DynamicSharedBytes,
  TotalSharedBytes,
  AllSharedBytes,
  ReservedSharedBegin,
  ReservedSharedEnd,
  ReservedSharedBytes,
  GridWorkspaceHigh,
  GridWorkspaceLow,
  Clock,
  Clock64,
  GlobalTimer, ///< read when executed, not filled in
};

struct BasicBlock {
  std::uint32_t line = 0;
  /// How often each class occurs in the block: a visit adds these, so that single instructions count nothing.
  std::array<std::uint16_t, unitClassCount> classes{};
};

/// A piece of a frame: where a parameter or a result lies.
struct FramePiece {
  std::uint32_t offset;
  std::uint32_t bytes;
};

/// What a call of a function that has no body in the module does.
enum class Builtin : std::uint8_t { None, Printf, Assert, Malloc, Free };

/// A device function. Its frame lies on the thread's stack in local memory: parameters, results, .local and .param
/// variables; its registers have slots of their own, beside those of all other functions.
struct FunctionInfo {
  std::string name;
  Builtin builtin = Builtin::None;
  const Inst *entry = nullptr;
  std::uint64_t address = 0; ///< what `mov` gives for its name
  std::uint32_t frameBytes = 0;
  std::uint32_t frameRegister = 0; ///< holds the frame's address
  std::vector<FramePiece> parameters, results;
};

struct CallSite {
  const FunctionInfo *callee = nullptr;       ///< null: `pointer` tells
  std::uint32_t pointer = 0;                  ///< register with the function's address
  std::vector<FramePiece> arguments, results; ///< in the caller's frame
  bool inKernel = false;                      ///< the caller's frame is at address 0
  std::uint32_t frameRegister = 0;            ///< of the caller, else
  /// The caller may be entered again before the call returns: its slots [first, second) of each width are kept.
  bool saves = false;
  std::array<std::pair<std::uint32_t, std::uint32_t>, 3> wideNarrowMask{};
};

/// The stack of recursive functions when nobody set a limit.
constexpr std::uint32_t defaultRecursionBytes = 16 * 1024;

/// LINE of a module's source without the blanks around it; nothing when there is no such line.
std::string sourceLine(const std::vector<std::string> &lines, std::uint32_t line);

struct Program {
  std::string name;
  std::vector<Inst> code;
  const Inst *entry = nullptr; ///< where a thread starts; device functions stand before it
  std::vector<std::uint32_t> operandPool;
  std::vector<std::vector<const Inst *>> jumpTables;
  std::vector<BasicBlock> blocks;

  // Register file of a warp, in bytes.
  std::uint32_t fileBytes = 0;
  struct Constant {
    std::uint32_t offset;
    std::uint8_t bytes; ///< 4 or 8 per lane
    std::uint64_t value;
  };
  std::vector<Constant> constants;
  struct SpecialSlot {
    std::uint32_t offset;
    Special special;
    bool wide; ///< 64 bits per lane
  };
  std::vector<SpecialSlot> specials;
  std::uint32_t memoryIds = 0; ///< memory instructions, each with its own look-up cache

  struct Parameter {
    std::uint32_t offset;
    std::uint32_t bytes;
  };
  std::vector<Parameter> parameters;
  std::uint32_t parameterBytes = 0;

  std::uint32_t staticSharedBytes = 0; ///< rounded up to where the dynamic part starts
  std::uint32_t localBytes = 0;        ///< of a thread: the kernel's variables, then the stack
  std::uint32_t kernelBytes = 0;       ///< where the stack starts
  bool recursive = false;              ///< functions call themselves, so the stack has more than one frame of each
  std::uint32_t recursionBytes = 0;    ///< this more; a part of localBytes
  std::deque<FunctionInfo> functions;
  std::deque<CallSite> calls;
  bool usesHeap = false;
  std::uint32_t registersPerThread = 0; ///< an estimate: live 32-bit values

  /// Sets what recursive functions may use; between launches.
  void growStack(std::uint32_t bytes) {
    if (!recursive) return;
    localBytes += bytes - recursionBytes;
    recursionBytes = bytes;
  }
  std::array<std::uint32_t, 3> requiredThreads{};
  std::array<std::uint32_t, 3> maxThreads{};
  std::array<std::uint32_t, 3> requiredCluster{};
  std::uint32_t maxClusterBlocks = 0; ///< .maxclusterrank; 0: not said
  bool explicitCluster = false;       ///< must be launched with clusters
  bool blocksAreClusters = false;     ///< a launch counts clusters, not blocks

  std::shared_ptr<const std::vector<std::string>> lines; ///< the module's source
  std::string lineText(std::uint32_t line) const { return lines ? sourceLine(*lines, line) : std::string(); }
  std::shared_ptr<const SourceMap> sources;
  /// "line 12: st.global.b32 [%a], %r; (sum.cu:7)".
  std::string placeText(std::uint32_t line) const;
};

} // namespace sage::sim
