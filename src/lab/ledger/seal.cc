#include "lab/ledger/seal.h"

#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "lab/json/canonical_json.h"

namespace ceiling::lab {
namespace {

// Ends in a zero byte, so that no nonce can be taken for a longer tag.
constexpr std::string_view kTag{"ceiling plan seal 1\0", 20};

Digest nonce_bytes(const std::string& nonce) {
  Digest bytes{};
  bool sound = nonce.size() == 2 * bytes.size();
  for (std::size_t i = 0; sound && i < bytes.size(); ++i) {
    unsigned value = 0;
    const char* first = nonce.data() + 2 * i;
    const auto [end, error] = std::from_chars(first, first + 2, value, 16);
    sound = error == std::errc{} && end == first + 2;
    bytes[i] = static_cast<std::byte>(value);
  }
  if (!sound) {
    fail(ExitCode::integrity, "the seal's nonce has {} characters; expected 64 hexadecimal digits",
         nonce.size());
  }
  return bytes;
}

}  // namespace

std::string new_nonce() {
  Digest bytes{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) !=
      1) {
    fail(ExitCode::failed, "the system gave no random bytes for the seal: try again");
  }
  return hex(bytes);
}

std::string seal_digest(const std::string& nonce, const nlohmann::json& plan) {
  Sha256 hash;
  hash.update(kTag);
  hash.update(nonce_bytes(nonce));
  hash.update(canonical_json(plan));
  return hex(hash.finish());
}

}  // namespace ceiling::lab
