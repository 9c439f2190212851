/* NVIDIA's management library with two devices, of which the first draws 1.5 J between two looks and the second does
   not count. */
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = 2;
  return 0;
}
static int devices[2];
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  if (index > 1) return 2;
  *device = &devices[index];
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
  static unsigned long long drawn = 1000;
  if (device != &devices[0]) return 3; /* not supported */
  *millijoules = drawn += 1500;
  return 0;
}
