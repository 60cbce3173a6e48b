// No half-written file, also where the writer is root: limits and special file systems do not ask who writes.
#include "TempDirectory.h"
#include "reference/AtomicFile.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/resource.h>

using namespace sage::reference;
using Catch::Contains;

namespace {

std::string contentOf(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Lowers the soft file-size limit for a scope.
struct FileSizeLimit {
  rlimit before{};
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit now{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before); }
};

sage::Status write(const std::string &path, std::string_view text) {
  std::string_view parts[] = {text, "tail"};
  return writeFileAtomically(path, parts);
}

} // namespace

TEST_CASE("atomic file: parts are joined and an old file is replaced") {
  TempDirectory directory;
  REQUIRE(write(directory.file("a"), "one ").ok());
  REQUIRE(write(directory.file("a"), "two ").ok());
  CHECK(contentOf(directory.file("a")) == "two tail");
  CHECK(directory.entries() == 1);
}

TEST_CASE("atomic file: over the file-size limit the old file stays whole and nothing else is left") {
  TempDirectory directory;
  REQUIRE(write(directory.file("a"), "old ").ok());
  sage::Status status;
  {
    FileSizeLimit limit(4096);
    status = write(directory.file("a"), std::string(100000, 'x'));
  }
  CHECK(status.exitCode() == 1);
  CHECK_THAT(status.message(), Contains(directory.file("a")) && Contains("File too large"));
  CHECK(contentOf(directory.file("a")) == "old tail");
  CHECK(directory.entries() == 1);
}

TEST_CASE("atomic file: the host's signal mask is as it was, and no signal is left over") {
  TempDirectory directory;
  {
    FileSizeLimit limit(16);
    CHECK_FALSE(write(directory.file("a"), std::string(100, 'x')).ok());
  }
  sigset_t mask, pending;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  sigpending(&pending);
  CHECK_FALSE(sigismember(&mask, SIGXFSZ));
  CHECK_FALSE(sigismember(&pending, SIGXFSZ));
}

TEST_CASE("atomic file: places that cannot be written are named") {
  CHECK_THAT(write("/proc/sage-test", "x").message(), Contains("/proc/sage-test: cannot write"));
  CHECK_THAT(write("/nonexistent-directory/x", "x").message(), Contains("No such file or directory"));
  CHECK_THAT(write("/dev/full", "x").message(), Contains("/dev/full: cannot write: exists and is not a regular file"));
  TempDirectory directory;
  CHECK_THAT(write(directory.path.string(), "x").message(), Contains("not a regular file"));
}
