/* NVIDIA's management library with two devices. The first draws 1.5 J between two looks, is warm, slowed down by heat, and
   two processes use it; the second shows nothing. */
#include <string.h>

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = 2;
  return 0;
}
static int devices[2];
enum { not_supported = 3 };
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  if (index > 1) return 2;
  *device = &devices[index];
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
  static unsigned long long drawn = 1000;
  if (device != &devices[0]) return not_supported;
  *millijoules = drawn += 1500;
  return 0;
}
struct pci {
  char short_address[16];
  unsigned domain, bus, device, ids, subsystem;
  char address[32];
};
int nvmlDeviceGetPciInfo_v3(void *device, struct pci *info) {
  memset(info, 0, sizeof *info);
  strcpy(info->address, device == &devices[0] ? "00000000:4E:00.0" : "00000000:4F:00.0");
  return 0;
}
int nvmlDeviceGetClockInfo(void *device, int kind, unsigned *mhz) {
  if (device != &devices[0]) return not_supported;
  *mhz = kind == 2 ? 2619 : 1500;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void *device, int kind, unsigned *mhz) {
  if (device != &devices[0]) return not_supported;
  *mhz = kind == 2 ? 2619 : 1980;
  return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
  if (device != &devices[0] || sensor != 0) return not_supported;
  *celsius = 71;
  return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
  if (device != &devices[0]) return not_supported;
  *milliwatts = 412500;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
  if (device != &devices[0]) return not_supported;
  *reasons = 0x20 | 0x2;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(void *device, int kind, int counter, unsigned long long *count) {
  if (device != &devices[0] || counter != 0) return not_supported;
  *count = kind == 0 ? 5 : 0;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, void *infos) {
  (void)infos;
  if (device != &devices[0]) return not_supported;
  *count = 2;
  return 0;
}
