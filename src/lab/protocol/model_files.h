// The model files of a plan: made, hashed whole, and watched for changes between trials.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lab/plan/model_file.h"
#include "lab/plan/plan.h"
#include "os/files.h"

namespace ceiling::lab {

class ModelFiles {
 public:
  // What is being done, and the bytes of it: done, in all. Called by one thread at a time.
  using Progress = std::function<void(const std::string&, std::uint64_t, std::uint64_t)>;

  ModelFiles(const Plan& plan, Progress progress);  // both must outlive it

  // Makes what is synthetic and missing. Throws Error(interrupted) when the user stops it.
  void prepare();
  const std::string& path(const Cell& cell) const { return paths_.at(cell.id); }

  // Reads and hashes every file whole, in the plan's order of cells; from here they are watched.
  std::vector<ModelFile> identify_all();
  // The same for one.
  ModelFile identify_again(const Cell& cell);

  // Whether the file may hold other bytes than when it was last hashed: its stamp (size, inode,
  // times of modification and change) or 64 blocks of 4 KiB spread over it are not the same. It
  // takes milliseconds. A program that writes to the file or replaces it changes the stamp; the
  // blocks show what changed large parts past the file system. Small changes past it are left to
  // the whole hash at the end of a run.
  bool changed(const Cell& cell) const;

 private:
  struct Watch {
    os::FileStamp stamp;
    std::string sample;
    bool operator==(const Watch&) const = default;
  };
  static Watch look_at(const std::string& path);
  static ModelFile hashed(const Cell& cell, const std::function<void(std::uint64_t)>& show);

  const Plan& plan_;
  Progress progress_;
  std::map<std::string, std::string> paths_;  // by cell
  std::map<std::string, Watch> watched_;      // by path
};

}  // namespace ceiling::lab
