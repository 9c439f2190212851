#include "lab/engines/sse_reader.h"

#include <algorithm>

#include "base/error.h"

namespace ceiling::lab {

std::vector<std::string> SseReader::feed(std::string_view bytes) {
  std::vector<std::string> events;
  for (const char c : bytes) {
    const bool second_half = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      end_line(events);
      continue;
    }
    line_ += c;
    if (line_.size() + data_.size() > kMostEventBytes) {
      fail(ExitCode::integrity,
           "the server's stream has an event of more than {} bytes; expected a token's",
           kMostEventBytes);
    }
  }
  return events;
}

void SseReader::end_line(std::vector<std::string>& events) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::string_view line = line_;
  if (first_line_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) events.push_back(std::move(data_));
    data_.clear();
    has_data_ = false;
  } else if (line == "data" || line.starts_with("data:")) {
    line.remove_prefix(std::min<std::size_t>(line.size(), 5));
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += line;
    has_data_ = true;
  }  // other fields, and comments, say nothing of the answer
  line_.clear();
}

}  // namespace ceiling::lab
