#include "lab/ledger/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

constexpr std::string_view kTag{"ceiling ledger entry 1\0", 23};
const std::string kBeforeFirst(64, '0');
constexpr std::uint64_t kMostEntries = 10'000'000;

json without_hash(const LedgerEntry& entry) {
  return {{"data", entry.data},
          {"entry", entry.index},
          {"previous", entry.previous},
          {"time", entry.wall_s},
          {"type", entry.type}};
}

std::string hash_of(const LedgerEntry& entry) {
  Sha256 hash;
  hash.update(kTag);
  hash.update(canonical_json(without_hash(entry)));
  return hex(hash.finish());
}

std::string line_of(const LedgerEntry& entry) {
  json line = without_hash(entry);
  line["hash"] = entry.hash;
  return canonical_json(line);
}

LedgerEntry parse_entry(std::string_view line, const std::string& label) {
  const json value = parse_json(line, label);
  const Fields fields(value, label);
  fields.only({"data", "entry", "hash", "previous", "time", "type"});
  LedgerEntry entry;
  entry.index = fields.integer("entry", 0, kMostEntries);
  entry.type = fields.text("type");
  entry.wall_s = fields.number("time", 0, 1e12);
  entry.data = fields.object("data").value();
  entry.previous = fields.text("previous");
  entry.hash = fields.text("hash");
  return entry;
}

// What is wrong with an entry that stands where entry `expected` should; empty: nothing.
std::string damage_of(const LedgerEntry& entry, std::string_view line, std::uint64_t expected,
                      const std::optional<std::string>& previous) {
  if (hash_of(entry) != entry.hash) {
    return fmt::format("entry {} ({}) does not match its hash: something in it was changed",
                       entry.index, printable(entry.type, 40));
  }
  if (line_of(entry) != line) {
    return fmt::format("entry {} is spelt in another way than it was written", entry.index);
  }
  if (entry.index > expected) {
    return fmt::format("entry {} stands where entry {} should: lines were removed or reordered",
                       entry.index, expected);
  }
  if (entry.index < expected) {
    return fmt::format("entry {} stands where entry {} should: a line was added or reordered",
                       entry.index, expected);
  }
  if (previous && entry.previous != *previous) {
    return fmt::format("entry {} does not follow the line before it (its 'previous' names {}...)",
                       entry.index, printable(entry.previous, 12));
  }
  return {};
}

double wall_clock_s() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count()) /
         1e3;
}

}  // namespace

LedgerCheck check_ledger(std::string_view text) {
  LedgerCheck check;
  std::uint64_t line_number = 0;
  std::uint64_t expected = 0;
  std::optional<std::string> previous = kBeforeFirst;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      check.torn_bytes = text.size();
      break;
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++line_number;
    try {
      LedgerEntry entry = parse_entry(line, "this line");
      const std::string what = damage_of(entry, line, expected, previous);
      if (!what.empty()) check.damages.push_back({line_number, what});
      expected = entry.index + 1;
      previous = entry.hash;
      check.entries.push_back(std::move(entry));
    } catch (const Error& error) {
      check.damages.push_back({line_number, error.what()});
      ++expected;
      previous.reset();  // unknown: the next line cannot be held against it
    }
  }
  return check;
}

std::string describe(const std::vector<LedgerDamage>& damages, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, damages.size()); ++i) {
    text += fmt::format("{}line {}: {}", i > 0 ? "; " : "", damages[i].line, damages[i].what);
  }
  if (damages.size() > most) text += fmt::format("; and {} more", damages.size() - most);
  return text;
}

Ledger Ledger::create(const std::string& path) {
  if (std::filesystem::exists(path)) {
    fail(ExitCode::refused,
         "'{}' exists: a run has begun here; go on with --resume, or name another folder", path);
  }
  Ledger ledger;
  ledger.path_ = path;
  return ledger;
}

Ledger Ledger::open(const std::string& path) {
  const std::string text = os::read_file(path);
  LedgerCheck check = check_ledger(text);
  if (!check.damages.empty()) {
    fail(ExitCode::integrity, "'{}' is damaged: {}; restore it from a copy, or start a new run",
         path, describe(check.damages));
  }
  Ledger ledger;
  ledger.path_ = path;
  ledger.entries_ = std::move(check.entries);
  ledger.torn_bytes_ = check.torn_bytes;
  if (check.torn_bytes > 0) {
    os::write_file(path, std::string_view(text).substr(0, text.size() - check.torn_bytes));
  }
  return ledger;
}

std::string Ledger::head() const { return entries_.empty() ? kBeforeFirst : entries_.back().hash; }

const LedgerEntry& Ledger::append(std::string type, json data) {
  LedgerEntry entry;
  entry.index = entries_.size();
  entry.type = std::move(type);
  entry.wall_s = wall_clock_s();
  entry.data = std::move(data);
  entry.previous = head();
  entry.hash = hash_of(entry);
  os::append_line_synced(path_, line_of(entry));
  return entries_.emplace_back(std::move(entry));
}

}  // namespace ceiling::lab
