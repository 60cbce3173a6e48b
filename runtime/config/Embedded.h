// The files of kernels/ and configs/ as the build embedded them (runtime/config/embed.cmake writes the tables).
#pragma once

#include "sage/runtime/Sources.h"

#include <span>
#include <string_view>

namespace sage {

struct EmbeddedFile {
  std::string_view name, text;
};

std::span<const EmbeddedFile> embeddedKernels();
std::span<const EmbeddedFile> embeddedConfigs();

/// The file of that name in `directory` (unless that is empty or lacks it), else among `files`.
Result<SourceText> findSource(std::span<const EmbeddedFile> files, const std::string &fileName,
                              const std::string &directory);

} // namespace sage
