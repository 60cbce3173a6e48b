// See DeviceRuntime.h. The grid's barrier counts blocks and then moves to the next generation; the last one to arrive
// releases what all have done, and the others acquire it.
#include "driver/DeviceRuntime.h"

namespace sage::sim {

bool isDeviceRuntimeFunction(std::string_view name) {
  return name == "cudaCGGetIntrinsicHandle" || name == "cudaCGSynchronize";
}

std::string_view deviceRuntimePtx() {
  return R"(.version 7.0
.target sm_70
.address_size 64
.global .align 4 .u32 sagesim_grid_arrived;
.global .align 4 .u32 sagesim_grid_generation;

.visible .func (.param .b64 handle) cudaCGGetIntrinsicHandle(.param .b32 scope)
{
  .reg .b32 %scope;
  .reg .b64 %handle;
  ld.param.b32 %scope, [scope];
  cvt.u64.u32 %handle, %scope;
  st.param.b64 [handle], %handle;
  ret;
}

.visible .func (.param .b32 result) cudaCGSynchronize(.param .b64 handle, .param .b32 flags)
{
  .reg .pred %other, %notLast, %waits;
  .reg .b32 %x, %y, %z, %blocks, %before, %arrived, %now;
  bar.sync 0;
  mov.u32 %x, %tid.x;
  mov.u32 %y, %tid.y;
  mov.u32 %z, %tid.z;
  or.b32 %x, %x, %y;
  or.b32 %x, %x, %z;
  setp.ne.u32 %other, %x, 0;
  @%other bra together;
  mov.u32 %x, %nctaid.x;
  mov.u32 %y, %nctaid.y;
  mov.u32 %z, %nctaid.z;
  mul.lo.u32 %blocks, %x, %y;
  mul.lo.u32 %blocks, %blocks, %z;
  sub.u32 %blocks, %blocks, 1;
  ld.acquire.gpu.global.u32 %before, [sagesim_grid_generation];
  atom.acq_rel.gpu.global.add.u32 %arrived, [sagesim_grid_arrived], 1;
  setp.ne.u32 %notLast, %arrived, %blocks;
  @%notLast bra wait;
  st.relaxed.gpu.global.u32 [sagesim_grid_arrived], 0;
  atom.release.gpu.global.add.u32 %now, [sagesim_grid_generation], 1;
  bra together;
wait:
  nanosleep.u32 20;
  ld.acquire.gpu.global.u32 %now, [sagesim_grid_generation];
  setp.eq.u32 %waits, %now, %before;
  @%waits bra wait;
together:
  bar.sync 0;
  st.param.b32 [result], 0;
  ret;
}
)";
}

} // namespace sage::sim
