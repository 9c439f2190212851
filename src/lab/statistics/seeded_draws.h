// Random draws from a seed that may be sealed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace ceiling::lab {

// Draws that are the same on every system (the standard library's distributions are not).
class SeededDraws {
 public:
  explicit SeededDraws(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound); bound > 0
  double uniform();                          // uniform in [0, 1), 53 bits
  template <typename T>
  void shuffle(std::vector<T>& items) {  // Fisher and Yates
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ceiling::lab
