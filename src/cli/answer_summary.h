// What an answer cost: the line under it, and the same as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/generate.h"

namespace ceiling::cli {

struct AnswerSummary {
  Seconds load;  // from the file's name to ready; 0: not part of this answer
  Generation generation;
  BytesPerSecond ceiling;  // measured right after the answer
  BytesPerSecond decode_rate() const;
  double share_of_ceiling() const;  // 0 when there was no decode step
};

// "load 41 ms, prefill 36 tokens at 281/s, decode 63 at 120/s: 12.1 GB/s, 41 % of the ceiling"
std::string line(const AnswerSummary& summary);
nlohmann::ordered_json to_json(const AnswerSummary& summary);

}  // namespace ceiling::cli
