#include "lab/protocol/trial_runner.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/engines/engine_process.h"
#include "lab/engines/measure_engine.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"
#include "lab/trial/measure.h"
#include "os/interrupt.h"
#include "os/process.h"

namespace ceiling::lab {
namespace {

// Far beyond any sound trial: it ends one that hangs.
constexpr double kMostTrialSeconds = 1800;

}  // namespace

TrialResult ProcessTrialRunner::run(const Cell& cell, const std::string& model_path) {
  const os::ProcessResult process =
      os::run_process({os::own_executable(), "trial", "--cell", trial_request(cell, model_path)},
                      {}, kMostTrialSeconds);
  if (os::interrupted()) fail(ExitCode::interrupted, "interrupted by the user");
  if (process.timed_out) {
    fail(ExitCode::failed, "it gave no result within {} s and was ended", kMostTrialSeconds);
  }
  if (process.exit_code != 0) {
    const std::string reason = printable(last_line(process.errors), 300);
    fail(ExitCode::failed, "its process ended with exit code {}{}{}", process.exit_code,
         reason.empty() ? "" : ": ", reason);
  }
  const nlohmann::json answer = parse_json(last_line(process.output), "the trial's answer");
  return trial_from_json(Fields(answer, "the trial's answer"));
}

std::string trial_request(const Cell& cell, const std::string& model_path) {
  return canonical_json({{"cell", to_json(cell)}, {"path", model_path}});
}

std::string answer_trial_request(const std::string& request) {
  const nlohmann::json value = parse_json(request, "--cell");
  const Fields fields(value, "--cell");
  const Cell cell = cell_from_json(fields.object("cell"));
  const std::string path = fields.text("path");
  return canonical_json(to_json(cell.own() ? measure(cell, path) : measure_engine(cell, path)));
}

}  // namespace ceiling::lab
