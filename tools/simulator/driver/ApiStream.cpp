// Exports: streams and events. Work is done when its call returns, so waiting is trivial; times are the host's clock,
// and the time between two events is the time that the simulation took.
#include <algorithm>

#include "driver/Call.h"
#include "driver/Exports.h"
#include "driver/Graph.h"

namespace sage::cuda {
namespace {

using namespace sim;

Result createStream(const char *name, Stream *stream, unsigned flags, int priority) {
  return contextCall(name, [&](DriverState &s, ContextHandle &c) {
    if (!stream || flags > StreamNonBlocking) return Result::InvalidValue;
    auto *created = new StreamHandle{&c, flags, std::clamp(priority, -5, 0), s.nextId++, nullptr, {}};
    s.streams.insert(created);
    *stream = created;
    return Result::Success;
  });
}

// Waiting for a stream whose work is only recorded is an error, which the recording does not survive.
Result wait(const char *name, Stream stream) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &) {
    const StreamHandle *captured = capturing(s, stream);
    if (captured) return captured->capture->invalid = true, Result::StreamCaptureUnsupported;
    const auto value = reinterpret_cast<std::uintptr_t>(stream);
    return value <= legacyStreamValue && legacyBlocked(s) ? Result::StreamCaptureImplicit : Result::Success;
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
    const auto isDefault = [&](const auto &entry) { return entry.second == stream; };
    if (std::any_of(s.perThreadStreams.begin(), s.perThreadStreams.end(), isDefault)) return Result::InvalidHandle;
    if (s.streams.erase(stream) == 0) return Result::InvalidHandle;
    delete stream;
    return Result::Success;
  });
}

Result cuStreamSynchronize(Stream stream) { return wait("cuStreamSynchronize", stream); }
Result cuStreamQuery(Stream stream) { return wait("cuStreamQuery", stream); }

// A stream that waits for an event of a captured one is captured with it.
Result cuStreamWaitEvent(Stream stream, Event event, unsigned flags) {
  return streamCall("cuStreamWaitEvent", stream, [&](DriverState &s, ContextHandle &c) {
    if (!s.events.contains(event)) return Result::InvalidHandle;
    StreamHandle *own = streamObject(s, stream);
    const bool recording = event->capture && event->capture->graph;
    constexpr unsigned external = 1;
    if (flags & external) return submit(s, c, stream, EventWaitWork{event});
    if (!recording) return own && own->capture ? Result::StreamCaptureIsolation : Result::Success;
    if (!own) return Result::StreamCaptureImplicit;
    if (own->capture && own->capture != event->capture) return Result::StreamCaptureMerge;
    own->capture = event->capture;
    for (GraphNodeHandle *node : event->ahead)
      if (std::find(own->ahead.begin(), own->ahead.end(), node) == own->ahead.end()) own->ahead.push_back(node);
    return Result::Success;
  });
}

Result cuStreamGetCtx(Stream stream, Context *context) {
  return streamCall("cuStreamGetCtx", stream, [&](DriverState &s, ContextHandle &c) {
    if (!context) return Result::InvalidValue;
    const StreamHandle *own = streamObject(s, stream);
    *context = own ? own->context : &c;
    return Result::Success;
  });
}

Result cuStreamGetFlags(Stream stream, unsigned *flags) {
  return streamCall("cuStreamGetFlags", stream, [&](DriverState &s, ContextHandle &) {
    if (!flags) return Result::InvalidValue;
    const StreamHandle *own = streamObject(s, stream);
    *flags = own ? own->flags : 0;
    return Result::Success;
  });
}

Result cuStreamGetPriority(Stream stream, int *priority) {
  return streamCall("cuStreamGetPriority", stream, [&](DriverState &s, ContextHandle &) {
    if (!priority) return Result::InvalidValue;
    const StreamHandle *own = streamObject(s, stream);
    *priority = own ? own->priority : 0;
    return Result::Success;
  });
}

