// How a model comes into memory: fresh sessions over a file that the page cache holds, and one over
// a file that it does not.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/units.h"
#include "engine/session.h"

namespace ceiling::cli {

struct LoadTimes {
  Seconds ready;       // from the file's name until a session can take tokens
  Seconds first_step;  // the first token, which finds no page of the file in the process's memory
  Seconds later_step;  // median of some that follow
  double first_by_later() const { return first_step.value / later_step.value; }
};

struct LoadReport {
  Bytes file;
  std::vector<LoadTimes> warm;  // the whole file in the page cache
  LoadTimes cold;               // as much of it evicted as the system allowed
  double cached_before = 0;     // shares of the file in the page cache before the cold load,
  double cached_after = 0;      // and after its first token
  // From the disk, while the cold session became ready and made its first token.
  Bytes read() const;
  BytesPerSecond disk_rate() const;
};

using SettleSession = std::function<SessionOptions(const Model&)>;

// Sessions of one decoded sequence, `repetitions` of them warm. The report is cut short when
// go_on() says no. Throws what opening the model and the session throw.
LoadReport measure_load(const std::string& path, const SettleSession& settle, unsigned threads,
                        std::uint32_t repetitions, const std::function<bool()>& go_on);

std::string to_text(const LoadReport& report);
nlohmann::ordered_json to_json(const LoadReport& report);

}  // namespace ceiling::cli
