#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/checked.h"
#include "base/error.h"

namespace ceiling {
namespace {

// Digits after the point that leave three significant figures.
int decimals(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude < 9.995) return 2;
  return magnitude < 99.95 ? 1 : 0;
}

struct Suffix {
  std::string_view text;
  int shift;
};
constexpr std::array<Suffix, 14> kSuffixes{{{"", 0},
                                            {"B", 0},
                                            {"K", 10},
                                            {"KB", 10},
                                            {"KIB", 10},
                                            {"M", 20},
                                            {"MB", 20},
                                            {"MIB", 20},
                                            {"G", 30},
                                            {"GB", 30},
                                            {"GIB", 30},
                                            {"T", 40},
                                            {"TB", 40},
                                            {"TIB", 40}}};

[[noreturn]] void bad_capacity(const std::string& text) {
  fail(ExitCode::usage,
       "'{}' is not an amount of memory: write for example 24GiB, 512MiB or a number of bytes",
       text);
}

// The number at the start of `text`, which may hold one decimal point; `used` tells its length.
double leading_number(const std::string& text, std::size_t& used) {
  std::size_t points = 0;
  while (used < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[used])) != 0 || text[used] == '.')) {
    points += text[used] == '.' ? 1 : 0;
    ++used;
  }
  if (used == 0 || used == points || points > 1 || used > 20) bad_capacity(text);
  return std::stod(text.substr(0, used));
}

}  // namespace

std::string format_capacity(Bytes bytes) {
  static constexpr std::array<const char*, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  if (bytes.value < 1024) return fmt::format("{} bytes", bytes.value);
  auto value = static_cast<double>(bytes.value);
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, decimals(value), kUnits.at(unit));
}

std::string format_bandwidth(BytesPerSecond rate) {
  return fmt::format("{:.{}f} GB/s", rate.gb_per_s(), decimals(rate.gb_per_s()));
}

std::string format_duration(Seconds time) {
  const double s = time.value;
  if (!std::isfinite(s)) return "unknown";
  if (s < 0) return "-" + format_duration(Seconds{-s});
  if (s == 0) return "0 s";
  if (s < 0.9995e-6) return fmt::format("{:.{}f} ns", s * 1e9, decimals(s * 1e9));
  if (s < 0.9995e-3) return fmt::format("{:.{}f} us", s * 1e6, decimals(s * 1e6));
  if (s < 0.9995) return fmt::format("{:.{}f} ms", s * 1e3, decimals(s * 1e3));
  if (s < 59.95) return fmt::format("{:.{}f} s", s, decimals(s));
  if (s > 1e15) return fmt::format("{:.2e} s", s);
  const auto whole = std::llround(s);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_count(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double magnitude = std::fabs(value);
  if (magnitude != 0 && (magnitude < 0.01 || magnitude >= 1e15))
    return fmt::format("{:.3g}", value);
  if (magnitude < 0.9995 && magnitude > 0) {
    return fmt::format("{:.{}f}", value, magnitude < 0.09995 ? 4 : 3);
  }
  return fmt::format("{:.{}f}", value, decimals(value));
}

Bytes parse_capacity(const std::string& text) {
  std::size_t used = 0;
  const double number = leading_number(text, used);
  const std::string digits = text.substr(0, used);
  while (used < text.size() && text[used] == ' ') ++used;
  std::string suffix = text.substr(used);
  for (char& c : suffix) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const Suffix& known : kSuffixes) {
    if (suffix != known.text) continue;
    if (digits.find('.') != std::string::npos) {
      const double bytes = std::ldexp(number, known.shift);
      if (bytes >= 0x1p63) bad_capacity(text);
      return {static_cast<std::uint64_t>(bytes)};
    }
    if (number >= 0x1p63) bad_capacity(text);
    const auto bytes = checked_mul(std::stoull(digits), std::uint64_t{1} << known.shift);
    if (!bytes) bad_capacity(text);
    return {*bytes};
  }
  bad_capacity(text);
}

}  // namespace ceiling
