// See Options.h.
#include "record/Options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iostream>

namespace sage::bench {

Result<std::optional<Options>> parseOptions(int argc, char **argv, const std::string &program, const std::string &about,
                                            Restarts restarts, SavesTensors savesTensors) {
  Options options;
  bool tiny = false, quick = false, full = false;
  CLI::App app(about, program);
  app.add_option("--device", options.device, "auto, cuda:N or sim:ARCH [SAGEC_DEVICE, else auto].")->option_text("D");
  app.add_option("--out", options.out, "The JSON file to write [standard output].")->option_text("FILE");
  app.add_option("--only", options.only, "Only cases whose name contains TEXT.")->option_text("TEXT");
  app.add_option("--time-limit", options.timeLimitSeconds, "Start no further case after S seconds.")
      ->option_text("S")
      ->check(CLI::PositiveNumber);
  if (restarts == Restarts::Yes)
    app.add_option("--after", options.after,
                   "Start behind the case NAME and keep what FILE has: what the\nprogram itself does after an error of "
                   "the device that stays.")
        ->option_text("NAME");
  if (savesTensors == SavesTensors::Yes)
    app.add_option("--tensors", options.tensors, "First write the inputs of all cases into DIR, as .safetensors files.")
        ->option_text("DIR");
  app.add_flag("--list", options.list, "Print the names of the cases and end.");
  auto *tinyFlag = app.add_flag("--tiny", tiny, "Sizes for the simulator: all runs, nothing is measured.");
  auto *quickFlag = app.add_flag("--quick", quick, "A few sizes [default].")->excludes(tinyFlag);
  app.add_flag("--full", full, "All sizes.")->excludes(tinyFlag)->excludes(quickFlag);
  app.footer("Exit codes: 0 ok, 1 bad input or unwritable output, 2 usage, 3 device or driver,\n"
             "4 internal error, 5 a check failed.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    std::cout << app.help();
    return std::optional<Options>();
  } catch (const CLI::Error &error) {
    return Status(Code::Usage, std::string(error.what()) + "; see " + program + " --help");
  }
  options.extent = tiny ? Extent::Tiny : full ? Extent::Full : Extent::Quick;
  return std::optional(options);
}

} // namespace sage::bench
