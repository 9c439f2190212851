#include "store/http_get.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <memory>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::store {
namespace {

constexpr long kConnectSeconds = 15;
constexpr long kQuietSeconds = 30;  // without a byte
constexpr long kWholeSeconds = 300;
constexpr long kMostRedirects = 8;

bool good(long status) { return status == 200 || status == 206; }

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// "bytes 0-99/1234" ends with the whole file's bytes; "1234" is a length.
std::uint64_t number_at_end(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  std::size_t begin = text.size();
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) --begin;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

bool is_header(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

// What an error of libcurl means to a person, and what to do.
std::string_view meaning_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "no such host is known; check the address and this machine's network";
    case CURLE_COULDNT_CONNECT:
      return "no connection; check the address, the network and https_proxy";
    case CURLE_OPERATION_TIMEDOUT:
      return "no answer in time; try again later";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return "its certificate cannot be trusted, so nothing was read; check this machine's clock "
             "and certificates (SSL_CERT_FILE names others)";
    case CURLE_SSL_CONNECT_ERROR:
      return "no TLS with it; is it an https address?";
    case CURLE_TOO_MANY_REDIRECTS:
      return "it leads from one address to another without end";
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "it leads to an address that is not https, and is not followed";
    case CURLE_URL_MALFORMAT:
      return "this is no address; expected https://HOST/FILE.gguf";
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return "the answer was cut off; try again";
    default:
      return "it cannot be read";
  }
}

class Transfer {
 public:
  Transfer(const HttpGet& get, const Piece& piece)
      : get_(get), piece_(piece), handle_(curl_easy_init()) {
    if (!handle_) fail(ExitCode::failed, "libcurl cannot be set up: is there memory left?");
    set(CURLOPT_URL, get.url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "ceiling");
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set_redirects();
    set_waits();
    if (get.first_bytes > 0) {
      range_ = fmt::format("0-{}", get.first_bytes - 1);
      set(CURLOPT_RANGE, range_.c_str());
    }
    if (!get.bearer.empty()) {  // libcurl keeps it from other hosts that the answer leads to
      set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
      set(CURLOPT_XOAUTH2_BEARER, get.bearer.c_str());
    }
    if (const char* certificates = std::getenv("SSL_CERT_FILE")) {
      set(CURLOPT_CAINFO, certificates);
    }
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
  }

  HttpFound run() {
    const CURLcode code = curl_easy_perform(handle_.get());
    if (thrown_) std::rethrow_exception(thrown_);
    found_.status = static_cast<unsigned>(status());
    if (code == CURLE_OK || hung_up_) return found_;
    const std::string detail = printable(detail_.data(), 200);
    fail(ExitCode::failed, "'{}': {}{}{}{}", printable(get_.url, 200), meaning_of(code),
         detail.empty() ? "" : " (", detail, detail.empty() ? "" : ")");
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (code != CURLE_OK) {
      fail(ExitCode::failed, "libcurl cannot do what is needed here: {}", curl_easy_strerror(code));
    }
  }

  // From https only to https.
  void set_redirects() {
    const bool secure = get_.url.starts_with("https://");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
  }

  void set_waits() {
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kQuietSeconds);
    set(CURLOPT_TIMEOUT, kWholeSeconds);
  }

  long status() const {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  // Called by C: nothing may be thrown through it.
  static std::size_t on_body(char* data, std::size_t /*one*/, std::size_t bytes, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      if (good(transfer.status()) && transfer.piece_({data, bytes})) return bytes;
    } catch (...) {
      transfer.thrown_ = std::current_exception();
    }
    transfer.hung_up_ = true;
    return bytes == 0 ? 1 : 0;  // fewer than came: libcurl ends the transfer
  }

  static std::size_t on_header(char* data, std::size_t /*one*/, std::size_t bytes, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, bytes);
    if (line.starts_with("HTTP/")) {  // perhaps after a redirect
      transfer.found_.bytes = 0;
      transfer.in_part_ = line.find(" 206") != std::string_view::npos;
    }
    if (is_header(line, transfer.in_part_ ? "content-range" : "content-length")) {
      transfer.found_.bytes = number_at_end(line);
    }
    return bytes;
  }

  const HttpGet& get_;
  const Piece& piece_;
  std::unique_ptr<CURL, CloseHandle> handle_;
  std::array<char, CURL_ERROR_SIZE> detail_{};
  std::string range_;
  HttpFound found_;
  std::exception_ptr thrown_;
  bool hung_up_ = false;
  bool in_part_ = false;  // the answer is a range of the file
};

}  // namespace

HttpFound http_get(const HttpGet& get, const Piece& piece) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) fail(ExitCode::failed, "libcurl cannot be set up");
  return Transfer(get, piece).run();
}

}  // namespace ceiling::store
