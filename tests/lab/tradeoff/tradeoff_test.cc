// A tradeoff measured on a program of known truth, and what its reports say of it.
#include "lab/tradeoff/tradeoff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/tradeoff/dominance.h"
#include "model/tiny_model.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::ThrowsMessage;

// What a type is in the fake world.
struct Truth {
  std::uint64_t bytes;
  double decode, kl;
};
const std::map<std::string, Truth> kTruths = {
    {"Q8_0", {8000, 50, 0.001}}, {"Q5_0", {5500, 60, 0.05}}, {"Q4_K_M", {5000, 80, 0.03}},
    {"Q4_0", {4500, 82, 0.08}},  {"Q2_K", {3000, 81, 0.5}},
};

std::string value_after(const std::vector<std::string>& arguments, std::string_view flag) {
  const auto at = std::find(arguments.begin(), arguments.end(), flag);
  return at == arguments.end() ? "" : *(at + 1);
}

class Fake {
 public:
  std::string run(const std::vector<std::string>& arguments) {
    calls.push_back(arguments);
    if (arguments[0] == "quantize") {
      std::ofstream(arguments[2]) << "type";
      type_of_[arguments[2]] = value_after(arguments, "--type");
      return json{{"bytes", truth(arguments[2]).bytes}}.dump();
    }
    if (arguments[0] == "bench") {
      const double decode = truth(value_after(arguments, "-m")).decode;
      const double wobble = 1 + 0.01 * static_cast<double>(++benches_ % 3);
      return json{{"results",
                   {{{"test", "pp512"}, {"tokens_per_s", {{"median", 10 * decode}}}},
                    {{"test", "tg64"}, {"tokens_per_s", {{"median", decode * wobble}}}}}}}
          .dump();
    }
    const json perplexity = {{"perplexity", 12.5}, {"perplexity_standard_error", 0.4}};
    return json{{"model", {{"perplexity", 13.0}, {"perplexity_standard_error", 0.5}}},
                {"reference", perplexity},
                {"divergence",
                 {{"mean_kl", truth(arguments[1]).kl},
                  {"mean_kl_standard_error", 0.001},
                  {"p99_kl", 2 * truth(arguments[1]).kl},
                  {"top_agreement", 0.9}}},
                {"counted_tokens", 510},
                {"windows", 2}}
        .dump();
  }
  std::vector<std::vector<std::string>> calls;

 private:
  Truth truth(const std::string& path) const {
    const auto found = type_of_.find(path);
    return found == type_of_.end() ? Truth{8000, 49, 0} : kTruths.at(found->second);
  }
  std::map<std::string, std::string> type_of_;
  int benches_ = 0;
};

class TradeoffTest : public testing::Test {
 protected:
  TradeoffTest() {
    std::string name = (fs::temp_directory_path() / "ceiling_tradeoff_XXXXXX").string();
    options_.directory = mkdtemp(name.data());
    options_.model = options_.directory + "/tiny <model>.gguf";
    TinyModel::make("llama").with_type(TensorType::F16).write(options_.model);
    options_.types = {"Q8_0", "Q5_0", "Q4_K_M", "Q4_0", "Q2_K"};
    options_.text = "text.txt";
    options_.blocks = 4;
  }
  ~TradeoffTest() override { fs::remove_all(options_.directory); }

  Tradeoff measure() {
    return measure_tradeoff(options_,
                            [this](const auto& arguments) { return fake_.run(arguments); }, {});
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(options_.directory), fs::directory_iterator()));
  }

  TradeoffOptions options_;
  Fake fake_;
};

const TradeoffPoint& named(const Tradeoff& tradeoff, std::string_view name) {
  return *std::find_if(tradeoff.points.begin(), tradeoff.points.end(),
                       [&](const auto& point) { return point.name == name; });
}

