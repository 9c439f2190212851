#include <algorithm>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <variant>

#include "cli/inspection.h"

namespace ceiling::cli {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

// Arrays show their first elements: {"element": .., "count": .., "first": [..]}.
Json array_json(const gguf::Array& array) {
  constexpr std::size_t kShown = 16;
  Json first = Json::array();
  const auto take = [&](const auto& list) {
    using Element = typename std::remove_cvref_t<decltype(list)>::value_type;
    const std::size_t count = std::min(list.size(), kShown);
    for (std::size_t i = 0; i < count; ++i) first.push_back(static_cast<Element>(list[i]));
  };
  std::visit(take, array.values);
  return {{"element", gguf::name(array.element)}, {"count", array.size()}, {"first", first}};
}

Json metadata_json(const gguf::Metadata& metadata) {
  Json keys = Json::object();
  for (const auto& [key, value] : metadata.all()) {
    Json shown = std::visit(
        []<typename T>(const T& data) -> Json {
          if constexpr (std::is_same_v<T, gguf::Array>)
            return array_json(data);
          else
            return data;
        },
        value.data);
    keys[key] = {{"type", gguf::name(value.type)}, {"value", std::move(shown)}};
  }
  return keys;
}

Json types_json(const gguf::Summary& summary) {
  Json types = Json::array();
  for (const gguf::TypeShare& share : summary.by_type) {
    types.push_back({{"type", name(share.type)},
                     {"tensors", share.tensors},
                     {"parameters", share.elements},
                     {"bytes", share.bytes},
                     {"bits_per_weight", bits_per_weight(share.type)}});
  }
  return types;
}

Json reads_json(const Inspection& inspection) {
  if (!inspection.program) return {};
  const ReadPerToken& reads = inspection.reads;
  Json depths = Json::array();
  for (const ReadAtDepth& at : reads.kv) {
    depths.push_back({{"depth", at.depth},
                      {"kv_bytes", at.kv_bytes},
                      {"total_bytes", reads.weight_bytes + at.kv_bytes}});
  }
  return {{"weight_bytes", reads.weight_bytes},
          {"tied_embeddings", reads.tied},
          {"kv_type", "f16"},
          {"kv_bytes_added_per_token", reads.kv_bytes_per_position},
          {"at_depth", depths}};
}

Json tensors_json(const gguf::File& file) {
  Json tensors = Json::array();
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    Json shape = Json::array();
    for (std::uint32_t i = 0; i < tensor.dimensions; ++i) shape.push_back(tensor.shape[i]);
    tensors.push_back({{"name", tensor.name},
                       {"type", name(tensor.type)},
                       {"shape", shape},
                       {"bytes", tensor.bytes},
                       {"offset", tensor.offset}});
  }
  return tensors;
}

Json program_json(const Inspection& inspection) {
  if (!inspection.program) return {{"runs", false}, {"reason", inspection.program_problem}};
  const Program& program = *inspection.program;
  return {{"runs", true},
          {"layers", program.layers},
          {"width", program.width},
          {"vocabulary", program.vocabulary},
          {"context", program.context_limit}};
}

}  // namespace

std::string inspection_json(const Inspection& inspection, bool tensors) {
  const gguf::File& file = *inspection.file;
  const gguf::Summary& summary = inspection.summary;
  Json json = {
      {"file",
       {{"path", file.label()},
        {"bytes", file.bytes().size()},
        {"sha256", or_null(inspection.sha256)},
        {"gguf_version", file.version()},
        {"alignment", file.alignment()}}},
      {"name", or_null(summary.name)},
      {"licence", or_null(summary.licence)},
      {"recipe", or_null(inspection.recipe)},
      {"synthetic", inspection.synthetic},
      {"architecture", or_null(summary.architecture)},
      {"program", program_json(inspection)},
      {"parameters", summary.elements},
      {"tensor_count", file.tensors().size()},
      {"tensor_bytes", summary.bytes},
      {"types", types_json(summary)},
      {"read_per_token", reads_json(inspection)},
      {"tokenizer",
       {{"vocabulary", or_null(inspection.vocabulary)},
        {"problem", or_null(inspection.tokenizer_problem)},
        {"chat_format", or_null(inspection.chat_format)},
        {"chat_problem", or_null(inspection.chat_problem)}}},
      {"metadata", metadata_json(file.metadata())},
  };
  if (tensors) json["tensors"] = tensors_json(file);
  // Strings of a file may hold any bytes; JSON is UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ceiling::cli
