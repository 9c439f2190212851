#include "lab/ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "ledger_test.jsonl";
    std::filesystem::remove(path_);
    Ledger ledger = Ledger::create(path_);
    for (int i = 0; i < 5; ++i) ledger.append("trial", {{"block", i}, {"speed", 9.5 + i}});
  }
  std::vector<std::string> lines() const {
    std::istringstream in(os::read_file(path_));
    std::vector<std::string> result;
    for (std::string line; std::getline(in, line);) result.push_back(line);
    return result;
  }
  static std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
  }
  // The damages of a ledger with these lines, as one text.
  static std::string damages(const std::vector<std::string>& lines) {
    const LedgerCheck check = check_ledger(joined(lines));
    return describe(check.damages, 100);
  }
  std::string path_;
};

TEST_F(LedgerTest, KeepsWhatWasWritten) {
  Ledger ledger = Ledger::open(path_);
  ASSERT_EQ(ledger.entries().size(), 5U);
  EXPECT_EQ(ledger.entries()[3].data.at("speed"), 12.5);
  EXPECT_EQ(ledger.entries()[0].previous, std::string(64, '0'));
  EXPECT_EQ(ledger.entries()[4].previous, ledger.entries()[3].hash);
  ledger.append("finished", nlohmann::json::object());
  EXPECT_EQ(Ledger::open(path_).entries().back().type, "finished");
  EXPECT_EQ(Ledger::open(path_).head(), ledger.head());
  EXPECT_THROW(Ledger::create(path_), Error);
}

TEST_F(LedgerTest, EveryChangedByteIsFound) {
  const std::string text = os::read_file(path_);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const LedgerCheck check = check_ledger(changed);
    EXPECT_TRUE(!check.damages.empty() || check.torn_bytes > 0) << "byte " << i;
    changed = text;
    changed.insert(i, " ");
    const LedgerCheck spaced = check_ledger(changed);
    EXPECT_FALSE(spaced.damages.empty()) << "space at " << i;
    changed = text;
    changed.erase(i, 1);
    const LedgerCheck shorter = check_ledger(changed);
    EXPECT_TRUE(!shorter.damages.empty() || shorter.torn_bytes > 0) << "without byte " << i;
  }
}

TEST_F(LedgerTest, NamesTheLineThatWasChanged) {
  auto all = lines();
  all[2].replace(all[2].find("11.5"), 4, "19.5");
  EXPECT_THAT(damages(all), HasSubstr("line 3: entry 2 (trial) does not match its hash"));
  EXPECT_EQ(check_ledger(joined(all)).damages.size(), 1U);
}

TEST_F(LedgerTest, NamesRemovedReorderedAndAddedLines) {
  auto all = lines();
  all.erase(all.begin() + 1);
  EXPECT_THAT(damages(all), HasSubstr("line 2: entry 2 stands where entry 1 should"));
  all = lines();
  all.erase(all.begin());
  EXPECT_THAT(damages(all), HasSubstr("line 1: entry 1 stands where entry 0 should"));
  all = lines();
  std::swap(all[1], all[2]);
  EXPECT_THAT(damages(all), HasSubstr("line 2: entry 2 stands where entry 1 should"));
  EXPECT_THAT(damages(all), HasSubstr("line 3: entry 1 stands where entry 3 should"));
  all = lines();
  all.insert(all.begin() + 2, all[1]);
  EXPECT_THAT(damages(all), HasSubstr("line 3: entry 1 stands where entry 2 should"));
  all = lines();
  all.insert(all.begin() + 2, "{}");
  EXPECT_THAT(damages(all), HasSubstr("line 3: this line.entry is missing"));
  all = lines();
  all[1] += "\r";
  EXPECT_FALSE(damages(all).empty());
}

// Every line hashes well by itself, but one comes from another run.
TEST_F(LedgerTest, NamesALineOfAnotherRun) {
  auto all = lines();
  const std::string other = ::testing::TempDir() + "ledger_other.jsonl";
  std::filesystem::remove(other);
  Ledger ledger = Ledger::create(other);
  for (int i = 0; i < 5; ++i) ledger.append("trial", {{"block", i}, {"speed", 20.5}});
  std::ifstream in(other);
  std::string line;
  for (int i = 0; i < 3; ++i) std::getline(in, line);
  all[2] = line;
  EXPECT_THAT(damages(all), HasSubstr("line 3: entry 2 does not follow the line before it"));
  EXPECT_THAT(damages(all), HasSubstr("line 4: entry 3 does not follow the line before it"));
}

TEST_F(LedgerTest, FindsAllDamageNotOnlyTheFirst) {
  auto all = lines();
  all[0].replace(all[0].find("trial"), 5, "trail");
  all[3] = "rubbish";
  const LedgerCheck check = check_ledger(joined(all));
  ASSERT_EQ(check.damages.size(), 2U);
  EXPECT_EQ(check.damages[0].line, 1U);
  EXPECT_EQ(check.damages[1].line, 4U);
  os::write_file(path_, joined(all));
  try {
    Ledger::open(path_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), HasSubstr("line 1"));
    EXPECT_THAT(error.what(), HasSubstr("line 4"));
  }
}

TEST_F(LedgerTest, ATornLastLineIsDroppedAndTold) {
  const std::string text = os::read_file(path_);
  os::write_file(path_, text + R"({"data":{"blo)");
  Ledger ledger = Ledger::open(path_);
  EXPECT_EQ(ledger.torn_bytes(), 13U);
  EXPECT_EQ(ledger.entries().size(), 5U);
  EXPECT_EQ(os::read_file(path_), text);
  ledger.append("resumed", {{"torn_bytes", 13}});
  EXPECT_TRUE(check_ledger(os::read_file(path_)).damages.empty());
}

}  // namespace
}  // namespace ceiling::lab
