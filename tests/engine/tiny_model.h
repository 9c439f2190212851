// A tiny model of random float32 weights with a byte vocabulary, as a file: complete enough for
// every part of the engine.
#pragma once

#include <cstdint>
#include <string>

namespace ceiling {

// Tokens 0..255 stand for the bytes in the order of their values; 256 is the stop token, 257 and
// 258 open and close ChatML's turns.
inline constexpr std::uint32_t tiny_vocabulary = 259;
inline constexpr std::uint32_t tiny_context = 64;

// Returns the path, in GoogleTest's temporary directory.
std::string write_tiny_model(const std::string& name, bool with_vocabulary = true);

}  // namespace ceiling
