// Where the work of copies and fills goes: to the stream that the call names; or, when it returns only after the work,
// to the default stream. That is the legacy one, or the thread's own one in exports whose name ends in _ptds.
#pragma once

#include "driver/Graph.h"

namespace sage::sim {

struct Target {
  cuda::Stream stream = nullptr;
  bool waits = false; ///< the call waits for the work
  Target(cuda::Stream s, bool w = false) : stream(s), waits(w) {}
};

/// The target of a call that names no stream.
Target waiting();

/// While it lives the thread's default stream is its own one.
class OwnDefaultStream {
public:
  OwnDefaultStream();
  ~OwnDefaultStream();
  OwnDefaultStream(const OwnDefaultStream &) = delete;
  OwnDefaultStream &operator=(const OwnDefaultStream &) = delete;
};

/// submit() for either kind of call. What is only recorded cannot be waited for: that ends the capture.
cuda::Result submitTo(DriverState &s, cuda::ContextHandle &context, const Target &target, Work work);

} // namespace sage::sim
