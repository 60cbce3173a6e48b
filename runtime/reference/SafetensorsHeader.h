// The JSON header of a safetensors file as a checked list of tensors. Text in, table out: no file is touched here.
#pragma once

#include "reference/Safetensors.h"

namespace sage::reference {

constexpr uint64_t maxHeaderBytes = uint64_t(16) << 20;

// `dataBytes` is what the file holds after the header. Messages name the tensor, not the file.
Result<std::map<std::string, TensorInfo>> parseHeader(std::string_view text, uint64_t dataBytes);

// The header for these tensors in order, padded with spaces so that data starts on a multiple of 8.
Result<std::string> formatHeader(const std::vector<NamedTensor> &tensors,
                                 const std::map<std::string, std::string> &metadata);

} // namespace sage::reference
