#include "lab/engines/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::lab {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::max(1.0, seconds * 1e3)));
}

// One request and its answer on a connection of its own. Operations are asynchronous only so that
// each can be given up when its time is over.
class Exchange {
 public:
  Exchange(const ServerAddress& address, const HttpWaits& waits)
      : address_(address),
        waits_(waits),
        stream_(context_),
        end_(std::chrono::steady_clock::now() + milliseconds(waits.whole_s)) {}

  void connect() {
    asio::ip::tcp::resolver resolver(context_);
    asio::ip::tcp::resolver::results_type found;
    error_code error;
    resolver.async_resolve(address_.host, std::to_string(address_.port),
                           [&](const error_code& e, const auto& results) {
                             error = e;
                             found = results;
                           });
    run();
    if (error) give_up("no such server", error);
    wait_at_most(waits_.connect_s);
    stream_.async_connect(found, [&](const error_code& e, const auto&) { error = e; });
    run();
    if (error) give_up("no connection", error);
  }

  void send(const http::request<http::string_body>& request) {
    error_code error;
    wait_at_most(waits_.between_s);
    http::async_write(stream_, request, [&](const error_code& e, std::size_t) { error = e; });
    run();
    if (error) give_up("the request could not be sent", error);
  }

  // Hands the body to `piece` as it comes; it is told the head first.
  void receive(const std::function<void(const http::response_header<>&)>& head,
               const HttpClient::Piece& piece) {
    constexpr std::uint32_t kMostHeader = 32 << 10;
    parser_.header_limit(kMostHeader);
    parser_.body_limit(waits_.most_bytes);
    error_code error;
    wait_at_most(waits_.first_s);
    http::async_read_header(stream_, buffer_, parser_,
                            [&](const error_code& e, std::size_t) { error = e; });
    run();
    if (error) give_up("no answer", error);
    head(parser_.get().base());
    double wait_s = waits_.first_s;
    while (!parser_.is_done()) {
      const std::string_view got = read_some(wait_s);
      if (got.empty()) continue;
      wait_s = waits_.between_s;
      if (!piece(got)) break;
    }
  }

 private:
  void run() {
    context_.restart();
    context_.run();
  }

  // The operation that follows ends in time, and the whole exchange does.
  void wait_at_most(double seconds) {
    const auto soon = std::chrono::steady_clock::now() + milliseconds(seconds);
    stream_.expires_at(std::min(soon, end_));
  }

  std::string_view read_some(double wait_s) {
    error_code error;
    auto& body = parser_.get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    wait_at_most(wait_s);
    http::async_read_some(stream_, buffer_, parser_,
                          [&](const error_code& e, std::size_t) { error = e; });
    run();
    if (error && error != http::error::need_buffer) give_up("the answer was cut off", error);
    return {piece_.data(), piece_.size() - body.size};
  }

  [[noreturn]] void give_up(const char* what, const error_code& error) {
    std::string reason = printable(error.message(), 200);
    if (error == beast::error::timeout) reason = "the time for it is over";
    if (error == http::error::end_of_stream || error == http::error::partial_message) {
      reason = "the server closed the connection";
    }
    if (error == http::error::body_limit) {
      reason = fmt::format("it is longer than {} bytes", waits_.most_bytes);
    }
    fail(ExitCode::failed, "server {}:{}: {}: {}; check that it runs and is the one meant",
         printable(address_.host, 100), address_.port, what, reason);
  }

  const ServerAddress& address_;
  const HttpWaits& waits_;
  asio::io_context context_;
  beast::tcp_stream stream_;
  std::chrono::steady_clock::time_point end_;
  beast::flat_buffer buffer_{std::size_t{64} << 10};
  http::response_parser<http::buffer_body> parser_;
  std::array<char, 16384> piece_{};
};

