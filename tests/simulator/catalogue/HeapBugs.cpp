// malloc and free in a kernel.
#include "PlantedBug.h"

namespace sage::simtest {
namespace {

constexpr const char *heap = ".extern .func (.param .b64 result) malloc(.param .b64 bytes);\n"
                             ".extern .func free(.param .b64 address);\n";

// %rd2: a block of 24 bytes.
#define ALLOCATE                                                                                                       \
  "{ .param .b64 n; .param .b64 a; st.param.b64 [n], 24;\ncall.uni (a), malloc, (n);\nld.param.b64 %rd2, [a]; }\n"
#define FREE(what) "{ .param .b64 n; st.param.b64 [n], " what ";\ncall.uni free, (n); //!\n}\n"

const PlantedBug rows[] = {
    {"a store behind a block", "out_of_bounds", ALLOCATE "st.global.b32 [%rd2+<24?20>], %r0; //!", 1, 32, heap},
    {"a load before a block", "out_of_bounds",
     ALLOCATE "st.global.b32 [%rd2], %r0;\nld.global.b32 %r5, [%rd2<-8?+0>]; //!", 1, 1, heap},
    {"a store after the free", "use_after_free",
     ALLOCATE "mov.b64 %rd3, <%rd2?0>;\n" FREE("%rd3") "st.b32 [%rd2], %r0; //!", 1, 1, heap},
    {"a load of what malloc gave", "uninitialised_read",
     ALLOCATE "<?st.global.b32 [%rd2+4], %r0;>\nld.global.b32 %r5, [%rd2+4]; //!", 1, 32, heap},
    {"a second free", "double_free", ALLOCATE "mov.b64 %rd3, <%rd2?0>;\n" FREE("%rd2") FREE("%rd3"), 1, 1, heap},
    {"a free in mid-block", "invalid_free", ALLOCATE "add.s64 %rd3, %rd2, <8?0>;\n" FREE("%rd3"), 1, 32, heap},
};

} // namespace

std::span<const PlantedBug> heapBugs() { return rows; }

} // namespace sage::simtest
