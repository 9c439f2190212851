// What happened, in order: a file of JSON lines, each hashing the one before. It is only ever
// appended to, and synced to disk before the next step is taken.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// One line: canonical JSON of {"data", "entry", "hash", "previous", "time", "type"}.
// hash = SHA-256 over a domain tag and the canonical JSON of the line without "hash".
struct LedgerEntry {
  std::uint64_t index = 0;  // from 0
  std::string type;         // "sealed", "started", "trial", ...
  double wall_s = 0;        // seconds since 1970 when it was written
  nlohmann::json data;
  std::string previous;  // hash of the entry before; 64 zeros for the first
  std::string hash;
};

struct LedgerDamage {
  std::uint64_t line = 0;  // from 1
  std::string what;        // for people
};

struct LedgerCheck {
  std::vector<LedgerEntry> entries;   // the lines that could be read, in file order
  std::vector<LedgerDamage> damages;  // everything found, not only the first
  // Bytes after the last newline: a write that was cut off by a crash. Not damage: nothing that was
  // ever synced is missing, and the next run drops them and says so.
  std::uint64_t torn_bytes = 0;
};

// Replays the chain over a ledger's text: bytes changed, lines removed, reordered or added.
LedgerCheck check_ledger(std::string_view text);

class Ledger {
 public:
  // A new, empty ledger. Throws Error(refused) if the file exists.
  static Ledger create(const std::string& path);
  // An existing one. Throws Error(integrity) naming all damage; drops a torn last line
  // (torn_bytes()).
  static Ledger open(const std::string& path);

  const std::vector<LedgerEntry>& entries() const { return entries_; }
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  std::string head() const;                                          // hash of the last entry
  const LedgerEntry& append(std::string type, nlohmann::json data);  // on disk when it returns

 private:
  std::string path_;
  std::vector<LedgerEntry> entries_;
  std::uint64_t torn_bytes_ = 0;
};

// All damage in one message for people, at most `most` of it word by word.
std::string describe(const std::vector<LedgerDamage>& damages, std::size_t most = 8);

}  // namespace ceiling::lab
