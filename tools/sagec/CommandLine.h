// argv → one command with its options. The only file pair that knows CLI11; it opens nothing and prints nothing.
#pragma once

#include "Options.h"
#include "sage/runtime/Result.h"

#include <variant>

namespace sage::cli {

// Help and version are commands that print.
struct PrintText {
  std::string text;
};

using Command = std::variant<RunOptions, EmitOptions, DevicesOptions, PrintText>;

// Code::Usage, with a pointer to the help, when the command line cannot be parsed.
Result<Command> parseCommandLine(int argc, char **argv);

} // namespace sage::cli
