// A commitment to a plan: it binds, and tells nothing until the nonce is shown.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ceiling::lab {

// 256 random bits as 64 hexadecimal digits. A bare hash of "38 tokens/s" could be guessed: hence
// it.
std::string new_nonce();

// SHA-256 over a domain tag, the nonce's 32 bytes and the plan's canonical JSON; 64 hexadecimal
// digits. Throws Error(integrity) if the nonce is not 64 hexadecimal digits.
std::string seal_digest(const std::string& nonce, const nlohmann::json& plan);

}  // namespace ceiling::lab
