#include "engine/device_choice.h"

#include <fmt/format.h>

namespace ceiling {
namespace {

// Why the CPU is preferred; empty: it is not.
std::string objection(BytesPerSecond cpu, const DeviceCandidate& candidate) {
  if (candidate.software) return "computes on the CPU itself";
  if (!candidate.holds_model) return "has no room for the whole model in memory of its own";
  if (candidate.reads > cpu) return "";
  return fmt::format("reads {}", format_bandwidth(candidate.reads));
}

}  // namespace

DeviceChoice choose_device(BytesPerSecond cpu, std::span<const DeviceCandidate> candidates) {
  const DeviceCandidate* best = nullptr;
  std::string others;
  for (const DeviceCandidate& candidate : candidates) {
    const std::string against = objection(cpu, candidate);
    if (!against.empty()) {
      others += fmt::format("; {} ({}) {}", candidate.device, candidate.description, against);
    } else if (best == nullptr || candidate.reads > best->reads) {
      best = &candidate;
    }
  }
  if (best != nullptr) {
    return {best->device,
            fmt::format("{}: {} reads {}, the CPU {}", best->device, best->description,
                        format_bandwidth(best->reads), format_bandwidth(cpu))};
  }
  return {"cpu", fmt::format("cpu: it reads {}{}", format_bandwidth(cpu),
                             candidates.empty() ? "; there is no other device" : others)};
}

}  // namespace ceiling
