#include "lab/report/report.h"

#include <nlohmann/json.hpp>

#include "lab/json/json_fields.h"
#include "lab/ledger/ledger.h"
#include "lab/report/report_formats.h"
#include "lab/wording/report_text.h"

namespace ceiling::lab {

ReportData gather(const Plan& plan, const std::vector<LedgerEntry>& entries) {
  Replay state = replay(entries, plan);
  Analysis analysis = analyse(plan, state);
  ReportData data{plan, std::move(state), std::move(analysis), entries.back().hash, {}, {}, {}, {}};
  for (const LedgerEntry& entry : entries) {
    if (entry.type != "started") continue;
    const Fields fields(entry.data, "ledger entry 'started'");
    data.os = fields.text_or("os", "not shown");
    data.kernel = fields.text_or("kernel", "not shown");
    data.power_profile = fields.text_or("power_profile", "");
    if (!fields.has("engines")) continue;
    for (const Fields& engine : fields.objects("engines", 1000)) {
      data.engine_sha256[engine.text("cell")] = engine.text("sha256");
    }
  }
  return data;
}

Report make_report(const Plan& plan, const std::vector<LedgerEntry>& entries) {
  const ReportData data = gather(plan, entries);
  return {results_csv(data), report_markdown(data), report_html(data)};
}

}  // namespace ceiling::lab
