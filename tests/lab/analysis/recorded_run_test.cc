// A run that was written by other hands (tests/data/lab/make.py: own canonical JSON, seal, chain,
// order and intervals) must read, verify and come to the same figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lab/analysis/analysis.h"
#include "lab/fake_lab.h"
#include "lab/json/canonical_json.h"
#include "lab/protocol/protocol.h"
#include "lab/protocol/verify.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

class RecordedRun : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder("recorded");
    std::filesystem::copy(std::string(CEILING_TEST_DATA) + "/lab/run", folder_);
    expected_ = parse_json(os::read_file(std::string(CEILING_TEST_DATA) + "/lab/expected.json"),
                           "expected.json");
  }
  std::string folder_;
  nlohmann::json expected_;
};

TEST_F(RecordedRun, ReadsAndVerifies) {
  const RunDirectory directory = RunDirectory::open(folder_);
  const OpenedRun run = reveal(directory);
  EXPECT_EQ(run.state.digest, expected_.at("seal"));
  EXPECT_EQ(run.ledger.head(), expected_.at("head"));
  const Verification found = verify(directory);
  EXPECT_THAT(found.problems, ::testing::IsEmpty());
  EXPECT_TRUE(found.finished);
}

TEST_F(RecordedRun, GivesTheSameSharesAndIntervals) {
  const OpenedRun run = open_run(RunDirectory::open(folder_));
  const Analysis analysis = analyse(run.plan, run.state);
  ASSERT_EQ(analysis.cells.size(), expected_.at("share").size());
  for (const CellFigures& figures : analysis.cells) {
    const auto& share = expected_.at("share").at(run.plan.cells[figures.cell].id);
    EXPECT_NEAR(figures.share.value, share[0].get<double>(), 1e-9);
    EXPECT_NEAR(figures.share.low, share[1].get<double>(), 1e-9);
    EXPECT_NEAR(figures.share.high, share[2].get<double>(), 1e-9);
  }
  EXPECT_EQ(analysis.excluded, 1U);
}

}  // namespace
}  // namespace ceiling::lab
