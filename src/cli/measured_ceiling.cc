#include "cli/measured_ceiling.h"

#include <vector>

#include "os/cpu.h"
#include "probe/distribution.h"
#include "probe/read_probe.h"

namespace ceiling::cli {

BytesPerSecond measure_ceiling(std::span<const std::byte> region) {
  constexpr int slices = 15;
  constexpr Bytes slice{std::uint64_t{128} << 20U};
  constexpr Seconds enough{0.2};
  probe::ReadProbe probe(region, os::default_threads());
  std::vector<double> rates;
  Seconds spent;
  while (rates.size() < slices && (rates.size() < 3 || spent < enough)) {
    const probe::ReadSlice read = probe.read(slice);
    rates.push_back(read.rate().value);
    spent = spent + read.time;
  }
  return {probe::Distribution(rates).median()};
}

}  // namespace ceiling::cli
