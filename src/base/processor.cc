#include "base/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ceiling {

// CPUID leaves 0 and 1: AMD64 Architecture Programmer's Manual, volume 3, appendix E.3; Intel
// Software Developer's Manual, volume 2, CPUID.
Processor this_processor() {
  Processor processor;
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0, &a, &b, &c, &d) == 0) return processor;
  if (b == signature_AMD_ebx && c == signature_AMD_ecx && d == signature_AMD_edx) {
    processor.vendor = Vendor::amd;
  } else if (b == signature_INTEL_ebx && c == signature_INTEL_ecx && d == signature_INTEL_edx) {
    processor.vendor = Vendor::intel;
  }
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return processor;
  processor.family = (a >> 8 & 15) + (a >> 20 & 255);
  processor.model = (a >> 4 & 15) + (a >> 12 & 240);
#endif
  return processor;
}

bool is_zen5(const Processor& processor) {
  return processor.vendor == Vendor::amd && processor.family >= 0x1a;
}

}  // namespace ceiling
