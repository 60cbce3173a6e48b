/* LLVM's support library names zlib and zstd functions for compressed debug sections and profiles, which a PTX compiler never meets. These
   definitions let it link without either library; each reports failure in its library's own way. */
#include <stddef.h>

void *ZSTD_createCCtx(void) { return NULL; }
size_t ZSTD_freeCCtx(void *c) { (void)c; return 0; }
size_t ZSTD_CCtx_setParameter(void *c, int p, int v) { (void)c; (void)p; (void)v; return (size_t)-1; }
size_t ZSTD_compress2(void *c, void *d, size_t n, const void *s, size_t m) { (void)c; (void)d; (void)n; (void)s; (void)m; return (size_t)-1; }
size_t ZSTD_decompress(void *d, size_t n, const void *s, size_t m) { (void)d; (void)n; (void)s; (void)m; return (size_t)-1; }
size_t ZSTD_compressBound(size_t n) { return n; }
unsigned ZSTD_isError(size_t code) { return code == (size_t)-1; }
const char *ZSTD_getErrorName(size_t code) { (void)code; return "compression is not built in"; }
int compress2(void *d, unsigned long *n, const void *s, unsigned long m, int l) { (void)d; (void)n; (void)s; (void)m; (void)l; return -2; }
int uncompress(void *d, unsigned long *n, const void *s, unsigned long m) { (void)d; (void)n; (void)s; (void)m; return -2; }
unsigned long compressBound(unsigned long n) { return n; }
/* The one function that may be reached: a checksum, so it is computed. */
unsigned long crc32(unsigned long c, const void *p, unsigned n) {
  const unsigned char *bytes = p;
  unsigned long crc = c ^ 0xffffffffUL;
  for (unsigned i = 0; i < n; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320UL & -(crc & 1));
  }
  return crc ^ 0xffffffffUL;
}
