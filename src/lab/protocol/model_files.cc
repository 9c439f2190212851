#include "lab/protocol/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/planning/models.h"
#include "os/cpu.h"
#include "os/interrupt.h"
#include "os/memory_map.h"

namespace ceiling::lab {
namespace {

// Blocks at even distances, the first and the last of the file among them.
std::string sample_of(std::span<const std::byte> bytes) {
  constexpr std::size_t kBlocks = 64;
  constexpr std::size_t kBlock = 4096;
  Sha256 hash;
  const std::size_t block = std::min(kBlock, bytes.size());
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const double at = static_cast<double>(bytes.size() - block) * static_cast<double>(i) /
                      static_cast<double>(kBlocks - 1);
    hash.update(bytes.subspan(static_cast<std::size_t>(at), block));
  }
  return hex(hash.finish());
}

}  // namespace

ModelFiles::ModelFiles(const Plan& plan, Progress progress)
    : plan_(plan), progress_(std::move(progress)) {}

void ModelFiles::prepare() {
  for (const Cell& cell : plan_.cells) {
    const auto show = [&](std::uint64_t done, std::uint64_t total) {
      progress_(fmt::format("making {}", cell.id), done, total);
    };
    paths_[cell.id] = prepare_model(cell, show);
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
  }
}

// Files are hashed side by side: one hash is one thread's work.
std::vector<ModelFile> ModelFiles::identify_all() {
  std::map<std::string, const Cell*> one_of;  // cells may share a file
  std::uint64_t total = 0;
  for (const Cell& cell : plan_.cells) {
    if (!one_of.emplace(path(cell), &cell).second) continue;
    watched_[path(cell)] = look_at(path(cell));
    total += model_file_bytes(cell);
  }
  std::mutex mutex;  // of what the workers share
  std::map<std::string, ModelFile> known;
  std::uint64_t all_done = 0;
  auto next = one_of.begin();
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (next != one_of.end()) {
      const auto& [path, cell] = *next++;
      lock.unlock();
      std::uint64_t seen = 0;  // of this file
      ModelFile file = hashed(*cell, [&](std::uint64_t done) {
        const std::lock_guard guard(mutex);
        all_done += done - std::exchange(seen, done);
        progress_("hashing the models", all_done, total);
      });
      lock.lock();
      known[path] = std::move(file);
    }
  };
  std::vector<std::future<void>> workers;
  for (std::size_t i = 0; i < std::min<std::size_t>(one_of.size(), os::default_threads()); ++i) {
    workers.push_back(std::async(std::launch::async, work));
  }
  for (std::future<void>& worker : workers) worker.get();
  std::vector<ModelFile> files;
  for (const Cell& cell : plan_.cells) {
    files.push_back(known.at(path(cell)));
    files.back().cell = cell.id;
  }
  return files;
}

ModelFile ModelFiles::identify_again(const Cell& cell) {
  // Looked at before it is hashed: a change while it is read is one that is seen afterwards.
  watched_[path(cell)] = look_at(path(cell));
  const std::uint64_t total = model_file_bytes(cell);
  return hashed(cell, [&](std::uint64_t done) {
    progress_(fmt::format("hashing {}", cell.id), done, total);
  });
}

ModelFile ModelFiles::hashed(const Cell& cell, const std::function<void(std::uint64_t)>& show) {
  return identify(cell, [&](std::uint64_t done) {
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
    show(done);
  });
}

bool ModelFiles::changed(const Cell& cell) const {
  return look_at(path(cell)) != watched_.at(path(cell));
}

ModelFiles::Watch ModelFiles::look_at(const std::string& path) {
  return {os::file_stamp(path), sample_of(os::MappedFile::open(path).bytes())};
}

}  // namespace ceiling::lab
