// The simulator as a test sees it: a device, buffers, modules from PTX text, launches, and what was reported. A thin
// layer over the exported driver functions; every call is checked unless the test asks for its code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/simulator/driver/Api.h"

namespace sage::simtest {

using cuda::Result;

/// A device of one arch with its primary context, current on this thread. One at a time.
class Device {
public:
  explicit Device(const std::string &arch = "sm_80");
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// After a fault: a fresh context.
  void reset();

private:
  std::string arch;
};

class Buffer {
public:
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  cuda::DevicePtr address() const { return pointer; }
  std::size_t size() const { return bytes; }
  void write(const void *data, std::size_t count);
  void read(void *data, std::size_t count) const;
  /// Frees the memory now; the address stays known.
  void release();

private:
  cuda::DevicePtr pointer = 0;
  std::size_t bytes = 0;
  bool live = false;
};

template <class T> class Array : public Buffer {
public:
  explicit Array(std::size_t count) : Buffer(count * sizeof(T)) {}
  explicit Array(const std::vector<T> &values) : Buffer(values.size() * sizeof(T)) { write(values.data(), size()); }
  std::vector<T> get() const {
    std::vector<T> values(size() / sizeof(T));
    read(values.data(), size());
    return values;
  }
};

struct LoadResult {
  Result result = Result::Unknown;
  std::string log; ///< the JIT error log
};

class Kernel {
public:
  /// Loads PTX and takes the kernel NAME; fails the test when it cannot.
  explicit Kernel(const std::string &ptx, const std::string &name = "k");
  ~Kernel();
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;

  cuda::Function handle() const { return function; }

  struct Shape {
    unsigned gridX = 1, gridY = 1, gridZ = 1;
    unsigned blockX = 32, blockY = 1, blockZ = 1;
    unsigned sharedBytes = 0;
    unsigned clusterX = 0, clusterY = 1, clusterZ = 1; ///< clusterX 0: not said
  };
  /// The launch's code; arguments are copied bit by bit.
  template <class... Args> Result tryLaunch(const Shape &shape, Args... args) {
    void *pointers[] = {static_cast<void *>(&args)..., nullptr};
    return launch(shape, pointers);
  }
  /// With pointers to the arguments; fails the test when the launch fails.
  void run(const Shape &shape, void **arguments) const { require(launch(shape, arguments)); }
  template <class... Args> void operator()(const Shape &shape, Args... args) { require(tryLaunch(shape, args...)); }

private:
  Result launch(const Shape &shape, void **arguments) const;
  static void require(Result result);

  cuda::Module module = nullptr;
  cuda::Function function = nullptr;
};

/// Loads PTX and returns the driver's answer; the module is unloaded again.
LoadResult tryLoad(const std::string &ptx);

/// A kernel called k. PARAMETERS is what stands between the parentheses, BODY between the braces.
std::string kernelText(const std::string &parameters, const std::string &body, const std::string &target = "sm_80",
                       const std::string &globals = "");

/// The newest violation in the report file.
struct Report {
  std::string kind; ///< "out_of_bounds"; empty when there was none
  std::string message, text;
  std::string source; ///< "sum.cu:7"
  std::string nearest;
  unsigned line = 0;
  std::vector<unsigned> block, thread;
  std::vector<std::string> details;
};
Report lastReport();
/// How many violations have been reported by this process.
std::size_t reportCount();
void setReportFile(std::filesystem::path path);

} // namespace sage::simtest
