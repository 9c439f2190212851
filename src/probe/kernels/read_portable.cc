#include <array>
#include <cstring>

#include "probe/read_kernel.h"

namespace ceiling::probe {

std::uint64_t read_portable(const std::byte* data, std::size_t bytes) {
  std::array<std::uint64_t, 8> sums{};
  for (std::size_t i = 0; i < bytes; i += sizeof sums) {
    std::array<std::uint64_t, 8> words;
    std::memcpy(words.data(), data + i, sizeof words);
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += words[k];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  return sum;
}

}  // namespace ceiling::probe
