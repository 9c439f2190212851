// Treatments on the real device and a model shrunk to nothing: what they add, and what they leave
// alone.
#include "lab/trial/measure_treatments.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/isa.h"
#include "lab/fake_lab.h"
#include "lab/json/json_fields.h"
#include "lab/planning/hypothesis_cells.h"
#include "lab/planning/models.h"
#include "lab/trial/measure.h"

namespace ceiling::lab {
namespace {

class MeasureTreatments : public ::testing::Test {
 protected:
  void SetUp() override {
    if (active_isa() != Isa::avx2 && vectors_of(active_isa()) != Isa::avx512) {
      GTEST_SKIP() << "no kernels with added work for " << name(active_isa());
    }
    cell_.id = "nothing";
    cell_.size = "nothing";
    cell_.type = "F16";
    cell_.model = SyntheticModel{"nothing", "F16", 1, 512};
    cell_.threads = 2;
    cell_.prompt_tokens = 16;
    cell_.least_tokens = cell_.most_tokens = 4;
    path_ = prepare_model(cell_, {});
  }

  std::unique_ptr<Session> session() const {
    SessionOptions options;
    options.threads = 2;
    options.context = 64;
    options.sequences = options.logit_rows = 8;
    auto result = std::make_unique<Session>(Model::open(path_), options);
    result->append(0, std::vector<Token>{1, 2, 3});
    return result;
  }

  Cell cell_;
  std::string path_;
};

// The results of a step keep every bit, whatever is added to its products.
TEST_F(MeasureTreatments, LeaveTheResultsAlone) {
  const auto s = session();
  const Token token = 7;
  const auto logits = [&] {
    const std::span<const float> out = s->append(0, std::span(&token, 1));
    std::vector<float> copy(out.begin(), out.end());
    s->truncate(0, 3);
    return copy;
  };
  const std::vector<float> plain = logits();
  for (const Treatment& t : all_treatments()) {
    if (!t.added_work()) continue;
    s->executable().set_added_work({t.bytes, t.cached_bytes, t.arithmetic});
    EXPECT_EQ(logits(), plain) << t.bytes << " " << t.cached_bytes << " " << t.arithmetic;
  }
  s->executable().stop_added_work();
  EXPECT_EQ(logits(), plain);
}

TEST_F(MeasureTreatments, AddTheBytesThatTheySay) {
  const auto s = session();
  const std::vector<Treatment> treatments = {
      {}, {.bytes = 0.25}, {.cached_bytes = 0.25}, {.sequences = 4}};
  unsigned between = 0;
  std::uint64_t misses = 0;
  const auto steps = measure_treatments(
      *s, treatments, 1, {.least = 3, .most = 3, .seconds = 0}, [&] { ++between; },
      [&] { return std::optional<std::uint64_t>(misses += 5); });
  ASSERT_EQ(steps.size(), 12U);
  EXPECT_EQ(between, 3U);
  for (const TreatedStep& step : steps) {
    EXPECT_GT(step.seconds, 0);
    EXPECT_EQ(step.cache_misses, 5U);
    // Rounded to whole lines of 64 bytes in each product.
    const double expected = step.treatment == 1 ? 0.25 : 0;
    EXPECT_NEAR(static_cast<double>(step.added_bytes) / static_cast<double>(step.read_bytes),
                expected, 0.02);
  }
  EXPECT_EQ(s->length(0), 3U);  // what the steps appended was taken back
}

TEST_F(MeasureTreatments, ATrialCarriesThemThroughItsJson) {
  cell_.work = Work::treatments;
  cell_.treatments = {{}, {.bytes = 0.3}, {.arithmetic = 7}, {.sequences = 8}};
  cell_.most_decode_s = 0.05;
  const TrialResult result = measure(cell_, path_);
  EXPECT_EQ(result.token_s.size(), 4U);
  ASSERT_GE(result.treated.size(), 16U);
  const nlohmann::json value = to_json(result);
  const TrialResult again = trial_from_json(Fields(value, "trial"));
  ASSERT_EQ(again.treated.size(), result.treated.size());
  EXPECT_EQ(again.treated[5].seconds, result.treated[5].seconds);
  const nlohmann::json cell = to_json(cell_);
  EXPECT_EQ(cell_from_json(Fields(cell, "cell")).treatments, cell_.treatments);
}

}  // namespace
}  // namespace ceiling::lab
