#include "fit/decode_prediction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string_view>

#include "base/error.h"
#include "model/cost.h"
#include "model/shapes.h"

namespace ceiling::fit {
namespace {

MachineRates machine(double gb_per_s) { return {{gb_per_s * 1e9}, 900e9, 2}; }

TEST(LogNormal, QuantilesAreThoseOfTheNormal) {
  const Prediction p = log_normal(10, 0.1);
  EXPECT_DOUBLE_EQ(p.median, 10);
  EXPECT_NEAR(std::log(p.p80.high / 10), 0.12816, 1e-5);
  EXPECT_NEAR(std::log(p.p95.low / 10), -0.19600, 1e-5);
}

TEST(DecodePrediction, CeilingIsRateOverTheProgramsBytes) {
  const Program program = shape_program(find_shape("7B"), "Q4_K_M");
  const DecodePrediction p = predict_decode(program, 128, 64, machine(30));
  EXPECT_EQ(p.bytes_per_token, mean_decode_cost(program, 128, 64).read_bytes());
  EXPECT_NEAR(p.ceiling_tokens_per_s * static_cast<double>(p.bytes_per_token), 30e9, 1);
}

// Never the bare ceiling: a share below it, inside an interval that could be missed.
TEST(DecodePrediction, StakesAShareBelowTheCeiling) {
  for (const char* size : {"0.5B", "1B", "7B"}) {
    const auto p = predict_decode(shape_program(find_shape(size), "Q4_K_M"), 128, 64, machine(30));
    EXPECT_LT(p.share.median, 1);
    EXPECT_LT(p.share.p95.low, p.share.p80.low);
    EXPECT_LT(p.share.p80.low, p.share.median);
    EXPECT_LT(p.share.median, p.share.p80.high);
    EXPECT_NEAR(p.tokens_per_s.median, p.share.median * p.ceiling_tokens_per_s,
                1e-9 * p.tokens_per_s.median);
    // The speed stakes more than the share: the read rate moves too.
    EXPECT_GT(p.tokens_per_s.p95.high / p.tokens_per_s.median, p.share.p95.high / p.share.median);
  }
}

TEST(DecodePrediction, SmallModelsLoseMoreToFixedTime) {
  const auto share = [](const char* size) {
    return predict_decode(shape_program(find_shape(size), "Q4_K_M"), 128, 64, machine(30))
        .share.median;
  };
  EXPECT_LT(share("0.5B"), share("1B"));
  EXPECT_LT(share("1B"), share("7B"));
}

TEST(DecodePrediction, AFastMemoryIsLimitedByTheCores) {
  const Program program = shape_program(find_shape("7B"), "Q4_K_M");
  const double slow = predict_decode(program, 128, 64, machine(30)).tokens_per_s.median;
  const double fast = predict_decode(program, 128, 64, machine(3000)).tokens_per_s.median;
  EXPECT_GT(fast, slow);
  EXPECT_LT(fast, 3 * slow);
}

TEST(DecodePrediction, RefusesAnUnknownReadRate) {
  const Program program = shape_program(find_shape("1B"), "Q8_0");
  EXPECT_THROW(predict_decode(program, 0, 1, machine(0)), Error);
}

TEST(EstimatePrefill, GrowsWithThePrompt) {
  const Program program = shape_program(find_shape("1B"), "Q4_K_M");
  const double one = estimate_prefill(program, 128, machine(30)).value;
  EXPECT_GT(one, 0.1);
  EXPECT_GT(estimate_prefill(program, 256, machine(30)).value, 1.9 * one);
}

// A machine whose streams reach 0.93 and whose layers cost 90 us: two shapes teach it, the next of
// the same types are predicted within 5 %.
TEST(Calibration, TeachesTheNextShapesShare) {
  const MachineRates rates = machine(30);
  const auto truth = [&](const Program& program) {
    const double bytes = static_cast<double>(mean_decode_cost(program, 128, 64).read_bytes());
    const double floor_s = bytes / 30e9;
    return floor_s / (floor_s / 0.93 + 100e-6 + 90e-6 * program.layers);
  };
  std::vector<MeasuredShare> measured;
  for (const char* size : {"1B", "3B"}) {
    const Program program = shape_program(find_shape(size), "Q4_K_M");
    measured.push_back({program, 128, 64, truth(program)});
  }
  MachineRates taught = rates;
  taught.calibration = calibrate(measured, rates);
  for (const char* size : {"7B", "13B", "32B"}) {
    const Program program = shape_program(find_shape(size), "Q4_K_M");
    const DecodePrediction p = predict_decode(program, 128, 64, taught);
    EXPECT_NEAR(p.share.median / truth(program), 1, 0.05) << size;
    EXPECT_LT(p.share.p80.high - p.share.p80.low,
              predict_decode(program, 128, 64, rates).share.p80.high -
                  predict_decode(program, 128, 64, rates).share.p80.low);
  }
  EXPECT_THROW(calibrate({{measured[0].program, 0, 1, 0.0}}, rates), Error);
  EXPECT_DOUBLE_EQ(calibrate({}, rates).stream, 1);
}

// Kernels of one type may differ from the first values more than those of another.
TEST(Calibration, LearnsTypeByType) {
  const MachineRates rates = machine(30);
  std::vector<MeasuredShare> measured;
  for (const auto& [type, share] : {std::pair{"Q8_0", 0.95}, {"Q6_K", 0.70}, {"Q4_0", 0.80}}) {
    measured.push_back({shape_program(find_shape("3B"), type), 128, 64, share});
  }
  MachineRates taught = rates;
  taught.calibration = calibrate(measured, rates);
  const auto share = [&](const char* type) {
    return predict_decode(shape_program(find_shape("7B"), type), 128, 64, taught).share;
  };
  // The next size loses less to fixed costs.
  EXPECT_NEAR(share("Q8_0").median, 0.95, 0.05);
  EXPECT_NEAR(share("Q6_K").median, 0.70, 0.05);
  // A type that nothing was measured of keeps its doubt.
  EXPECT_GT(share("Q5_0").p80.high - share("Q5_0").p80.low,
            share("Q8_0").p80.high - share("Q8_0").p80.low);
}

// A cell of a lab's table: share of the ceiling, and the memory's rate while it ran.
struct LabCell {
  std::string_view size, type;
  double share, gb_per_s;
};

Program lab_program(const LabCell& cell) {
  Shape shape = find_shape(cell.size);
  shape.vocabulary = 49152;  // of the lab's synthetic models
  return shape_program(shape, cell.type);
}

// The cell's share as all others of another size or type tell it, by what was measured.
double told_by_others(const std::vector<LabCell>& lab, const LabCell& left_out) {
  MachineRates rates = machine(left_out.gb_per_s);
  std::vector<MeasuredShare> measured;
  for (const LabCell& other : lab) {
    if (other.size == left_out.size && other.type == left_out.type) continue;
    measured.push_back({.program = lab_program(other),
                        .depth = 128,
                        .count = 64,
                        .share = other.share,
                        .read = {other.gb_per_s * 1e9},
                        .log_sd = 0.015});
  }
  rates.calibration = calibrate(measured, rates);
  return predict_decode(lab_program(left_out), 128, 64, rates).share.median / left_out.share;
}

// docs/results/lab-standard.md, two Emerald Rapids cores: 32B and 1B are as far apart as a lab's
// sizes get.
TEST(Calibration, TellsASizeFromTheOthersOfAMeasuredLab) {
  const std::vector<LabCell> lab = {{"32B", "Q4_K_M", 0.953, 27.8}, {"13B", "Q4_K_M", 0.92, 28.0},
                                    {"7B", "Q4_K_M", 0.89, 28.1},   {"1B", "Q4_K_M", 0.857, 29.0},
                                    {"1B", "Q4_K_M", 0.875, 26.5},  {"1B", "Q4_0", 0.86, 27.3},
                                    {"1B", "Q5_K_M", 0.85, 27.2},   {"1B", "Q6_K", 0.904, 27.2},
                                    {"1B", "Q8_0", 0.912, 27.3},    {"1B", "F16", 0.944, 27.6}};
  for (const LabCell& cell : lab) {
    EXPECT_NEAR(told_by_others(lab, cell), 1, 0.05) << cell.size << ' ' << cell.type;
  }
}

// An earlier one on Zen 5, memory twice as fast (its 32B had read the disk and is not among these).
TEST(Calibration, TellsASizeFromTheOthersWhereMemoryIsFast) {
  const std::vector<LabCell> lab = {
      {"13B", "Q4_K_M", 0.85, 55.7}, {"7B", "Q4_K_M", 0.86, 58.9}, {"1B", "Q4_K_M", 0.843, 50.6},
      {"1B", "Q4_K_M", 0.79, 60.0},  {"1B", "Q4_0", 0.842, 53.8},  {"1B", "Q5_K_M", 0.824, 55.3},
      {"1B", "Q6_K", 0.84, 57.5},    {"1B", "Q8_0", 0.868, 51.2},  {"1B", "F16", 0.911, 55.8}};
  for (const LabCell& cell : lab) {
    EXPECT_NEAR(told_by_others(lab, cell), 1, 0.05) << cell.size << ' ' << cell.type;
  }
}

// Where a lab's cells ran while memory was slow and fast, the share at either is told: unpacking
// does not become faster with the memory.
TEST(Calibration, TellsReadingFromUnpacking) {
  MachineRates truth = machine(30);
  truth.calibration.unpack = 1.4;
  std::vector<MeasuredShare> measured;
  for (const double gb_per_s : {25.0, 35.0, 55.0}) {
    const Program program = shape_program(find_shape("3B"), "Q4_K_M");
    truth.read = {gb_per_s * 1e9};
    const double share = predict_decode(program, 128, 64, truth).share.median;
    measured.push_back({program, 128, 64, share, truth.read});
  }
  MachineRates taught = machine(45);
  taught.calibration = calibrate(measured, taught);
  EXPECT_NEAR(taught.calibration.unpack, 1.4, 0.1);
  truth.read = taught.read;
  const Program next = shape_program(find_shape("7B"), "Q4_K_M");
  EXPECT_NEAR(predict_decode(next, 128, 64, taught).share.median /
                  predict_decode(next, 128, 64, truth).share.median,
              1, 0.02);
}

// Attention reads the cache that there is: half the bytes in Q8_0 are time saved while memory is
// what limits it, and none while unpacking is.
TEST(DecodePrediction, TimeOfTheCacheFollowsItsType) {
  const Program program = shape_program(find_shape("7B"), "Q4_K_M");
  const auto at = [&](double gb_per_s, KvType kv) {
    return predict_decode(program, 3900, 64, machine(gb_per_s), kv);
  };
  const DecodePrediction half = at(5, KvType::f16);
  const DecodePrediction eight = at(5, KvType::q8_0);
  EXPECT_EQ(eight.bytes_per_token, mean_decode_cost(program, 3900, 64, KvType::q8_0).read_bytes());
  EXPECT_NEAR(eight.kv_s / half.kv_s, 0.55, 0.05);
  EXPECT_GT(eight.tokens_per_s.median, 1.1 * half.tokens_per_s.median);
  EXPECT_GT(at(100, KvType::q8_0).kv_s / at(100, KvType::f16).kv_s, 0.9);
  EXPECT_NEAR(half.total_s() * half.tokens_per_s.median, 1, 1e-9);
}

}  // namespace
}  // namespace ceiling::fit
