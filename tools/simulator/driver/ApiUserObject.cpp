// Exports: objects of the user that live as long as graphs refer to them. Their destructors are the user's code and run
// without the lock.
#include "driver/GraphCalls.h"

namespace sage::cuda {

struct UserObjectHandle {
  void *data;
  void (*destroy)(void *);
  std::uint64_t references;
};

} // namespace sage::cuda

namespace sage::sim {
namespace {

void release(DriverState &s, cuda::UserObject object, std::uint64_t count, Destructions &later) {
  object->references -= std::min(object->references, count);
  if (object->references > 0) return;
  later.emplace_back(object->destroy, object->data);
  s.userObjects.erase(object);
  delete object;
}

} // namespace

void retainUserObjects(const cuda::GraphHandle &graph) {
  for (const auto &[object, count] : graph.userObjects) object->references += count;
}

void releaseUserObjects(DriverState &s, cuda::GraphHandle &graph, Destructions &later) {
  for (const auto &[object, count] : graph.userObjects) release(s, object, count, later);
  graph.userObjects.clear();
}

void destroyNow(const Destructions &all) {
  for (const auto &[destroy, data] : all) destroy(data);
}

} // namespace sage::sim

namespace sage::cuda {
namespace {

template <class Body> Result objectCall(const char *name, UserObject object, unsigned count, Body body) {
  return initialisedCall(name, [&](DriverState &s) {
    if (!s.userObjects.contains(object) || count == 0) return Result::InvalidValue;
    return body(s);
  });
}

} // namespace

extern "C" {

Result cuUserObjectCreate(UserObject *object, void *data, void (*destroy)(void *), unsigned references,
                          unsigned flags) {
  return initialisedCall("cuUserObjectCreate", [&](DriverState &s) {
    constexpr unsigned noDestructorSync = 1; // the only flag, and required
    if (!object || !destroy || references == 0 || flags != noDestructorSync) return Result::InvalidValue;
    *object = new UserObjectHandle{data, destroy, references};
    s.userObjects.insert(*object);
    return Result::Success;
  });
}
Result cuUserObjectRetain(UserObject object, unsigned count) {
  return objectCall("cuUserObjectRetain", object, count, [&](DriverState &) {
    object->references += count;
    return Result::Success;
  });
}
Result cuUserObjectRelease(UserObject object, unsigned count) {
  Destructions later;
  const Result result = objectCall("cuUserObjectRelease", object, count, [&](DriverState &s) {
    if (count > object->references) return Result::InvalidValue;
    release(s, object, count, later);
    return Result::Success;
  });
  destroyNow(later);
  return result;
}

Result cuGraphRetainUserObject(Graph graph, UserObject object, unsigned count, unsigned flags) {
  return objectCall("cuGraphRetainUserObject", object, count, [&](DriverState &s) {
    constexpr unsigned move = 1; // the caller's references become the graph's
    if (!s.graphs.contains(graph)) return Result::InvalidHandle;
    if (flags > move) return Result::InvalidValue;
    if (flags != move) object->references += count;
    graph->userObjects[object] += count;
    return Result::Success;
  });
}
Result cuGraphReleaseUserObject(Graph graph, UserObject object, unsigned count) {
  Destructions later;
  const Result result = objectCall("cuGraphReleaseUserObject", object, count, [&](DriverState &s) {
    if (!s.graphs.contains(graph)) return Result::InvalidHandle;
    const auto held = graph->userObjects.find(object);
    if (held == graph->userObjects.end() || held->second < count) return Result::InvalidValue;
    held->second -= count;
    if (held->second == 0) graph->userObjects.erase(held);
    release(s, object, count, later);
    return Result::Success;
  });
  destroyNow(later);
  return result;
}

} // extern "C"

} // namespace sage::cuda
