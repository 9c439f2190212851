#include "cli/model_hash.h"

#include <fmt/core.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "base/terminal.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// One entry a file: its canonical path, and "bytes time hash".
constexpr const char* kCacheFile = "/sha256.json";

json read_known() {
  try {
    const std::string text = os::read_file(os::cache_directory() + kCacheFile);
    json known = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (known.is_object()) return known;
  } catch (const Error&) {
    // There is none yet.
  }
  return json::object();
}

void write_known(const json& known) {
  try {
    os::write_file(os::cache_directory() + kCacheFile,
                   known.dump(1, ' ', false, json::error_handler_t::replace));
  } catch (const Error&) {
    // The next run hashes the file again.
  }
}

std::string hash_with_progress(const std::string& path, std::uint64_t bytes) {
  Progress progress("hashing the model file", bytes);
  return sha256_file(path, [&](std::uint64_t done) { progress.set(done); });
}

}  // namespace

std::string model_sha256(const std::string& path) {
  std::error_code error;
  const fs::path file = fs::canonical(path, error);
  if (error) fail(ExitCode::failed, "cannot read {}: {}", path, error.message());
  const std::uint64_t bytes = fs::file_size(file);
  const std::string stamp =
      fmt::format("{} {} ", bytes, fs::last_write_time(file).time_since_epoch().count());
  json known = read_known();
  json& entry = known[file.string()];
  if (entry.is_string() && entry.get_ref<const std::string&>().starts_with(stamp)) {
    return entry.get<std::string>().substr(stamp.size());
  }
  const std::string hash = hash_with_progress(path, bytes);
  entry = stamp + hash;
  write_known(known);
  return hash;
}

}  // namespace ceiling::cli
