// A finished run in the formats of other programs. Decode cells only: what others have no words for
// (cold starts, interventions, filled memory) stays in the run's own files.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

#include "lab/wording/report_text.h"

namespace ceiling::lab {

// What llama-bench prints with -o json: for each cell its prompt and its decode, a sample for each
// trial that counts. A sample of decode is the cell's fewest tokens, from the first on. Members
// that name nothing that is known here are null.
nlohmann::ordered_json llama_bench_json(const ReportData& data);

// A report of one cell (index into the plan's cells) as the PyPI package llmd-benchmark-report 0.2
// reads it: a trial is a request. Throws Error(usage) for a cell without decode trials.
nlohmann::ordered_json llmd_report(const ReportData& data, std::size_t cell);

}  // namespace ceiling::lab
