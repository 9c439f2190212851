// The catalogue of machines: data/hardware.csv.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace ceiling::fit {

// discrete: memory of its own behind a link; unified: a GPU that shares the host's memory; cpu.
enum class Kind : std::uint8_t { discrete, unified, cpu };
std::string_view name(Kind kind);

// Unknown figures are 0.
struct Hardware {
  std::string name;
  std::string vendor;
  Kind kind = Kind::discrete;
  std::string family;                // generation: what an unseen card inherits from
  std::string chip;                  // bins and siblings share it
  std::vector<double> memory_bytes;  // options, ascending (GB on the box are GiB of chips)
  BytesPerSecond bandwidth;          // peak, as the vendor states it
  // How wide the device is built, as its published bandwidth tells: fixed costs and shares were
  // fitted to it, and memory that is asked to be faster does not change it. 0: `bandwidth`.
  BytesPerSecond built_for;
  double bus_bits = 0, gbit_per_pin = 0;
  double fp16_flops = 0;  // dense matrix rate; no common basis across vendors
  double fp32_flops = 0;  // vector rate, a fused multiply-add counting two
  unsigned cpu_threads =
      0;                // of its processor, as llama.cpp takes them: cores, of hybrids the fast
  double compute = 1;   // factor of all its arithmetic: for asking what is worth improving
  BytesPerSecond link;  // one direction, theoretical
  double year = 0;
  std::string source;
};

const std::vector<Hardware>& hardware_catalogue();  // embedded from data/hardware.csv at build

// A table with the catalogue's columns. Throws Error(integrity) naming row, column and value.
std::vector<Hardware> read_hardware(std::string_view csv, const std::string& label);

// All entries whose names hold every word of `text`, those with the fewest other words first.
std::vector<const Hardware*> search_hardware(std::string_view text);

// The one that `text` means: its name, or words that only one has ("4090" is the RTX 4090 and not
// its laptop namesake, which has a word more). Throws Error(usage): ambiguous, with the
// candidates; unknown, with the nearest three.
const Hardware& find_hardware(std::string_view text);

}  // namespace ceiling::fit
