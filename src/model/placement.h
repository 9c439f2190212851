// Which unit runs which operations, and how it reaches their weights: decided before a run,
// printed, stored. Pure: Program, budgets, context and phase in; ordered segments out. engine and
// fit both use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/cost.h"
#include "model/program.h"

namespace ceiling {

// shared: the unit reads the mapping itself; copied: paid once; spilled: does not fit the preferred
// units, so that another unit runs it, or it crosses the link at every step.
enum class Residency : std::uint8_t { shared, copied, spilled };
std::string_view name(Residency residency);

enum class Phase : std::uint8_t { prefill, decode };

struct UnitBudget {
  std::string unit;                   // "cpu", "cuda:0"
  bool reads_mapping = false;         // of the model, in host memory
  bool over_link = false;             // ... which is not its own: all that it reads is spilled
  std::uint64_t memory_bytes = 0;     // for weights, KV and workspace
  std::uint64_t workspace_bytes = 0;  // of these, kept for activations and buffers
  double read_bytes_per_s = 0;        // measured or from the catalogue
  double link_bytes_per_s = 0;        // host to device; 0 for units that read the mapping
  // Streaming takes room for so many of the largest piece, and so many bytes or one piece more; 0
  // pieces: the unit cannot run what crosses its link at every step.
  std::uint64_t window_pieces = 0, window_bytes = 0;
};

// Who runs the layers that do not fit the first unit: the last unit (cpu), the first over its link
// (stream), or some each (both), in turns, so that the link brings the next layer while the last
// unit runs its own.
enum class SpillWay : std::uint8_t { cpu, stream, both };
std::string_view name(SpillWay way);

struct Spill {
  SpillWay prefill = SpillWay::cpu, decode = SpillWay::cpu;
  bool streams() const { return prefill != SpillWay::cpu || decode != SpillWay::cpu; }
};

struct Segment {
  std::size_t begin = 0, end = 0;  // steps of the Program
  std::string unit;
  Residency residency = Residency::shared;
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes = 0;  // at the asked context
  std::string holds;           // for people: "embedding, layers 0-31, output"
};

struct Placement {
  std::vector<Segment> segments;        // in order; together every step exactly once
  std::uint64_t cut_bytes_per_row = 0;  // activations that cross between units, each row
  std::uint64_t shared_bytes = 0, copied_bytes = 0, spilled_bytes = 0;
  std::uint64_t window_bytes = 0;  // of the first unit, for what crosses its link at every step
};

// Units in order of preference; the last must read the mapping, and takes what does not fit the
// others (its own memory_bytes does not limit it: the mapping can be paged).
//
// Pieces are whole: the embedding look-up, each layer, the output head. A preferred unit takes
// them from the end of the Program, the head first: it has no KV, so each of its bytes is read at
// every step. One run a unit means one cut between two units. The look-up stays with the mapping,
// for one row of it is read, unless the unit after it holds the table as output head anyway or has
// room left for it. In prefill, a
// first unit with a link reads spilled layers over it, since many rows share each byte.
//
// Throws Error(refused) if no_spill and something would spill, and Error(failed) if the last unit
// does not read the mapping.
Placement place(const Program& program, const std::vector<UnitBudget>& units, std::uint32_t context,
                std::uint32_t sequences, KvType kv, Phase phase, bool no_spill = false);

// The same model in both phases. Layers that the first unit holds are the same in both.
struct Placements {
  Placement prefill, decode;
};
struct PlaceFor {
  std::uint32_t context = 0;  // positions of one sequence
  std::uint32_t sequences = 1;
  KvType kv = KvType::f16;
};
// As place(). Where a phase streams, the first unit keeps a window for what crosses, and the KV
// cache of all layers. Throws Error(failed) where its memory has no room for these.
Placements place_phases(const Program& program, const std::vector<UnitBudget>& units,
                        const PlaceFor& what, const Spill& spill, bool no_spill = false);
// Whether there is that room.
bool can_stream(const Program& program, const std::vector<UnitBudget>& units, const PlaceFor& what);

std::string describe(const Placement& placement);  // a table for people

}  // namespace ceiling
