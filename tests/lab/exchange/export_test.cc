#include "lab/exchange/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "lab/exchange/outside_figure.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report.h"

namespace ceiling::lab {
namespace {

using nlohmann::ordered_json;

class Export : public ::testing::Test {
 protected:
  void SetUp() override {
    FakeRunner runner;
    runner.alter = [](std::size_t trial, TrialResult& result) {
      if (trial == 5) result.token_s.resize(12);  // stopped earlier than the others
      if (trial == 7) result.conditions.others_share = 0.5;
    };
    run_ = std::make_unique<OpenedRun>(open_run(finished_run("export", plan_, runner)));
  }
  ReportData data() const { return gather(run_->plan, run_->ledger.entries()); }

  const Plan plan_ = fake_plan(2);
  std::unique_ptr<OpenedRun> run_;
};

// The members of llama-bench's own output, in its order (build 2026-06).
const std::vector<std::string> kMembers = {"build_commit",   "build_number",
                                           "cpu_info",       "gpu_info",
                                           "backends",       "model_filename",
                                           "model_type",     "model_size",
                                           "model_n_params", "n_batch",
                                           "n_ubatch",       "n_threads",
                                           "cpu_mask",       "cpu_strict",
                                           "poll",           "type_k",
                                           "type_v",         "n_gpu_layers",
                                           "n_cpu_moe",      "split_mode",
                                           "main_gpu",       "no_kv_offload",
                                           "flash_attn",     "devices",
                                           "tensor_split",   "tensor_buft_overrides",
                                           "load_mode",      "embeddings",
                                           "no_op_offload",  "no_host",
                                           "fit_target",     "fit_min_ctx",
                                           "n_prompt",       "n_gen",
                                           "n_depth",        "test_time",
                                           "avg_ns",         "stddev_ns",
                                           "avg_ts",         "stddev_ts",
                                           "samples_ns",     "samples_ts"};

TEST_F(Export, LlamaBenchHasItsMembersInItsOrder) {
  const ordered_json list = llama_bench_json(data());
  ASSERT_EQ(list.size(), 6U);  // prompt and decode of three cells
  for (const ordered_json& entry : list) {
    std::vector<std::string> members;
    for (const auto& item : entry.items()) members.push_back(item.key());
    EXPECT_EQ(members, kMembers);
  }
}

TEST_F(Export, LlamaBenchSamplesAreTheTrials) {
  const ReportData run = data();
  const ordered_json list = llama_bench_json(run);
  for (std::size_t i = 0; i < run.analysis.cells.size(); ++i) {
    const CellFigures& figures = run.analysis.cells[i];
    const ordered_json& prompt = list[2 * i];
    const ordered_json& decode = list[2 * i + 1];
    EXPECT_EQ(prompt["n_prompt"], 128);
    EXPECT_EQ(prompt["n_gen"], 0);
    EXPECT_EQ(decode["n_prompt"], 0);
    EXPECT_EQ(decode["n_depth"], 128);
    EXPECT_EQ(decode["samples_ns"].size(), figures.points.size());
    for (std::size_t sample = 0; sample < figures.points.size(); ++sample) {
      EXPECT_NEAR(decode["samples_ts"][sample].get<double>(), figures.points[sample].tokens_per_s,
                  1e-4 * figures.points[sample].tokens_per_s);
    }
  }
  std::set<int> generated;
  for (const ordered_json& entry : list) generated.insert(entry["n_gen"].get<int>());
  EXPECT_EQ(generated, (std::set<int>{0, 12, 20}));
}

TEST_F(Export, LlamaBenchReadsBackAsAnOutsideFigure) {
  const OutsideFigures outside = read_outside_figures(llama_bench_json(data()).dump(), "export");
  EXPECT_TRUE(outside.broken.empty());
  EXPECT_EQ(outside.figures.size(), 6U);
}

TEST_F(Export, ALlmdReportCountsTrialsAsRequests) {
  const ReportData run = data();
  const CellFigures& figures = run.analysis.cells.front();
  const ordered_json report = llmd_report(run, figures.cell);
  EXPECT_EQ(report["version"], "0.2.1");
  const ordered_json& aggregate = report["results"]["request_performance"]["aggregate"];
  EXPECT_EQ(aggregate["requests"]["total"], figures.points.size());
  EXPECT_EQ(aggregate["requests"]["failures"], 0);
  EXPECT_EQ(aggregate["requests"]["input_length"]["mean"], 128);
  const double token_s = aggregate["latency"]["time_per_output_token"]["mean"];
  EXPECT_NEAR(1 / token_s, figures.tokens_per_s.value, 0.1 * figures.tokens_per_s.value);
  EXPECT_EQ(report["scenario"]["stack"][0]["standardized"]["kind"], "inference_engine");
  EXPECT_NE(llmd_report(run, run.analysis.cells[1].cell)["run"]["uid"], report["run"]["uid"]);
}

TEST_F(Export, ACellWithoutDecodeIsRefused) {
  ReportData run = data();
  run.analysis.cells.clear();
  try {
    llmd_report(run, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
  }
}

}  // namespace
}  // namespace ceiling::lab
