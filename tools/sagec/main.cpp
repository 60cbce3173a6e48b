// sagec: parse the command line, call the command, turn its Status into the exit code (docs/command-line.md lists
// them).
#include "CommandLine.h"
#include "Commands.h"
#include "Output.h"

#include <csignal>
#include <exception>
#include <new>

namespace {

using namespace sage;
using namespace sage::cli;

struct Dispatch {
  Status operator()(const RunOptions &options) const { return run(options); }
  Status operator()(const EmitOptions &options) const { return emit(options); }
  Status operator()(const DevicesOptions &options) const { return devices(options); }
  Status operator()(const PrintText &text) const { return printData(text.text); }
};

Status guarded(const Command &command) {
  try {
    return std::visit(Dispatch{}, command);
  } catch (const std::bad_alloc &) {
    return invalidInput("out of memory: these tensors are too large for this machine");
  } catch (const std::exception &error) {
    return internalError(std::string("unexpected: ") + error.what());
  }
}

} // namespace

int main(int argc, char **argv) {
  // A reader that closes the pipe early makes the write fail instead of killing the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Result<Command> command = parseCommandLine(argc, argv);
  Status status = command ? guarded(*command) : command.status();
  if (!status.ok()) reportError(status);
  return status.exitCode();
}
