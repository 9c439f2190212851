#include "lab/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>

#include "lab/charts/chart.h"
#include "lab/fake_lab.h"
#include "lab/protocol/protocol.h"
#include "lab/report/report_style.h"
#include "lab/report/summary.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The plan of a real run: synthetic cells, so that labels show. No model file is needed to report.
Plan synthetic_plan() {
  Plan plan = fake_plan();
  plan.cells[1].model = SyntheticModel{"1B", "Q8_0"};
  plan.cells[2].model = SyntheticModel{"7B", "Q4_K_M"};
  return plan;
}

// A finished ledger, written without running anything.
std::vector<LedgerEntry> finished_ledger(const Plan& plan) {
  FakeRunner runner;
  runner.share_of_cell = {{"7B-Q4_K_M", 0.94}, {"1B-Q8_0", 0.85}};
  runner.alter = [](std::size_t trial, TrialResult& result) {
    for (double& seconds : result.token_s) seconds *= 1 + 0.002 * static_cast<double>(trial % 5);
    if (trial == 3) result.conditions.others_share = 0.31;
  };
  const RunDirectory directory = finished_run("report", fake_plan(), runner);
  std::vector<LedgerEntry> entries = Ledger::open(directory.ledger()).entries();
  EXPECT_EQ(plan.seed, fake_plan().seed);
  return entries;
}

class ReportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    plan_ = new Plan(synthetic_plan());
    entries_ = new std::vector<LedgerEntry>(finished_ledger(*plan_));
  }
  static void TearDownTestSuite() {
    delete plan_;
    delete entries_;
  }
  static ReportData data() { return gather(*plan_, *entries_); }
  static std::string html() { return make_report(*plan_, *entries_).html; }
  static Plan* plan_;
  static std::vector<LedgerEntry>* entries_;
};
Plan* ReportTest::plan_ = nullptr;
std::vector<LedgerEntry>* ReportTest::entries_ = nullptr;

TEST_F(ReportTest, TheAnswerComesFirst) {
  EXPECT_THAT(headline(data()), HasSubstr("7B at Q4_K_M makes "));
  EXPECT_THAT(headline(data()), HasSubstr(", 93.6 % of what this machine’s memory allows ("));
  const std::string page = html();
  EXPECT_LT(page.find("<h1>7B at Q4_K_M makes"), page.find("H1: no verdict"));
  EXPECT_LT(page.find("H1: no verdict"), page.find("<svg"));
}

TEST_F(ReportTest, SyntheticWeightsAreLabelledAtEveryFigure) {
  const ReportData d = data();
  for (const Chart& chart : {speed_chart(d), prediction_chart(d), time_chart(d), block_chart(d)}) {
    EXPECT_THAT(chart.wide, HasSubstr("speed only")) << chart.id;
    EXPECT_THAT(chart.narrow, HasSubstr("speed only")) << chart.id;
  }
  for (const Table& table :
       {speed_table(d), clock_table(d), energy_table(d), prediction_table(d), time_table(d),
        block_table(d), precision_table(d), roofline_chart(d).data}) {
    const auto column = std::find(table.header.begin(), table.header.end(), "Weights");
    ASSERT_NE(column, table.header.end());
    for (const auto& row : table.rows) {
      const std::string& label = row[static_cast<std::size_t>(column - table.header.begin())];
      EXPECT_EQ(label, row[0] == "1B at Q4_K_M" ? "real" : "synthetic: speed only");
    }
  }
  EXPECT_EQ(headline_label(d), "synthetic weights: speed only");
  EXPECT_THAT(make_report(*plan_, *entries_).html,
              HasSubstr("<small>synthetic weights: speed only</small></h1>"));
  EXPECT_THAT(make_report(*plan_, *entries_).csv, HasSubstr("7B-Q4_K_M,synthetic: speed only"));
}

TEST_F(ReportTest, ThereIsNoWordOfDevicesWhereThereIsOnlyTheCpu) {
  const Report report = make_report(*plan_, *entries_);
  EXPECT_THAT(report.csv, Not(HasSubstr("device")));
  EXPECT_THAT(report.markdown, Not(HasSubstr("The device")));
  EXPECT_THAT(report.html, Not(HasSubstr("id=\"device\"")));
}

