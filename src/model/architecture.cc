#include "model/architecture.h"

#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "model/architectures/architectures.h"
#include "model/header_program.h"

namespace ceiling {
namespace {

using Build = Program (*)(const ModelSource&);
constexpr std::array<std::pair<std::string_view, Build>, 4> kArchitectures = {{
    {"llama", build_llama},
    {"qwen2", build_qwen2},
    {"qwen3", build_qwen3},
    {"gemma3", build_gemma3},
}};

}  // namespace

std::vector<std::string_view> supported_architectures() {
  std::vector<std::string_view> names;
  names.reserve(kArchitectures.size());
  for (const auto& [name, build] : kArchitectures) names.push_back(name);
  return names;
}

Program build_architecture(const ModelSource& source) {
  const std::string_view wanted = source.metadata.require_string("general.architecture");
  for (const auto& [name, build] : kArchitectures) {
    if (name == wanted) return build(source);
  }
  fail(ExitCode::failed, "'{}': architecture '{}' is not supported; supported: {}",
       source.metadata.label(), printable(wanted, 40), fmt::join(supported_architectures(), ", "));
}

Program build_program(const gguf::File& file) {
  const TensorTable tensors = tensor_table(file);
  return build_architecture({.metadata = file.metadata(), .tensors = tensors});
}

Program build_program(const gguf::Header& header) {
  const TensorTable tensors = tensor_table(header.tensors, header.label);
  return build_architecture({.metadata = header.metadata, .tensors = tensors});
}

}  // namespace ceiling
