// The simulator as a device that never gets to an event: what is not here comes from libsagesim.so.
extern "C" __attribute__((visibility("default"))) int cuEventQuery(void * /*event*/) { return 600; } // NOT_READY
