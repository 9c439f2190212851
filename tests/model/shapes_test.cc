#include "model/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/cost.h"

namespace ceiling {
namespace {

using testing::HasSubstr;

std::uint64_t parameters(const Program& program) {
  std::uint64_t total = 0;
  for (const Weight& weight : program.weights) total += weight.rows * weight.cols;
  return total;
}

// The published number of parameters of each model that a shape is taken from.
TEST(Shapes, HaveTheParametersOfTheModelsTheyAreLike) {
  const std::map<std::string, std::uint64_t> published = {
      {"0.5B", 494032768}, {"1B", 1235814400},   {"3B", 3212749824},   {"7B", 6738415616},
      {"8B", 8030261248},  {"13B", 13015864320}, {"32B", 32763876352}, {"70B", 70553706496}};
  EXPECT_EQ(shapes().size(), published.size());
  for (const auto& [name, count] : published) {
    EXPECT_EQ(parameters(shape_program(find_shape(name), "F32")), count) << name;
  }
}

// Sizes of published files (llama-2-7b and Meta-Llama-3.1-8B-Instruct), whose metadata takes up to
// 8 MB.
TEST(Shapes, HaveTheBytesOfPublishedFiles) {
  const std::vector<std::tuple<std::string, std::string, std::uint64_t>> published = {
      {"7B", "Q4_K_M", 4081004224},
      {"7B", "Q4_0", 3825807040},
      {"8B", "Q4_K_M", 4920734272},
      {"8B", "Q8_0", 8540770880}};
  for (const auto& [name, recipe, bytes] : published) {
    const std::uint64_t ours = shape_program(find_shape(name), recipe).weight_bytes();
    EXPECT_LT(ours, bytes) << name << " " << recipe;
    EXPECT_GT(ours + 8000000, bytes) << name << " " << recipe;
  }
}

TEST(Shapes, UnknownOnesAreNamedWithWhatThereIs) {
  try {
    find_shape("9B");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("0.5B, 1B, 3B, 7B, 8B, 13B, 32B, 70B"));
  }
  EXPECT_THROW(shape_program(find_shape("1B"), "Q4_K_X"), Error);
}

Shape shape_of(const nlohmann::json& entry) {
  return {
      .name = entry["name"],
      .architecture = entry["architecture"],
      .like = "",
      .layers = entry["layers"],
      .width = entry["width"],
      .feed_forward = entry["feed_forward"],
      .heads = entry["heads"],
      .kv_heads = entry["kv_heads"],
      .head_width = entry["width"].get<std::uint32_t>() / entry["heads"].get<std::uint32_t>(),
      .vocabulary = 64,
      .context = 128,
      .tied_embeddings = entry["tied"],
      .rope_base = 10000,
      .experts = {
          .count = entry.value("experts", 0U), .used = 2, .feed_forward = entry["feed_forward"]}};
}

// Tensor kind -> its types from the first layer to the last, as "4xQ6_K 2xQ4_K".
std::map<std::string, std::string> types_by_kind(const std::vector<Weight>& weights) {
  std::map<std::string, std::vector<std::pair<std::string, int>>> runs;
  for (const Weight& weight : weights) {
    std::string kind = weight.name;
    if (kind.starts_with("blk.")) kind = kind.substr(kind.find('.', 4) + 1);
    auto& list = runs[kind];
    const std::string type(name(weight.type));
    if (list.empty() || list.back().first != type) list.emplace_back(type, 0);
    ++list.back().second;
  }
  std::map<std::string, std::string> out;
  for (const auto& [kind, list] : runs) {
    for (const auto& [type, count] : list) {
      out[kind] += (out[kind].empty() ? "" : " ") + std::to_string(count) + "x" + type;
    }
  }
  return out;
}

nlohmann::json real_recipes() {
  std::ifstream in(CEILING_TEST_DATA "/model/recipes.json");
  auto entries = nlohmann::json::parse(in);
  EXPECT_EQ(entries.size(), 8U);
  return entries;
}

std::map<std::string, std::string> kinds(const nlohmann::json& types, std::string_view recipe) {
  EXPECT_EQ(types.size(), recipes().size());
  return types[std::string(recipe)].get<std::map<std::string, std::string>>();
}

TEST(Recipes, GiveTheTypesThatTheRealQuantiserGives) {
  for (const auto& entry : real_recipes()) {
    for (const std::string_view recipe : recipes()) {
      const Program program = shape_program(shape_of(entry), recipe);
      EXPECT_EQ(types_by_kind(program.weights), kinds(entry["types"], recipe))
          << entry["name"] << " " << recipe;
    }
  }
}

TEST(Recipes, GiveTheTypesThatTheRealQuantiserGivesWithImportances) {
  for (const auto& entry : real_recipes()) {
    const Shape shape = shape_of(entry);
    for (const std::string_view recipe : recipes()) {
      std::vector<Weight> weights = shape_program(shape, recipe).weights;
      for (Weight& weight : weights) {
        const std::uint64_t rows = weight.rows * weight.groups;
        weight.type =
            recipe_type(recipe, shape, weight.name, rows, weight.cols, Importances::known);
      }
      EXPECT_EQ(types_by_kind(weights), kinds(entry["types_with_importances"], recipe))
          << entry["name"] << " " << recipe;
    }
  }
}

}  // namespace
}  // namespace ceiling
