// The compiler with a mistake in every kernel of bench-machine: passes requests on to libsage_compiler.so and changes
// what is measured in the PTX that comes back, in all places or by leaving out the last one. Compiled with DIES, it is
// right, but ends the process over its third kernel; with TRAPS, that kernel traps.
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using Compile = int (*)(const char *, std::size_t, char **, std::size_t *);
using Identify = const char *(*)();
using Release = void (*)(char *);

template <class Entry> Entry original(const char *name) {
  static void *const library = dlopen(SAGE_ORIGINAL_COMPILER, RTLD_NOW | RTLD_LOCAL);
  return reinterpret_cast<Entry>(dlsym(library, name));
}

struct Mistake {
  const char *find, *replacement; // null: the last line that has it is left out
};

// The first that fits is made. Where a kernel settles, one instruction less would not show.
[[maybe_unused]] constexpr Mistake mistakes[] = {
    {"mov.b32 d0, 0;\nmov.b32 e0, 0f47800000;",
     "mov.b32 b0, b1;\nmov.b32 b2, b3;\nmov.b32 d0, 0;\nmov.b32 e0, 0f47800000;"},
    {"ex2.approx.ftz.f32", "rcp.approx.ftz.f32"},
    {"cvt.rn.f32.s32 x0, x0", "abs.s32 x0, x0"},
    {"cvt.rn.f16x2.f32", "cvt.rn.bf16x2.f32"},
    {"cvt.rn.satfinite.e4m3x2", "cvt.rn.satfinite.e5m2x2"},
    {"max.s32", "min.s32"},
    {"max.f32", "min.f32"},
    {"mma.sync", nullptr},
    {"wgmma.mma_async", nullptr},
    {"ldmatrix", nullptr},
    {"ld.global.cg", nullptr},
    {"[slot], [map, {column, row}]", "[slot], [map, {column, column}]"},
    {"add.u32 sum, sum, word", "xor.b32 sum, sum, word"},
    {"mad.lo.u32 x", nullptr},
    {"fma.rn.f32 x0", nullptr},
    {"red.global.add.u32 [out], 1", "red.global.add.u32 [out], 2"},
};

[[maybe_unused]] void make(const Mistake &mistake, std::string &text) {
  if (!mistake.replacement) {
    const std::size_t at = text.rfind(mistake.find), begin = text.rfind('\n', at);
    text.erase(begin, text.find('\n', at) - begin);
    return;
  }
  for (std::size_t at = 0; (at = text.find(mistake.find, at)) != std::string::npos;
       at += std::strlen(mistake.replacement))
    text.replace(at, std::strlen(mistake.find), mistake.replacement);
}

void spoil([[maybe_unused]] std::string &text) {
#ifdef DIES
  static int kernels = 0;
  if (++kernels == 3) std::abort();
#elif defined(TRAPS)
  static int kernels = 0;
  if (++kernels == 3) text.replace(text.rfind("ret;"), 4, "trap;");
#else
  for (const Mistake &mistake : mistakes)
    if (text.find(mistake.find) != std::string::npos) return make(mistake, text);
#endif
}

} // namespace

extern "C" {

int sageCompile(const char *request, std::size_t size, char **response, std::size_t *responseSize) {
  const int code = original<Compile>("sageCompile")(request, size, response, responseSize);
  auto answer = nlohmann::json::parse(std::string(*response, *responseSize), nullptr, false);
  if (code != 0 || !answer.contains("text")) return code;
  std::string text = answer["text"];
  spoil(text);
  answer["text"] = text;
  const std::string changed = answer.dump();
  original<Release>("sageCompilerFree")(*response);
  *response = static_cast<char *>(std::malloc(changed.size() + 1));
  std::memcpy(*response, changed.c_str(), changed.size() + 1);
  *responseSize = changed.size();
  return code;
}

// What sageCompile returns is made here when it was changed; both libraries use the same allocator.
void sageCompilerFree(char *response) { std::free(response); }

const char *sageCompilerId() { return original<Identify>("sageCompilerId")(); }

} // extern "C"
