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

// Writes a GGUF whose metadata says that it is synthetic ("ceiling.synthetic"), with a byte-pair
// vocabulary that turns text into bytes. Weights have mean zero and deviation 1 / sqrt(columns), so
// that activations stay finite through all layers. Same options, same bytes, whatever the threads.
// Throws Error(failed) before writing when the disk is too small, Error(usage) for an unknown
// recipe or a vocabulary that cannot be. `progress` is called about ten times a second, on the
// calling thread; what it throws ends the work, and nothing is left behind.
void write_synthetic(
    const Shape& shape, const SyntheticOptions& options, const std::string& path,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

std::uint64_t synthetic_file_bytes(const Shape& shape, const SyntheticOptions& options);

}  // namespace ceiling
