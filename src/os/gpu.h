// What the system's own library shows of a GPU: clocks, heat, power, errors, who uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ceiling::os {

// Now. Empty: it does not show that.
struct GpuState {
  std::optional<double> clock_mhz, most_clock_mhz;  // of the multiprocessors; the most it may have
  std::optional<double> memory_clock_mhz;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
  std::optional<bool> slowed_down;   // by heat or by the board's power supply
  std::optional<bool> power_capped;  // clocks are held where the power limit is kept
  // Of its memory (ECC), since the driver was loaded.
  std::optional<std::uint64_t> corrected_errors, uncorrected_errors;
  std::optional<std::uint64_t> processes;  // with work on it that the library tells of, ours too
};

class Gpu {
 public:
  virtual ~Gpu() = default;
  virtual std::string bus_address() const = 0;  // "00000000:4e:00.0"
  virtual GpuState state() const = 0;
  virtual std::optional<double> joules() const = 0;  // since the driver was loaded
};

// Linux: those that NVIDIA's management library shows; elsewhere none.
std::vector<std::unique_ptr<Gpu>> gpus();

// The same place on the bus, however it is written ("0000:4E:00.0" is "00000000:4e:00.0").
bool same_bus_address(const std::string& a, const std::string& b);

}  // namespace ceiling::os
