// The real models that tests use. `./run fetch --tests` puts them in place.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace ceiling::test {

inline constexpr const char* smollm2 = "SmolLM2-135M-Instruct.Q4_1.gguf";
inline constexpr const char* gemma3 = "gemma-3-270m-q4_k_m.gguf";

// The path of a model: in $CEILING_MODELS, else in ~/.cache/ceiling/models. Throws, which fails the
// test, if it is not there.
inline std::string real_model(const std::string& file) {
  const char* models = std::getenv("CEILING_MODELS");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder =
      models != nullptr
          ? std::filesystem::path(models)
          : std::filesystem::path(home != nullptr ? home : ".") / ".cache/ceiling/models";
  const std::filesystem::path path = folder / file;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(path.string() + " is missing: run `./run fetch --tests`");
  }
  return path.string();
}

}  // namespace ceiling::test
