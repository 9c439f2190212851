#include "cli/memory_reader.h"

#include "os/cpu.h"
#include "probe/measure.h"

namespace ceiling::cli {

MemoryReader::MemoryReader(Session& session) {
  Device& device = session.device();
  if (device.read_rate()) {
    kernel_ = device.name();
    region_ = "the device's memory";
    read_ = [&device](Bytes amount) {
      return probe::ReadSlice{amount,
                              {static_cast<double>(amount.value) / device.read_rate()->value}};
    };
    return;
  }
  const std::span<const std::byte> mapping = session.model().weights()->pool();
  probe::touch(mapping, os::default_threads());
  const auto probe = std::make_shared<probe::ReadProbe>(mapping, os::default_threads());
  kernel_ = probe->kernel();
  threads_ = probe->threads();
  from_memory_ = probe::larger_than_caches({mapping.size()});
  region_ = "the model's mapping";
  read_ = [probe](Bytes amount) { return probe->read(amount); };
}

}  // namespace ceiling::cli
