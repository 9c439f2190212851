// Any bytes at all as the stream of an OpenAI-compatible server, cut anywhere: the events do not
// depend on the cuts, and each is refused with ceiling::Error or read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "lab/engines/sse_reader.h"
#include "lab/engines/streamed_answer.h"

namespace {

using ceiling::lab::SseReader;
using ceiling::lab::StreamedAnswer;

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> events_of(std::string_view bytes, std::size_t piece) {
  SseReader reader;
  std::vector<std::string> events;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), piece);
    for (std::string& event : reader.feed(bytes.substr(0, size))) {
      events.push_back(std::move(event));
    }
    bytes.remove_prefix(size);
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<std::string> events = events_of(bytes, bytes.size());
  require(events == events_of(bytes, 1 + data[0] % 16));
  StreamedAnswer answer;
  double at_s = 0;
  for (const std::string& event : events) {
    require(event.find('\r') == std::string::npos);
    try {
      answer.event(event, at_s += 0.1);
    } catch (const ceiling::Error&) {  // refused: as good
      continue;
    }
  }
  require(answer.arrivals().size() <= events.size());
  require(std::is_sorted(answer.arrivals().begin(), answer.arrivals().end()));
  return 0;
}
