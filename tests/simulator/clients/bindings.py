"""cuda-bindings on the driver that it finds: a kernel from PTX text, launched with a stream and checked."""
import ctypes

from cuda.bindings import driver

PTX = b"""
.version 7.0
.target sm_52
.address_size 64
.visible .entry scale(.param .u64 p, .param .f32 s)
{
  .reg .b32 %t;
  .reg .b64 %p, %at;
  .reg .f32 %x, %s;
  ld.param.u64 %p, [p];
  ld.param.f32 %s, [s];
  mov.u32 %t, %tid.x;
  mul.wide.u32 %at, %t, 4;
  add.u64 %p, %p, %at;
  ld.global.f32 %x, [%p];
  mul.f32 %x, %x, %s;
  st.global.f32 [%p], %x;
  ret;
}
"""


def call(function, *arguments):
    result, *values = function(*arguments)
    if result != driver.CUresult.CUDA_SUCCESS:
        raise SystemExit(f"{function.__name__}: {result}")
    return values[0] if len(values) == 1 else values


call(driver.cuInit, 0)
device = call(driver.cuDeviceGet, 0)
call(driver.cuCtxSetCurrent, call(driver.cuDevicePrimaryCtxRetain, device))
library = call(driver.cuLibraryLoadData, PTX, None, None, 0, None, None, 0)
kernel = call(driver.cuLibraryGetKernel, library, b"scale")
stream = call(driver.cuStreamCreate, 1)
count = 64
values = (ctypes.c_float * count)(*range(count))
size = ctypes.sizeof(values)
memory = call(driver.cuMemAlloc, size)
call(driver.cuMemcpyHtoDAsync, memory, ctypes.addressof(values), size, stream)
call(driver.cuLaunchKernel, driver.CUfunction(int(kernel)), 1, 1, 1, count, 1, 1, 0, stream,
     ((int(memory), 2.5), (ctypes.c_void_p, ctypes.c_float)), 0)
call(driver.cuMemcpyDtoHAsync, ctypes.addressof(values), memory, size, stream)
call(driver.cuStreamSynchronize, stream)
assert list(values) == [2.5 * i for i in range(count)], list(values)
result, _ = driver.cuMemAlloc(0)
assert result == driver.CUresult.CUDA_ERROR_INVALID_VALUE, result
call(driver.cuMemFree, memory)
call(driver.cuLibraryUnload, library)
print("cuda-bindings:", call(driver.cuDeviceGetName, 64, device).split(b"\0")[0].decode(), "is right")
