// Exports: words in memory that streams write and wait for. Work is done when its call returns, so a wait that is not
// met holds the caller: other threads can meet it, with calls of their own or in host memory. It lasts no longer than
// SAGESIM_TIMEOUT, and ends like a kernel that does.
#include <chrono>
#include <cstring>
#include <thread>

#include "driver/Call.h"
#include "driver/Graph.h"
#include "driver/StreamMemory.h"

namespace sage::cuda {
namespace {

using namespace sim;
using Clock = std::chrono::steady_clock;

enum WaitFlag : unsigned { AtLeast = 0, Equal = 1, AnyBit = 2, NotAllBits = 3, Flush = 1u << 30 };

/// The word at ADDRESS of BYTES bytes; null when there is none. On the host it is where its address says.
std::uint8_t *wordAt(DriverState &s, ContextHandle &c, DevicePtr address, std::size_t bytes, std::uint8_t *&shadow) {
  const ContextHandle *owner = address % bytes == 0 ? ownerOf(s, c, address) : nullptr;
  Allocation *a = owner ? owner->memory->findLive(address) : nullptr;
  if (!a || !a->contains(address, bytes)) return nullptr;
  shadow = a->shadow ? a->shadow + (address - a->base) : nullptr;
  return a->data + (address - a->base);
}

template <class T> T load(const std::uint8_t *word) {
  return __atomic_load_n(reinterpret_cast<const T *>(word), __ATOMIC_ACQUIRE);
}

template <class T> bool isMet(const std::uint8_t *word, std::uint64_t value, unsigned flags) {
  const T now = load<T>(word), wanted = static_cast<T>(value);
  switch (flags) {
  case AtLeast: return static_cast<std::make_signed_t<T>>(static_cast<T>(now - wanted)) >= 0;
  case Equal: return now == wanted;
  case AnyBit: return (now & wanted) != 0;
  default: return static_cast<T>(~(now | wanted)) != 0;
  }
}

template <class T>
Result write(DriverState &s, ContextHandle &c, DevicePtr address, std::uint64_t value, unsigned flags) {
  std::uint8_t *shadow = nullptr, *word = flags <= 1 ? wordAt(s, c, address, sizeof(T), shadow) : nullptr;
  if (!word) return Result::InvalidValue;
  __atomic_store_n(reinterpret_cast<T *>(word), static_cast<T>(value), __ATOMIC_RELEASE);
  if (shadow) std::memset(shadow, shadowSet, sizeof(T));
  return Result::Success;
}

Result endlessWait(DriverState &s, ContextHandle &c, DevicePtr address, std::uint64_t value, std::uint64_t now) {
  Violation v;
  v.kind = ViolationKind::Timeout;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3g", environment().timeoutSeconds);
  v.message = "a stream waits for " + std::to_string(value) + ", and the word holds " + std::to_string(now) + " for " +
              seconds + " seconds";
  v.hasAddress = true;
  v.address = address;
  v.space = "global";
  return raise(s, c, v);
}

/// Lets go of the lock between two looks.
template <class T>
Result await(DriverState &s, ContextHandle &c, DevicePtr address, std::uint64_t value, unsigned flags) {
  if (flags & Flush) return Result::NotSupported;
  if (flags > NotAllBits) return Result::InvalidValue;
  const double limit = environment().timeoutSeconds;
  const auto start = Clock::now();
  for (;;) {
    std::uint8_t *shadow = nullptr;
    const std::uint8_t *word = wordAt(s, c, address, sizeof(T), shadow);
    if (!word) return Result::InvalidValue;
    if (isMet<T>(word, value, flags)) return Result::Success;
    if (limit != 0 && std::chrono::duration<double>(Clock::now() - start).count() > limit)
      return endlessWait(s, c, address, value, load<T>(word));
    s.mutex.unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    s.mutex.lock();
    if (c.retained == 0) return Result::ContextIsDestroyed;
    if (c.sticky != Result::Success) return c.sticky;
  }
}

Result operate(DriverState &s, ContextHandle &c, const MemoryOperationParameters &p) {
  const std::uint64_t lower = static_cast<std::uint32_t>(p.value);
  switch (p.operation) {
  case MemoryOperation::Wait32: return await<std::uint32_t>(s, c, p.address, lower, p.flags);
  case MemoryOperation::Wait64: return await<std::uint64_t>(s, c, p.address, p.value, p.flags);
  case MemoryOperation::Write32: return write<std::uint32_t>(s, c, p.address, lower, p.flags);
  case MemoryOperation::Write64: return write<std::uint64_t>(s, c, p.address, p.value, p.flags);
  case MemoryOperation::Barrier: return Result::Success; // all is in order already
  case MemoryOperation::FlushRemote: return Result::NotSupported;
  }
  return Result::InvalidValue;
}

/// Of a captured stream they would be a node, which graphs do not have here.
Result operateAll(const char *name, Stream stream, const MemoryOperationParameters *batch, unsigned count) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &c) {
    if (capturing(s, stream)) return Result::NotSupported;
    const auto value = reinterpret_cast<std::uintptr_t>(stream);
    if (value <= legacyStreamValue && legacyBlocked(s)) return Result::StreamCaptureImplicit;
    for (unsigned k = 0; k < count; ++k)
      if (const Result r = operate(s, c, batch[k]); r != Result::Success) return r;
    return Result::Success;
  });
}

