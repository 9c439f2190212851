// The catalogue of published models: names are found, counts are those that the models have.
#include "model/known_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "model/cost.h"

namespace ceiling {
namespace {

double parameters(const Program& program) {
  double total = 0;
  for (const Weight& w : program.weights) {
    total +=
        static_cast<double>(w.rows) * static_cast<double>(w.cols) * static_cast<double>(w.groups);
  }
  return total;
}

const Shape& shape_of(std::string_view text) {
  const KnownModel* found = find_known_model(text);
  if (found == nullptr) throw std::runtime_error("unknown: " + std::string(text));
  return found->shape;
}

TEST(KnownModels, AreFoundByTheNamesPeopleGiveThem) {
  const std::map<std::string, std::string> named = {
      {"LLaMA 7B v2", "7B"},
      {"llama-2-7b", "7B"},
      {"Meta-Llama-3.1-8B-Instruct-Q4_K_M", "8B"},
      {"LLaMA 3 8B", "8B"},
      {"DeepSeek-R1-Distill-Llama-8B-Q4_K_M", "8B"},
      {"LLaMA 3 70B", "70B"},
      {"Llama-2-70B", "Llama 2 70B"},
      {"Llama 3.2:3b", "3B"},
      {"Qwen3.8-27B", "Qwen3.6 27B"},
      {"qwen3moe 30B.A3B", "Qwen3 30B-A3B"},
      {"Qwen3 8B", "Qwen3 8B"},
      {"gpt-oss-120b", "gpt-oss 120B"},
      {"70B", "70B"},
  };
  for (const auto& [text, name] : named) EXPECT_EQ(shape_of(text).name, name) << text;
  EXPECT_EQ(find_known_model("a model that nobody made"), nullptr);
}

// Millions of parameters as published.
TEST(KnownModels, HaveTheParametersThatWerePublished) {
  const std::map<std::string, double> published = {
      {"TinyLlama 1.1B", 1100}, {"Mistral 7B", 7248},       {"Mistral Nemo 12B", 12248},
      {"Qwen2.5 7B", 7616},     {"Qwen3 8B", 8191},         {"Qwen3 32B", 32762},
      {"Gemma 3 4B", 3880},     {"Gemma 3 27B", 27009},     {"Phi-4 14B", 14660},
      {"Mixtral 8x7B", 46703},  {"Qwen3 30B-A3B", 30532},   {"gpt-oss 20B", 20910},
      {"gpt-oss 120B", 116830}, {"Llama 3.1 405B", 405853}, {"Llama 4 Scout", 107770},
  };
  for (const auto& [name, millions] : published) {
    EXPECT_NEAR(parameters(shape_program(shape_of(name), "F16")) / 1e6, millions, millions * 0.005)
        << name;
  }
}

TEST(KnownModels, ExpertsAreReadByThoseChosen) {
  const Program program = shape_program(shape_of("Mixtral 8x7B"), "Q4_K_M");
  const Cost one = cost(program, shape_batch(0, 1));
  const double share =
      static_cast<double>(one.weight_bytes) / static_cast<double>(program.weight_bytes());
  EXPECT_GT(share, 0.25);  // 2 of 8 experts, and all of the rest
  EXPECT_LT(share, 0.30);
  // A prompt goes through nearly all: not the embedding table, nor most of the last layer's
  // experts.
  EXPECT_GT(cost(program, shape_batch(0, 64)).weight_bytes, program.weight_bytes() * 97 / 100);
}

TEST(KnownModels, AllMakePrograms) {
  for (const KnownModel& model : known_models()) {
    for (const char* recipe : {"Q4_K_M", "Q4_0", "F16"}) {
      EXPECT_GT(shape_program(model.shape, recipe).weight_bytes(), 1000000U) << model.shape.name;
    }
  }
}

}  // namespace
}  // namespace ceiling
