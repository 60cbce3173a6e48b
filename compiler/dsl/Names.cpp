// Edit distance between names (Names.h).
#include "Names.h"

#include <algorithm>

namespace sage::dsl {
namespace {

// Longer names get no suggestion: the cost is quadratic and nobody mistypes them by a letter or two.
constexpr size_t LongestName = 48;

size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

} // namespace

std::string nearestName(std::string_view name, const std::vector<std::string> &candidates) {
  std::string best;
  size_t bestDistance = std::max<size_t>(1, name.size() / 3) + 1;
  if (name.size() > LongestName)
    return best;
  for (const std::string &candidate : candidates) {
    if (candidate.size() > LongestName || candidate == name)
      continue;
    size_t distance = editDistance(name, candidate);
    bool wholeName = distance >= candidate.size(); // replacing every letter is no resemblance
    if (distance < bestDistance && !wholeName) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string> &candidates) {
  std::string nearest = nearestName(name, candidates);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

std::string joinNames(const std::vector<std::string> &names, std::string_view last) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " " + std::string(last) + " " : ", ") + names[i];
  return out;
}

} // namespace sage::dsl
