#include "model/importance_file.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gguf/writer.h"

namespace ceiling {
namespace {

// One tensor of the file to write.
struct Part {
  std::string name;
  std::uint64_t cols = 0, rows = 0;
  std::vector<float> values;
};

std::vector<Part> parts_of(const gguf::File& model, const Importance& importance) {
  std::vector<Part> parts;
  for (const auto& tensor : model.tensors()) {
    const auto found = importance.find(tensor.name);
    if (found == importance.end() || found->second.size() != tensor.cols()) continue;
    const std::uint64_t experts = tensor.shape[2];
    Part sums{tensor.name + ".in_sum2", tensor.cols(), experts, {}};
    for (std::uint64_t e = 0; e < experts; ++e)
      sums.values.insert(sums.values.end(), found->second.begin(), found->second.end());
    parts.push_back(std::move(sums));
    parts.push_back({tensor.name + ".counts", 1, experts, std::vector<float>(experts, 1.0F)});
  }
  return parts;
}

}  // namespace

void write_importance(const std::string& path, const gguf::File& model,
                      const Importance& importance, std::string_view text) {
  const std::vector<Part> parts = parts_of(model, importance);
  gguf::Writer writer(path);
  writer.set_string("general.type", "imatrix");
  const std::array texts = {std::string(text)};
  writer.set_strings("imatrix.datasets", texts);
  // Of the means that the sums are divided by, not of the text: the values are means already.
  writer.set_u32("imatrix.chunk_count", 1);
  writer.set_u32("imatrix.chunk_size", 1);
  for (const Part& part : parts)
    writer.declare(part.name, TensorType::F32, std::array{part.cols, part.rows});
  writer.begin();
  for (std::size_t i = 0; i < parts.size(); ++i)
    writer.write(i, 0, std::as_bytes(std::span(parts[i].values)));
  writer.finish();
}

}  // namespace ceiling
