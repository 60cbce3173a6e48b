// Options in groups, one sentence each, help within 80 columns. Only form is checked here; whether a config, key, arch
// or tensor exists is for the command to say, with exit code 1.
#include "CommandLine.h"

#include "Output.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>

namespace sage::cli {
namespace {

constexpr const char *inputGroup = "Input and output", *computeGroup = "What to compute",
                     *targetGroup = "Where to compute", *inspectGroup = "Looking inside",
                     *placeGroup = "Where things are (default: the SAGEC_* variable)";

constexpr const char *footer = "Exit codes: 0 ok, 1 bad input or unwritable output, 2 usage, 3 device or driver,\n"
                               "4 internal error, 5 check failed, 6 cache.";

std::optional<int64_t> positiveInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value > 0 ? std::optional(value) : std::nullopt;
}

// "B,H,N,D"
std::optional<std::array<int64_t, 4>> parseExtents(std::string_view text) {
  std::array<int64_t, 4> out{};
  for (size_t i = 0; i < out.size(); ++i) {
    size_t comma = i + 1 < out.size() ? text.find(',') : text.size();
    if (comma == std::string_view::npos) return std::nullopt;
    auto value = positiveInteger(text.substr(0, comma));
    if (!value) return std::nullopt;
    out[i] = *value;
    text.remove_prefix(std::min(text.size(), comma + 1));
  }
  return out;
}

std::string requireAssignment(const std::string &text) {
  size_t equals = text.find('=');
  bool good = equals != std::string::npos && equals > 0;
  return good ? "" : "'" + text + "' is not of the form key=value";
}

std::string requireExtents(const std::string &text) {
  return parseExtents(text) ? "" : "'" + text + "' is not four positive integers B,H,N,D";
}

std::string requireLayout(const std::string &text) {
  return parseTensorLayout(text) ? "" : "'" + text + "' is not allowed; HND and NHD are";
}

std::string requireFormat(const std::string &text) {
  return text == "text" || text == "json" ? "" : "'" + text + "' is not allowed; text and json are";
}

CLI::Option *textOption(CLI::App &app, const std::string &name, std::string &target, const char *value,
                        const char *help, const char *group) {
  return app.add_option(name, target, help)->option_text(value)->group(group);
}

void addSets(CLI::App &app, std::vector<std::string> &sets, const char *help) {
  app.add_option("--set", sets, help)
      ->option_text("KEY=VALUE")
      ->group(computeGroup)
      ->allow_extra_args(false)
      ->check(CLI::Validator(requireAssignment, ""));
}

// Values that need conversion after parsing.
struct Raw {
  std::string format = "text", layout = "HND", random;
};

void addFormat(CLI::App &app, Raw &raw) {
  textOption(app, "--format", raw.format, "text|json", "How to print data on standard output [text].", inputGroup)
      ->check(CLI::Validator(requireFormat, ""));
}

void addDrivers(CLI::App &app, CommonOptions &options) {
  textOption(app, "--driver", options.drivers.driver, "FILE", "The CUDA driver, instead of libcuda.so.1.", placeGroup);
  textOption(app, "--simulator", options.drivers.simulator, "FILE", "The PTX simulator (libsagesim.so).", placeGroup);
}

void addSources(CLI::App &app, CommonOptions &options) {
  textOption(app, "--compiler", options.compiler, "FILE", "The compiler (libsage_compiler.so).", placeGroup);
  textOption(app, "--kernels", options.kernels, "DIR", "Tile programs that replace built-in ones.", placeGroup);
  textOption(app, "--configs", options.configs, "DIR", "Configs that replace built-in ones.", placeGroup);
}

void addRunTensors(CLI::App &app, RunOptions &options, Raw &raw) {
  auto *input = textOption(app, "--input", options.input, "FILE",
                           "Tensors q, k, v, F16 with four axes, as\n.safetensors.", inputGroup);
  textOption(app, "--output", options.output, "FILE", "Where to write tensor o (and lse, if set), as\n.safetensors.",
             inputGroup);
  textOption(app, "--q", options.q, "NAME", "Name of the queries in the input [q].", inputGroup)->needs(input);
  textOption(app, "--k", options.k, "NAME", "Name of the keys in the input [k].", inputGroup)->needs(input);
  textOption(app, "--v", options.v, "NAME", "Name of the values in the input [v].", inputGroup)->needs(input);
  textOption(app, "--layout", raw.layout, "HND|NHD",
             "Axes are [batch, heads, tokens, dim], or\n[batch, tokens, heads, dim] [HND].", inputGroup)
      ->check(CLI::Validator(requireLayout, ""));
  auto *random =
      textOption(app, "--random", raw.random, "B,H,N,D", "Draw q, k, v from N(0,1) instead of --input.", inputGroup)
          ->check(CLI::Validator(requireExtents, ""))
          ->excludes(input);
  app.add_option("--seed", options.seed, "Seed of --random [0].")->option_text("S")->group(inputGroup)->needs(random);
}

void addRun(CLI::App &root, RunOptions &options, Raw &raw) {
  CLI::App &app = *root.add_subcommand("run", "Compute attention, on a GPU or in the simulator.");
  app.add_option("config", options.config, "A shipped config (flash, sage-t, sage-b) or\nthe path of a JSON file.")
      ->option_text("CONFIG")
      ->required();
  addRunTensors(app, options, raw);
  app.add_flag("--causal", options.causal, "Mask the future; the same as --set mask=causal.")->group(computeGroup);
  addSets(app, options.sets, "Set a key of the config, e.g. lse=true or\nschedule.block_k=64. May be repeated.");
  app.add_flag("--check", options.check,
               "Compare with exact attention in double\nprecision: cosine, relative L1, RMSE.")
      ->group(computeGroup);
  textOption(app, "--device", options.device, "D",
             "auto, cuda:N or sim:ARCH [auto: a GPU if there\nis one, else sim:sm_80].", targetGroup);
  textOption(app, "--arch", options.arch, "A", "Compile for this target [the device's own].", targetGroup);
  textOption(app, "--dump-stages", options.dumpStages, "DIR", "Write every stage of each kernel's compilation.",
             inspectGroup);
  app.add_flag("--counters", options.counters,
               "Print what the simulator counted for each\nkernel, as JSON (docs/simulator.md).")
      ->group(inspectGroup);
  addFormat(app, raw);
  addDrivers(app, options);
  addSources(app, options);
}

void addEmit(CLI::App &root, EmitOptions &options, Raw &raw) {
  CLI::App &app = *root.add_subcommand("emit", "Write PTX and metadata of kernels; no device needed.");
  app.add_option("source", options.source, "A config, or the path of a tile program that\nends in .tile.")
      ->option_text("CONFIG|FILE.tile")
      ->required();
  textOption(app, "--output,-o", options.output, "DIR", "Directory for KERNEL.ptx and KERNEL.json; made\nif missing.",
             inputGroup)
      ->required();
  textOption(app, "--arch", options.arch, "A", "Compile for this target, e.g. sm_80.", targetGroup)->required();
  textOption(app, "--kernel", options.kernel, "NAME", "Only this kernel.", computeGroup);
  addSets(app, options.sets,
          "Set a key of the config; for a tile program, a\nkernel parameter (D=64) or schedule.KEY.");
  textOption(app, "--emit", options.stage, "STAGE", "Stop after this stage [ptx].", inspectGroup);
  textOption(app, "--dump-stages", options.dumpStages, "DIR", "Write every stage of each kernel's compilation.",
             inspectGroup);
  app.add_flag("--time-passes", options.timePasses, "Print the time of each stage.")->group(inspectGroup);
  addFormat(app, raw);
  addSources(app, options);
}

void addDevices(CLI::App &root, DevicesOptions &options, Raw &raw) {
  CLI::App &app = *root.add_subcommand("devices", "List the devices that --device can name.");
  addFormat(app, raw);
  addDrivers(app, options);
}

Status usage(const CLI::App &root, const std::string &message) {
  std::string command = "sagec";
  for (const CLI::App *sub : root.get_subcommands()) command += " " + sub->get_name();
  return {Code::Usage, message + "\nRun '" + command + " --help' for the options."};
}

// What CLI11 cannot say about combinations of options.
Status checkRun(const CLI::App &root, const RunOptions &options) {
  if (!options.random && options.input.empty())
    return usage(root, "run needs tensors: --input FILE or --random B,H,N,D");
  if (!options.random && options.output.empty()) return usage(root, "run --input needs --output FILE");
  return {};
}

// CLI11's layout, with the whole command in the usage line and one blank line between groups.
class HelpFormatter : public CLI::Formatter {
public:
  std::string make_usage(const CLI::App *app, std::string) const override {
    std::string line = "\nUsage: sagec" + (app->get_parent() ? " " + app->get_name() : "");
    if (!app->get_subcommands({}).empty()) return line + " COMMAND [OPTIONS]\n";
    for (const CLI::Option *option : app->get_options())
      if (option->get_positional()) line += " " + option->get_option_text();
    return line + " [OPTIONS]\n";
  }

