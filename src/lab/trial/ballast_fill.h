// How much memory a trial may take away from the machine, and when it must stop: nobody's programs
// are swapped out, and a floor is left.
#pragma once

#include <cstdint>
#include <functional>

namespace ceiling::lab {

// What stays available to all at the least. Below it a desktop starts to feel it.
inline constexpr std::uint64_t kBallastFloor = std::uint64_t{1} << 30;

// Of a trial whose pages are all in memory.
struct WorkingSet {
  std::uint64_t file_bytes = 0;       // the model's, in the page cache
  std::uint64_t anonymous_bytes = 0;  // what the process holds besides
  std::uint64_t all() const { return file_bytes + anonymous_bytes; }
};

// What must stay available of the machine so that the working set takes the share `fill` of what is
// left to it, the file's own pages among it. Throws Error(failed) with the reason if that is not
// less than there is now, or less than the floor.
std::uint64_t wanted_available(const WorkingSet& set, double fill, std::uint64_t available);

// The machine after a step.
struct MemoryLook {
  std::uint64_t available = 0;
  std::uint64_t swapped_out = 0;  // pages, since boot
};

// Takes memory in steps until no more than `wanted` is available, looking after each step: what is
// taken costs the kernel memory too, and other programs take and give back theirs. Throws
// Error(failed) as soon as a page was swapped out or less than the floor is left: the caller gives
// everything back.
void take_until(std::uint64_t wanted, const std::function<void(std::uint64_t)>& take,
                const std::function<MemoryLook()>& look);

}  // namespace ceiling::lab