Result batchOf(const char *name, Stream stream, unsigned count, const MemoryOperationParameters *batch,
               unsigned flags) {
  constexpr unsigned most = 256;
  if (count > most || (count != 0 && !batch) || flags != 0) return traced(name, Result::InvalidValue);
  return operateAll(name, stream, batch, count);
}

Result single(const char *name, Stream stream, MemoryOperation operation, DevicePtr address, std::uint64_t value,
              unsigned flags) {
  const MemoryOperationParameters p{operation, address, value, flags, 0, 0};
  return operateAll(name, stream, &p, 1);
}

/// Copies in the order of the batch. FAILED gets the number of the one that cannot be, or all ones.
Result copyBatch(const char *name, const DevicePtr *to, const DevicePtr *from, const std::size_t *bytes,
                 std::size_t count, const void *attributes, const std::size_t *firstOf, std::size_t attributeCount,
                 std::size_t *failed, Stream stream) {
  return streamCall(name, stream, [&](DriverState &s, ContextHandle &c) {
    if (failed) *failed = ~std::size_t{0};
    if (reinterpret_cast<std::uintptr_t>(stream) <= legacyStreamValue) return Result::InvalidValue;
    if (!to || !from || !bytes || !attributes || !firstOf || count == 0) return Result::InvalidValue;
    if (attributeCount == 0 || attributeCount > count || firstOf[0] != 0) return Result::InvalidValue;
    for (std::size_t k = 0; k < count; ++k) {
      const CopyWork work{
          {CopySide::Where::ByAddress, from[k], 0, 0}, {CopySide::Where::ByAddress, to[k], 0, 0}, bytes[k], 1, 1};
      const Result r = submit(s, c, stream, work);
      if (r == Result::Success) continue;
      if (failed) *failed = k;
      return r;
    }
    return Result::Success;
  });
}

} // namespace

extern "C" {

#define VALUE_CALL(name, type, operation)                                                                              \
  Result name(Stream stream, DevicePtr address, type value, unsigned flags) {                                          \
    return single(#name, stream, MemoryOperation::operation, address, value, flags);                                   \
  }
VALUE_CALL(cuStreamWriteValue32, std::uint32_t, Write32)
VALUE_CALL(cuStreamWriteValue32_v2, std::uint32_t, Write32)
VALUE_CALL(cuStreamWriteValue64, std::uint64_t, Write64)
VALUE_CALL(cuStreamWriteValue64_v2, std::uint64_t, Write64)
VALUE_CALL(cuStreamWaitValue32, std::uint32_t, Wait32)
VALUE_CALL(cuStreamWaitValue32_v2, std::uint32_t, Wait32)
VALUE_CALL(cuStreamWaitValue64, std::uint64_t, Wait64)
VALUE_CALL(cuStreamWaitValue64_v2, std::uint64_t, Wait64)
#undef VALUE_CALL

Result cuStreamBatchMemOp(Stream stream, unsigned count, MemoryOperationParameters *batch, unsigned flags) {
  return batchOf("cuStreamBatchMemOp", stream, count, batch, flags);
}
Result cuStreamBatchMemOp_v2(Stream stream, unsigned count, MemoryOperationParameters *batch, unsigned flags) {
  return batchOf("cuStreamBatchMemOp_v2", stream, count, batch, flags);
}

Result cuMemcpyBatchAsync(DevicePtr *to, DevicePtr *from, std::size_t *bytes, std::size_t count, void *attributes,
                          std::size_t *firstOf, std::size_t attributeCount, std::size_t *failed, Stream stream) {
  return copyBatch("cuMemcpyBatchAsync", to, from, bytes, count, attributes, firstOf, attributeCount, failed, stream);
}
Result cuMemcpyBatchAsync_v2(DevicePtr *to, DevicePtr *from, std::size_t *bytes, std::size_t count, void *attributes,
                             std::size_t *firstOf, std::size_t attributeCount, Stream stream) {
  return copyBatch("cuMemcpyBatchAsync_v2", to, from, bytes, count, attributes, firstOf, attributeCount, nullptr,
                   stream);
}

} // extern "C"

} // namespace sage::cuda
