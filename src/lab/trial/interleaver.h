// Readings of the memory that decode reads, at fixed intervals of its time, outside its clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/units.h"
#include "device/device.h"
#include "lab/trial/energy_clock.h"
#include "lab/trial/trial.h"
#include "probe/read_probe.h"

namespace ceiling::lab {

// How the memory is read between tokens.
struct MemoryReadings {
  std::function<probe::ReadSlice(Bytes)> read;
  Bytes amount;
  double between_s = 0;  // of decode
  // Energy is not counted while the memory is read. A device's counter moves too seldom to be
  // stopped: it runs on.
  bool stops_energy = true;
  std::function<void()> look;  // at the device, between tokens; may be empty
};

// The CPU reads `region` with `threads`, a quarter of what a token reads at a time.
MemoryReadings readings_of(std::span<const std::byte> region, unsigned threads,
                           double bytes_per_token);

// The device (which must outlive it) reads its own memory; it tells its rate alone, so that each
// slice stands for as many bytes.
MemoryReadings readings_of(Device& device);

class Interleaver {
 public:
  // All must outlive it.
  Interleaver(const MemoryReadings& readings, std::vector<ProbeSlice>& slices, EnergyClock& energy)
      : readings_(readings), slices_(slices), energy_(energy) {}

  // Before the first token, between tokens, and after the last one.
  void begin();
  void decoded(double seconds, std::uint32_t after_token);
  void end(std::uint32_t after_token);

  // Of the time in which energy was counted.
  double share_of_decode() const;

 private:
  void slice(std::uint32_t after_token);

  const MemoryReadings& readings_;
  std::vector<ProbeSlice>& slices_;
  EnergyClock& energy_;
  double since_slice_s_ = 0, decode_s_ = 0;
  double counted_slices_s_ = 0;  // slices, waits and looks while energy was counted
};

}  // namespace ceiling::lab
