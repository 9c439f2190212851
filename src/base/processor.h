// Which processor this is, where its make decides what is fastest.
#pragma once

#include <cstdint>

namespace ceiling {

enum class Vendor : std::uint8_t { other, intel, amd };

// Family and model as the vendors count them: extended fields added in. Zeros where the processor
// does not say (not x86).
struct Processor {
  Vendor vendor = Vendor::other;
  unsigned family = 0, model = 0;
};

Processor this_processor();

// AMD's Zen 5 (family 1Ah) or later.
bool is_zen5(const Processor& processor);

}  // namespace ceiling
