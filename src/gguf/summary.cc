#include "gguf/summary.h"

#include <algorithm>
#include <string_view>

namespace ceiling::gguf {
namespace {

std::string first_of(const Metadata& metadata, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const auto text = metadata.string(key); text && !text->empty()) return std::string(*text);
  }
  return {};
}

}  // namespace

Summary summarise(const File& file) {
  Summary summary;
  summary.architecture = first_of(file.metadata(), {"general.architecture"});
  summary.name = first_of(file.metadata(), {"general.name", "general.basename"});
  summary.licence = first_of(file.metadata(),
                             {"general.license", "general.license.name", "general.license.link"});
  for (const TensorInfo& tensor : file.tensors()) {
    auto found = std::ranges::find(summary.by_type, tensor.type, &TypeShare::type);
    if (found == summary.by_type.end()) {
      found = summary.by_type.insert(found, TypeShare{.type = tensor.type});
    }
    found->tensors += 1;
    found->elements += tensor.elements();
    found->bytes += tensor.bytes;
    summary.elements += tensor.elements();
    summary.bytes += tensor.bytes;
  }
  std::ranges::stable_sort(summary.by_type, std::ranges::greater{}, &TypeShare::bytes);
  return summary;
}

}  // namespace ceiling::gguf