TEST_F(TradeoffTest, TakesEachFigureFromWhereItBelongs) {
  const Tradeoff tradeoff = measure();
  ASSERT_THAT(tradeoff.points, SizeIs(6));
  const TradeoffPoint& q4 = named(tradeoff, "Q4_0");
  EXPECT_EQ(q4.bytes, 4500U);
  EXPECT_THAT(q4.decode, AllOf(SizeIs(4), Each(testing::DoubleNear(82, 2))));
  EXPECT_THAT(q4.prefill, AllOf(SizeIs(4), Each(820)));
  EXPECT_EQ(q4.quality.mean_kl, 0.08);
  EXPECT_EQ(q4.quality.perplexity, 13);
  const TradeoffPoint& source = named(tradeoff, "F16 (source)");
  EXPECT_TRUE(source.source);
  EXPECT_EQ(source.bytes, fs::file_size(options_.model));
  EXPECT_EQ(source.quality.perplexity, 12.5);
  EXPECT_EQ(source.quality.mean_kl, 0);
  EXPECT_TRUE(std::is_sorted(tradeoff.points.begin(), tradeoff.points.end(),
                             [](const auto& a, const auto& b) { return a.bytes > b.bytes; }));
}

TEST_F(TradeoffTest, EachBlockTimesEveryTypeOnceInAnotherOrder) {
  measure();
  std::vector<std::vector<std::string>> blocks;
  for (const auto& call : fake_.calls) {
    if (call[0] != "bench") continue;
    if (blocks.empty() || blocks.back().size() == 6) blocks.emplace_back();
    blocks.back().push_back(value_after(call, "-m"));
  }
  ASSERT_THAT(blocks, SizeIs(4));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(blocks[i], blocks[j]);
  }
  for (auto& block : blocks) {
    std::sort(block.begin(), block.end());
    EXPECT_EQ(std::unique(block.begin(), block.end()), block.end());
  }
}

TEST_F(TradeoffTest, DominatedIsNoBetterInAnythingAndWorseInSomething) {
  const Tradeoff tradeoff = measure();
  EXPECT_THAT(named(tradeoff, "Q5_0").dominated_by, ElementsAre("Q4_K_M"));
  for (const char* kept : {"Q8_0", "Q4_K_M", "Q4_0", "Q2_K"})
    EXPECT_THAT(named(tradeoff, kept).dominated_by, IsEmpty()) << kept;
  std::vector<TradeoffPoint> equal(2, named(tradeoff, "Q8_0"));
  mark_dominated(equal);
  EXPECT_THAT(equal[0].dominated_by, IsEmpty());
}

TEST_F(TradeoffTest, TheFilesGoUnlessTheyAreKept) {
  measure();
  EXPECT_EQ(files(), 1U);
  options_.keep_files = true;
  measure();
  EXPECT_EQ(files(), 6U);
  EXPECT_THAT([&] { measure(); }, ThrowsMessage<Error>(HasSubstr("exists already")));
  EXPECT_EQ(files(), 6U);
}

TEST_F(TradeoffTest, TheTerminalTableFitsAScreenWhateverTheTypes) {
  options_.types = {"F32",    "F16",    "BF16",   "Q8_0",   "Q6_K", "Q5_K_M", "Q5_K_S",
                    "Q5_1",   "Q5_0",   "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0",   "IQ4_NL",
                    "IQ4_XS", "Q3_K_L", "Q3_K_M", "Q3_K_S", "Q2_K"};
  const OwnProgram same = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> asked = arguments;
    const auto type = std::find(asked.begin(), asked.end(), "--type");
    if (type != asked.end()) *(type + 1) = "Q8_0";
    return fake_.run(asked);
  };
  const std::string text = tradeoff_text(measure_tradeoff(options_, same, {}));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 19) << text;
}

TEST_F(TradeoffTest, ReportsSayWhatIsDominatedAndWhetherTheSourceIsQuantised) {
  write_tradeoff(measure());
  for (const char* name : {"report.html", "report.md"}) {
    const std::string text = os::read_file(options_.directory + "/" + name);
    EXPECT_THAT(text,
                AllOf(HasSubstr("the source): Q5"), HasSubstr("The reference is not quantised")))
        << name;
    EXPECT_THAT(text, Not(HasSubstr("<model>")));  // a file's name is no markup
  }
  const std::string page = os::read_file(options_.directory + "/report.html");
  EXPECT_THAT(page, AllOf(HasSubstr("role=\"img\""), HasSubstr("Smaller files lie further"),
                          HasSubstr("tiny &lt;model&gt;"), Not(HasSubstr("<script")),
                          Not(HasSubstr("nan"))));
  const json data = json::parse(os::read_file(options_.directory + "/tradeoff.json"));
  EXPECT_EQ(data["types"].size(), 6U);
  EXPECT_EQ(data["reference_is_quantised"], false);
}

