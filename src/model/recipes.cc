// Which type each tensor of a file gets. Source: the public behaviour of llama.cpp's quantiser
// (0.3.36 of llama-cpp-python), by which tests/data/model/recipes.json was made.
#include "model/recipes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/error.h"
#include "model/shapes.h"

namespace ceiling {
namespace {

using enum TensorType;

// Layers whose tensor is lifted to a type with more bits.
enum class Layers : std::uint8_t {
  all,
  first_two,
  first_four,
  first_sixteenth,
  first_eighth,
  sensitive,  // the first and the last eighth, and every third between
};

struct Lift {
  std::string_view tensor;  // "attn_v"
  Layers layers;
  TensorType type;
  bool where_four_share = false;  // only if at least four heads share a key head
};

struct Recipe {
  std::string_view name;
  std::uint32_t file_type;
  TensorType base;
  std::span<const Lift> lifts;  // the first that applies wins
  std::span<const Lift> lifts_with_importances = lifts;
};

constexpr std::array<Lift, 4> kQ2K = {{{"attn_v", Layers::all, Q4_K, true},
                                       {"attn_v", Layers::all, Q3_K},
                                       {"attn_output", Layers::all, Q3_K},
                                       {"ffn_down", Layers::all, Q3_K}}};
constexpr std::array<Lift, 5> kQ3KM = {{{"attn_v", Layers::first_two, Q5_K},
                                        {"attn_v", Layers::all, Q4_K},
                                        {"attn_output", Layers::all, Q4_K},
                                        {"ffn_down", Layers::first_sixteenth, Q5_K},
                                        {"ffn_down", Layers::all, Q4_K}}};
constexpr std::array<Lift, 3> kQ3KL = {{{"attn_v", Layers::all, Q5_K},
                                        {"attn_output", Layers::all, Q5_K},
                                        {"ffn_down", Layers::all, Q5_K}}};
constexpr std::array<Lift, 2> kQ4KS = {
    {{"attn_v", Layers::first_four, Q5_K}, {"ffn_down", Layers::first_eighth, Q5_K}}};
constexpr std::array<Lift, 2> kMedium = {
    {{"attn_v", Layers::sensitive, Q6_K}, {"ffn_down", Layers::sensitive, Q6_K}}};
constexpr std::array<Lift, 2> kIq4 = {
    {{"attn_v", Layers::all, Q5_K, true}, {"ffn_down", Layers::first_eighth, Q5_K}}};
constexpr std::array<Lift, 1> kIq4Weighed = {{{"attn_v", Layers::all, Q5_K, true}}};
constexpr std::array<Lift, 1> kQ40Weighed = {{{"ffn_down", Layers::first_eighth, Q4_1}}};
constexpr std::array<Lift, 1> kQ50Weighed = {{{"ffn_down", Layers::first_eighth, Q5_1}}};

constexpr std::array<Recipe, 19> kRecipes = {{
    {"F32", 0, F32, {}},
    {"F16", 1, F16, {}},
    {"BF16", 32, BF16, {}},
    {"Q8_0", 7, Q8_0, {}},
    {"Q6_K", 18, Q6_K, {}},
    {"Q5_K_M", 17, Q5_K, kMedium},
    {"Q5_K_S", 16, Q5_K, {}},
    {"Q5_1", 9, Q5_1, {}},
    {"Q5_0", 8, Q5_0, {}, kQ50Weighed},
    {"Q4_K_M", 15, Q4_K, kMedium},
    {"Q4_K_S", 14, Q4_K, kQ4KS},
    {"Q4_1", 3, Q4_1, {}},
    {"Q4_0", 2, Q4_0, {}, kQ40Weighed},
    {"IQ4_NL", 25, IQ4_NL, kIq4, kIq4Weighed},
    {"IQ4_XS", 30, IQ4_XS, kIq4, kIq4Weighed},
    {"Q3_K_L", 13, Q3_K, kQ3KL},
    {"Q3_K_M", 12, Q3_K, kQ3KM},
    {"Q3_K_S", 11, Q3_K, {}},
    {"Q2_K", 10, Q2_K, kQ2K},
}};

const Recipe& find_recipe(std::string_view wanted) {
  for (const Recipe& recipe : kRecipes) {
    if (recipe.name == wanted) return recipe;
  }
  fail(ExitCode::usage, "type '{}' is unknown: choose one of {}", wanted,
       fmt::join(recipes(), ", "));
}

bool is_float(TensorType type) { return type == F32 || type == F16 || type == BF16; }
bool fits(TensorType type, std::uint64_t cols) { return cols % info(type).block_elements == 0; }

bool among(Layers layers, std::uint32_t layer, std::uint32_t count) {
  switch (layers) {
    case Layers::all:
      return true;
    case Layers::first_two:
      return layer < 2;
    case Layers::first_four:
      return layer < 4;
    case Layers::first_sixteenth:
      return layer < count / 16;
    case Layers::first_eighth:
      return layer < count / 8;
    case Layers::sensitive:
      return layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2;
  }
  return false;
}

// "blk.12.attn_v.weight" -> 12 and "attn_v".
struct LayerTensor {
  std::uint32_t layer = 0;
  std::string_view tensor;
};

LayerTensor split(std::string_view name) {
  LayerTensor out;
  if (!name.starts_with("blk.")) return out;
  name.remove_prefix(4);
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), out.layer);
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  if (name.starts_with('.')) name.remove_prefix(1);
  out.tensor = name.substr(0, name.find('.'));
  // Experts follow the matrix whose place they take.
  if (out.tensor.ends_with("_exps")) out.tensor.remove_suffix(5);
  if (out.tensor.ends_with("_shexp")) out.tensor.remove_suffix(6);
  return out;
}

