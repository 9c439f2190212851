// A speed test repeated, with readings of the memory between, outside the clock.
#pragma once

#include <functional>
#include <vector>

#include "cli/speed_run.h"
#include "probe/read_probe.h"

namespace ceiling::cli {

struct SpeedResult {
  SpeedTest test;
  std::vector<Seconds> times;  // of each repetition: a whole prompt, or a whole decode
  Cost cost;                   // of one repetition
  std::vector<probe::ReadSlice> slices;
  std::vector<probe::ReadSlice> host_slices;  // where the host's memory was read too
  std::uint64_t link_bytes = 0;               // of weights, over the link, in all repetitions

  double tokens() const;  // of one repetition, all sequences together
  double bytes_per_token() const;
  double link_bytes_per_token() const;
  std::vector<double> tokens_per_s() const;
  double median_tokens_per_s() const;
  BytesPerSecond read_rate() const;  // at the median speed
  double operations_per_s() const;   // at the median speed
  BytesPerSecond ceiling() const;    // the median slice
  BytesPerSecond host_rate() const;  // likewise; 0: not read
  double share_of_ceiling() const;   // read_rate / ceiling
};

// Reads about so many bytes of the memory that the device decodes from, and tells the time.
using ReadMemory = std::function<probe::ReadSlice(Bytes)>;

// `read` is called about every 20 ms of decode, and at least 30 times over all repetitions where
// there are that many steps; before the first and after the last. A result that `go_on` ended holds
// the whole repetitions only. Throws what Session throws.
// `host`, where it is not empty, is read beside it.
SpeedResult run_speed_test(Session& session, const SpeedTest& test, std::uint32_t repetitions,
                           std::uint64_t seed, const ReadMemory& read, const ReadMemory& host,
                           const SpeedRun::GoOn& go_on);

}  // namespace ceiling::cli
