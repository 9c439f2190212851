// The folder of one run and the files in it.
#pragma once

#include <string>
#include <string_view>

#include "lab/plan/plan.h"
#include "os/file_lock.h"

namespace ceiling::lab {

inline constexpr std::string_view kRunsFolder = "runs";

class RunDirectory {
 public:
  // Makes the folder (with its parents). Throws Error(refused) if it holds a run already.
  static RunDirectory create(const std::string& path);
  // An existing run. Throws Error(usage) if the folder holds no plan.
  static RunDirectory open(const std::string& path);
  // "runs/20261124-100203-5f3a9c": now, and something that tells runs of one second apart.
  static std::string fresh_name();

  const std::string& path() const { return path_; }
  std::string plan() const { return path_ + "/plan.json"; }
  std::string nonce() const { return path_ + "/nonce"; }  // of the seal; secret until revealed
  std::string ledger() const { return path_ + "/ledger.jsonl"; }
  std::string results() const { return path_ + "/results.csv"; }
  std::string markdown() const { return path_ + "/report.md"; }
  std::string html() const { return path_ + "/report.html"; }

  bool sealed() const;  // a ledger was begun
  Plan read_plan() const;
  void write_plan(const Plan& plan) const;
  // Two runs at once in one folder would mix: the second is refused (exit 3).
  os::FileLock lock() const;

 private:
  explicit RunDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace ceiling::lab