TEST(DeviceReport, NamesTheDeviceAtEveryFigureAndHoldsItAgainstItsOwnMemory) {
  const Plan plan = device_plan();
  FakeRunner runner;
  runner.share_of_cell = {{"7B-Q4_K_M", 0.94}, {"7B-Q4_K_M-cuda", 0.61}};
  const RunDirectory directory = finished_run("devices", plan, runner);
  const auto entries = Ledger::open(directory.ledger()).entries();
  const ReportData d = gather(plan, entries);
  const CellFigures* figures = d.analysis.find(plan, "7B-Q4_K_M-cuda");
  ASSERT_NE(figures, nullptr);
  EXPECT_NEAR(figures->share.value, 0.61, 1e-9);
  EXPECT_NEAR(d.analysis.find(plan, "7B-Q4_K_M")->share.value, 0.94, 1e-9);
  EXPECT_GT(figures->probe_gb_per_s, 2999);
  for (const Table& table : {speed_table(d), clock_table(d), time_table(d), block_table(d),
                             device_table(d), device_condition_table(d)}) {
    const auto named = [](const std::vector<std::string>& row) {
      return row[0].ends_with(" on cuda");
    };
    EXPECT_TRUE(std::any_of(table.rows.begin(), table.rows.end(), named)) << table.header[0];
  }
  for (const Chart& chart : {speed_chart(d), prediction_chart(d), time_chart(d), block_chart(d)}) {
    EXPECT_THAT(chart.wide, HasSubstr("cuda")) << chart.id;
    EXPECT_THAT(chart.narrow, HasSubstr("cuda")) << chart.id;
  }
  EXPECT_THAT(roofline_chart(d).wide, Not(HasSubstr("cuda")));  // its peak is not known
  EXPECT_EQ(device_table(d).rows.size(), 3U);
  for (const TypeRatio& ratio : d.analysis.type_ratios) {
    EXPECT_EQ(plan.cells[ratio.smaller].device, plan.cells[ratio.larger].device);
  }
  const Report report = make_report(plan, entries);
  EXPECT_THAT(report.csv, HasSubstr(",device,residency,device_clock_mhz,"));
  EXPECT_THAT(report.csv, HasSubstr(",cuda,copied,1410,"));
  EXPECT_THAT(report.markdown, HasSubstr("Device cuda: link before the run"));
  EXPECT_THAT(report.html, HasSubstr("id=\"device\""));
  EXPECT_THAT(report.markdown,
              HasSubstr("not available on cuda: it has no kernels with added work"));
}

TEST_F(ReportTest, ChartsAreSmallDescribedAndWellFormed) {
  const ReportData d = data();
  for (const Chart& chart :
       {speed_chart(d), prediction_chart(d), roofline_chart(d), time_chart(d), block_chart(d)}) {
    for (const std::string& svg : {chart.wide, chart.narrow}) {
      EXPECT_LT(svg.size(), 40U << 10) << chart.id;
      EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\""));
      EXPECT_THAT(svg, HasSubstr("<title>"));
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("inf")));
    }
    EXPECT_FALSE(chart.title.empty());
    EXPECT_FALSE(chart.reading.empty());
    EXPECT_FALSE(chart.data.rows.empty());
    for (const auto& row : chart.data.rows) EXPECT_EQ(row.size(), chart.data.header.size());
  }
}

TEST_F(ReportTest, ThePageNeedsNothingBesideItself) {
  const std::string page = html();
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  // The only addresses are the name of the SVG vocabulary and places in the page.
  const std::regex address("https?://[^\"]*");
  for (auto i = std::sregex_iterator(page.begin(), page.end(), address);
       i != std::sregex_iterator(); ++i) {
    EXPECT_EQ(i->str(), "http://www.w3.org/2000/svg");
  }
}

