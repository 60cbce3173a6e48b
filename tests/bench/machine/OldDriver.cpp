// The simulator as a driver that is too old for any PTX: what is not here comes from libsagesim.so.
extern "C" int cuModuleLoadDataEx(void ** /*module*/, const void * /*image*/, unsigned /*options*/, int * /*names*/,
                                  void ** /*values*/) {
  return 222; // CUDA_ERROR_UNSUPPORTED_PTX_VERSION
}
