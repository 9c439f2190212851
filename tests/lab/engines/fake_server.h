// A server of the test's own making, in this process: it says exactly what the test wants, byte by
// byte and when.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ceiling::lab {

struct FakeRequest {
  std::string method, target, body;
};

class FakeConnection {
 public:
  virtual ~FakeConnection() = default;
  virtual bool write(std::string_view bytes) = 0;  // false: the client is gone
  virtual void wait(double seconds) = 0;
};

class FakeServer {
 public:
  using Handler = std::function<void(const FakeRequest&, FakeConnection&)>;
  explicit FakeServer(Handler handler);  // each connection is closed when the handler returns
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url() const;  // "http://127.0.0.1:PORT"
  std::vector<FakeRequest> requests() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A whole answer with a length.
std::string http_answer(unsigned status, std::string_view type, std::string_view body);
// The head of a streamed one, and its pieces.
std::string stream_head(std::string_view type = "text/event-stream");
std::string chunk(std::string_view bytes);
std::string token_event(std::string_view text);  // of a plain completion

}  // namespace ceiling::lab
