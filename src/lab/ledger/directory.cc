#include "lab/ledger/directory.h"

#include <fmt/chrono.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/json/canonical_json.h"
#include "lab/ledger/seal.h"
#include "os/files.h"

namespace ceiling::lab {
namespace fs = std::filesystem;

RunDirectory RunDirectory::create(const std::string& path) {
  const RunDirectory directory(path);
  if (fs::exists(directory.plan()) || fs::exists(directory.ledger())) {
    fail(ExitCode::refused,
         "'{}' holds a run already: go on with --resume {}, or name another folder", path, path);
  }
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    fail(ExitCode::failed, "cannot create '{}': {}; name another folder with --out", path,
         error.message());
  }
  return directory;
}

RunDirectory RunDirectory::open(const std::string& path) {
  const RunDirectory directory(path);
  if (!fs::exists(directory.plan())) {
    fail(ExitCode::usage, "'{}' holds no plan.json: name the folder of a run", path);
  }
  return directory;
}

std::string RunDirectory::fresh_name() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{}/{:%Y%m%d-%H%M%S}-{}", kRunsFolder, fmt::gmtime(now),
                     new_nonce().substr(0, 6));
}

bool RunDirectory::sealed() const { return fs::exists(ledger()); }

Plan RunDirectory::read_plan() const {
  return plan_from_json(parse_json(os::read_file(plan()), plan()), "plan.json");
}

void RunDirectory::write_plan(const Plan& value) const {
  os::write_file(plan(), to_json(value).dump(2) + "\n");
}

os::FileLock RunDirectory::lock() const { return {plan(), "a run of the lab"}; }

}  // namespace ceiling::lab
