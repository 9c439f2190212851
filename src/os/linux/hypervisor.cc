#include "os/linux/hypervisor.h"

#include <array>
#include <cstring>

#include "os/linux/text.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ceiling::os {
namespace {

struct Name {
  std::string_view found;
  std::string_view shown;
};

// Texts in the firmware's tables, /sys/class/dmi/id.
constexpr std::array<Name, 9> kFirmware{{{"KVM", "KVM"},
                                         {"Google Compute Engine", "KVM"},
                                         {"Amazon EC2", "KVM"},
                                         {"QEMU", "QEMU"},
                                         {"VMware", "VMware"},
                                         {"VirtualBox", "VirtualBox"},
                                         {"Virtual Machine", "Hyper-V"},
                                         {"Xen", "Xen"},
                                         {"Parallels", "Parallels"}}};

#if defined(__x86_64__)
// Signatures in the processor's leaf 0x40000000, which hypervisors fill.
constexpr std::array<Name, 7> kSignatures{{{"KVMKVMKVM", "KVM"},
                                           {"Microsoft Hv", "Hyper-V"},
                                           {"VMwareVMware", "VMware"},
                                           {"XenVMMXenVMM", "Xen"},
                                           {"TCGTCGTCGTCG", "QEMU"},
                                           {"bhyve bhyve ", "bhyve"},
                                           {" prl hyperv ", "Parallels"}}};

std::string_view from_processor() {
  unsigned eax = 0;
  std::array<unsigned, 3> words{};
  __cpuid(0x40000000, eax, words[0], words[1], words[2]);
  std::array<char, 13> text{};
  std::memcpy(text.data(), words.data(), 12);
  for (const Name& name : kSignatures) {
    if (std::string_view(text.data(), 12).starts_with(name.found)) return name.shown;
  }
  return {};
}
#else
std::string_view from_processor() { return {}; }
#endif

std::string_view from_firmware(const std::filesystem::path& root) {
  const std::filesystem::path dmi = root / "sys/class/dmi/id";
  for (const char* file : {"product_name", "sys_vendor", "bios_vendor"}) {
    const std::string text = read_text(dmi / file).value_or("");
    for (const Name& name : kFirmware) {
      if (text.find(name.found) != std::string::npos) return name.shown;
    }
  }
  return {};
}

}  // namespace

std::string hypervisor_of(const std::filesystem::path& root, const std::string& cpuinfo) {
  const auto flags = keyed_text(cpuinfo, "flags");
  const bool flagged = flags && (" " + *flags + " ").find(" hypervisor ") != std::string::npos;
  // Another machine's tree says nothing about this processor.
  const std::string_view signature = flagged && root == "/" ? from_processor() : std::string_view{};
  if (!signature.empty()) return std::string(signature);
  if (const std::string_view vendor = from_firmware(root); !vendor.empty()) {
    // Amazon's bare-metal machines name the same product: on x86 the processor's flag decides.
    if (flagged || !flags) return std::string(vendor);
  }
  if (flagged || std::filesystem::exists(root / "proc/device-tree/hypervisor")) {
    return std::string(kUnnamedHypervisor);
  }
  return {};
}

}  // namespace ceiling::os
