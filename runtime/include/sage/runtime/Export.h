// Marks what libsage_runtime.so exports. Everything else is hidden.
#pragma once

#define SAGE_API __attribute__((visibility("default")))
