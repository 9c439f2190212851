#include "lab/trial/ballast_fill.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"

namespace ceiling::lab {

std::uint64_t wanted_available(const WorkingSet& set, double fill, std::uint64_t available) {
  const auto left = static_cast<std::uint64_t>(static_cast<double>(set.all()) / fill);
  const std::uint64_t now = available + set.anonymous_bytes;
  if (left >= now) {
    fail(ExitCode::failed,
         "the working set of {} takes more than {:.0f} % of the {} that the machine has left: "
         "there is nothing to take away",
         format_capacity({set.all()}), 100 * fill, format_capacity({now}));
  }
  if (left < kBallastFloor + set.anonymous_bytes) {
    fail(ExitCode::failed,
         "{} would be left to all programs, less than the floor of {}: a larger model, or a "
         "control group, can fill the memory further",
         format_capacity({left}), format_capacity({kBallastFloor}));
  }
  return left - set.anonymous_bytes;
}

void take_until(std::uint64_t wanted, const std::function<void(std::uint64_t)>& take,
                const std::function<MemoryLook()>& look) {
  constexpr std::uint64_t kStep = std::uint64_t{64} << 20, kLeast = std::uint64_t{4} << 20;
  MemoryLook now = look();
  const std::uint64_t swapped_before = now.swapped_out;
  std::uint64_t taken = 0;
  while (now.available >= wanted + kLeast) {
    const std::uint64_t step = std::min(kStep, now.available - wanted);
    take(step);
    taken += step;
    now = look();
    if (now.swapped_out > swapped_before) {
      fail(ExitCode::failed,
           "{} pages were swapped out after {} had been taken: everything was given back",
           now.swapped_out - swapped_before, format_capacity({taken}));
    }
    if (now.available < kBallastFloor) {
      fail(ExitCode::failed,
           "{} were left after {} had been taken, less than the floor of {}: everything was given "
           "back",
           format_capacity({now.available}), format_capacity({taken}),
           format_capacity({kBallastFloor}));
    }
  }
}

}  // namespace ceiling::lab