TensorType head_type(TensorType base, std::uint64_t cols) {
  if (base == Q8_0 || !fits(base, cols)) return Q8_0;
  return Q6_K;
}

// Models of eight experts: their attention is small beside the rest.
std::optional<TensorType> type_beside_eight_experts(const Recipe& recipe, std::string_view tensor) {
  if (tensor == "attn_v" || tensor == "attn_k") return Q8_0;
  if (tensor != "attn_output") return std::nullopt;
  constexpr std::array kLifted = {Q2_K, Q3_K, Q4_K, IQ4_NL, IQ4_XS};
  const bool lifted = std::ranges::find(kLifted, recipe.base) != kLifted.end();
  return lifted && recipe.name != "Q3_K_L" ? Q5_K : recipe.base;
}

TensorType layer_type(const Recipe& recipe, const Shape& shape, std::string_view name,
                      Importances importances) {
  const auto [layer, tensor] = split(name);
  if (shape.experts.count == 8) {
    if (const auto type = type_beside_eight_experts(recipe, tensor)) return *type;
  }
  const std::uint32_t sharing = shape.heads / shape.kv_heads;
  TensorType type = recipe.base;
  const bool known = importances == Importances::known;
  for (const Lift& lift : known ? recipe.lifts_with_importances : recipe.lifts) {
    if (lift.tensor != tensor || !among(lift.layers, layer, shape.layers)) continue;
    if (lift.where_four_share && sharing < 4) continue;
    type = lift.type;
    break;
  }
  // The 80-layer models, whose value matrices are small and matter much.
  const bool small_values = tensor == "attn_v" && shape.layers == 80 && sharing > 1;
  if (small_values && (type == Q3_K || type == Q4_K)) return Q5_K;
  return type;
}

// The nearest type whose blocks the columns fill.
TensorType fitting(TensorType type, std::uint64_t cols) {
  if (fits(type, cols)) return type;
  switch (type) {
    case Q2_K:
    case Q3_K:
      type = Q4_0;
      break;
    case Q4_K:
      type = Q5_0;
      break;
    case Q5_K:
      type = Q5_1;
      break;
    case Q6_K:
      type = Q8_0;
      break;
    case IQ4_XS:
      type = IQ4_NL;
      break;
    default:
      break;
  }
  return fits(type, cols) ? type : F16;
}

}  // namespace

std::vector<std::string_view> recipes() {
  std::vector<std::string_view> names;
  names.reserve(kRecipes.size());
  for (const Recipe& recipe : kRecipes) names.push_back(recipe.name);
  return names;
}

std::uint32_t recipe_file_type(std::string_view recipe) { return find_recipe(recipe).file_type; }

std::optional<std::string_view> recipe_of_file_type(std::uint32_t file_type) {
  for (const Recipe& recipe : kRecipes) {
    if (recipe.file_type == file_type) return recipe.name;
  }
  return std::nullopt;
}

TensorType recipe_type(std::string_view recipe_name, const Shape& shape, std::string_view name,
                       std::uint64_t rows, std::uint64_t cols, Importances importances) {
  const Recipe& recipe = find_recipe(recipe_name);
  const bool matrix = rows > 1 && name.ends_with(".weight") && !name.ends_with("norm.weight") &&
                      !name.ends_with("ffn_gate_inp.weight");
  if (!matrix) return F32;
  if (is_float(recipe.base)) return recipe.base;
  const bool head = name == (shape.tied_embeddings ? "token_embd.weight" : "output.weight");
  const TensorType wanted =
      head ? head_type(recipe.base, cols) : layer_type(recipe, shape, name, importances);
  return fitting(wanted, cols);
}

}  // namespace ceiling
