#include "lab/trial/probed_memory.h"

#include <cstring>

#include "probe/read_probe.h"

namespace ceiling::lab {

ProbedMemory::ProbedMemory(std::span<const std::byte> mapping) : region_(mapping) {
  if (probe::larger_than_caches({mapping.size()})) return;
  std::size_t bytes = std::size_t{256} << 20;
  while (!probe::larger_than_caches({bytes})) bytes *= 2;
  plain_ = os::AnonymousMemory(bytes);
  std::memset(plain_.data(), 1, plain_.size());
  region_ = {plain_.data(), plain_.size()};
}

}  // namespace ceiling::lab
