#include "lab/exchange/outside_figure.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kHeader =
    "hardware,engine,engine_version,backend,model,params_b,quant,file_size_gb,test,tokens_per_s,"
    "stddev,source\n";

OutsideFigures table(const std::string& rows) {
  return read_outside_figures(kHeader + rows, "table.csv");
}

std::string recorded() {
  return os::read_file(std::string(CEILING_TEST_DATA) + "/outside/llama-bench.json");
}

TEST(LlamaBench, StatesWhatItsFieldsSayAndWhatItAlwaysDoes) {
  const OutsideFigures outside = read_outside_figures(recorded(), "mine.json");
  EXPECT_EQ(outside.format, "llama-bench JSON");
  ASSERT_EQ(outside.figures.size(), 2U);
  const OutsideFigure& cpu = outside.figures[0];
  EXPECT_EQ(cpu.place, "[0]");
  EXPECT_EQ(cpu.machine, "Test CPU 3000");
  EXPECT_EQ(cpu.model, "llama 7B");
  EXPECT_EQ(cpu.type, "Q4_K - Medium");
  EXPECT_EQ(cpu.test, "tg16 @ d128");
  EXPECT_DOUBLE_EQ(cpu.tokens_per_s, 8.0);
  EXPECT_EQ(cpu.stated.at(Item::build), "0123abcd (6123)");
  EXPECT_EQ(cpu.stated.at(Item::threads), "2");
  EXPECT_EQ(cpu.stated.at(Item::repetitions), "3, in one process");
  EXPECT_EQ(cpu.stated.at(Item::residency), "memory of the processor");
  EXPECT_EQ(cpu.stated.at(Item::sampling), "outside the clock");
  EXPECT_THAT(missing(cpu), ElementsAre(Item::file_hash, Item::placement, Item::power_mode,
                                        Item::temperature, Item::page_cache, Item::memory_pressure,
                                        Item::warm_up, Item::fresh_processes, Item::memory_rate));
  EXPECT_THAT(unstated(cpu),
              ElementsAre(Condition::power, Condition::page_cache, Condition::ceiling));
  EXPECT_EQ(comparability(cpu), Comparability::not_comparable);
}

TEST(LlamaBench, LayersAskedForAreNotResidency) {
  const OutsideFigure gpu = read_outside_figures(recorded(), "mine.json").figures[1];
  EXPECT_EQ(gpu.machine, "Test GPU");
  EXPECT_EQ(gpu.type, "Q4_0");
  EXPECT_THAT(missing(gpu), Contains(Item::residency));
  EXPECT_THAT(missing(gpu), Contains(Item::build));  // "unknown"
  EXPECT_THAT(missing(gpu), Contains(Item::depth));  // an old version has no such field
}

TEST(LlamaBench, ABrokenEntryIsNamedAndTheOthersAreRead) {
  const OutsideFigures outside = read_outside_figures(recorded(), "mine.json");
  ASSERT_EQ(outside.broken.size(), 1U);
  EXPECT_EQ(outside.broken[0].place, "[2]");
  EXPECT_THAT(outside.broken[0].reason, HasSubstr("n_prompt 0 and n_gen 0"));
}

TEST(LlamaBench, ReadsJsonLinesOneByOne) {
  const OutsideFigures outside = read_outside_figures(
      "{\"n_prompt\": 0, \"n_gen\": 4, \"avg_ts\": 2.5}\n\n{\"n_gen\": \n"
      "{\"n_prompt\": 8, \"n_gen\": 0, \"avg_ts\": -1}\n",
      "mine.jsonl");
  EXPECT_EQ(outside.format, "llama-bench JSON Lines");
  ASSERT_EQ(outside.figures.size(), 1U);
  EXPECT_EQ(outside.figures[0].place, "line 1");
  ASSERT_EQ(outside.broken.size(), 2U);
  EXPECT_EQ(outside.broken[0].place, "line 3");
  EXPECT_THAT(outside.broken[1].reason, HasSubstr("avg_ts"));
}

TEST(LlamaBench, WhatIsNoneOfItsFormsIsRefused) {
  for (const std::string text : {"", " \n", "[1, 2", "hello"}) {
    try {
      const OutsideFigures outside = read_outside_figures(text, "x");
      FAIL() << "'" << text << "' was read as " << outside.format;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::integrity) << text;
    }
  }
  EXPECT_EQ(read_outside_figures("[1, \"a\", null]", "x").broken.size(), 3U);
}

