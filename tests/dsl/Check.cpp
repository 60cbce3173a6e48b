// Checking programs from text, for tests (Check.h).
#include "Check.h"

#include <fstream>
#include <sstream>

namespace sage::dsl::test {
namespace {

void checkInto(Diagnostics &diagnostics, const std::string &text, const nlohmann::json &parameters) {
  std::optional<Program> program = parseProgram("test.tile", text, diagnostics);
  if (!program || !checkProgram(*program, diagnostics) || parameters.is_null())
    return;
  const Definition *kernel = findKernel(*program, "", diagnostics);
  if (!kernel)
    return;
  std::optional<Parameters> bound =
      bindParameters(*program, *kernel, parameters, {{"BQ", 128}, {"BK", 64}, {"BN", 64}}, diagnostics);
  if (bound)
    checkKernel(*program, *kernel, *bound, diagnostics);
}

} // namespace

std::string check(const std::string &text, const nlohmann::json &parameters) {
  Diagnostics diagnostics;
  checkInto(diagnostics, text, parameters);
  return diagnostics.render();
}

std::string firstError(const std::string &text, const nlohmann::json &parameters) {
  Diagnostics diagnostics;
  checkInto(diagnostics, text, parameters);
  return diagnostics.hasErrors() ? diagnostics.all().front().text : "";
}

std::string around(const std::string &body) {
  return "kernel k<D, BN, T: dtype, G: granularity, c: bool, d: bool, mask: mask_kind>\n"
         "    (X: view<f32>[B, N, D], Y: view<f32>[B, N, D], R: view<f32>[B, N], S: view<f32>[B, groups(N, G)], E: "
         "view<T>[B, N, D] when c, M: view<f32>[B, P] when c or d)\n"
         "    grid (i in blocks(N, BN), b in B)\n{\n    var x = load X[b, i, :]\n" +
         body + "\n}\n";
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace sage::dsl::test
