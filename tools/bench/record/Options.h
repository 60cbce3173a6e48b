// The command line that all measuring programs share.
#pragma once

#include "sage/runtime/Result.h"

#include <optional>
#include <string>

namespace sage::bench {

enum class Extent { Tiny, Quick, Full }; // tiny is for the simulator: everything runs, nothing is measured

struct Options {
  std::string device, out, only;
  std::string after;   // start behind the case of this name, and keep what the file at `out` has
  std::string tensors; // the directory that gets the inputs; empty: none
  Extent extent = Extent::Quick;
  double timeLimitSeconds = 0; // 0: none
  bool list = false;
};

// Whether a program has what an option is for: it starts itself anew (Restart.h) and so knows --after; its cases have
// inputs that others can use, and so it knows --tensors.
enum class Restarts { No, Yes };
enum class SavesTensors { No, Yes };

// ABOUT is the first line of the help. Nothing when the help was asked for and printed; a usage error otherwise.
Result<std::optional<Options>> parseOptions(int argc, char **argv, const std::string &program, const std::string &about,
                                            Restarts restarts, SavesTensors savesTensors);

} // namespace sage::bench
