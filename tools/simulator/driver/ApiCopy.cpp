// Exports: copies and fills, linear, two- and three-dimensional, with and without a stream.
#include "driver/Call.h"
#include "driver/DefaultStream.h"
#include "driver/Exports.h"
#include "driver/Graph.h"

namespace sage::cuda {
namespace {

using namespace sim;
using Where = CopySide::Where;

DevicePtr addressOf(const void *p) { return reinterpret_cast<std::uintptr_t>(p); }

Result copy(const char *name, const Target &target, Where toWhere, DevicePtr to, Where fromWhere, DevicePtr from,
            std::size_t bytes) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    return submitTo(s, c, target, CopyWork{{fromWhere, from, 0, 0}, {toWhere, to, 0, 0}, bytes, 1, 1});
  });
}

Result fill(const char *name, const Target &target, DevicePtr to, std::size_t pitch, std::uint32_t value,
            unsigned bytes, std::size_t width, std::size_t height) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    return submitTo(s, c, target, FillWork{to, pitch, value, bytes, width, height});
  });
}

/// Array memory is not simulated.
bool sideOf(MemoryType type, const void *host, DevicePtr device, CopySide &side) {
  switch (type) {
  case MemoryType::Host: side.where = Where::Host, side.address = addressOf(host); return true;
  case MemoryType::Device: side.where = Where::Device, side.address = device; return true;
  case MemoryType::Unified: side.where = Where::ByAddress, side.address = device; return true;
  case MemoryType::Array: return false;
  }
  return false;
}

Result copy2D(const char *name, const Target &target, const Memcpy2D *p) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    if (!p) return Result::InvalidValue;
    if (p->srcMemoryType == MemoryType::Array || p->dstMemoryType == MemoryType::Array) return Result::NotSupported;
    CopyWork w;
    if (!sideOf(p->srcMemoryType, p->srcHost, p->srcDevice, w.from)) return Result::InvalidValue;
    if (!sideOf(p->dstMemoryType, p->dstHost, p->dstDevice, w.to)) return Result::InvalidValue;
    w.width = p->WidthInBytes;
    w.height = p->Height;
    w.from.pitch = p->srcPitch ? p->srcPitch : w.width;
    w.to.pitch = p->dstPitch ? p->dstPitch : w.width;
    w.from.address += p->srcY * w.from.pitch + p->srcXInBytes;
    w.to.address += p->dstY * w.to.pitch + p->dstXInBytes;
    return submitTo(s, c, target, w);
  });
}

} // namespace
} // namespace sage::cuda

namespace sage::sim {

cuda::Result readCopy3D(const cuda::Memcpy3D &p, CopyWork &w) {
  using cuda::Result;
  if (p.srcMemoryType == cuda::MemoryType::Array || p.dstMemoryType == cuda::MemoryType::Array)
    return Result::NotSupported;
  if (!cuda::sideOf(p.srcMemoryType, p.srcHost, p.srcDevice, w.from)) return Result::InvalidValue;
  if (!cuda::sideOf(p.dstMemoryType, p.dstHost, p.dstDevice, w.to)) return Result::InvalidValue;
  w.width = p.WidthInBytes;
  w.height = p.Height;
  w.depth = p.Depth;
  w.from.pitch = p.srcPitch ? p.srcPitch : w.width;
  w.to.pitch = p.dstPitch ? p.dstPitch : w.width;
  w.from.slice = w.from.pitch * (p.srcHeight ? p.srcHeight : w.height);
  w.to.slice = w.to.pitch * (p.dstHeight ? p.dstHeight : w.height);
  w.from.address += p.srcZ * w.from.slice + p.srcY * w.from.pitch + p.srcXInBytes;
  w.to.address += p.dstZ * w.to.slice + p.dstY * w.to.pitch + p.dstXInBytes;
  return Result::Success;
}

} // namespace sage::sim

namespace sage::cuda {
namespace {

Result copy3D(const char *name, const Target &target, const Memcpy3D *p) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    CopyWork w;
    if (!p) return Result::InvalidValue;
    const Result read = readCopy3D(*p, w);
    return read == Result::Success ? submitTo(s, c, target, w) : read;
  });
}

/// Between the memories of two contexts, which stand where an ordinary description has nothing.
Result copy3DPeer(const char *name, const Target &target, const Memcpy3D *p) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    CopyWork w;
    if (!p) return Result::InvalidValue;
    if (const Result read = readCopy3D(*p, w); read != Result::Success) return read;
    const auto check = [&](void *context, const CopySide &side) {
      if (side.where == Where::Host) return Result::Success;
      const auto *in = static_cast<Context>(context);
      if (!isContext(s, static_cast<Context>(context))) return Result::InvalidContext;
      return side.where != Where::Device || in->memory->owns(side.address) ? Result::Success : Result::InvalidValue;
    };
    if (const Result from = check(p->reserved0, w.from); from != Result::Success) return from;
    if (const Result to = check(p->reserved1, w.to); to != Result::Success) return to;
    return submitTo(s, c, target, w);
  });
}

} // namespace

