// The same answer on a terminal: at most 20 lines.
#pragma once

#include <string>

#include "lab/wording/report_text.h"

namespace ceiling::lab {

// `columns` of the terminal; sentences break there.
std::string terminal_summary(const ReportData& data, const std::string& report_path, int columns);

}  // namespace ceiling::lab
