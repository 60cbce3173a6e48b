// The frame around every exported function: the lock, the checks that come first (initialised? context? sticky error?),
// exceptions turned into codes, the trace.
#pragma once

#include <cstdio>
#include <new>

#include "driver/Api.h"
#include "driver/Environment.h"
#include "driver/State.h"

namespace sage::sim {

using cuda::Result;

inline Result traced(const char *name, Result result) {
  if (environment().trace) std::fprintf(stderr, "sagesim: %s -> %d\n", name, static_cast<int>(result));
  return result;
}

/// A call that needs nothing but the lock.
template <class Body> Result plainCall(const char *name, Body body) {
  DriverState &s = state();
  Result result = Result::Unknown;
  try {
    const std::lock_guard lock(s.mutex);
    result = body(s);
  } catch (const std::bad_alloc &) {
    result = Result::OutOfMemory;
  } catch (...) {
    result = Result::Unknown;
  }
  return traced(name, result);
}

/// A call after cuInit.
template <class Body> Result initialisedCall(const char *name, Body body) {
  return plainCall(name, [&](DriverState &s) { return s.initialised ? body(s) : Result::NotInitialized; });
}

/// A call about a device.
template <class Body> Result deviceCall(const char *name, cuda::Device device, Body body) {
  return initialisedCall(name, [&](DriverState &s) {
    if (device < 0 || static_cast<std::size_t>(device) >= s.devices.size()) return Result::InvalidDevice;
    return body(s, *s.devices[static_cast<std::size_t>(device)]);
  });
}

/// A call in the current context; a kernel's fault is returned by all of them.
template <class Body> Result contextCall(const char *name, Body body) {
  return initialisedCall(name, [&](DriverState &s) {
    cuda::ContextHandle *context = currentContext();
    if (!context) return Result::InvalidContext;
    if (context->retained == 0) return Result::ContextIsDestroyed;
    if (context->sticky != Result::Success) return context->sticky;
    return body(s, *context);
  });
}

inline bool isStream(const DriverState &s, cuda::Stream stream) {
  const auto value = reinterpret_cast<std::uintptr_t>(stream);
  return value == 0 || value == cuda::legacyStreamValue || value == cuda::perThreadStreamValue ||
         s.streams.contains(stream);
}

/// A call in the current context on a stream.
template <class Body> Result streamCall(const char *name, cuda::Stream stream, Body body) {
  return contextCall(name, [&](DriverState &s, cuda::ContextHandle &context) {
    if (!isStream(s, stream)) return Result::InvalidHandle;
    return body(s, context);
  });
}

} // namespace sage::sim
