// Going on after an error of the device that stays, or a case that does not end: the program starts itself anew behind
// that case. No call of a process can be trusted after such an error.
#pragma once

#include "record/Record.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sage::bench {

// Whether the device still takes calls.
bool isUsable(Device &device);

// Replaces the process by the same command with `--after NAME`. Returns only when that fails.
Status restartAfter(const std::string &name);

// Calls LATE, in a thread of its own, unless it is destroyed within SECONDS.
class Watchdog {
public:
  Watchdog(double seconds, std::function<void()> late);
  ~Watchdog();

private:
  std::mutex mutex;
  std::condition_variable ended;
  bool isOver = false;
  std::thread thread;
};

} // namespace sage::bench
