#include "lab/trial/interleaver.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

namespace ceiling::lab {

MemoryReadings readings_of(std::span<const std::byte> region, unsigned threads,
                           double bytes_per_token) {
  // A quarter of what a token reads, within what a slice can measure and a large model can spare.
  constexpr double kLeast = 64 << 20;
  constexpr double kMost = 512 << 20;
  constexpr double kBetween = 0.02;
  const auto probe = std::make_shared<probe::ReadProbe>(region, threads);
  MemoryReadings readings;
  readings.read = [probe](Bytes amount) { return probe->read(amount); };
  readings.amount = {static_cast<std::uint64_t>(std::clamp(bytes_per_token / 4, kLeast, kMost))};
  readings.between_s = kBetween;
  return readings;
}

MemoryReadings readings_of(Device& device) {
  constexpr double kBetween = 0.1;
  MemoryReadings readings;
  readings.read = [&device](Bytes amount) {
    const BytesPerSecond rate = device.read_rate().value();
    return probe::ReadSlice{amount, {static_cast<double>(amount.value) / rate.value}};
  };
  readings.amount = {std::uint64_t{1} << 30};
  readings.between_s = kBetween;
  readings.stops_energy = false;
  return readings;
}

void Interleaver::begin() {
  slice(0);
  energy_.start();
}

void Interleaver::decoded(double seconds, std::uint32_t after_token) {
  since_slice_s_ += seconds;
  decode_s_ += seconds;
  if (since_slice_s_ < readings_.between_s) return;
  const auto start = std::chrono::steady_clock::now();
  if (readings_.stops_energy) energy_.stop();
  slice(after_token);
  if (readings_.stops_energy) {
    energy_.start();
    return;
  }
  counted_slices_s_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Interleaver::end(std::uint32_t after_token) {
  energy_.stop();
  slice(after_token);
}

double Interleaver::share_of_decode() const {
  return decode_s_ > 0 ? decode_s_ / (decode_s_ + counted_slices_s_) : 1;
}

void Interleaver::slice(std::uint32_t after_token) {
  // The engine's threads spin for a moment after a step; they must not share a core with the
  // probe.
  std::this_thread::sleep_for(std::chrono::microseconds(500));
  if (readings_.look) readings_.look();
  const probe::ReadSlice slice = readings_.read(readings_.amount);
  slices_.push_back({after_token, slice.bytes.value, slice.time.value});
  since_slice_s_ = 0;
}

}  // namespace ceiling::lab