TEST_F(TradeoffTest, FromAQuantisedSourceNoTypeIsRecommended) {
  TinyModel::make("llama").with_type(TensorType::Q8_0).write(options_.model);
  const Tradeoff quantised = measure();
  write_tradeoff(quantised);
  const json data = json::parse(tradeoff_json(quantised));
  EXPECT_EQ(data["reference_is_quantised"], true);
  EXPECT_EQ(data["reference_quantised_to"], "Q8_0");
  for (const std::string& said :
       {tradeoff_text(quantised), os::read_file(options_.directory + "/report.html"),
        os::read_file(options_.directory + "/report.md"), data["answer"].get<std::string>()}) {
    EXPECT_THAT(said, AllOf(HasSubstr("itself quantised (Q8"), HasSubstr("0.500"),
                            HasSubstr("not dominated: "), Not(HasSubstr("worth choosing"))));
  }
  EXPECT_THAT(tradeoff_text(quantised), HasSubstr("none is recommended for its quality"));
  EXPECT_EQ(data["statements"].size(), 3U);
  for (const json& statement : data["statements"]) EXPECT_EQ(statement["outcome"], "not shown");
}

TEST_F(TradeoffTest, FloatsMadeFromAQuantisedFileAreAQuantisedSource) {
  TinyModel model = TinyModel::make("llama").with_type(TensorType::F16);
  model.further_keys = [](gguf::Writer& writer) {
    writer.set_string("ceiling.quantised_from", "Q4_1");
  };
  model.write(options_.model);
  EXPECT_THAT(tradeoff_text(measure()), HasSubstr("itself quantised (Q4_1)"));
}

TEST_F(TradeoffTest, WhatTheBlocksDoNotTellApartIsSaidInEveryReport) {
  write_tradeoff(measure());  // Q4_0 with 82 tokens/s beside Q2_K with 81
  const json data = json::parse(os::read_file(options_.directory + "/tradeoff.json"));
  EXPECT_EQ(data["fastest_in_decode"]["type"], "Q4_0");
  EXPECT_THAT(data["fastest_in_decode"]["not_told_apart_from"], testing::Contains("Q2_K"));
  EXPECT_GT(data["decode_ratio_told_apart"], 1.0);
  for (const std::string& said :
       {tradeoff_text(measure()), os::read_file(options_.directory + "/report.html"),
        os::read_file(options_.directory + "/report.md")})
    EXPECT_THAT(said, HasSubstr("not told apart by 4 blocks: Q4"));

  options_.blocks = 1;
  const Tradeoff once = measure();
  EXPECT_EQ(json::parse(tradeoff_json(once))["decode_ratio_told_apart"], nullptr);
  EXPECT_THAT(named(once, "Q5_0").dominated_by, IsEmpty());
  EXPECT_THAT(named(once, "Q5_0").perhaps_dominated_by, ElementsAre("Q4_K_M"));
  EXPECT_THAT(tradeoff_text(once), AllOf(HasSubstr("1 block and 510 tokens"),
                                         Not(HasSubstr("dominated (")), Not(HasSubstr("inf"))));
}

TEST_F(TradeoffTest, OneTypeAndOneBlockMakeAReportToo) {
  options_.types = {"Q4_0"};
  options_.blocks = 1;
  const Tradeoff tradeoff = measure();
  EXPECT_THAT(tradeoff_html(tradeoff), AllOf(HasSubstr("<svg"), Not(HasSubstr("nan"))));
}

TEST_F(TradeoffTest, WrongTypesAndFailuresAreNamed) {
  options_.types = {"Q4_0", "Q7_X"};
  EXPECT_THAT([&] { measure(); }, ThrowsMessage<Error>(HasSubstr("'Q7_X'")));
  options_.types = {"Q4_0", "Q4_0"};
  EXPECT_THAT([&] { measure(); }, ThrowsMessage<Error>(HasSubstr("named twice")));
  options_.types = {};
  EXPECT_THAT([&] { measure(); }, ThrowsMessage<Error>(HasSubstr("--types")));
  EXPECT_THAT(fake_.calls, IsEmpty());
  options_.types = {"Q4_0"};
  const OwnProgram broken = [](const auto&) { return std::string("no JSON"); };
  EXPECT_THAT([&] { measure_tradeoff(options_, broken, {}); },
              ThrowsMessage<Error>(HasSubstr("'ceiling quantize' gave no JSON")));
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace ceiling::lab
