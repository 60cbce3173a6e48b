// Finds tile programs and configs: first in a directory that the user names, then among those embedded by CMake.
#include "sage/runtime/Sources.h"

#include "runtime/config/Embedded.h"
#include "sage/runtime/Environment.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/stat.h>

namespace sage {
namespace {

constexpr std::size_t maxSourceBytes = 16u << 20;

std::vector<std::string> names(std::span<const EmbeddedFile> files) {
  std::vector<std::string> result;
  for (const EmbeddedFile &file : files) result.emplace_back(file.name);
  return result;
}

std::size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

} // namespace

std::string didYouMean(std::string_view unknown, const std::vector<std::string> &known) {
  if (unknown.size() > 64) return {};
  std::size_t best = unknown.size() / 3 + 2;
  std::string nearest;
  for (const std::string &candidate : known)
    if (std::size_t distance = editDistance(unknown, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  return nearest.empty() ? "" : " (did you mean '" + nearest + "'?)";
}

Result<std::string> readTextFile(const std::string &path, std::size_t maxBytes) {
  auto failure = [&](const std::string &reason) { return invalidInput("cannot read " + path + ": " + reason); };
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return failure(std::strerror(errno));
  struct stat info{};
  if (fstat(fileno(file.get()), &info) == 0 && S_ISDIR(info.st_mode)) return failure("it is a directory");
  std::string text;
  char chunk[65536];
  while (std::size_t got = std::fread(chunk, 1, sizeof chunk, file.get())) {
    text.append(chunk, got);
    if (text.size() > maxBytes) return failure("it is larger than " + std::to_string(maxBytes) + " bytes");
  }
  if (std::ferror(file.get())) return failure(std::strerror(errno));
  return text;
}

Result<SourceText> findSource(std::span<const EmbeddedFile> files, const std::string &fileName,
                              const std::string &directory) {
  struct stat info{};
  if (!directory.empty()) {
    const std::string path = directory + "/" + fileName;
    if (stat(path.c_str(), &info) == 0) {
      SAGE_ASSIGN(std::string text, readTextFile(path, maxSourceBytes));
      return SourceText{path, std::move(text)};
    }
    if (stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
      return invalidInput("there is no directory " + directory);
  }
  for (const EmbeddedFile &file : files)
    if (file.name == fileName) return SourceText{fileName, std::string(file.text)};
  return invalidInput("there is no '" + fileName + "'" + didYouMean(fileName, names(files)));
}

Result<SourceText> kernelSource(const std::string &fileName, const std::string &directory) {
  return findSource(embeddedKernels(), fileName, directory.empty() ? readEnvironment().kernels : directory);
}

std::vector<std::string> kernelSources() { return names(embeddedKernels()); }

} // namespace sage
