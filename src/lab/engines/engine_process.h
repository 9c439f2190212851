// An engine's own process, from its start to what it printed.
#pragma once

#include <string>
#include <vector>

namespace ceiling::lab {

// Its standard output. Throws Error(failed) if it ends with another code than 0 (with the last line
// of its errors), takes longer than `seconds`, or prints without end; Error(interrupted) if the
// user stops it.
std::string engine_output(const std::vector<std::string>& argv, double seconds);

// The last line that is not empty.
std::string last_line(const std::string& text);

}  // namespace ceiling::lab
