// What `ceiling fit` is asked, as typed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ceiling::cli {

struct FitFlags {
  std::string hardware, shape, type, model;
  std::string memory, usable, host_memory, backend, kv = "f16";
  double bandwidth = 0, host_bandwidth = 0;  // GB/s; 0: the catalogue's
  std::uint32_t context = 0, prompt = 512;   // context 0: 4096, or the model's where that is less
  unsigned threads = 0;
  std::string lab, compare, validate, output;
  std::vector<std::string> what_if;
  double want = 0;
  bool recommend = false, report = false, describe = false, leave_out = false, workloads = false,
       json = false;
};

// `flags` outlives the command.
void add_fit_flags(CLI::App& command, FitFlags& flags);

}  // namespace ceiling::cli
