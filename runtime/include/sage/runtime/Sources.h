// The tile programs and configs that ship inside libsage_runtime.so, so that a program needs no data files. A
// directory may replace them by file name.
#pragma once

#include "sage/runtime/Export.h"
#include "sage/runtime/Result.h"

#include <string>
#include <string_view>
#include <vector>

namespace sage {

/// A text and where it came from, for diagnostics: "attention.tile", or the path in the override directory.
struct SourceText {
  std::string file, text;
};

/// A tile program of kernels/, by file name ("attention.tile"). `directory` is looked into first; empty: SAGEC_KERNELS.
SAGE_API Result<SourceText> kernelSource(const std::string &fileName, const std::string &directory = {});
SAGE_API std::vector<std::string> kernelSources();

/// Reads a text file of at most `maxBytes`; the error names the file and what is wrong with it.
SAGE_API Result<std::string> readTextFile(const std::string &path, std::size_t maxBytes);

/// The known name nearest to a mistyped one, as " (did you mean 'x'?)", or nothing if none is near.
SAGE_API std::string didYouMean(std::string_view unknown, const std::vector<std::string> &known);

} // namespace sage