  std::string make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, name, mode);
    for (size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
    return text;
  }
};

void style(CLI::App &root) {
  constexpr size_t optionColumn = 28;
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(optionColumn);
  formatter->label("Subcommands", "Commands");
  root.formatter(formatter);
  root.footer(footer);
  root.set_version_flag("--version", "sagec " SAGE_VERSION, "Print the version and exit.");
  root.set_help_flag("-h,--help", "Print this help and exit.");
  root.require_subcommand(1);
}

} // namespace

Result<Command> parseCommandLine(int argc, char **argv) {
  CLI::App root("sagec: quantized attention kernels, from a tile program and a config to PTX\nand to numbers.",
                "sagec");
  style(root);
  RunOptions runOptions;
  EmitOptions emitOptions;
  DevicesOptions devicesOptions;
  Raw raw;
  addRun(root, runOptions, raw);
  addEmit(root, emitOptions, raw);
  addDevices(root, devicesOptions, raw);
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    auto chosen = root.get_subcommands();
    return Command(PrintText{(chosen.empty() ? &root : chosen[0])->help()});
  } catch (const CLI::CallForVersion &version) {
    return Command(PrintText{std::string(version.what()) + "\n"});
  } catch (const CLI::ParseError &error) {
    bool noCommand = root.get_subcommands().empty() && error.get_exit_code() == int(CLI::ExitCodes::RequiredError);
    if (!noCommand) return usage(root, error.what());
    std::string given = argc > 1 ? "unknown command '" + std::string(argv[1]) + "'; " : "";
    return usage(root, given + "a command is required: run, emit or devices");
  }
  Format format = raw.format == "json" ? Format::Json : Format::Text;
  runOptions.format = emitOptions.format = devicesOptions.format = format;
  if (root.got_subcommand("emit")) return Command(std::move(emitOptions));
  if (root.got_subcommand("devices")) return Command(std::move(devicesOptions));
  runOptions.layout = *parseTensorLayout(raw.layout);
  if (!raw.random.empty()) runOptions.random = parseExtents(raw.random);
  SAGE_TRY(checkRun(root, runOptions));
  return Command(std::move(runOptions));
}

} // namespace sage::cli
