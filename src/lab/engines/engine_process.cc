#include "lab/engines/engine_process.h"

#include "base/error.h"
#include "base/printable.h"
#include "os/interrupt.h"
#include "os/process.h"

namespace ceiling::lab {

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\r\n");
  if (end == std::string::npos) return {};
  const std::size_t before = text.find_last_of('\n', end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end + 1 - begin);
}

std::string engine_output(const std::vector<std::string>& argv, double seconds) {
  const os::ProcessResult process = os::run_process(argv, {}, seconds);
  const std::string name = printable(argv.front(), 200);
  if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
  if (process.timed_out) {
    fail(ExitCode::failed, "'{}' gave no result within {} s and was ended", name, seconds);
  }
  if (process.flooded) {
    fail(ExitCode::failed, "'{}' printed more than {} bytes and was ended: it is no such engine",
         name, os::kMostProcessOutput);
  }
  if (process.exit_code != 0) {
    const std::string reason = printable(last_line(process.errors), 300);
    fail(ExitCode::failed, "'{}' ended with exit code {}{}{}", name, process.exit_code,
         reason.empty() ? "" : ": ", reason);
  }
  return process.output;
}

}  // namespace ceiling::lab
