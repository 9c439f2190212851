// Rows of other people's results: read, counted, judged; broken cells named, the rest still judged.
#include "fit/published.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/known_models.h"

namespace ceiling::fit {
namespace {

using testing::HasSubstr;

constexpr const char* kHeader =
    "hardware,engine,engine_version,backend,model,params_b,quant,file_size_gb,test,tokens_per_s\n";

Published read(const std::string& rows) { return read_published(kHeader + rows, "rows.csv"); }

const DecodeWork& decode_of(const PublishedRow& row) {
  return std::get<DecodeWork>(row.workload->work);
}

TEST(PublishedTests, SayPhaseTokensAndDepth) {
  const auto test = [](const char* text) { return read_test(text).value(); };
  EXPECT_TRUE(test("pp512").prefill);
  EXPECT_EQ(test("pp2048 @ d32768").depth, 32768U);
  EXPECT_EQ(test("tg32 @ d4096").tokens, 32U);
  EXPECT_EQ(test("tg @ d16k").depth, 16000U);
  EXPECT_EQ(test("pp @ 16k").tokens, 16000U);
  EXPECT_EQ(test("pp @ 16k").depth, 0U);
  EXPECT_EQ(test("gen @ d12.7K").depth, 12700U);
  EXPECT_FALSE(test("gen (eval rate)").prefill);
  EXPECT_FALSE(read_test("fast").has_value());
  EXPECT_FALSE(read_test("tg0").has_value());
  EXPECT_FALSE(read_test("tg128 @ dx").has_value());
}

TEST(PublishedSizes, KeepTheirUnit) {
  EXPECT_DOUBLE_EQ(read_file_size("1 GiB").value(), 1073741824.0);
  EXPECT_DOUBLE_EQ(read_file_size("636.18 MiB").value(), 636.18 * 1048576);
  EXPECT_DOUBLE_EQ(read_file_size("16.34").value(), 16.34e9);
  EXPECT_FALSE(read_file_size("big").has_value());
  EXPECT_FALSE(read_file_size("-1 GiB").has_value());
}

// Bytes come from the Program: of the file's 3.56 GiB all but the embedding table is read.
TEST(PublishedRows, AreCountedFromTheProgram) {
  const Published p =
      read("RTX 4090,llama.cpp,b4008,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,187.7\n");
  ASSERT_TRUE(p.rows[0].workload) << p.rows[0].reason;
  const Program program = shape_program(find_known_model("LLaMA 7B")->shape, "Q4_0");
  const Cost cost = mean_decode_cost(program, 0, 128);
  const double scale = 3.56 * 1073741824 / static_cast<double>(program.weight_bytes());
  EXPECT_NEAR(scale, 1, 0.01);
  EXPECT_NEAR(decode_of(p.rows[0]).weight_bytes, static_cast<double>(cost.weight_bytes) * scale, 1);
  EXPECT_DOUBLE_EQ(decode_of(p.rows[0]).kv_bytes, static_cast<double>(cost.kv_read_bytes));
}

TEST(PublishedRows, OfExpertsReadThoseThatAreActive) {
  const Published p =
      read("RTX 4090,llama.cpp,b6767,CUDA,gpt-oss-20b,20.91,MXFP4,11.27 GiB,tg128,225\n");
  const DecodeWork& work = decode_of(p.rows[0]);
  EXPECT_TRUE(work.experts);
  EXPECT_LT(work.weight_bytes, 0.3 * 11.27 * 1073741824);
}

TEST(PublishedRows, ThatCannotBeJudgedSayWhy) {
  const Published p = read(
      "4x RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,14.96 GiB,tg128,50\n"
      "Abacus 9000,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,14.96 GiB,tg128,50\n"
      "RTX 4090,calm,,CUDA,LLaMA 3 8B,8.03,fp8,,gen,50\n"
      "RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,,,tg128,50\n"
      "Raspberry Pi 5,llama.cpp,,Vulkan,Llama 3.2:3b,3.21,Q4_K_M,1.87 GiB,gen (eval rate),56\n"
      "Arc B580,llama.cpp,,SYCL (IPEX-LLM),LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,60\n"
      "RTX 4090,llama.cpp,b6767,CUDA,Newest 32B-A3B,32,Q4_K_M,19.93 GiB,tg128,80\n");
  EXPECT_EQ(p.rows[0].reason, "several devices");
  EXPECT_EQ(p.rows[1].reason, "unknown hardware");
  EXPECT_THAT(p.rows[2].reason, HasSubstr("calm"));
  EXPECT_THAT(p.rows[3].reason, HasSubstr("type"));
  EXPECT_THAT(p.rows[4].reason, HasSubstr("GPU that the row does not name"));
  EXPECT_THAT(p.rows[5].reason, HasSubstr("IPEX-LLM"));
  EXPECT_THAT(p.rows[6].reason, HasSubstr("mixture of experts"));
  EXPECT_TRUE(p.broken.empty());
}

TEST(PublishedRows, NameBrokenCellsAndGoOn) {
  const Published p = read(
      "RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,huge,tg128,50\n"
      "RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,14.96 GiB,tg128,quick\n"
      "RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,14.96 GiB,warp,50\n"
      "RTX 4090,llama.cpp,,CUDA\n"
      "RTX 4090,llama.cpp,,CUDA,LLaMA 3 8B,8.03,F16,14.96 GiB,tg128,54\n");
  ASSERT_EQ(p.rows.size(), 5U);
  EXPECT_EQ(p.broken[0].row, 2U);
  EXPECT_EQ(p.broken[0].column, "file_size_gb");
  EXPECT_EQ(p.broken[1].column, "tokens_per_s");
  EXPECT_EQ(p.broken[1].value, "quick");
  EXPECT_EQ(p.broken[2].column, "test");
  EXPECT_EQ(p.broken[3].row, 5U);
  EXPECT_THAT(p.rows[0].reason, HasSubstr("row 2, column 'file_size_gb' is 'huge'"));
  EXPECT_TRUE(p.rows[4].workload);
  const auto json = to_json(p, judge(p, SpeedModel::fitted()));
  EXPECT_EQ(json.at("rows").size(), 5U);
  EXPECT_TRUE(json.at("rows")[1].at("predicted").is_null());
  EXPECT_GT(json.at("rows")[4].at("predicted").get<double>(), 30);
  EXPECT_EQ(json.at("summary").at("broken_cells").size(), 6U);
}

TEST(Judgement, CountsEachDeviceOnce) {
  // One device with two rows, one with one: errors of 10 %, 30 % and 50 %.
  Published p = read(
      "RTX 4090,llama.cpp,,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,100\n"
      "RTX 4090,llama.cpp,,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,100\n"
      "RTX 3070,llama.cpp,,CUDA,LLaMA 7B v2,6.74,Q4_0,3.56 GiB,tg128,100\n");
  std::vector<JudgedRow> rows;
  const double errors[] = {1.1, 1.3, 1.5};
  for (std::size_t i = 0; i < 3; ++i) {
    const double predicted = 100 * errors[i];
    rows.push_back({.row = &p.rows[i],
                    .predicted = Prediction{predicted,
                                            {predicted / 1.2, predicted * 1.2},
                                            {predicted / 1.4, predicted * 1.4}},
                    .reason = {}});
  }
  const PhaseSummary s = summarise(rows, false, false);
  EXPECT_EQ(s.devices, 2U);
  EXPECT_NEAR(s.median_error, 0.3, 1e-9);  // half of the weight lies below
  EXPECT_NEAR(s.coverage80, 0.25, 1e-9);   // one of two rows, none of one
  EXPECT_NEAR(s.coverage95, 0.5, 1e-9);
  const double width = 2 * std::log(1.2);
  const double missed =
      10 * (std::log(1.3) - std::log(1.2)) / 2 + 10 * (std::log(1.5) - std::log(1.2));
  EXPECT_NEAR(s.interval_score80, width + missed / 2, 1e-9);
}

TEST(Workloads, CarryWhatTheFitNeeds) {
  const Published p =
      read("Apple M2 8c,llama.cpp,8e672ef,Metal,LLaMA 7B v2,6.74,Q8_0,6.67 GiB,pp512,147\n");
  const auto json = workloads_json(p);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0].at("chip"), "M2");
  EXPECT_EQ(json[0].at("backend"), "metal");
  EXPECT_EQ(json[0].at("work").at("phase"), "prefill");
  EXPECT_GT(json[0].at("work").at("linear_operations").get<double>(), 6e12);
}

}  // namespace
}  // namespace ceiling::fit
