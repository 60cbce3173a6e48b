// A file that appears whole or not at all: written under a temporary name in the same directory, renamed when complete,
// removed otherwise.
#pragma once

#include "sage/runtime/Result.h"

#include <span>
#include <string>
#include <string_view>

namespace sage::reference {

// Writes the parts one after the other, with the permissions of any new file (0666 less the umask). Replaces an
// existing regular file; refuses a path that exists and is something else. A full disk or a file-size limit is an error
// that names the path.
Status writeFileAtomically(const std::string &path, std::span<const std::string_view> parts);

// Whether such a file could be made at `path` now: makes the temporary file and removes it. To fail before a long
// computation, not after.
Status probeWritable(const std::string &path);

} // namespace sage::reference
