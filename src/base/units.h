// Quantities that must not be mixed up, and how people read them.
// Capacity is shown in GiB/MiB (2^30, 2^20), bandwidth in GB/s (1e9).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace ceiling {

struct Seconds {
  double value = 0;
  auto operator<=>(const Seconds&) const = default;
};
constexpr Seconds operator+(Seconds a, Seconds b) { return {a.value + b.value}; }
constexpr Seconds operator-(Seconds a, Seconds b) { return {a.value - b.value}; }

struct Bytes {
  std::uint64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};
constexpr Bytes operator+(Bytes a, Bytes b) { return {a.value + b.value}; }

struct BytesPerSecond {
  double value = 0;
  auto operator<=>(const BytesPerSecond&) const = default;
  constexpr double gb_per_s() const { return value / 1e9; }
};
constexpr BytesPerSecond operator/(Bytes b, Seconds s) {
  return {static_cast<double>(b.value) / s.value};
}

std::string format_capacity(Bytes bytes);           // "3.56 GiB"
std::string format_bandwidth(BytesPerSecond rate);  // "38.2 GB/s"
std::string format_duration(Seconds time);          // "412 ms", "3 min 20 s"
std::string format_count(double value);             // three significant figures: "9.83", "1240"

// "24GiB", "512 MiB", "8G" (= GiB), "1000000" (bytes). Throws Error(usage) naming the text.
Bytes parse_capacity(const std::string& text);

}  // namespace ceiling
