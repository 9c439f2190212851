// Tables in the format of data/published.csv: rows that people put on pages and in threads.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "base/error.h"
#include "base/printable.h"
#include "fit/published.h"
#include "fit/table.h"
#include "lab/exchange/outside_figure.h"

namespace ceiling::lab {
namespace {

using fit::Published;
using fit::PublishedRow;

bool has_any(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

bool is_year(std::string_view digits) {
  return digits.size() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
}

bool all_of_set(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

// A word that names one build: a commit, a number of llama.cpp's builds, a version.
bool names_build(std::string_view word) {
  constexpr std::string_view kDigits = "0123456789";
  if (word.starts_with('(')) word.remove_prefix(1);
  word = word.substr(0, word.find_first_of("),-"));
  const bool commit = all_of_set(word, "0123456789abcdef") && word.size() >= 7;
  if (commit && word.find_first_of(kDigits) != std::string_view::npos) return true;
  const std::string_view number = word.starts_with('b') ? word.substr(1) : word;
  if (all_of_set(number, kDigits)) return number.size() >= 4 && !is_year(number);
  const std::size_t point = word.find('.');
  return point != std::string_view::npos && point > 0 && point + 1 < word.size() &&
         kDigits.find(word[point - 1]) != std::string_view::npos &&
         kDigits.find(word[point + 1]) != std::string_view::npos;
}

// One build, not a time or "this or later"; a tool that drives an engine is not the engine.
bool is_exact_build(const std::string& version) {
  if (has_any(version, {"later", "snapshot", "~", "llmfit", "JetPack"})) return false;
  std::size_t begin = 0;
  while (begin < version.size()) {
    const std::size_t end = std::min(version.find(' ', begin), version.size());
    if (names_build(std::string_view(version).substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

// "CPU NEON 8 threads" -> "8".
std::string threads_in(const std::string& backend) {
  const std::size_t at = backend.find(" threads");
  if (at == std::string::npos) return {};
  std::size_t begin = at;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(backend[begin - 1])) != 0) --begin;
  return backend.substr(begin, at - begin);
}

class Reader {
 public:
  Reader(const fit::Table& table, const fit::TableRow& row, const PublishedRow& published)
      : table_(table), row_(row), published_(published) {}

  OutsideFigure read() {
    const fit::RowNames& names = published_.names;
    figure_.place = fmt::format("row {}", published_.number);
    figure_.machine = names.hardware;
    figure_.engine = names.engine;
    figure_.model = names.model;
    figure_.type = names.quant;
    figure_.test = names.test;
    figure_.source = cell("source");
    figure_.tokens_per_s = *published_.measured;
    state(Item::file_bytes, cell("file_size_gb"));
    lengths();
    engine();
    if (!cell("stddev").empty()) state(Item::spread, cell("stddev"));
    implied_rate();
    return std::move(figure_);
  }

 private:
  std::string cell(std::string_view column) const {
    return printable(std::string(table_.cell(row_, column)), 200);
  }

  void state(Item item, std::string text) {
    if (!text.empty()) figure_.stated[item] = std::move(text);
  }

  void lengths() {
    const std::string& test = figure_.test;
    const bool prompt = test.starts_with("pp");
    const bool decode = test.starts_with("tg");
    const bool counted = test.size() > 2 && std::isdigit(static_cast<unsigned char>(test[2])) != 0;
    if ((prompt || decode) && counted) {
      const std::string tokens = test.substr(2, test.find(' ') - 2);
      state(Item::prompt_length, prompt ? tokens : "0");
      state(Item::generated_length, decode ? tokens : "0");
    }
    if (const std::size_t at = test.find("@ "); at != std::string::npos) {
      state(Item::depth, test.substr(at + 2));
    }
    if ((!prompt && !decode) || !has_any(figure_.engine, {"llama.cpp"})) return;
    // Named so, it was llama-bench: one stream, no text, no sampling, depth 0 unless it says more.
    figure_.stated.emplace(Item::depth, "0");
    state(Item::tokenizer, "random token numbers, no text");
    state(Item::streams, "one");
    state(Item::sampling, "outside the clock");
    state(Item::speculation, "off");
  }

  void engine() {
    const std::string backend = cell("backend");
    state(Item::backend, backend);
    if (const std::string version = cell("engine_version"); is_exact_build(version)) {
      state(Item::build, version);
    }
    if (has_any(backend, {" FA", "FA "})) state(Item::flags, "flash attention");
    state(Item::threads, threads_in(backend));
  }

  // What decode would have read, over what the vendor says that the memory gives.
  void implied_rate() {
    if (!published_.workload) return;
    const auto* decode = std::get_if<fit::DecodeWork>(&published_.workload->work);
    const double peak = published_.workload->hardware->bandwidth.value;
    if (decode == nullptr || !(peak > 0)) return;
    figure_.vendor_share = (decode->weight_bytes + decode->kv_bytes) * figure_.tokens_per_s / peak;
  }

  const fit::Table& table_;
  const fit::TableRow& row_;
  const PublishedRow& published_;
  OutsideFigure figure_;
};

// Why rows cannot be read, by the first broken cell of each.
std::map<std::size_t, std::string> reasons_of(const Published& published) {
  std::map<std::size_t, std::string> reasons;
  for (const fit::BrokenCell& cell : published.broken) {
    reasons.emplace(cell.row, fmt::format("column '{}' is '{}'; expected {}", cell.column,
                                          cell.value, cell.expected));
  }
  return reasons;
}

}  // namespace

OutsideFigures read_published_table(std::string_view text, const std::string& label) {
  const Published published = fit::read_published(text, label);
  const fit::Table table = fit::Table::parse(text, label);
  OutsideFigures out;
  out.source = label;
  out.format = "published table";
  const std::map<std::size_t, std::string> reasons = reasons_of(published);
  for (std::size_t i = 0; i < published.rows.size(); ++i) {
    const PublishedRow& row = published.rows[i];
    const auto reason = reasons.find(row.number);
    if (reason == reasons.end() && row.measured) {
      out.figures.push_back(Reader(table, table.rows()[i], row).read());
    } else {
      out.broken.push_back({fmt::format("row {}", row.number),
                            reason == reasons.end() ? std::string() : reason->second});
    }
  }
  return out;
}

OutsideFigures read_outside_figures(std::string_view text, const std::string& label) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  if (text.size() > kMostBytes) {
    fail(ExitCode::integrity, "'{}' has {} bytes; expected at most {}: split it", label,
         text.size(), kMostBytes);
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    fail(ExitCode::integrity,
         "'{}' is empty; expected llama-bench -o json, or a table as data/published.csv", label);
  }
  if (text[first] == '[' || text[first] == '{') return read_llama_bench(text, label);
  return read_published_table(text, label);
}

}  // namespace ceiling::lab
