// Exports: devices that reach each other's memory. Every device reaches every other one; copies need no permission,
// kernels need cuCtxEnablePeerAccess.
#include "driver/Call.h"
#include "driver/DefaultStream.h"
#include "driver/Exports.h"
#include "driver/Graph.h"

namespace sage::cuda {
namespace {

using namespace sim;
using Where = CopySide::Where;

template <class Body> Result peerCall(const char *name, Device device, Device peer, Body body) {
  return deviceCall(name, device, [&](DriverState &s, ContextHandle &) {
    if (peer < 0 || static_cast<std::size_t>(peer) >= s.devices.size()) return Result::InvalidDevice;
    return body();
  });
}

Result copyPeer(const char *name, DevicePtr to, Context toContext, DevicePtr from, Context fromContext,
                std::size_t bytes, const Target &target) {
  return streamCall(name, target.stream, [&](DriverState &s, ContextHandle &c) {
    if (!isContext(s, toContext) || !isContext(s, fromContext)) return Result::InvalidContext;
    const auto lies = [&](const ContextHandle &in, DevicePtr p) { return bytes == 0 || in.memory->owns(p); };
    if (!lies(*toContext, to) || !lies(*fromContext, from)) return Result::InvalidValue;
    return submitTo(s, c, target, CopyWork{{Where::Device, from, 0, 0}, {Where::Device, to, 0, 0}, bytes, 1, 1});
  });
}

} // namespace

extern "C" {

Result cuDeviceCanAccessPeer(int *can, Device device, Device peer) {
  return peerCall("cuDeviceCanAccessPeer", device, peer, [&] {
    if (!can) return Result::InvalidValue;
    *can = device != peer;
    return Result::Success;
  });
}

Result cuDeviceGetP2PAttribute(int *value, int attribute, Device device, Device peer) {
  return peerCall("cuDeviceGetP2PAttribute", device, peer, [&] {
    enum : int { PerformanceRank = 1, AccessSupported = 2, NativeAtomics = 3, ArrayAccess = 4, OnlySomeAtomics = 5 };
    if (device == peer) return Result::InvalidDevice;
    if (!value || attribute < PerformanceRank || attribute > OnlySomeAtomics) return Result::InvalidValue;
    *value = attribute == AccessSupported || attribute == NativeAtomics;
    return Result::Success;
  });
}

Result cuCtxEnablePeerAccess(Context peer, unsigned flags) {
  return contextCall("cuCtxEnablePeerAccess", [&](DriverState &s, ContextHandle &c) {
    if (flags != 0) return Result::InvalidValue;
    if (!isContext(s, peer) || peer == &c || peer->retained == 0) return Result::InvalidContext;
    if (peer->ordinal == c.ordinal) return Result::PeerAccessUnsupported;
    if (!c.peers.insert(peer).second) return Result::PeerAccessAlreadyEnabled;
    c.memory->addPeer(*peer->memory);
    return Result::Success;
  });
}

Result cuCtxDisablePeerAccess(Context peer) {
  return contextCall("cuCtxDisablePeerAccess", [&](DriverState &s, ContextHandle &c) {
    if (!isContext(s, peer)) return Result::InvalidContext;
    if (c.peers.erase(peer) == 0) return Result::PeerAccessNotEnabled;
    c.memory->removePeer(*peer->memory);
    return Result::Success;
  });
}

Result cuMemcpyPeer(DevicePtr to, Context toContext, DevicePtr from, Context fromContext, std::size_t bytes) {
  return copyPeer("cuMemcpyPeer", to, toContext, from, fromContext, bytes, waiting());
}
Result cuMemcpyPeerAsync(DevicePtr to, Context toContext, DevicePtr from, Context fromContext, std::size_t bytes,
                         Stream stream) {
  return copyPeer("cuMemcpyPeerAsync", to, toContext, from, fromContext, bytes, stream);
}

} // extern "C"

} // namespace sage::cuda
