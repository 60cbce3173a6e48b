// Writes a pool of tensors as bench-attention saves it, and the bytes that its Data::upload leaves on a device for a
// batch of more heads and fewer tokens. The test of the GPU kit's reader makes the same of the pool.
//   UploadedTensors DIR: DIR/qkv-d64.safetensors, DIR/q, DIR/k, DIR/v
#include "attention/Data.h"
#include "reference/AtomicFile.h"

#include <cstdio>

namespace {

using namespace sage;
using bench::Data;

constexpr std::int64_t poolHeads = 3, poolTokens = 70, heads = 8, tokens = 50, headDim = 64;

Status write(const std::string &directory) {
  SAGE_ASSIGN(const Data data, Data::create(poolHeads, poolTokens, headDim));
  SAGE_TRY(data.save(directory + "/qkv-d64.safetensors"));
  SAGE_ASSIGN(const DeviceRef device, Device::open("sim:sm_80"));
  for (const auto &[role, name] : {std::pair(Data::Role::Q, "/q"), {Data::Role::K, "/k"}, {Data::Role::V, "/v"}}) {
    SAGE_ASSIGN(const Buffer buffer, data.upload(device, role, heads, tokens));
    std::string bytes(buffer.size(), '\0');
    SAGE_TRY(buffer.download(bytes.data(), bytes.size()));
    const std::string_view parts[] = {bytes};
    SAGE_TRY(reference::writeFileAtomically(directory + name, parts));
  }
  return {};
}

} // namespace

int main(int argc, char **argv) {
  const Status status = argc == 2 ? write(argv[1]) : Status(sage::Code::Usage, "say where: DIR");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.exitCode();
}
