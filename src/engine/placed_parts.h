// A placement made real: the segments of a model compiled for their units.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace ceiling {

struct PlacedPart {
  Segment segment;
  KvStore* kv = nullptr;  // of the segment's unit
};

// Segments of `a` cut wherever one of `b` ends too: two placements of a model then pair up.
std::vector<Segment> cut_alike(const Placement& a, const Placement& b);

struct Compiled {
  std::unique_ptr<Executable> executable;
  std::uint64_t host_workspace_bytes = 0;
};

// Parts in the Program's order, together all of it. Neighbours on one unit with memory of its own
// are one segment to it; what is spilled there is streamed, layer by layer. `host`: the unit that
// reads the mapping.
Compiled compile_parts(const Program& program, const std::shared_ptr<const Weights>& weights,
                       const std::vector<PlacedPart>& parts, std::string_view host,
                       const std::function<Device&(std::string_view)>& unit,
                       const CompileOptions& options);

}  // namespace ceiling
