// See Restart.h.
#include "record/Restart.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <unistd.h>
#include <vector>

namespace sage::bench {

bool isUsable(Device &device) { return device.synchronize().ok(); }

Status restartAfter(const std::string &name) {
  // The command line as the system keeps it: each argument ends with a zero.
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) {
    if (!arguments.empty() && arguments.back() == "--after")
      arguments.pop_back(); // of an earlier start
    else
      arguments.push_back(argument);
  }
  if (arguments.empty()) return internalError("the command line is not known");
  arguments.insert(arguments.end(), {"--after", name});
  std::vector<char *> pointers;
  for (std::string &argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  talk("the device takes no more calls; starting anew behind '" + name + "'");
  execv("/proc/self/exe", pointers.data());
  return internalError(std::string("cannot start anew: ") + std::strerror(errno));
}

Watchdog::Watchdog(double seconds, std::function<void()> late)
    : thread([this, seconds, late = std::move(late)] {
        std::unique_lock lock(mutex);
        if (!ended.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return isOver; })) late();
      }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex);
    isOver = true;
  }
  ended.notify_one();
  thread.join();
}

} // namespace sage::bench
