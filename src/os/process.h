// Child processes: each trial of the lab is a fresh one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ceiling::os {

struct ProcessResult {
  int exit_code = -1;  // 128 + signal when killed
  std::string output;  // stdout
  std::string errors;  // stderr
  bool timed_out = false;
  bool flooded = false;  // printed more than kMostProcessOutput, and was ended for it
};

// Of both streams together: what comes after it is thrown away.
constexpr std::size_t kMostProcessOutput = std::size_t{64} << 20;

// Runs argv[0] with arguments (no shell), stdin empty. Kills it after timeout_s (0: never), when it
// prints too much, and when this process is interrupted. Extra environment entries are
// "NAME=value".
ProcessResult run_process(const std::vector<std::string>& argv,
                          const std::vector<std::string>& environment = {}, double timeout_s = 0);

std::string own_executable();  // path of the running program

}  // namespace ceiling::os
