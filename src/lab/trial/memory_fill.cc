#include "lab/trial/memory_fill.h"

#include <cmath>

#include "base/error.h"
#include "base/units.h"
#include "lab/trial/ballast_fill.h"
#include "os/ballast.h"
#include "os/conditions.h"
#include "os/memory.h"
#include "os/memory_group.h"

namespace ceiling::lab {
namespace {

constexpr double kCharged = 0.9;  // of the file's pages, at the least

class GroupFill : public MemoryFill {
 public:
  FilledMemory fill(const Cell& cell, const os::MappedFile& file, std::uint64_t) override {
    FilledMemory filled;
    filled.charged_bytes = group_.charge().file.value;
    const auto size = static_cast<double>(file.bytes().size());
    if (static_cast<double>(filled.charged_bytes) < kCharged * size) {
      fail(ExitCode::failed,
           "only {} of the file's {} are charged to the trial's own group: another process keeps "
           "its pages; end what else has it open",
           format_capacity({filled.charged_bytes}), format_capacity({file.bytes().size()}));
    }
    filled.working_set_bytes = group_.charge().all.value;
    filled.limit_bytes =
        static_cast<std::uint64_t>(static_cast<double>(filled.working_set_bytes) / cell.fill);
    group_.limit({filled.limit_bytes});
    return filled;
  }

  std::uint64_t refaults() const override { return group_.charge().refaults; }

 private:
  os::MemoryGroup group_;
};

class BallastFill : public MemoryFill {
 public:
  FilledMemory fill(const Cell& cell, const os::MappedFile& file, std::uint64_t apart) override {
    const WorkingSet set{file.bytes().size(),
                         os::process_memory().resident_anonymous.value - apart};
    const double resident = file.resident_share();
    if (resident < kCharged) {
      fail(ExitCode::failed, "only {:.0f} % of the file's pages are in memory: too little is free",
           100 * resident);
    }
    const std::uint64_t wanted =
        wanted_available(set, cell.fill, os::memory_info().available.value);
    swapped_before_ = swapped_out();
    take_until(
        wanted, [&](std::uint64_t step) { ballast_.grow({step}); },
        [] { return MemoryLook{os::memory_info().available.value, swapped_out()}; });
    FilledMemory filled;
    filled.working_set_bytes = set.all();
    filled.limit_bytes = os::memory_info().available.value + set.anonymous_bytes;
    filled.charged_bytes =
        static_cast<std::uint64_t>(resident * static_cast<double>(set.file_bytes));
    filled.ballast_bytes = ballast_.size().value;
    require_wanted(cell.fill, filled);
    return filled;
  }

  std::uint64_t refaults() const override { return os::conditions().refaults.value_or(0); }

  void check() const override {
    if (const std::uint64_t pages = swapped_out() - swapped_before_; pages > 0) {
      fail(ExitCode::failed, "{} pages were swapped out while memory was taken away", pages);
    }
  }

 private:
  static std::uint64_t swapped_out() { return os::conditions().swap_out_pages.value_or(0); }

  // Other programs take and give back memory too.
  static void require_wanted(double wanted, const FilledMemory& filled) {
    constexpr double kWithin = 0.02;
    const double is =
        static_cast<double>(filled.working_set_bytes) / static_cast<double>(filled.limit_bytes);
    if (std::abs(is / wanted - 1) <= kWithin) return;
    fail(
        ExitCode::failed,
        "the working set takes {:.1f} % of what is left, not {:.0f} %: other programs took or gave "
        "back memory meanwhile",
        100 * is, 100 * wanted);
  }

  os::Ballast ballast_;
  std::uint64_t swapped_before_ = 0;
};

}  // namespace

std::unique_ptr<MemoryFill> begin_fill(const Cell& cell) {
  if (cell.fill_by == FillBy::ballast) return std::make_unique<BallastFill>();
  return std::make_unique<GroupFill>();
}

}  // namespace ceiling::lab
