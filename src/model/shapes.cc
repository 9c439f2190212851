#include "model/shapes.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/shape_json.h"
#include "model/shapes_data.h"

namespace ceiling {
namespace {

std::vector<Shape> read_shapes() {
  std::vector<Shape> out;
  for (const auto& entry : nlohmann::json::parse(kShapesJson)) out.push_back(read_shape(entry));
  return out;
}

}  // namespace

Shape read_shape(const nlohmann::json& entry) {
  Shape out{.name = entry.at("name"),
            .architecture = entry.at("architecture"),
            .like = entry.at("like"),
            .layers = entry.at("layers"),
            .width = entry.at("width"),
            .feed_forward = entry.at("feed_forward"),
            .heads = entry.at("heads"),
            .kv_heads = entry.at("kv_heads"),
            .head_width = entry.at("head_width"),
            .vocabulary = entry.at("vocabulary"),
            .context = entry.at("context"),
            .tied_embeddings = entry.at("tied_embeddings"),
            .rope_base = entry.at("rope_base"),
            .window = entry.value("window", 0U),
            .global_period = entry.value("global_period", 1U),
            .experts = {}};
  if (entry.contains("experts")) {
    const auto& experts = entry.at("experts");
    out.experts = {.count = experts.at("count"),
                   .used = experts.at("used"),
                   .feed_forward = experts.at("feed_forward"),
                   .shared_feed_forward = experts.at("shared_feed_forward")};
  }
  return out;
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = read_shapes();
  return all;
}

const Shape& find_shape(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Shape& shape : shapes()) {
    if (shape.name == name) return shape;
    names.emplace_back(shape.name);
  }
  fail(ExitCode::usage, "shape '{}' is unknown: choose one of {}", name, fmt::join(names, ", "));
}

}  // namespace ceiling
