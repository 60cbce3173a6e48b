// Header and tensor bytes in one pass into an AtomicFile.
#include "reference/AtomicFile.h"
#include "reference/SafetensorsHeader.h"

namespace sage::reference {

Status writeSafetensors(const std::string &path, const std::vector<NamedTensor> &tensors,
                        const std::map<std::string, std::string> &metadata) {
  SAGE_ASSIGN(std::string header, formatHeader(tensors, metadata));
  uint64_t headerBytes = header.size();
  std::vector<std::string_view> parts{{reinterpret_cast<const char *>(&headerBytes), sizeof headerBytes}, header};
  for (const NamedTensor &entry : tensors)
    parts.emplace_back(reinterpret_cast<const char *>(entry.tensor->bytes.data()), entry.tensor->bytes.size());
  return writeFileAtomically(path, parts);
}

} // namespace sage::reference
