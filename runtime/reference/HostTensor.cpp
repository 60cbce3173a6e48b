// The table of element types and the one place where host tensors are allocated.
#include "reference/HostTensor.h"

#include <array>
#include <unistd.h>

namespace sage::reference {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  size_t bytes;
};

constexpr std::array dtypeTable = {
    DtypeRow{Dtype::Bool, "BOOL", 1},    DtypeRow{Dtype::U8, "U8", 1},        DtypeRow{Dtype::I8, "I8", 1},
    DtypeRow{Dtype::E5M2, "F8_E5M2", 1}, DtypeRow{Dtype::E4M3, "F8_E4M3", 1}, DtypeRow{Dtype::I16, "I16", 2},
    DtypeRow{Dtype::U16, "U16", 2},      DtypeRow{Dtype::F16, "F16", 2},      DtypeRow{Dtype::BF16, "BF16", 2},
    DtypeRow{Dtype::I32, "I32", 4},      DtypeRow{Dtype::U32, "U32", 4},      DtypeRow{Dtype::F32, "F32", 4},
    DtypeRow{Dtype::F64, "F64", 8},      DtypeRow{Dtype::I64, "I64", 8},      DtypeRow{Dtype::U64, "U64", 8},
};

const DtypeRow &row(Dtype dtype) { return dtypeTable[size_t(dtype)]; }

constexpr int64_t maxElements = int64_t(1) << 62;

uint64_t physicalMemoryBytes() { return uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGE_SIZE)); }

} // namespace

std::string_view dtypeName(Dtype dtype) { return row(dtype).name; }

size_t dtypeBytes(Dtype dtype) { return row(dtype).bytes; }

std::optional<Dtype> dtypeFromName(std::string_view name) {
  for (const DtypeRow &entry : dtypeTable)
    if (entry.name == name) return entry.dtype;
  return std::nullopt;
}

std::string dtypeNames() {
  std::string all;
  for (const DtypeRow &entry : dtypeTable) all += (all.empty() ? "" : ", ") + std::string(entry.name);
  return all;
}

std::string shapeText(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Result<int64_t> elementCount(const Shape &shape) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0 || extent > maxElements)
      return invalidInput("shape " + shapeText(shape) + " has an extent outside 0 … 2^62");
    empty |= extent == 0;
    if (extent != 0 && count > maxElements / extent)
      return invalidInput("shape " + shapeText(shape) + " has more than 2^62 elements");
    count *= extent ? extent : 1;
  }
  return empty ? 0 : count;
}

Result<HostTensor> HostTensor::allocate(Dtype dtype, Shape shape) {
  SAGE_ASSIGN(int64_t count, elementCount(shape));
  uint64_t needed = uint64_t(count) * dtypeBytes(dtype), present = physicalMemoryBytes();
  if (uint64_t(count) > present / dtypeBytes(dtype))
    return invalidInput("a tensor of shape " + shapeText(shape) + " needs " + std::to_string(needed >> 20) +
                        " MiB, this machine has " + std::to_string(present >> 20) + " MiB of memory");
  return HostTensor{dtype, std::move(shape), std::vector<std::byte>(needed)};
}

} // namespace sage::reference
