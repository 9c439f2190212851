// Seeded synthetic weights of a real shape: for speed, never for quality. Readable by other
// engines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "model/shapes.h"

namespace ceiling {

struct SyntheticOptions {
  std::string recipe = "Q4_K_M";
  std::uint64_t seed = 1;
  std::uint32_t vocabulary = 49152;
  unsigned threads = 1;
};

// Writes a GGUF whose metadata says that it is synthetic. Activations stay finite. Same options,
// same bytes, whatever the threads. Throws Error(failed) before writing when the disk is too small.
void write_synthetic(
    const Shape& shape, const SyntheticOptions& options, const std::string& path,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

std::uint64_t synthetic_file_bytes(const Shape& shape, const SyntheticOptions& options);

}  // namespace ceiling