TEST_F(ReportTest, HostileNamesStayText) {
  Plan plan = *plan_;
  plan.left_out = {{"<script>alert(1)</script>", "a & b"}};
  plan.machine.cpu = "\"><img>";
  const Report report = make_report(plan, *entries_);
  EXPECT_THAT(report.html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(report.html, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(report.html, Not(HasSubstr("<img>")));
  EXPECT_THAT(report.markdown, HasSubstr("\\<script\\>"));
}

TEST_F(ReportTest, IsTheSameEveryTime) {
  EXPECT_EQ(make_report(*plan_, *entries_).html, make_report(*plan_, *entries_).html);
}

TEST_F(ReportTest, EveryFigureStandsInTheMarkdownToo) {
  const Report report = make_report(*plan_, *entries_);
  for (const char* text : {"Predicted, then measured", "no verdict", "What must agree", "SHA-256",
                           "excluded: other processes took 31.0 %", "32B at Q4\\_K\\_M",
                           "What this run cannot say", "ceiling lab verify"}) {
    EXPECT_THAT(report.markdown, HasSubstr(text));
  }
}

TEST_F(ReportTest, TheTerminalSummaryIsShort) {
  for (const int columns : {80, 120}) {
    const std::string text = terminal_summary(data(), "runs/x/report.html", columns);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 20);
    EXPECT_EQ(text.find("7B at Q4_K_M makes"), 0U);
    EXPECT_TRUE(text.ends_with("Report: runs/x/report.html\n"));
  }
}

// WCAG 2.1: relative luminance and contrast.
double luminance(const std::string& colour) {
  const auto channel = [&](std::size_t at) {
    const double c = std::stoi(colour.substr(at, 2), nullptr, 16) / 255.0;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

double contrast(const std::string& a, const std::string& b) {
  const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
  return std::max(x, y) / std::min(x, y);
}

TEST(ReportStyle, EveryColourHasContrastInLightAndDark) {
  const std::string style(report_style());
  const std::size_t dark_at = style.find("prefers-color-scheme: dark");
  ASSERT_NE(dark_at, std::string::npos);
  for (const std::string& theme : {style.substr(0, dark_at), style.substr(dark_at)}) {
    std::map<std::string, std::string> colours;
    const std::regex variable("--([a-z]+): (#[0-9a-f]{6});");
    for (auto i = std::sregex_iterator(theme.begin(), theme.end(), variable);
         i != std::sregex_iterator(); ++i) {
      colours[(*i)[1]] = (*i)[2];
    }
    for (const char* name :
         {"ink", "muted", "measured", "predicted", "spilled", "reference", "attention"}) {
      ASSERT_TRUE(colours.count(name)) << name;
      EXPECT_GE(contrast(colours[name], colours["paper"]), 4.5) << name << " " << colours[name];
    }
    EXPECT_GE(contrast(colours["ink"], colours["panel"]), 4.5);
  }
}

TEST(Shown, ThreeFiguresAndTheIntervalInTheSameDigits) {
  EXPECT_EQ(shown(9.8312), "9.83");
  EXPECT_EQ(shown(98.31), "98.3");
  EXPECT_EQ(shown(983.1), "983");
  EXPECT_EQ(shown(9831.0), "9830");
  EXPECT_EQ(shown(0.012345), "0.0123");
  EXPECT_EQ(shown(0.0), "0");
  EXPECT_EQ(shown(Estimate{9.8312, 9.612, 10.05, 5}), "9.83 (9.61–10.05)");
  EXPECT_EQ(shown(Estimate{9.8312, 9.8312, 9.8312, 1}), "9.83");
  EXPECT_EQ(shown_percent({0.94, 0.93, 0.956, 5}), "94 % (93–96)");
  EXPECT_EQ(shown_percent({0.9402, 0.9371, 0.943, 5}), "94.0 % (93.7–94.3)");
}

// Ticks of the clock tell no less, and a difference of two counts may come out below zero.
TEST(Shown, TimeOfOthersWithinTheClocksTicksIsNone) {
  TrialConditions conditions;
  EXPECT_FALSE(shown_others_share(conditions));
  conditions.others_share_resolution = 0.01;
  for (const double within : {-0.008, 0.0, 0.01}) {
    conditions.others_share = within;
    EXPECT_EQ(shown_others_share(conditions), 0) << within;
  }
  conditions.others_share = 0.011;
  EXPECT_EQ(shown_others_share(conditions), 0.011);
}

TEST(Axis, AtMostSixRoundTicks) {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {5.7, 118}, {0.9, 1.1}, {3, 3.1}, {0.001, 90000}, {95, 105}}) {
    const Axis axis = Axis::logarithmic(low, high, 0, 100);
    EXPECT_LE(axis.ticks().size(), 6U);
    EXPECT_GE(axis.ticks().size(), 2U) << low << " to " << high;
    EXPECT_GE(axis.at(low), 0);
    EXPECT_LE(axis.at(high), 100);
    EXPECT_LT(axis.at(low), axis.at(high));
  }
  for (const double high : {0.3, 1.0, 7.0, 53.0, 100.0, 104.0, 1234.0}) {
    const Axis axis = Axis::linear(0, high, 0, 100);
    EXPECT_LE(axis.ticks().size(), 6U) << high;
    EXPECT_EQ(axis.ticks().front(), 0);
    EXPECT_GE(axis.high(), high);
  }
}

TEST(Spread, KeepsOrderGapAndRange) {
  const std::vector<double> placed = spread({10, 11, 9, 50}, 5, 0, 60);
  EXPECT_LE(placed[2] + 5, placed[0] + 1e-9);
  EXPECT_LE(placed[0] + 5, placed[1] + 1e-9);
  EXPECT_EQ(placed[3], 50);
  for (const double y : spread({59, 59, 59}, 5, 0, 60)) EXPECT_LE(y, 60);
}

}  // namespace
}  // namespace ceiling::lab
