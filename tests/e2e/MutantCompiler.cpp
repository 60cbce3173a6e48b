// The compiler with one mistake: passes requests on to libsage_compiler.so and damages one instruction of the PTX that
// comes back. Which one stands in the name the library was loaded by: libmutant-7.so makes mutant 7. Mutants are
// counted over all kernels that the process compiles: dropped barriers, waits and commits, waits for one group less,
// and addresses in shared memory that are one access too far. Without such a mutant nothing is changed and nothing is
// said.
#include <dlfcn.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace {

using Compile = int (*)(const char *, std::size_t, char **, std::size_t *);
using Identify = const char *(*)();
using Release = void (*)(char *);

void *original() {
  static void *const library = dlopen(SAGE_ORIGINAL_COMPILER, RTLD_NOW | RTLD_LOCAL);
  return library;
}

std::string ownName() {
  Dl_info info{};
  return dladdr(reinterpret_cast<void *>(&ownName), &info) != 0 && info.dli_fname ? info.dli_fname : "";
}

int chosenMutant() {
  const std::string name = ownName();
  const std::size_t dash = name.rfind('-');
  return dash == std::string::npos ? -1 : std::atoi(name.c_str() + dash + 1);
}

bool shifts() { return ownName().find("-shift-") != std::string::npos; }

std::atomic<int> seen{0};

void report(const char *what, const std::string &line, const std::string &kernel, int number) {
  std::fprintf(stderr, "mutant %d: %s line %d: %s:%s\n", chosenMutant(), kernel.c_str(), number, what, line.c_str());
}

/// Bytes of an access to shared memory; a shift by as many stays aligned.
int accessBytes(const std::string &line) {
  if (line.find("ldmatrix") != std::string::npos || line.find("cp.async") != std::string::npos) return 16;
  const int elements = line.find(".v4.") != std::string::npos ? 4 : line.find(".v2.") != std::string::npos ? 2 : 1;
  for (const int bits : {64, 32, 16})
    if (line.find(std::to_string(bits) + " ") != std::string::npos ||
        line.find(std::to_string(bits) + "\t") != std::string::npos)
      return elements * bits / 8;
  return elements;
}

/// The address in shared memory, which is the first one of an instruction, moved.
std::string shift(const std::string &line, const std::string &kernel, int number) {
  const std::size_t open = line.find('['), close = line.find(']', open);
  if (line.find(".shared") == std::string::npos || close == std::string::npos || line.find(".extern") == 0) return line;
  if (seen++ != chosenMutant()) return line;
  report("shifted", line, kernel, number);
  const std::size_t plus = line.find('+', open);
  const bool displaced = plus < close;
  const int before = displaced ? std::stoi(line.substr(plus + 1)) : 0;
  return line.substr(0, displaced ? plus : close) + "+" + std::to_string(before + accessBytes(line)) +
         line.substr(close);
}

/// The line as the next mutants have it, where it is their turn.
std::string mutate(const std::string &line, const std::string &kernel, int number) {
  static constexpr const char *kinds[] = {"bar.sync", "barrier.sync", "cp.async.commit_group", "cp.async.wait_group",
                                          "cp.async.wait_all"};
  bool found = false;
  for (const char *kind : kinds) found |= line.find(kind) != std::string::npos;
  if (!found) return line;
  if (seen++ == chosenMutant()) {
    report("dropped", line, kernel, number);
    return "";
  }
  const std::size_t wait = line.find("cp.async.wait_group");
  if (wait == std::string::npos || seen++ != chosenMutant()) return line;
  report("weakened", line, kernel, number);
  const std::size_t digit = line.find_first_of("0123456789", wait);
  const std::size_t end = line.find_first_not_of("0123456789", digit);
  return line.substr(0, digit) + std::to_string(std::stoi(line.substr(digit, end - digit)) + 1) + line.substr(end);
}

std::string mutateText(const std::string &text, const std::string &kernel) {
  std::istringstream from(text);
  std::string result, line;
  for (int number = 1; std::getline(from, line); ++number)
    result += (shifts() ? shift : mutate)(line, kernel, number) + "\n";
  return result;
}

} // namespace

extern "C" {

int sageCompile(const char *request, std::size_t size, char **response, std::size_t *responseSize) {
  const auto compile = reinterpret_cast<Compile>(dlsym(original(), "sageCompile"));
  const auto release = reinterpret_cast<Release>(dlsym(original(), "sageCompilerFree"));
  const int code = compile(request, size, response, responseSize);
  auto answer = nlohmann::json::parse(std::string(*response, *responseSize), nullptr, false);
  if (code != 0 || !answer.contains("text") || answer.value("stage", "") != "ptx") return code;
  answer["text"] = mutateText(answer["text"], answer["metadata"].value("entry", "?"));
  const std::string changed = answer.dump();
  release(*response);
  *response = static_cast<char *>(std::malloc(changed.size() + 1));
  std::memcpy(*response, changed.c_str(), changed.size() + 1);
  *responseSize = changed.size();
  return code;
}

// What sageCompile returns is made here when it was changed; both libraries use the same allocator.
void sageCompilerFree(char *response) { std::free(response); }

const char *sageCompilerId() {
  static const std::string id =
      std::string(reinterpret_cast<Identify>(dlsym(original(), "sageCompilerId"))()) + "-mutant-" + ownName();
  return id.c_str();
}

} // extern "C"
