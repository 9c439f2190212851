#include "lab/planning/engine_cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/exchange/compare.h"
#include "lab/fake_lab.h"
#include "lab/json/json_fields.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/verify.h"
#include "lab/report/report.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

EngineWish bench() { return {{EngineKind::llama_bench, "/opt/llama-bench", ""}, {}}; }

Plan plan_with_bench(std::size_t blocks = 5) {
  Plan plan = fake_plan(blocks);
  add_engine_cells(plan, {bench()});
  return plan;
}

TEST(TrialEngine, IsReadFromWords) {
  EXPECT_EQ(parse_engine("llama-bench=/x/llama-bench").where, "/x/llama-bench");
  EXPECT_EQ(parse_engine("openai=http://h:1/v1?a=b").where, "http://h:1/v1?a=b");
  EXPECT_EQ(parse_engine("llama-cpp-python").where, "python3");
  EXPECT_EQ(parse_engine("llama-cpp-python=/venv/bin/python").where, "/venv/bin/python");
  for (const char* text : {"", "llama-bench", "llama-bench=", "openai", "vllm=x", "ceiling=x"}) {
    try {
      parse_engine(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("llama-cpp-python"));
    }
  }
}

TEST(TrialEngine, ACellKeepsItsEngine) {
  Cell cell = fake_plan().cells[0];
  cell.engine = {EngineKind::openai, "http://localhost:1", "some:7b"};
  const nlohmann::json value = to_json(cell);
  const Cell back = cell_from_json(Fields(value, "cell"));
  EXPECT_EQ(back.engine.kind, EngineKind::openai);
  EXPECT_EQ(back.engine.where, "http://localhost:1");
  EXPECT_EQ(back.engine.served, "some:7b");
  EXPECT_FALSE(to_json(fake_plan().cells[0]).contains("engine"));
  for (const char* wrong :
       {R"({"kind":"vllm","where":"x"})", R"({"kind":"openai","where":"x"})",
        R"({"kind":"llama-bench","where":"x","served":"y"})", R"({"kind":"llama-bench"})"}) {
    nlohmann::json changed = value;
    changed["engine"] = nlohmann::json::parse(wrong);
    EXPECT_THROW(cell_from_json(Fields(changed, "cell")), Error) << wrong;
  }
  nlohmann::json cold = value;
  cold["work"] = "cold-load";
  EXPECT_THROW(cell_from_json(Fields(cold, "cell")), Error);
}

TEST(EngineCells, StandBesideDecodeCells) {
  const Plan plan = plan_with_bench();
  ASSERT_EQ(plan.cells.size(), 6U);
  EXPECT_EQ(plan.cells[3].id, "1B-Q4_K_M-llama-bench");
  EXPECT_EQ(plan.cells[5].title(), "7B at Q4_K_M, llama-bench");
  EXPECT_EQ(plan.cells[5].model, plan.cells[2].model);
  Plan twice = plan_with_bench();
  add_engine_cells(twice, {bench()});
  EXPECT_EQ(twice.cells.size(), 9U);
  EXPECT_EQ(twice.cells[6].id, "1B-Q4_K_M-llama-bench-2");
}

TEST(EngineCells, NotBesideCellsThatTestSomethingElse) {
  Plan plan = hypothesis_plan();
  const std::size_t before = plan.cells.size();
  add_engine_cells(plan, {bench()});
  for (std::size_t i = before; i < plan.cells.size(); ++i) {
    EXPECT_EQ(plan.cells[i].work, Work::decode);
    EXPECT_EQ(plan.cells[i].size, "7B") << plan.cells[i].id;
  }
  nlohmann::json value = to_json(plan);
  value["design"]["same"] = {"7B-Q4_K_M", "7B-Q4_K_M-llama-bench"};
  EXPECT_THROW(plan_from_json(value, "plan"), Error);
}

TEST(EngineCells, AServerHasTheCellsThatItServes) {
  Plan plan = fake_plan();
  const EngineWish wish{{EngineKind::openai, "http://localhost:1", ""},
                        {{"7B", "some:7b"}, {"70B", "some:70b"}}};
  add_engine_cells(plan, {wish});
  ASSERT_EQ(plan.cells.size(), 4U);
  EXPECT_EQ(plan.cells[3].id, "7B-Q4_K_M-openai");
  EXPECT_EQ(plan.cells[3].engine.served, "some:7b");
  EXPECT_THAT(plan.left_out.back().why, HasSubstr("70B"));
}

// What llama-bench can tell: a total, no first token, no load.
void make_other(const Plan& plan, TrialResult& result, double slower) {
  const Cell* cell = plan.find(result.cell);
  if (cell == nullptr || cell->own()) return;
  result.engine = "llama.cpp abc (7)";
  result.missing = {"times of single tokens"};
  result.total = DecodeTotal{result.token_s.size(), slower * result.decode_s()};
  result.token_s.clear();
  result.first_token_s = result.load_s = 0;
  result.threads = 0;
}

TEST(OtherTrials, KeepWhatTheyMeasuredAndNothingElse) {
  const Plan plan = plan_with_bench();
  FakeRunner runner;
  TrialResult result = runner.run(plan.cells[3], "");
  make_other(plan, result, 2);
  const nlohmann::json value = to_json(result);
  for (const char* member : {"first_token_s", "load_s", "threads"}) {
    EXPECT_FALSE(value.contains(member)) << member;
  }
  const TrialResult back = trial_from_json(Fields(value, "trial"));
  EXPECT_EQ(back.engine, result.engine);
  EXPECT_EQ(back.missing, result.missing);
  EXPECT_DOUBLE_EQ(back.decode_s(), result.decode_s());
  EXPECT_DOUBLE_EQ(back.share(), result.share());
  EXPECT_EQ(to_json(back), value);
  nlohmann::json both = value;
  both["token_s"] = {0.1};
  EXPECT_THROW(trial_from_json(Fields(both, "trial")), Error);
  nlohmann::json own = value;  // this program's trials lack nothing
  own.erase("engine");
  EXPECT_THROW(trial_from_json(Fields(own, "trial")), Error);
}

