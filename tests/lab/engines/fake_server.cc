#include "lab/engines/fake_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <sstream>

namespace ceiling::lab {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class Connection : public FakeConnection {
 public:
  Connection(tcp::socket& socket, const std::atomic<bool>& stop) : socket_(socket), stop_(stop) {}
  bool write(std::string_view bytes) override {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
    return !error && !stop_;
  }
  void wait(double seconds) override {
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!stop_ && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  tcp::socket& socket_;
  const std::atomic<bool>& stop_;
};

FakeRequest read_request(tcp::socket& socket) {
  asio::streambuf buffer;
  const std::size_t head = asio::read_until(socket, buffer, "\r\n\r\n");
  std::string text(asio::buffers_begin(buffer.data()), asio::buffers_end(buffer.data()));
  FakeRequest request;
  std::istringstream(text) >> request.method >> request.target;
  std::size_t length = 0;
  if (const std::size_t at = text.find("Content-Length: "); at < head) {
    length = std::stoul(text.substr(at + 16));
  }
  request.body = text.substr(head);
  if (request.body.size() < length) {
    std::string rest(length - request.body.size(), '\0');
    asio::read(socket, asio::buffer(rest));
    request.body += rest;
  }
  return request;
}

}  // namespace

struct FakeServer::State {
  Handler handler;
  asio::io_context context;
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
  std::atomic<bool> stop{false};
  mutable std::mutex mutex;
  std::vector<FakeRequest> requests;
  std::thread thread;

  void serve() {
    while (!stop) {
      tcp::socket socket(context);
      boost::system::error_code error;
      acceptor.accept(socket, error);
      if (error || stop) return;
      try {
        const FakeRequest request = read_request(socket);
        {
          const std::lock_guard<std::mutex> lock(mutex);
          requests.push_back(request);
        }
        Connection connection(socket, stop);
        handler(request, connection);
      } catch (const std::exception&) {
        continue;  // the client went away
      }
    }
  }
};

FakeServer::FakeServer(Handler handler) : state_(std::make_unique<State>()) {
  state_->handler = std::move(handler);
  state_->thread = std::thread([this] { state_->serve(); });
}

FakeServer::~FakeServer() {
  state_->stop = true;
  try {  // wakes the one who waits for a connection
    asio::io_context context;
    tcp::socket socket(context);
    socket.connect(state_->acceptor.local_endpoint());
  } catch (const std::exception&) {
    state_->acceptor.close();
  }
  state_->thread.join();
}

std::string FakeServer::url() const {
  return fmt::format("http://127.0.0.1:{}", state_->acceptor.local_endpoint().port());
}

std::vector<FakeRequest> FakeServer::requests() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->requests;
}

std::string http_answer(unsigned status, std::string_view type, std::string_view body) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", status,
                     type, body.size(), body);
}

std::string stream_head(std::string_view type) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
                     type);
}

std::string chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string token_event(std::string_view text) {
  return chunk(fmt::format("data: {{\"choices\":[{{\"index\":0,\"text\":\"{}\"}}]}}\n\n", text));
}

}  // namespace ceiling::lab
