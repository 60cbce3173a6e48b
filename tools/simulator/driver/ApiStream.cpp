// Exports: streams and events. Work is done when its call returns, so waiting is trivial; times are the host's clock,
// and the time between two events is the time that the simulation took.
#include <chrono>

#include "driver/Call.h"

namespace sage::cuda {
namespace {

using namespace sim;

std::uint64_t nowNs() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

StreamHandle *ownStream(const DriverState &s, Stream stream) { return s.streams.contains(stream) ? stream : nullptr; }

Result createStream(const char *name, Stream *stream, unsigned flags, int priority) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!stream || flags > StreamNonBlocking) return Result::InvalidValue;
    auto *created = new StreamHandle{&c, flags, priority};
    s.streams.insert(created);
    *stream = created;
    return Result::Success;
  });
}

Result eventCall(const char *name, Event event, auto body) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!s.events.contains(event)) return Result::InvalidHandle;
    return body(s, c);
  });
}

} // namespace

extern "C" {

Result cuStreamCreate(Stream *stream, unsigned flags) { return createStream("cuStreamCreate", stream, flags, 0); }
Result cuStreamCreateWithPriority(Stream *stream, unsigned flags, int priority) {
  return createStream("cuStreamCreateWithPriority", stream, flags, priority);
}

Result cuStreamDestroy_v2(Stream stream) {
  return initialisedCall("cuStreamDestroy_v2", [&](DriverState &s) {
    if (s.streams.erase(stream) == 0) return Result::InvalidHandle;
    delete stream;
    return Result::Success;
  });
}

Result cuStreamSynchronize(Stream stream) {
  return streamCall("cuStreamSynchronize", stream, [](DriverState &, ContextHandle &) { return Result::Success; });
}
Result cuStreamQuery(Stream stream) {
  return streamCall("cuStreamQuery", stream, [](DriverState &, ContextHandle &) { return Result::Success; });
}

Result cuStreamWaitEvent(Stream stream, Event event, unsigned) {
  return streamCall("cuStreamWaitEvent", stream, [&](DriverState &s, ContextHandle &) {
    return s.events.contains(event) ? Result::Success : Result::InvalidHandle;
  });
}

Result cuStreamGetCtx(Stream stream, Context *context) {
  return streamCall("cuStreamGetCtx", stream, [&](DriverState &s, ContextHandle &c) {
    if (!context) return Result::InvalidValue;
    const StreamHandle *own = ownStream(s, stream);
    *context = own ? own->context : &c;
    return Result::Success;
  });
}

Result cuStreamGetFlags(Stream stream, unsigned *flags) {
  return streamCall("cuStreamGetFlags", stream, [&](DriverState &s, ContextHandle &) {
    if (!flags) return Result::InvalidValue;
    const StreamHandle *own = ownStream(s, stream);
    *flags = own ? own->flags : 0;
    return Result::Success;
  });
}

Result cuStreamGetPriority(Stream stream, int *priority) {
  return streamCall("cuStreamGetPriority", stream, [&](DriverState &s, ContextHandle &) {
    if (!priority) return Result::InvalidValue;
    const StreamHandle *own = ownStream(s, stream);
    *priority = own ? own->priority : 0;
    return Result::Success;
  });
}

Result cuStreamIsCapturing(Stream stream, int *status) {
  return streamCall("cuStreamIsCapturing", stream, [&](DriverState &, ContextHandle &) {
    if (!status) return Result::InvalidValue;
    *status = 0;
    return Result::Success;
  });
}

// Called without the lock: the function is the user's and may take its time.
Result cuLaunchHostFunc(Stream stream, void (*function)(void *), void *data) {
  const Result result = streamCall("cuLaunchHostFunc", stream, [&](DriverState &, ContextHandle &) {
    return function ? Result::Success : Result::InvalidValue;
  });
  if (result == Result::Success) function(data);
  return result;
}

Result cuEventCreate(Event *event, unsigned flags) {
  return contextCall("cuEventCreate", [&](DriverState &s, ContextHandle &c) {
    if (!event || flags > 7) return Result::InvalidValue;
    auto *created = new EventHandle{&c, flags, false, 0};
    s.events.insert(created);
    *event = created;
    return Result::Success;
  });
}

Result cuEventDestroy_v2(Event event) {
  return initialisedCall("cuEventDestroy_v2", [&](DriverState &s) {
    if (s.events.erase(event) == 0) return Result::InvalidHandle;
    delete event;
    return Result::Success;
  });
}

Result cuEventRecord(Event event, Stream stream) {
  return eventCall("cuEventRecord", event, [&](DriverState &s, ContextHandle &) {
    if (!isStream(s, stream)) return Result::InvalidHandle;
    event->recorded = true;
    event->timeNs = nowNs();
    return Result::Success;
  });
}

Result cuEventSynchronize(Event event) {
  return eventCall("cuEventSynchronize", event, [](DriverState &, ContextHandle &) { return Result::Success; });
}
Result cuEventQuery(Event event) {
  return eventCall("cuEventQuery", event, [](DriverState &, ContextHandle &) { return Result::Success; });
}

Result cuEventElapsedTime(float *milliseconds, Event start, Event end) {
  return eventCall("cuEventElapsedTime", start, [&](DriverState &s, ContextHandle &) {
    if (!s.events.contains(end)) return Result::InvalidHandle;
    if (!milliseconds) return Result::InvalidValue;
    if (!start->recorded || !end->recorded || ((start->flags | end->flags) & EventDisableTiming))
      return Result::InvalidHandle;
    *milliseconds =
        static_cast<float>(static_cast<double>(static_cast<std::int64_t>(end->timeNs - start->timeNs)) * 1e-6);
    return Result::Success;
  });
}

} // extern "C"

} // namespace sage::cuda
