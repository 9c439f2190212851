// The three files of a report, each from the same sentences and tables.
#pragma once

#include <string>

#include "lab/wording/report_text.h"

namespace ceiling::lab {

// One file that needs nothing beside it: no script, no font, no network.
std::string report_html(const ReportData& data);
std::string report_markdown(const ReportData& data);
std::string results_csv(const ReportData& data);  // one line a trial

}  // namespace ceiling::lab
