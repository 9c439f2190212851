// GET over HTTP and TLS: redirects followed, certificates checked, every wait bounded, hung up as
// soon as enough was heard. Proxies as libcurl takes them from the environment (https_proxy).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ceiling::store {

struct HttpGet {
  std::string url;                // http:// or https://
  std::string bearer = {};        // a token for this host, never sent on to another; empty: none
  std::uint64_t first_bytes = 0;  // asked for, of the file; a server may send more; 0: all
};

struct HttpFound {
  unsigned status = 0;      // 200 or 206: `piece` has heard the body
  std::uint64_t bytes = 0;  // of the whole file; 0: the server does not say
};

// Hands the body to `piece` as it comes until that returns false; of an answer of another status it
// hears nothing. Throws what `piece` throws, and Error(failed) naming the URL and what went wrong:
// no such host, no connection, a certificate that cannot be trusted, no answer in time, cut off.
using Piece = std::function<bool(std::string_view)>;
HttpFound http_get(const HttpGet& get, const Piece& piece);

}  // namespace ceiling::store
