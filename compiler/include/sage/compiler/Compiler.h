// The C interface of libsage_compiler: a tile program in, PTX and metadata out, both as JSON (docs/artifact.md).
// These are the library's only exported symbols; the runtime finds them with dlsym, so it links without LLVM.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAGE_COMPILER_API __attribute__((visibility("default")))

enum {
  SAGE_COMPILE_OK = 0,       // the response holds the text asked for
  SAGE_COMPILE_INVALID = 1,  // the request is at fault; the response's diagnostics say where
  SAGE_COMPILE_INTERNAL = 4  // a defect of the compiler; the response says which stage
};

// Compiles one request. `*response` is valid JSON, NUL-terminated (null only when memory for it ran out), and freed with
// sageCompilerFree. Thread-safe.
SAGE_COMPILER_API int sageCompile(const char *request, size_t requestSize, char **response, size_t *responseSize);
SAGE_COMPILER_API void sageCompilerFree(char *response);

// Version and build of this compiler, a static string: part of every cache key.
SAGE_COMPILER_API const char *sageCompilerId(void);

#ifdef __cplusplus
}
#endif