extern "C" {

Result cuMemcpy(DevicePtr to, DevicePtr from, std::size_t bytes) {
  return copy("cuMemcpy", waiting(), Where::ByAddress, to, Where::ByAddress, from, bytes);
}
Result cuMemcpyAsync(DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream) {
  return copy("cuMemcpyAsync", stream, Where::ByAddress, to, Where::ByAddress, from, bytes);
}
Result cuMemcpyHtoD_v2(DevicePtr to, const void *from, std::size_t bytes) {
  return copy("cuMemcpyHtoD_v2", waiting(), Where::Device, to, Where::Host, addressOf(from), bytes);
}
Result cuMemcpyHtoDAsync_v2(DevicePtr to, const void *from, std::size_t bytes, Stream stream) {
  return copy("cuMemcpyHtoDAsync_v2", stream, Where::Device, to, Where::Host, addressOf(from), bytes);
}
Result cuMemcpyDtoH_v2(void *to, DevicePtr from, std::size_t bytes) {
  return copy("cuMemcpyDtoH_v2", waiting(), Where::Host, addressOf(to), Where::Device, from, bytes);
}
Result cuMemcpyDtoHAsync_v2(void *to, DevicePtr from, std::size_t bytes, Stream stream) {
  return copy("cuMemcpyDtoHAsync_v2", stream, Where::Host, addressOf(to), Where::Device, from, bytes);
}
Result cuMemcpyDtoD_v2(DevicePtr to, DevicePtr from, std::size_t bytes) {
  return copy("cuMemcpyDtoD_v2", waiting(), Where::Device, to, Where::Device, from, bytes);
}
Result cuMemcpyDtoDAsync_v2(DevicePtr to, DevicePtr from, std::size_t bytes, Stream stream) {
  return copy("cuMemcpyDtoDAsync_v2", stream, Where::Device, to, Where::Device, from, bytes);
}
Result cuMemcpy3DPeer(const Memcpy3D *p) { return copy3DPeer("cuMemcpy3DPeer", waiting(), p); }
Result cuMemcpy3DPeerAsync(const Memcpy3D *p, Stream stream) { return copy3DPeer("cuMemcpy3DPeerAsync", stream, p); }
Result cuMemcpy2D_v2(const Memcpy2D *p) { return copy2D("cuMemcpy2D_v2", waiting(), p); }
Result cuMemcpy3D_v2(const Memcpy3D *p) { return copy3D("cuMemcpy3D_v2", waiting(), p); }
Result cuMemcpy2DAsync_v2(const Memcpy2D *p, Stream stream) { return copy2D("cuMemcpy2DAsync_v2", stream, p); }
Result cuMemcpy3DAsync_v2(const Memcpy3D *p, Stream stream) { return copy3D("cuMemcpy3DAsync_v2", stream, p); }

Result cuMemsetD8_v2(DevicePtr to, unsigned char value, std::size_t count) {
  return fill("cuMemsetD8_v2", waiting(), to, 0, value, 1, count, 1);
}
Result cuMemsetD8Async(DevicePtr to, unsigned char value, std::size_t count, Stream stream) {
  return fill("cuMemsetD8Async", stream, to, 0, value, 1, count, 1);
}
Result cuMemsetD2D8_v2(DevicePtr to, std::size_t pitch, unsigned char value, std::size_t width, std::size_t height) {
  return fill("cuMemsetD2D8_v2", waiting(), to, pitch, value, 1, width, height);
}
Result cuMemsetD2D8Async(DevicePtr to, std::size_t pitch, unsigned char value, std::size_t width, std::size_t height,
                         Stream stream) {
  return fill("cuMemsetD2D8Async", stream, to, pitch, value, 1, width, height);
}

Result cuMemsetD16_v2(DevicePtr to, unsigned short value, std::size_t count) {
  return fill("cuMemsetD16_v2", waiting(), to, 0, value, 2, count, 1);
}
Result cuMemsetD16Async(DevicePtr to, unsigned short value, std::size_t count, Stream stream) {
  return fill("cuMemsetD16Async", stream, to, 0, value, 2, count, 1);
}
Result cuMemsetD2D16_v2(DevicePtr to, std::size_t pitch, unsigned short value, std::size_t width, std::size_t height) {
  return fill("cuMemsetD2D16_v2", waiting(), to, pitch, value, 2, width, height);
}
Result cuMemsetD2D16Async(DevicePtr to, std::size_t pitch, unsigned short value, std::size_t width, std::size_t height,
                          Stream stream) {
  return fill("cuMemsetD2D16Async", stream, to, pitch, value, 2, width, height);
}

Result cuMemsetD32_v2(DevicePtr to, unsigned value, std::size_t count) {
  return fill("cuMemsetD32_v2", waiting(), to, 0, value, 4, count, 1);
}
Result cuMemsetD32Async(DevicePtr to, unsigned value, std::size_t count, Stream stream) {
  return fill("cuMemsetD32Async", stream, to, 0, value, 4, count, 1);
}
Result cuMemsetD2D32_v2(DevicePtr to, std::size_t pitch, unsigned value, std::size_t width, std::size_t height) {
  return fill("cuMemsetD2D32_v2", waiting(), to, pitch, value, 4, width, height);
}
Result cuMemsetD2D32Async(DevicePtr to, std::size_t pitch, unsigned value, std::size_t width, std::size_t height,
                          Stream stream) {
  return fill("cuMemsetD2D32Async", stream, to, pitch, value, 4, width, height);
}

} // extern "C"

} // namespace sage::cuda
