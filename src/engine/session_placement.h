// Where a session's model goes: both phases, by what was asked, what fits, and the rates measured.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "device/device.h"
#include "engine/session.h"
#include "model/placement.h"

namespace ceiling {

struct SessionPlacement {
  Placements phases;
  std::string host;               // the unit that reads the mapping
  std::uint32_t prompt_rows = 2;  // batches of so many rows run as prompts
  std::string reason;             // one line, where rates chose

  bool differs() const;  // prompts run elsewhere than answers
};

// Throws what Session's constructor throws of it.
SessionPlacement place_session(const Program& program, const SessionOptions& options,
                               const CompileOptions& compile, std::string_view device,
                               const std::function<Device&(std::string_view)>& unit);

}  // namespace ceiling