http::request<http::string_body> request_of(http::verb verb, const ServerAddress& address,
                                            const std::string& target, const std::string& json) {
  constexpr unsigned kHttp11 = 11;
  http::request<http::string_body> request(verb, address.path + target, kHttp11);
  const bool numeric6 = address.host.find(':') != std::string::npos;
  request.set(http::field::host, fmt::format("{}{}{}:{}", numeric6 ? "[" : "", address.host,
                                             numeric6 ? "]" : "", address.port));
  request.set(http::field::user_agent, "ceiling");
  request.keep_alive(false);
  if (!json.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = json;
  }
  request.prepare_payload();
  return request;
}

void keep_head(const http::response_header<>& head, HttpAnswer& answer) {
  answer.status = head.result_int();
  const auto type = head[http::field::content_type];
  answer.content_type = printable(std::string(type.data(), type.size()), 100);
}

HttpAnswer whole(const ServerAddress& address, const http::request<http::string_body>& request,
                 const HttpWaits& waits) {
  Exchange exchange(address, waits);
  exchange.connect();
  exchange.send(request);
  HttpAnswer answer;
  exchange.receive([&](const auto& head) { keep_head(head, answer); },
                   [&](std::string_view piece) {
                     answer.body += piece;
                     return true;
                   });
  return answer;
}

[[noreturn]] void wrong_address(const std::string& url, const char* what) {
  fail(ExitCode::usage, "server address '{}': {}; expected http://HOST:PORT", printable(url, 100),
       what);
}

std::uint16_t port_of(std::string_view text, const std::string& url) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    wrong_address(url, "its port is no number from 1 to 65535");
  }
  return port;
}

}  // namespace

ServerAddress parse_address(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) {
    wrong_address(url, "only plain http is spoken here: open a tunnel to it");
  }
  if (!url.starts_with(kScheme)) wrong_address(url, "it does not begin with http://");
  if (url.find_first_of(" \t\r\n@?#") != std::string::npos) {
    wrong_address(url, "spaces, '@', '?' and '#' do not belong in it");
  }
  ServerAddress address;
  std::string_view rest = std::string_view(url).substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  std::string_view host = rest.substr(0, slash);
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) wrong_address(url, "its '[' is never closed");
    address.host = host.substr(1, close - 1);
    host.remove_prefix(close + 1);
    if (!host.empty() && host[0] != ':') wrong_address(url, "what follows ']' is no port");
    if (!host.empty()) address.port = port_of(host.substr(1), url);
  } else {
    const std::size_t colon = std::min(host.find(':'), host.size());
    address.host = host.substr(0, colon);
    if (colon < host.size()) address.port = port_of(host.substr(colon + 1), url);
  }
  if (address.host.empty()) wrong_address(url, "it names no host");
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with("/v1")) path.remove_suffix(3);
  address.path = path;
  return address;
}

bool is_here(const ServerAddress& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

HttpAnswer HttpClient::get(const std::string& target, const HttpWaits& waits) const {
  return whole(address_, request_of(http::verb::get, address_, target, {}), waits);
}

HttpAnswer HttpClient::post(const std::string& target, const std::string& json,
                            const HttpWaits& waits) const {
  return whole(address_, request_of(http::verb::post, address_, target, json), waits);
}

HttpAnswer HttpClient::stream(const std::string& target, const std::string& json,
                              const HttpWaits& waits, const std::string& content_type,
                              const std::function<void()>& sends, const Piece& piece) const {
  constexpr std::size_t kMostRefusal = std::size_t{64} << 10;
  Exchange exchange(address_, waits);
  exchange.connect();
  sends();
  exchange.send(request_of(http::verb::post, address_, target, json));
  HttpAnswer answer;
  const auto head = [&](const http::response_header<>& h) {
    keep_head(h, answer);
    if (answer.status == 200 && !answer.content_type.starts_with(content_type)) {
      fail(ExitCode::failed, "server {}:{}: its answer is '{}'; expected {}",
           printable(address_.host, 100), address_.port, answer.content_type, content_type);
    }
  };
  exchange.receive(head, [&](std::string_view bytes) {
    if (answer.status == 200) return piece(bytes);
    answer.body += bytes;
    return answer.body.size() < kMostRefusal;
  });
  return answer;
}

}  // namespace ceiling::lab
