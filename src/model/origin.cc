#include "model/origin.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/error.h"
#include "model/recipes.h"
#include "quant/tensor_type.h"

namespace ceiling {
namespace {

bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

bool is_float(std::string_view recipe) {
  return recipe == "F32" || recipe == "F16" || recipe == "BF16";
}

bool any_quantised(const gguf::File& file) {
  return std::ranges::any_of(file.tensors(), [](const auto& tensor) {
    return tensor.dimensions > 1 && !is_float(tensor.type);
  });
}

TensorType main_type(const gguf::File& file) {
  std::map<TensorType, std::uint64_t> elements;
  for (const auto& tensor : file.tensors())
    if (tensor.dimensions > 1) elements[tensor.type] += tensor.elements();
  if (elements.empty())
    fail(ExitCode::failed, "'{}' has no matrices: it is no model", file.label());
  return std::ranges::max_element(elements, {}, [](const auto& entry) { return entry.second; })
      ->first;
}

}  // namespace

std::string storage_name(const gguf::File& file) {
  if (const auto number = file.metadata().u32("general.file_type")) {
    const auto recipe = recipe_of_file_type(*number);
    if (recipe && is_float(*recipe) != any_quantised(file)) return std::string(*recipe);
  }
  return std::string(name(main_type(file)));
}

std::string quantised_origin(const gguf::File& file) {
  if (const auto origin = file.metadata().string(kQuantisedFromKey)) return std::string(*origin);
  return any_quantised(file) ? storage_name(file) : "";
}

}  // namespace ceiling
