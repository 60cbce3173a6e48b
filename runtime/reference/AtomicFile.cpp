// A write beyond RLIMIT_FSIZE raises SIGXFSZ, which would kill the process and leave the temporary file. The signal is
// blocked in this thread while it writes and taken off if it came, so write() returns EFBIG instead and the host's own
// handling stays as it was.
#include "reference/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sage::reference {
namespace {

class FileSizeSignalBlock {
public:
  FileSizeSignalBlock() {
    sigemptyset(&signals);
    sigaddset(&signals, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
  }
  ~FileSizeSignalBlock() {
    timespec none{};
    if (!sigismember(&before, SIGXFSZ)) sigtimedwait(&signals, nullptr, &none);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

private:
  sigset_t signals, before;
};

Status failure(const std::string &path, const char *what, int error) {
  return invalidInput(path + ": " + what + ": " + std::strerror(error));
}

// 0, or the error number.
int writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(fd, bytes.data(), std::min(bytes.size(), size_t(1) << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return done < 0 ? errno : EIO;
    bytes.remove_prefix(size_t(done));
  }
  return 0;
}

int writeParts(int fd, std::span<const std::string_view> parts) {
  for (std::string_view part : parts)
    if (int error = writeAll(fd, part)) return error;
  return 0;
}

std::string temporaryName(const std::string &path) {
  static std::atomic<unsigned> counter{0};
  return path + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
}

// Opens the temporary file for `path`.
Result<int> openTemporary(const std::string &path, const std::string &temporary) {
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    return invalidInput(path + ": cannot write: exists and is not a regular file");
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return fd >= 0 ? Result<int>(fd) : failure(path, "cannot write", errno);
}

} // namespace

Status probeWritable(const std::string &path) {
  std::string temporary = temporaryName(path);
  SAGE_ASSIGN(int fd, openTemporary(path, temporary));
  ::close(fd);
  ::unlink(temporary.c_str());
  return {};
}

Status writeFileAtomically(const std::string &path, std::span<const std::string_view> parts) {
  std::string temporary = temporaryName(path);
  SAGE_ASSIGN(int fd, openTemporary(path, temporary));
  int error;
  {
    FileSizeSignalBlock block;
    error = writeParts(fd, parts);
  }
  // close() reports a delayed failure of a network file system.
  if (::close(fd) != 0 && !error) error = errno;
  if (!error && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (!error) return {};
  ::unlink(temporary.c_str());
  return failure(path, "cannot write", error);
}

} // namespace sage::reference
