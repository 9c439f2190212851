// SHA-256 (FIPS 180-4) by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ceiling {

using Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> data);
  void update(std::string_view text);
  Digest finish();  // may be called once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hex(const Digest& digest);
std::string sha256_hex(std::string_view text);

// Hash of a whole file; `progress` (optional) is told the bytes done so far. Throws Error(failed).
std::string sha256_file(const std::string& path,
                        const std::function<void(std::uint64_t)>& progress = {});

}  // namespace ceiling
