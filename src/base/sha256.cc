#include "base/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace ceiling {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

namespace {

void require(bool ok) {
  if (!ok)
    fail(ExitCode::failed, "SHA-256 failed inside OpenSSL: check that its library is intact");
}

}  // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context != nullptr &&
          EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> data) {
  require(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1);
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text.data(), text.size())));
}

Digest Sha256::finish() {
  Digest digest{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()),
                             &size) == 1 &&
          size == digest.size());
  return digest;
}

std::string hex(const Digest& digest) {
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::byte b : digest) {
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(b));
  }
  return text;
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hex(hash.finish());
}

std::string sha256_file(const std::string& path,
                        const std::function<void(std::uint64_t)>& progress) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) {
    fail(ExitCode::failed, "cannot open '{}' to hash it: {}; check the path and its permissions",
         path, std::strerror(errno));
  }
  Sha256 hash;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  std::uint64_t done = 0;
  for (;;) {
    const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get());
    hash.update(std::span(buffer.data(), got));
    done += got;
    if (progress) progress(done);
    if (got < buffer.size()) break;
  }
  if (std::ferror(file.get()) != 0) {
    fail(ExitCode::failed, "reading '{}' stopped after {} bytes: {}; check the disk", path, done,
         std::strerror(errno));
  }
  return hex(hash.finish());
}

}  // namespace ceiling
