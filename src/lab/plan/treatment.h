// What is done to decode steps to see what their time follows: bytes or arithmetic added inside the
// products, or several sequences at once.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

namespace ceiling::lab {

class Fields;

// One way to take a decode step. Shares are of the weights' bytes and of the products' arithmetic.
struct Treatment {
  double bytes = 0;         // read besides, from memory that nobody else reads
  double cached_bytes = 0;  // the placebo: the same loads from the nearest cache
  double arithmetic = 0;    // repeated on data in registers
  std::uint32_t sequences = 1;
  bool operator==(const Treatment&) const = default;
  bool added_work() const { return sequences == 1; }
};

// A step taken so. All treatments of a cell follow one another in a cycle, in an order of its own.
struct TreatedStep {
  std::uint32_t treatment = 0;  // index into the cell's treatments
  std::uint32_t cycle = 0;
  double seconds = 0;
  std::uint64_t read_bytes = 0;   // weights and KV, once
  std::uint64_t added_bytes = 0;  // from memory, besides
  std::optional<std::uint64_t> cache_misses =
      {};  // of all threads; empty: the machine does not count
};

// What the memory read at before a cycle began: a short reading outside every clock.
struct CycleReading {
  std::uint32_t cycle = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

nlohmann::json to_json(const std::vector<Treatment>& treatments);
std::vector<Treatment> treatments_from_json(const Fields& fields, const char* name);
nlohmann::json to_json(const std::vector<TreatedStep>& steps);
std::vector<TreatedStep> treated_steps_from_json(const Fields& fields, const char* name);
nlohmann::json to_json(const std::vector<CycleReading>& readings);
std::vector<CycleReading> cycle_readings_from_json(const Fields& fields, const char* name);

}  // namespace ceiling::lab
