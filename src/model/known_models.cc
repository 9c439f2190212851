#include "model/known_models.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "model/models_data.h"
#include "model/shape_json.h"

namespace ceiling {
namespace {

std::vector<KnownModel> read_models() {
  std::vector<KnownModel> out;
  for (const Shape& shape : shapes()) out.push_back({.shape = shape, .also = {}, .note = {}});
  for (const auto& entry : nlohmann::json::parse(kModelsJson)) {
    const std::vector<std::string> also = entry.at("also");
    if (entry.contains("shape")) {
      const std::string name = entry.at("shape");
      const auto found = std::ranges::find(
          out, name,
          [](const KnownModel& model) -> const std::string& { return model.shape.name; });
      found->also = also;
      continue;
    }
    out.push_back({.shape = read_shape(entry), .also = also, .note = entry.value("note", "")});
  }
  return out;
}

}  // namespace

std::string plain_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) out += static_cast<char>(std::tolower(byte));
  }
  return out;
}

const std::vector<KnownModel>& known_models() {
  static const std::vector<KnownModel> all = read_models();
  return all;
}

const KnownModel* find_known_model(std::string_view text) {
  const std::string plain = plain_name(text);
  const KnownModel* best = nullptr;
  std::size_t longest = 0;
  for (const KnownModel& model : known_models()) {
    if (plain_name(model.shape.name) == plain) return &model;
    for (const std::string& name : model.also) {
      if (name.size() > longest && plain.find(name) != std::string::npos) {
        best = &model;
        longest = name.size();
      }
    }
  }
  return best;
}

}  // namespace ceiling
