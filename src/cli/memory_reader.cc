#include "cli/memory_reader.h"

#include <algorithm>

#include "os/cpu.h"
#include "probe/measure.h"

namespace ceiling::cli {
namespace {

// The host's readings of a spilled run need not read all of a mapping that may be far larger.
constexpr std::size_t kHostRegion = std::size_t{2} << 30;

std::shared_ptr<probe::ReadProbe> probe_of(std::span<const std::byte> region) {
  probe::touch(region, os::default_threads());
  return std::make_shared<probe::ReadProbe>(region, os::default_threads());
}

}  // namespace

MemoryReader::MemoryReader(Session& session) {
  Device& device = session.device();
  const std::span<const std::byte> mapping = session.model().weights()->pool();
  if (device.read_rate()) {
    kernel_ = device.name();
    region_ = "the device's memory";
    read_ = [&device](Bytes amount) {
      return probe::ReadSlice{amount,
                              {static_cast<double>(amount.value) / device.read_rate()->value}};
    };
    if (session.placement().spilled_bytes == 0) return;
    const auto probe = probe_of(mapping.first(std::min(mapping.size(), kHostRegion)));
    host_ = [probe](Bytes amount) { return probe->read(amount); };
    return;
  }
  const auto probe = probe_of(mapping);
  kernel_ = probe->kernel();
  threads_ = probe->threads();
  from_memory_ = probe::larger_than_caches({mapping.size()});
  region_ = "the model's mapping";
  read_ = [probe](Bytes amount) { return probe->read(amount); };
}

}  // namespace ceiling::cli