TEST(PublishedTable, MostOfWhatMattersIsMissing) {
  const OutsideFigures outside = table(
      "RTX 4090,llama.cpp,b4008,CUDA FA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,187.7,1.2,a thread\n");
  ASSERT_EQ(outside.figures.size(), 1U);
  const OutsideFigure& figure = outside.figures[0];
  EXPECT_EQ(figure.place, "row 2");
  EXPECT_EQ(figure.source, "a thread");
  EXPECT_EQ(figure.stated.at(Item::build), "b4008");
  EXPECT_EQ(figure.stated.at(Item::generated_length), "128");
  EXPECT_EQ(figure.stated.at(Item::depth), "0");
  EXPECT_EQ(figure.stated.at(Item::spread), "1.2");
  EXPECT_EQ(comparability(figure), Comparability::not_comparable);
  EXPECT_THAT(unstated(figure), Contains(Condition::residency));
  EXPECT_THAT(missing(figure), Contains(Item::repetitions));
  ASSERT_TRUE(figure.vendor_share.has_value());
  EXPECT_GT(*figure.vendor_share, 0.5);
  EXPECT_LT(*figure.vendor_share, 1.0);
}

TEST(PublishedTable, ATimeOrATendencyIsNoBuild) {
  for (const char* version : {"May 2024 snapshot", "8e672ef or later", "2024-05", "July 2024",
                              "~b5863 (2025-07)", "llmfit 1.1.9", "2023-11-13", "README", ""}) {
    const auto figure =
        table(fmt::format("RTX 4090,llama.cpp,{},CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,1,,\n",
                          version))
            .figures.at(0);
    EXPECT_THAT(missing(figure), Contains(Item::build)) << version;
  }
  for (const char* version : {"0253fb21f (9187)", "b9672-74ade5274", "6792", "b828e18c7 (7948)",
                              "0.7.26 / mlx 0.31.2", "cab0b7b"}) {
    const auto figure =
        table(fmt::format("RTX 4090,llama.cpp,{},CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,1,,\n",
                          version))
            .figures.at(0);
    EXPECT_THAT(missing(figure), Not(Contains(Item::build))) << version;
  }
}

TEST(PublishedTable, AGenerationWithoutLengthsStatesNeitherStreamsNorSampling) {
  const auto figure =
      table("RTX 4090,ollama,,,llama2:7b,6.74,Q4_0,,gen (eval rate),120,,\n").figures.at(0);
  for (const Item item : {Item::streams, Item::sampling, Item::prompt_length, Item::depth}) {
    EXPECT_THAT(missing(figure), Contains(item)) << name(item);
  }
}

TEST(PublishedTable, MoreThanTheMemoryCanGiveIsSaid) {
  const OutsideFigures outside =
      table("RTX 4090,llama.cpp,b4008,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,900,,\n");
  EXPECT_GT(outside.figures.at(0).vendor_share.value_or(0), 1);
  EXPECT_EQ(count(outside.figures).beyond_vendor, 1U);
}

TEST(PublishedTable, BrokenRowsAreNamed) {
  const OutsideFigures outside =
      table("RTX 4090,llama.cpp,b4008,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,fast,,\n");
  EXPECT_THAT(outside.figures, IsEmpty());
  ASSERT_EQ(outside.broken.size(), 1U);
  EXPECT_THAT(outside.broken[0].reason, HasSubstr("tokens_per_s"));
}

TEST(Comparability, NeedsEveryItem) {
  OutsideFigure figure;
  for (const Item item : all_items()) figure.stated[item] = "stated";
  EXPECT_EQ(comparability(figure), Comparability::comparable);
  figure.stated.erase(Item::kv_type);
  EXPECT_EQ(comparability(figure), Comparability::with_reservations);
  figure.stated.erase(Item::residency);
  EXPECT_EQ(comparability(figure), Comparability::not_comparable);
  EXPECT_THAT(unstated(figure), ElementsAre(Condition::residency));
}

TEST(Comparability, CountsByReason) {
  const OutsideFigures outside = read_outside_figures(recorded(), "mine.json");
  const nlohmann::json value = to_json(outside);
  EXPECT_EQ(value["summary"]["not comparable"], 2);
  EXPECT_EQ(value["summary"]["missing"]["hash of the model file"], 2);
  EXPECT_EQ(value["summary"]["missing"]["threads"], 1);
  EXPECT_EQ(value["summary"]["nothing_stated_of"]["power, heat, clocks"]["figures"], 2);
  EXPECT_EQ(value["figures"].size(), 2U);
  EXPECT_EQ(value["broken"][0]["place"], "[2]");
}

}  // namespace
}  // namespace ceiling::lab