class EngineRunTest : public ::testing::Test {
 protected:
  RunDirectory run(const std::string& name, bool probed) {
    FakeRunner runner;
    runner.alter = [&](std::size_t, TrialResult& result) {
      make_other(plan_, result, 1.25);
      if (!probed && !result.engine.empty()) result.slices.clear();
    };
    return finished_run(name, plan_, runner);
  }
  const Plan plan_ = plan_with_bench(4);
};

TEST_F(EngineRunTest, AreHeldAgainstThisProgramInTheSameBlocks) {
  const RunDirectory directory = run("engines", true);
  const OpenedRun opened = open_run(directory);
  const ReportData data = gather(opened.plan, opened.ledger.entries());
  EXPECT_EQ(data.analysis.cells.size(), 3U);
  ASSERT_EQ(data.analysis.engines.size(), 3U);
  const EngineFigures& figures = data.analysis.engines[2];
  ASSERT_TRUE(figures.own.has_value());
  EXPECT_EQ(plan_.cells[*figures.own].id, "7B-Q4_K_M");
  ASSERT_TRUE(figures.share_ratio.has_value());
  EXPECT_NEAR(figures.share_ratio->value, 0.8, 1e-6);  // the memory's changes cancel
  ASSERT_TRUE(figures.speed_ratio.has_value());
  EXPECT_NEAR(figures.speed_ratio->value, 0.8, 0.1);
  EXPECT_FALSE(figures.first_token_s.has_value());
  EXPECT_TRUE(figures.prefill_tokens_per_s.has_value());
  EXPECT_THAT(figures.missing, ElementsAre("times of single tokens"));
  EXPECT_TRUE(verify(directory).problems.empty());
  for (const std::string& path : {directory.markdown(), directory.html()}) {
    const std::string text = os::read_file(path);
    EXPECT_THAT(text, HasSubstr("Other engines"));
    EXPECT_THAT(text, HasSubstr("llama.cpp abc (7)"));
    for (const char* no_number : {">nan", ">inf", " nan ", " inf ", "\"nan"}) {
      EXPECT_THAT(text, Not(HasSubstr(no_number)));
    }
  }
}

TEST_F(EngineRunTest, WithoutAProbeThereIsNoShare) {
  const RunDirectory directory = run("remote", false);
  const OpenedRun opened = open_run(directory);
  const ReportData data = gather(opened.plan, opened.ledger.entries());
  for (const EngineFigures& figures : data.analysis.engines) {
    EXPECT_FALSE(figures.share.has_value());
    EXPECT_FALSE(figures.share_ratio.has_value());
    EXPECT_TRUE(figures.speed_ratio.has_value());
  }
  EXPECT_TRUE(verify(directory).problems.empty());
  EXPECT_THAT(os::read_file(directory.results()), Not(HasSubstr("nan")));
}

TEST_F(EngineRunTest, TwoRunsAreComparedByTheirOtherEnginesToo) {
  const OpenedRun near = open_run(run("near", true));
  const OpenedRun far = open_run(run("far", false));
  const ReportData near_data = gather(near.plan, near.ledger.entries());
  const Comparison same = compare(near_data, near_data, {});
  ASSERT_EQ(same.cells.size(), 6U);
  EXPECT_NEAR(same.cells[5].share.value, 1, 1e-9);
  const Comparison half = compare(near_data, gather(far.plan, far.ledger.entries()), {});
  ASSERT_EQ(half.cells.size(), 6U);
  EXPECT_EQ(half.cells[5].share.n, 0U);
  EXPECT_THAT(explanation(near_data, half.cells[5]), HasSubstr("its memory was not read"));
  EXPECT_THAT(explanation(near_data, half.cells[2]), HasSubstr("share of the ceiling"));
}

// An engine's gaps must not pass for a trial of this program.
TEST(OtherTrials, AreRefusedWhereTheCellIsThisPrograms) {
  const Plan plan = fake_plan(2);
  FakeRunner runner;
  runner.alter = [](std::size_t trial, TrialResult& result) {
    if (trial == 2) result.engine = "llama.cpp";
  };
  const OpenedRun run = open_run(finished_run("wrong_engine", plan, runner));
  ASSERT_EQ(run.state.aborts.size(), 1U);
  EXPECT_THAT(run.state.aborts[0].reason, HasSubstr("another engine"));
  std::vector<LedgerEntry> entries = run.ledger.entries();
  for (LedgerEntry& entry : entries) {
    if (entry.type != "trial") continue;
    entry.data["result"]["engine"] = "llama.cpp";
    entry.data["result"]["missing"] = nlohmann::json::array();
    break;
  }
  EXPECT_THROW(replay(entries, plan), Error);
}

TEST(EngineRunPlain, WithoutOtherEnginesNothingIsSaidOfThem) {
  FakeRunner runner;
  const RunDirectory directory = finished_run("no_engines", fake_plan(2), runner);
  EXPECT_THAT(os::read_file(directory.markdown()), Not(HasSubstr("Other engines")));
}

}  // namespace
}  // namespace ceiling::lab
