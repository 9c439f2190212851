// Server-sent events, as they arrive in pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::lab {

// Collects lines into events; only their data is kept. Throws Error(integrity) for an event that is
// larger than any answer's piece.
class SseReader {
 public:
  static constexpr std::size_t kMostEventBytes = std::size_t{1} << 20;

  // The data of the events that `bytes` completes, in order. Lines end with \n, \r\n or \r.
  std::vector<std::string> feed(std::string_view bytes);

 private:
  void end_line(std::vector<std::string>& events);

  std::string line_, data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a \n that follows ends no second line
  bool first_line_ = true;
};

}  // namespace ceiling::lab
