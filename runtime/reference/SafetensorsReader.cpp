// The file side of reading: only regular files, sizes compared with the file's own before any allocation, short reads
// reported.
#include "reference/Safetensors.h"
#include "reference/SafetensorsHeader.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sage::reference {

static_assert(std::endian::native == std::endian::little, "the format is little endian and read without conversion");

struct SafetensorsFile::Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor &) = delete;
  ~Descriptor() { ::close(fd); }
};

namespace {

Status readExactly(int fd, void *out, uint64_t bytes, uint64_t offset) {
  char *next = static_cast<char *>(out);
  while (bytes > 0) {
    constexpr uint64_t most = uint64_t(1) << 30; // one system call moves no more than 2 GiB
    ssize_t got = ::pread(fd, next, std::min(bytes, most), off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return invalidInput("cannot read: " + std::string(std::strerror(errno)));
    if (got == 0)
      return invalidInput("the file ends at byte " + std::to_string(offset) + ", " + std::to_string(bytes) +
                          " bytes too early");
    next += got, bytes -= uint64_t(got), offset += uint64_t(got);
  }
  return {};
}

std::string namesOf(const std::map<std::string, TensorInfo> &tensors) {
  constexpr size_t most = 20;
  std::string text;
  size_t shown = 0;
  for (const auto &[name, info] : tensors) {
    if (shown++ == most) return text + ", … (" + std::to_string(tensors.size()) + " in all)";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none" : text;
}

} // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return invalidInput(path + ": cannot open: " + std::strerror(errno));
  SafetensorsFile result;
  result.path = path;
  result.file = std::make_shared<Descriptor>(fd);
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return invalidInput(path + ": not a regular file");
  uint64_t fileBytes = uint64_t(info.st_size), headerBytes = 0;
  if (fileBytes < sizeof headerBytes)
    return invalidInput(path + ": not a safetensors file: it has " + std::to_string(fileBytes) +
                        " bytes, the header size alone takes 8");
  SAGE_TRY(readExactly(fd, &headerBytes, sizeof headerBytes, 0).context(path));
  if (headerBytes > maxHeaderBytes)
    return invalidInput(path + ": not a safetensors file: it claims a header of " + std::to_string(headerBytes) +
                        " bytes; at most " + std::to_string(maxHeaderBytes) + " are allowed");
  if (headerBytes > fileBytes - sizeof headerBytes)
    return invalidInput(path + ": truncated: the header claims " + std::to_string(headerBytes) +
                        " bytes, the file has " + std::to_string(fileBytes - sizeof headerBytes) +
                        " after the header size");
  std::string header(headerBytes, '\0');
  SAGE_TRY(readExactly(fd, header.data(), headerBytes, sizeof headerBytes).context(path));
  result.dataStart = sizeof headerBytes + headerBytes;
  SAGE_ASSIGN(result.infos, parseHeader(header, fileBytes - result.dataStart).context(path));
  return result;
}

Result<HostTensor> SafetensorsFile::read(const std::string &name) const {
  auto found = infos.find(name);
  if (found == infos.end()) return invalidInput(path + ": no tensor '" + name + "'; the file has " + namesOf(infos));
  const TensorInfo &info = found->second;
  SAGE_ASSIGN(HostTensor tensor,
              HostTensor::allocate(info.dtype, info.shape).context(path + ": tensor '" + name + "'"));
  SAGE_TRY(readExactly(file->fd, tensor.bytes.data(), tensor.bytes.size(), dataStart + info.begin)
               .context(path + ": tensor '" + name + "'"));
  return tensor;
}

} // namespace sage::reference
