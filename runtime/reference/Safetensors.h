// Reading and writing .safetensors files, with files that lie in mind: everything is checked before it is used or
// allocated.
//
//   file   = header_size (u64, little endian) header data
//   header = JSON object: {"NAME": {"dtype": "F16", "shape": [1, 2], "data_offsets": [begin, end]}, …, "__metadata__":
//   {"key": "text"}}
//
// Offsets count from the start of data. Checked on opening: the header fits the file and 16 MiB, is one JSON object
// without duplicate names, each dtype is known, each byte range is the size that dtype and shape say, and the ranges
// tile data without gap or overlap.
#pragma once

#include "reference/HostTensor.h"

#include <map>
#include <memory>

namespace sage::reference {

struct TensorInfo {
  Dtype dtype = Dtype::F32;
  Shape shape;
  uint64_t begin = 0, end = 0; // bytes from the start of data
};

class SafetensorsFile {
public:
  // Reads and checks the header. Every message starts with the path.
  static Result<SafetensorsFile> open(const std::string &path);

  const std::map<std::string, TensorInfo> &tensors() const { return infos; }

  // One tensor; the error for an unknown name lists the names that the file has.
  Result<HostTensor> read(const std::string &name) const;

private:
  struct Descriptor;
  std::string path;
  std::shared_ptr<const Descriptor> file;
  uint64_t dataStart = 0;
  std::map<std::string, TensorInfo> infos;
};

struct NamedTensor {
  std::string name;
  const HostTensor *tensor;
};

// Writes a temporary file beside `path` and renames it over `path`: what lies at `path` is the old file or the whole
// new one, also after a full disk, a file-size limit, or a crash.
Status writeSafetensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata = {});

} // namespace sage::reference
