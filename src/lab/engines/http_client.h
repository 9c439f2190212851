// HTTP to an engine that is a server: every wait bounded, every answer bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ceiling::lab {

struct ServerAddress {
  std::string host;  // "localhost", "192.0.2.7", "::1"
  std::uint16_t port = 80;
  std::string path;  // before every target: "" or "/proxy"
};

// "http://localhost:11434", also with "/v1" at its end. Throws Error(usage), saying what is wrong,
// for anything but plain http.
ServerAddress parse_address(const std::string& url);
bool is_here(const ServerAddress& address);  // by its name: localhost, 127.x, ::1

struct HttpAnswer {
  unsigned status = 0;
  std::string content_type;
  std::string body;  // of a stream: empty, unless the server refused it
};

struct HttpWaits {
  double connect_s = 10;
  double first_s = 60;    // until the first byte of the answer's body
  double between_s = 60;  // between pieces
  double whole_s = 120;
  std::size_t most_bytes = std::size_t{16} << 20;
};

// A connection for each request. All throw Error(failed) naming the address and what went wrong:
// no connection, no answer in time, an answer that is cut off or too long, no HTTP.
class HttpClient {
 public:
  explicit HttpClient(ServerAddress address) : address_(std::move(address)) {}

  HttpAnswer get(const std::string& target, const HttpWaits& waits) const;
  HttpAnswer post(const std::string& target, const std::string& json, const HttpWaits& waits) const;

  // As post; an answer of status 200 goes to `piece` as it arrives, which returns false to hear no
  // more. `sends` is called when the connection stands, before the request is sent.
  using Piece = std::function<bool(std::string_view)>;
  HttpAnswer stream(const std::string& target, const std::string& json, const HttpWaits& waits,
                    const std::string& content_type, const std::function<void()>& sends,
                    const Piece& piece) const;

 private:
  ServerAddress address_;
};

}  // namespace ceiling::lab
