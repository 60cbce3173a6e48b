// See Children.h. A line of the pipe is {"simulated": …} once the device is open, {"began": N} or
// {"finished": N, "entries": […]}.
#include "Children.h"

#include "ProbeRun.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sage::machine {
namespace {

using Clock = std::chrono::steady_clock;

// How long a child may say nothing. On a GPU the longest probe should take two seconds, one of them the driver's
// compiler's for the largest wgmma, and the GPU kit's shortest limit of all probes together is 24 seconds; in the
// simulator a probe takes its time, and so may a driver that opens the device.
constexpr int gpuSilenceSeconds = 6, silenceSeconds = 60;

std::vector<const Probe *> selectProbes(const std::string &only) {
  std::vector<const Probe *> selected;
  for (const Probe &probe : catalogue())
    for (const Quantity &quantity : probe.quantities)
      if (quantity.name.find(only) != std::string::npos) {
        selected.push_back(&probe);
        break;
      }
  return selected;
}

class Parent {
public:
  explicit Parent(const bench::Options &options)
      : options(options), probes(selectProbes(options.only)), start(Clock::now()) {}

  Status run();

private:
  const bench::Options &options;
  const std::vector<const Probe *> probes;
  const Clock::time_point start;
  Progress progress;
  bool hasBegun = false;         // whether a child began the next probe,
  double beganAt = 0;            // and when
  int patience = silenceSeconds; // with the present child

  [[noreturn]] void child(int pipe);
  // Takes lines until the child closes the pipe. False when it was silent for too long.
  bool listen(int pipe);
  void take(const std::string &line);
  void fail(const std::string &reason);
  bool timeIsUp() const {
    return options.timeLimitSeconds > 0 &&
           std::chrono::duration<double>(Clock::now() - start).count() > options.timeLimitSeconds;
  }
};

void Parent::child(int pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever stops the parent means both
  auto tell = [&](const Json &message) {
    const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
      const ssize_t now = write(pipe, line.data() + sent, line.size() - sent);
      if (now < 0 && errno != EINTR) _exit(int(Code::Internal)); // the parent is gone
      sent += now > 0 ? std::size_t(now) : 0;
    }
  };
  RunEvents events;
  events.opened = [&](bool simulated) { tell({{"simulated", simulated}}); };
  events.began = [&](std::size_t probe) { tell({{"began", probe}}); };
  events.finished = [&](std::size_t probe, const Json &entries) { tell({{"finished", probe}, {"entries", entries}}); };
  events.timeIsUp = [&] { return timeIsUp(); };
  Status status;
  try {
    status = runProbes(options, probes, progress, events);
  } catch (const std::exception &error) {
    status = internalError(error.what());
  }
  if (!status.ok()) bench::talk("bench-machine: error: " + status.message());
  // Without destructors: after an error of the device they would only repeat it.
  _exit(status.exitCode());
}

void Parent::take(const std::string &line) {
  const Json message = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) return;
  if (message.contains("simulated")) patience = message["simulated"] == true ? silenceSeconds : gpuSilenceSeconds;
  hasBegun = message.contains("began");
  if (hasBegun) beganAt = bench::epochSeconds();
  if (!message.contains("finished")) return;
  for (const Json &entry : message["entries"]) progress.done.push_back(entry);
  progress.next = message["finished"].get<std::size_t>() + 1;
}

bool Parent::listen(int pipe) {
  std::string buffer;
  char bytes[4096];
  patience = silenceSeconds;
  while (true) {
    pollfd waiting{pipe, POLLIN, 0};
    const int ready = poll(&waiting, 1, patience * 1000);
    if (ready == 0) return false;
    const ssize_t count = read(pipe, bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EINTR)) return true;
    if (count > 0) buffer.append(bytes, std::size_t(count));
    for (std::size_t end; (end = buffer.find('\n')) != std::string::npos; buffer.erase(0, end + 1))
      take(buffer.substr(0, end));
  }
}

void Parent::fail(const std::string &reason) {
  Json entries = failedEntries(*probes[progress.next], reason);
  stamp(entries, beganAt);
  for (const Json &entry : entries) {
    bench::talk(entry["name"].get<std::string>() + ": FAILED, " + reason);
    progress.done.push_back(entry);
  }
  ++progress.next;
  hasBegun = false;
}

Status Parent::run() {
  if (probes.empty()) return invalidInput("no measurement has '" + options.only + "' in its name; see --list");
  while (true) {
    int pipes[2];
    if (pipe(pipes) != 0) return internalError(std::string("pipe: ") + std::strerror(errno));
    const std::size_t before = progress.next;
    const pid_t pid = fork();
    if (pid < 0) return internalError(std::string("fork: ") + std::strerror(errno));
    if (pid == 0) {
      close(pipes[0]);
      child(pipes[1]);
    }
    close(pipes[1]);
    const bool inTime = listen(pipes[0]);
    close(pipes[0]);
    if (!inTime) kill(pid, SIGKILL);
    int how = 0;
    waitpid(pid, &how, 0);
    const bool isWhole = WIFEXITED(how) && WEXITSTATUS(how) == 0;
    if (isWhole && (progress.next == probes.size() || timeIsUp())) break;
    if (hasBegun)
      fail(!inTime            ? "no end within " + std::to_string(patience) + " seconds"
           : WIFSIGNALED(how) ? std::string("the process ended by signal ") + std::to_string(WTERMSIG(how))
                              : "the process ended with code " + std::to_string(WEXITSTATUS(how)));
    else if (!inTime)
      return deviceError("the device does not open within " + std::to_string(patience) + " seconds");
    else if (progress.next == before) // nothing to go on with: no device, or no place to write; the child has said why
      return {WIFEXITED(how) ? Code(WEXITSTATUS(how)) : Code::Internal, ""};
  }
  if (progress.next < probes.size())
    bench::talk("stopped by --time-limit: " + std::to_string(progress.next) + " of " + std::to_string(probes.size()) +
                " kernels were measured");
  std::size_t bad = 0;
  for (const Json &entry : progress.done) bad += !isGood(entry);
  if (bad > 0)
    return {Code::CheckFailed,
            std::to_string(bad) + " of " + std::to_string(progress.done.size()) + " measurements failed"};
  return {};
}

} // namespace

Status measureInChildren(const bench::Options &options) { return Parent(options).run(); }

} // namespace sage::machine
