#include "lab/protocol/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/planning/models.h"
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

std::vector<ModelFile> ModelFiles::identify_all() {
  std::vector<ModelFile> files;
  std::map<std::string, ModelFile> known;  // cells may share a file
  for (const Cell& cell : plan_.cells) {
    const std::string& path = paths_.at(cell.id);
    if (known.count(path) == 0) known[path] = identify_again(cell);
    files.push_back(known.at(path));
    files.back().cell = cell.id;
  }
  return files;
}

ModelFile ModelFiles::identify_again(const Cell& cell) {
  // Looked at before it is hashed: a change while it is read is one that is seen afterwards.
  watched_[path(cell)] = look_at(path(cell));
  const std::uint64_t total = model_file_bytes(cell);
  return identify(cell, [&](std::uint64_t done) {
    if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
    progress_(fmt::format("hashing {}", cell.id), done, total);
  });
}

bool ModelFiles::changed(const Cell& cell) const {
  return look_at(path(cell)) != watched_.at(path(cell));
}

ModelFiles::Watch ModelFiles::look_at(const std::string& path) {
  return {os::file_stamp(path), sample_of(os::MappedFile::open(path).bytes())};
}

}  // namespace ceiling::lab
