#include "fit/hardware.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "base/edit_distance.h"
#include "base/error.h"
#include "base/printable.h"
#include "fit/data.h"
#include "fit/table.h"

namespace ceiling::fit {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// Runs of letters and digits, in lower case; letters and digits part where people part them
// ("m4pro" stays one word, "(Strix" loses its sign).
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.' || c == '+') {
      word += static_cast<char>(std::tolower(byte));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ""));
}

// Every word of `wanted` is a word of the name, or all together are a run of it ("rtx4090").
bool holds(const std::vector<std::string>& name, const std::vector<std::string>& wanted) {
  const bool each = std::ranges::all_of(
      wanted, [&](const std::string& word) { return std::ranges::find(name, word) != name.end(); });
  return each || joined(name).find(joined(wanted)) != std::string::npos;
}

std::vector<std::string_view> nearest_names(std::string_view text) {
  const std::string wanted = joined(words_of(text));
  std::vector<std::pair<std::size_t, std::string_view>> found;
  for (const Hardware& hardware : hardware_catalogue()) {
    // A maker's name in front is not what people mistype.
    const std::vector<std::string> words = words_of(hardware.name);
    std::size_t distance = edit_distance(wanted, joined(words));
    if (words.size() > 1) {
      distance =
          std::min(distance, edit_distance(wanted, joined({words.begin() + 1, words.end()})));
    }
    found.emplace_back(distance, hardware.name);
  }
  return nearest_three(std::move(found));
}

// Entries whose names hold all these words, those with the fewest other words first.
std::vector<const Hardware*> entries_with(const std::vector<std::string>& wanted) {
  std::vector<std::pair<std::size_t, const Hardware*>> found;
  if (wanted.empty()) return {};
  for (const Hardware& hardware : hardware_catalogue()) {
    const std::vector<std::string> words = words_of(hardware.name);
    if (holds(words, wanted)) found.emplace_back(words.size(), &hardware);
  }
  std::ranges::stable_sort(found, {}, &std::pair<std::size_t, const Hardware*>::first);
  std::vector<const Hardware*> out;
  out.reserve(found.size());
  for (const auto& [count, hardware] : found) out.push_back(hardware);
  return out;
}

Kind read_kind(const Table& table, const TableRow& row) {
  const std::string_view text = table.cell(row, "kind");
  for (const Kind kind : {Kind::discrete, Kind::unified, Kind::cpu}) {
    if (name(kind) == text) return kind;
  }
  fail(ExitCode::integrity,
       "'{}': row {}, column 'kind' is '{}': expected discrete, unified or cpu", table.label(),
       row.number, printable(text, 40));
}

std::vector<double> read_memory(const Table& table, const TableRow& row) {
  std::vector<double> out;
  std::string_view text = table.cell(row, "memory_gb_options");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const auto value = parse_number(text.substr(0, end));
    if (!value || !(*value > 0)) {
      fail(ExitCode::integrity,
           "'{}': row {}, column 'memory_gb_options' is '{}': expected sizes apart by ';'",
           table.label(), row.number, printable(table.cell(row, "memory_gb_options"), 40));
    }
    out.push_back(*value * kGiB);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

std::string_view name(Kind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"discrete", "unified", "cpu"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Hardware> read_hardware(std::string_view csv, const std::string& label) {
  const Table table = Table::parse(csv, label);
  table.require({"name", "vendor", "kind", "family", "chip", "memory_gb_options", "bandwidth_gb_s",
                 "fp16_tflops", "fp32_tflops", "pcie_gb_s", "source"});
  std::vector<Hardware> out;
  std::set<std::string, std::less<>> names;
  for (const TableRow& row : table.rows()) {
    if (row.cells.size() > table.columns().size()) {
      fail(ExitCode::integrity,
           "'{}': row {} has {} cells: expected {}, as the header has; quote a cell that holds a "
           "comma",
           label, row.number, row.cells.size(), table.columns().size());
    }
    const auto number = [&](std::string_view column) {
      return table.positive(row, column).value_or(0);
    };
    Hardware hardware{.name = std::string(table.cell(row, "name")),
                      .vendor = std::string(table.cell(row, "vendor")),
                      .kind = read_kind(table, row),
                      .family = std::string(table.cell(row, "family")),
                      .chip = std::string(table.cell(row, "chip")),
                      .memory_bytes = read_memory(table, row),
                      .bandwidth = {number("bandwidth_gb_s") * 1e9},
                      .built_for = {number("bandwidth_gb_s") * 1e9},
                      .bus_bits = number("bus_bits"),
                      .gbit_per_pin = number("gbit_s_per_pin"),
                      .fp16_flops = number("fp16_tflops") * 1e12,
                      .fp32_flops = number("fp32_tflops") * 1e12,
                      .cpu_threads = static_cast<unsigned>(number("cpu_threads")),
                      .link = {number("pcie_gb_s") * 1e9},
                      .year = number("release_year"),
                      .source = std::string(table.cell(row, "source"))};
    if (hardware.name.empty() || !names.insert(hardware.name).second) {
      fail(ExitCode::integrity, "'{}': row {}, column 'name' is '{}': expected a name of its own",
           label, row.number, printable(hardware.name, 60));
    }
    out.push_back(std::move(hardware));
  }
  return out;
}

const std::vector<Hardware>& hardware_catalogue() {
  static const std::vector<Hardware> all = read_hardware(hardware_csv(), "data/hardware.csv");
  return all;
}

std::vector<const Hardware*> search_hardware(std::string_view text) {
  std::vector<std::string> wanted = words_of(text);
  std::vector<const Hardware*> found = entries_with(wanted);
  if (!found.empty()) return found;
  // "NVIDIA GeForce RTX 4090": makers and their brands are not in the catalogue's names.
  std::erase_if(wanted, [](const std::string& word) {
    constexpr std::array<std::string_view, 7> kMakers = {"nvidia", "geforce", "amd",     "radeon",
                                                         "intel",  "gpu",     "graphics"};
    return std::ranges::find(kMakers, word) != kMakers.end();
  });
  return entries_with(wanted);
}

const Hardware& find_hardware(std::string_view text) {
  const std::vector<std::string> wanted = words_of(text);
  for (const Hardware& hardware : hardware_catalogue()) {
    if (words_of(hardware.name) == wanted) return hardware;
  }
  const std::vector<const Hardware*> found = search_hardware(text);
  if (found.empty()) {
    fail(ExitCode::usage,
         "hardware '{}' is unknown: nearest are {}; `ceiling fit --describe` makes a row for a "
         "machine that is not in the catalogue",
         printable(text, 60), fmt::join(nearest_names(text), "; "));
  }
  const std::size_t fewest = words_of(found.front()->name).size();
  std::vector<std::string_view> equal;
  for (const Hardware* hardware : found) {
    if (words_of(hardware->name).size() == fewest) equal.emplace_back(hardware->name);
  }
  if (equal.size() > 1) {
    fail(ExitCode::usage, "hardware '{}' is ambiguous: choose one of {}", printable(text, 60),
         fmt::join(equal, "; "));
  }
  return *found.front();
}

}  // namespace ceiling::fit
