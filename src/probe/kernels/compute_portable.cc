#include <array>

#include "probe/compute_kernel.h"

namespace ceiling::probe {
namespace {

// Makes the compiler read `ones` again each time, so that the product is not taken out of the loop.
template <typename T>
void forget(const T& ones) {
  asm volatile("" : : "r"(&ones) : "memory");
}

template <typename T>
std::uint64_t run(std::uint64_t iterations) {
  std::array<T, 32> a;
  a.fill(1);
  std::array<T, 32> sums{};
  for (std::uint64_t i = 0; i < iterations; ++i) {
    forget(a);
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += a[k] * a[k];
  }
  std::uint64_t total = 0;
  for (const T s : sums) total += static_cast<std::uint64_t>(s);
  return total;
}

}  // namespace

std::uint64_t f32_portable(std::uint64_t iterations) { return run<float>(iterations); }
std::uint64_t int8_portable(std::uint64_t iterations) { return run<std::int32_t>(iterations); }

}  // namespace ceiling::probe
