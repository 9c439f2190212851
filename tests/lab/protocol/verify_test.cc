#include "lab/protocol/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/json/canonical_json.h"
#include "lab/report/report.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    FakeRunner runner;
    directory_ =
        std::make_unique<RunDirectory>(finished_run("verify_" + name, fake_plan(2), runner));
  }
  const RunDirectory& directory() const { return *directory_; }
  std::vector<std::string> ledger_lines() const {
    std::istringstream in(os::read_file(directory().ledger()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  void write_ledger(const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    os::write_file(directory().ledger(), text);
  }
  // The chain made whole again from the first line on, as a forger would.
  void write_forged(const std::vector<std::string>& lines) const {
    std::filesystem::remove(directory().ledger());
    Ledger ledger = Ledger::create(directory().ledger());
    for (const std::string& line : lines) {
      const auto value = parse_json(line, "line");
      ledger.append(value.at("type"), value.at("data"));
    }
  }
  std::vector<std::string> problems() const { return verify(directory()).problems; }

 private:
  std::unique_ptr<RunDirectory> directory_;
};

TEST_F(VerifyTest, ASoundRunHasNoProblems) {
  const Verification found = verify(directory());
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_TRUE(found.finished);
  EXPECT_EQ(found.checked.size(), 6U);  // chain, seal, order, three files
}

TEST_F(VerifyTest, AChangedByteOfTheLedger) {
  auto lines = ledger_lines();
  const std::size_t digit = lines[5].find("\"load_s\":") + 12;
  lines[5][digit] = lines[5][digit] == '9' ? '8' : '9';
  write_ledger(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("ledger.jsonl line 6")));
}

TEST_F(VerifyTest, ARemovedLine) {
  auto lines = ledger_lines();
  lines.erase(lines.begin() + 4);
  write_ledger(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("ledger.jsonl line 5: entry 5 stands where entry 4")));
}

TEST_F(VerifyTest, RemovedLastLines) {
  auto lines = ledger_lines();
  lines.resize(lines.size() - 2);
  write_ledger(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("last lines were removed")));
}

// A chain that holds does not save a forger: trials must stand in the sealed order, exclusions must
// follow from conditions, and figures from the lines.
TEST_F(VerifyTest, AForgedChainWithATrialRemoved) {
  auto lines = ledger_lines();
  lines.erase(lines.begin() + 4, lines.begin() + 6);  // begun and trial
  write_forged(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("is not what the sealed order wants next")));
}

TEST_F(VerifyTest, AForgedChainWithAnExclusionAdded) {
  auto lines = ledger_lines();
  const std::string none = "\"excluded\":[]";
  const std::size_t at = lines[3].find(none);
  ASSERT_NE(at, std::string::npos);
  lines[3].replace(at, none.size(), "\"excluded\":[\"it looked noisy\"]");
  write_forged(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("does not follow from its conditions")));
}

TEST_F(VerifyTest, AForgedChainWithABetterNumber) {
  auto lines = ledger_lines();
  const std::size_t at = lines[3].find("\"load_s\":0.05");
  ASSERT_NE(at, std::string::npos);
  lines[3].replace(at, 13, "\"load_s\":0.01");
  write_forged(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("results.csv is not what the ledger gives")));
}

TEST_F(VerifyTest, APlanChangedAfterSealing) {
  std::string text = os::read_file(directory().plan());
  const std::size_t at = text.find("\"median\": 9.5");
  ASSERT_NE(at, std::string::npos);
  os::write_file(directory().plan(), text.replace(at, 13, "\"median\": 6.1"));
  EXPECT_THAT(problems(), Contains(HasSubstr("not the plan that was sealed")));
}

TEST_F(VerifyTest, ABrokenPlanAndABrokenLedgerAreBothNamed) {
  os::write_file(directory().plan(), "{\"format\": 3}");
  auto lines = ledger_lines();
  lines[2] = "x";
  write_ledger(lines);
  EXPECT_THAT(problems(), Contains(HasSubstr("plan.json")));
  EXPECT_THAT(problems(), Contains(HasSubstr("line 3")));
}

TEST_F(VerifyTest, ChangedReports) {
  for (const std::string& path :
       {directory().results(), directory().markdown(), directory().html()}) {
    const std::string text = os::read_file(path);
    os::write_file(path, text + " ");
    EXPECT_THAT(problems(), Contains(HasSubstr("is not what the ledger gives"))) << path;
    os::write_file(path, text);
    EXPECT_THAT(problems(), IsEmpty());
  }
}

// Who learns from a run needs its figures, not its pages: those, and columns that nothing is
// learned from, may be another version's.
TEST_F(VerifyTest, ARunOfAnotherVersionTeaches) {
  os::write_file(directory().html(), "the page of an earlier version");
  std::filesystem::remove(directory().markdown());
  std::string csv = os::read_file(directory().results());
  csv.replace(csv.find("swap_in_pages"), 13, "pages_swapped");
  os::write_file(directory().results(), csv);
  EXPECT_NO_THROW(require_sound(directory()));
  EXPECT_THAT(problems(), ::testing::SizeIs(3));  // verify is as strict as ever
}

TEST_F(VerifyTest, ARunWhoseFiguresWereChangedDoesNotTeach) {
  const std::string csv = os::read_file(directory().results());
  const auto refusal = [&](const std::string& text) -> std::string {
    os::write_file(directory().results(), text);
    try {
      require_sound(directory());
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  std::string better = csv;
  const std::size_t share = better.find(",0.8,");
  ASSERT_NE(share, std::string::npos);
  EXPECT_THAT(refusal(better.replace(share, 5, ",0.9,")), HasSubstr("'share_of_ceiling'"));
  EXPECT_THAT(refusal(csv.substr(0, csv.rfind('\n', csv.size() - 2) + 1)),
              HasSubstr("is not what the ledger gives"));
  EXPECT_EQ(refusal(csv), "no error");
  auto lines = ledger_lines();
  lines.erase(lines.begin() + 4);
  write_ledger(lines);
  EXPECT_THAT(refusal(csv), HasSubstr("ledger.jsonl line 5"));
}

}  // namespace
}  // namespace ceiling::lab
