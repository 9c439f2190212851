// Figures that others measured, as they were published, and what each would have to state to be
// compared with another.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// What must agree between two figures: each moves tokens/s by itself (docs/method.md).
enum class Condition : std::uint8_t {
  model,
  tokenizer,
  lengths,
  batch,
  residency,
  engine,
  threads,
  power,
  page_cache,
  order,
  sampling,
  speculation,
  statistic,
  ceiling,
};

// What has to be stated of a condition.
enum class Item : std::uint8_t {
  file_hash,
  file_bytes,
  tokenizer,
  prompt_length,
  generated_length,
  depth,
  kv_type,
  streams,
  residency,
  backend,
  build,
  flags,
  threads,
  placement,
  power_mode,
  temperature,
  page_cache,
  memory_pressure,
  order,
  warm_up,
  sampling,
  speculation,
  repetitions,
  spread,
  fresh_processes,
  memory_rate,
};

const std::vector<Item>& all_items();
Condition condition_of(Item item);
std::string_view name(Item item);            // "hash of the model file"
std::string_view name(Condition condition);  // "model file"
std::string_view why(Condition condition);   // what a difference in it has done, in words

struct OutsideFigure {
  std::string place;  // in its file: "row 2", "[0]"
  std::string machine, engine, model, type, test, source;
  double tokens_per_s = 0;
  std::map<Item, std::string> stated;  // what is stated of each item; absent: nothing
  // Bytes a second that the figure implies, as its model's bytes are counted here, over the
  // bandwidth that the vendor states. Above 1: it reads fewer bytes (a model or a cache other than
  // counted), or makes several tokens of one reading (speculation, streams). Empty: not known.
  std::optional<double> vendor_share;
};

// A figure that could not be read.
struct BrokenFigure {
  std::string place, reason;
};

struct OutsideFigures {
  std::string source;  // the file
  std::string format;  // "llama-bench JSON", "published table"
  std::vector<OutsideFigure> figures;
  std::vector<BrokenFigure> broken;
};

// Reads what `text` holds: llama-bench's JSON or JSON Lines, or a table in the format of
// data/published.csv. A figure that is broken is named, the others are still read. Throws
// Error(integrity) for anything else, saying what was expected.
OutsideFigures read_outside_figures(std::string_view text, const std::string& label);
OutsideFigures read_llama_bench(std::string_view text, const std::string& label);
OutsideFigures read_published_table(std::string_view text, const std::string& label);

enum class Comparability : std::uint8_t { comparable, with_reservations, not_comparable };
std::string_view name(Comparability comparability);

// The items that a figure does not state, in order.
std::vector<Item> missing(const OutsideFigure& figure);
// Comparable: all is stated. With reservations: something is stated of every condition. Not: of
// some condition nothing is.
Comparability comparability(const OutsideFigure& figure);
// Conditions of which the figure states nothing.
std::vector<Condition> unstated(const OutsideFigure& figure);

struct ComparabilityCounts {
  std::map<Comparability, std::size_t> figures;
  std::map<Item, std::size_t> missing;        // figures that do not state it
  std::map<Condition, std::size_t> unstated;  // figures that state nothing of it
  std::size_t beyond_vendor = 0;              // figures above what the vendor's bandwidth allows
};
ComparabilityCounts count(const std::vector<OutsideFigure>& figures);

nlohmann::json to_json(const OutsideFigures& figures);

}  // namespace ceiling::lab
