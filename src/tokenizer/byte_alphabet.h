// GPT-2's alphabet (Radford et al. 2019): each byte written as one printable character, so that a
// byte-pair vocabulary can be stored as text. Printable Latin-1 stands for itself; the other bytes
// take U+0100 onwards, in order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ceiling {

std::string byte_to_alphabet(unsigned char byte);  // UTF-8

// The bytes that an alphabet text stands for; empty if a character is not of the alphabet.
std::optional<std::string> alphabet_to_bytes(std::string_view text);

}  // namespace ceiling