Result cuStreamGetId(Stream stream, unsigned long long *id) {
  return streamCall("cuStreamGetId", stream, [&](DriverState &s, ContextHandle &) {
    if (!id) return Result::InvalidValue;
    const StreamHandle *own = streamObject(s, stream);
    constexpr unsigned long long legacy = 1ull << 62; // no other stream gets this
    *id = own ? own->id : legacy;
    return Result::Success;
  });
}
Result cuStreamGetDevice(Stream stream, Device *device) {
  return streamCall("cuStreamGetDevice", stream, [&](DriverState &, ContextHandle &c) {
    if (!device) return Result::InvalidValue;
    *device = c.ordinal;
    return Result::Success;
  });
}
Result cuStreamGetCtx_v2(Stream stream, Context *context, void **green) {
  if (green) *green = nullptr;
  return cuStreamGetCtx(stream, context);
}
Result cuStreamCopyAttributes(Stream to, Stream from) {
  return streamCall("cuStreamCopyAttributes", to, [&](DriverState &s, ContextHandle &) {
    StreamHandle *target = streamObject(s, to);
    const StreamHandle *source = streamObject(s, from);
    if (!isStream(s, from)) return Result::InvalidHandle;
    if (target && source) target->priority = source->priority;
    return Result::Success;
  });
}
Result cuStreamAttachMemAsync(Stream stream, DevicePtr pointer, std::size_t, unsigned flags) {
  return streamCall("cuStreamAttachMemAsync", stream, [&](DriverState &, ContextHandle &c) {
    if (flags != 1 && flags != 2 && flags != 4) return Result::InvalidValue;
    return c.managed.contains(pointer) ? Result::Success : Result::InvalidValue;
  });
}

// Host functions are called without the lock: they are the user's and may take their time.
Result cuLaunchHostFunc(Stream stream, void (*function)(void *), void *data) {
  bool now = false;
  const Result result = streamCall("cuLaunchHostFunc", stream, [&](DriverState &s, ContextHandle &c) {
    if (!function) return Result::InvalidValue;
    now = !capturing(s, stream);
    return submit(s, c, stream, HostWork{function, data});
  });
  if (result == Result::Success && now) function(data);
  return result;
}
Result cuStreamAddCallback(Stream stream, void (*function)(Stream, Result, void *), void *data, unsigned flags) {
  const Result result = streamCall("cuStreamAddCallback", stream, [&](DriverState &s, ContextHandle &) {
    if (!function || flags != 0) return Result::InvalidValue;
    return capturing(s, stream) ? Result::StreamCaptureUnsupported : Result::Success;
  });
  if (result == Result::Success) function(stream, Result::Success, data);
  return result;
}

Result cuEventCreate(Event *event, unsigned flags) {
  return contextCall("cuEventCreate", [&](DriverState &s, ContextHandle &c) {
    if (!event || flags > 7) return Result::InvalidValue;
    auto *created = new EventHandle{&c, flags, false, 0, nullptr, {}};
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

Result cuEventRecordWithFlags(Event event, Stream stream, unsigned flags) {
  return eventCall("cuEventRecord", event, [&](DriverState &s, ContextHandle &c) {
    constexpr unsigned external = 1;
    if (flags > external) return Result::InvalidValue;
    if (!isStream(s, stream)) return Result::InvalidHandle;
    const StreamHandle *captured = capturing(s, stream);
    if (!captured || flags == external) return submit(s, c, stream, EventRecordWork{event});
    event->capture = captured->capture;
    event->ahead = captured->ahead;
    return Result::Success;
  });
}
Result cuEventRecord(Event event, Stream stream) { return cuEventRecordWithFlags(event, stream, 0); }

Result cuEventSynchronize(Event event) {
  return eventCall("cuEventSynchronize", event, [&](DriverState &, ContextHandle &) {
    return event->capture && event->capture->graph ? Result::CapturedEvent : Result::Success;
  });
}
Result cuEventQuery(Event event) {
  return eventCall("cuEventQuery", event, [&](DriverState &, ContextHandle &) {
    return event->capture && event->capture->graph ? Result::CapturedEvent : Result::Success;
  });
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
