// Products by every shader against the scalar oracle: each type, awkward shapes, extreme weights.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <random>

#include "device_runner.h"
#include "gguf/writer.h"
#include "matmul_problem.h"
#include "model/program.h"
#include "vulkan/vulkan_test.h"

namespace ceiling::test {
namespace {

using cpu::test::Content;
using cpu::test::make_problem;
using cpu::test::Problem;

// A table that holds the rows of activations, and one product.
struct OneProduct {
  Program program;
  std::shared_ptr<const gguf::File> file;
};

OneProduct one_product(const Problem& problem) {
  OneProduct out;
  Program& program = out.program;
  program.architecture = "one product";
  program.vocabulary = static_cast<std::uint32_t>(problem.n);
  program.weights = {
      {.name = "x", .type = TensorType::F32, .rows = problem.n, .cols = problem.cols},
      {.name = "w", .type = problem.type, .rows = problem.rows, .cols = problem.cols}};
  const auto rows = static_cast<std::uint32_t>(problem.rows);
  const auto cols = static_cast<std::uint32_t>(problem.cols);
  program.values = {{"x", cols}, {"selected", cols, RowSet::logits}, {"y", rows, RowSet::logits}};
  program.steps = {{Embed{.table = 0, .out = 0, .scale = 1.0F}},
                   {SelectRows{.in = 0, .out = 1}},
                   {MatMul{.in = 1, .weight = 1, .bias = {}, .out = 2}}};
  program.logits = 2;

  const auto path = std::filesystem::temp_directory_path() /
                    ("ceiling-test-" + std::to_string(std::random_device{}()) + ".gguf");
  gguf::Writer writer(path.string());
  writer.declare("x", TensorType::F32, std::vector<std::uint64_t>{problem.cols, problem.n});
  writer.declare("w", problem.type, std::vector<std::uint64_t>{problem.cols, problem.rows});
  writer.begin();
  for (std::size_t i = 0; i < problem.n; ++i) {
    writer.write(0, i * problem.cols * sizeof(float), std::as_bytes(std::span(problem.x[i])));
  }
  writer.write(1, 0, problem.weights);
  writer.finish();
  out.file = gguf::File::open(path.string());
  std::filesystem::remove(path);  // the mapping stays
  return out;
}

// What a result may be off by: of the rows `w` and `x`, whose products have this sum of magnitudes.
using Slack = std::function<double(std::span<const float> w, std::span<const float> x, double sum)>;

double rounding(std::span<const float>, std::span<const float>, double sum) {
  return 1e-5 * sum + 1e-35;
}

// Half a step of the scale that each 16 activations share.
double int8_activations(std::span<const float> w, std::span<const float> x, double sum) {
  double slack = 0;
  for (std::size_t begin = 0; begin < x.size(); begin += 16) {
    double largest = 0;
    double weights = 0;
    for (std::size_t c = begin; c < begin + 16; ++c) {
      largest = std::max(largest, std::abs(double{x[c]}));
      weights += std::abs(double{w[c]});
    }
    slack += weights * largest / 254;
  }
  return 1.01 * slack + rounding(w, x, sum);
}

// Weights and activations rounded to float16: to 11 bits, or to its smallest step.
double float16_operands(std::span<const float> w, std::span<const float> x, double sum) {
  double sizes = 0;
  for (std::size_t c = 0; c < x.size(); ++c)
    sizes += std::abs(double{x[c]}) + std::abs(double{w[c]});
  return 1.01 / 1024 * sum + 6e-8 * sizes + rounding(w, x, sum);
}

// The largest error, in units of what is allowed.
double worst_error(const Problem& problem, std::span<const float> actual, const Slack& slack) {
  std::vector<float> w(problem.cols);
  const std::size_t each = row_bytes(problem.type, problem.cols);
  double worst = 0;
  for (std::size_t r = 0; r < problem.rows; ++r) {
    dequantise_row(problem.type, problem.weights.data() + r * each, w.data(), problem.cols);
    for (std::size_t i = 0; i < problem.n; ++i) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t c = 0; c < problem.cols; ++c) {
        const double product = double{w[c]} * problem.x[i][c];
        sum += product;
        magnitude += std::abs(product);
      }
      const double error = std::abs(actual[i * problem.rows + r] - sum);
      const double share = error / slack(w, problem.x[i], magnitude);
      worst = std::max(worst, std::isfinite(share) ? share : 1e30);
    }
  }
  return worst;
}

std::vector<float> run(const Problem& problem, const std::shared_ptr<Device>& device) {
  const OneProduct model = one_product(problem);
  const auto rows = static_cast<std::uint32_t>(problem.n);
  DeviceRunner runner(model.program, model.file, device, {.max_rows = rows});
  std::vector<std::int32_t> tokens(problem.n);
  for (std::size_t i = 0; i < problem.n; ++i) tokens[i] = static_cast<std::int32_t>(i);
  return runner.run(DeviceRunner::rows(tokens, 0));
}

class VulkanProducts : public VulkanTest {
 protected:
  void SetUp() override {
    VulkanTest::SetUp();
    if (IsSkipped()) return;
    offered = vulkan::offered_features({.validate = watched()});
    features = offered;
    features.int8_dot = false;
    features.cooperative = false;
    device = vulkan_device(features);  // float32 throughout
  }
  vulkan::Features offered, features;
};

// Rows that end within a tile and a workgroup, columns within a chunk where the type allows it.
TEST_F(VulkanProducts, EveryTypeInAwkwardShapes) {
  for (const TypeInfo& type : all_types()) {
    const bool plain = type.block_elements == 1;
    const std::size_t block = type.block_elements;
    const std::vector<std::size_t> widths =
        plain ? std::vector<std::size_t>{1, 7, 34, 97, 2050}
              : std::vector<std::size_t>{block, 3 * block, 2048 + 2 * block};
    for (const std::size_t cols : widths) {
      for (const auto& [rows, n] : {std::pair(1UL, 1UL), std::pair(65UL, 3UL), std::pair(7UL, 8UL),
                                    std::pair(67UL, 33UL), std::pair(2UL, 9UL)}) {
        SCOPED_TRACE(fmt::format("{} [{}, {}] times {}", type.name, rows, cols, n));
        const Problem problem = make_problem(type.type, rows, cols, n, Content::random);
        EXPECT_LT(worst_error(problem, run(problem, device), rounding), 1);
      }
    }
  }
}

TEST_F(VulkanProducts, ExtremeWeights) {
  for (const TypeInfo& type : all_types()) {
    for (const Content content : cpu::test::kContents) {
      // Neither is float32 with so many bits of magnitude left for sums.
      if (type.type == TensorType::F32 && content == Content::subnormal) continue;
      if (type.type == TensorType::BF16 && content == Content::subnormal) continue;
      for (const std::size_t n : {2UL, 12UL}) {
        SCOPED_TRACE(fmt::format("{} {} times {}", type.name, static_cast<int>(content), n));
        const Problem problem = make_problem(type.type, 10, 512, n, content);
        EXPECT_LT(worst_error(problem, run(problem, device), rounding), 1);
      }
    }
  }
}

// One row of activations, which workgroups keep for themselves, with rows of weights that end
// within a workgroup and with so many that workgroups take them in turns; and several rows.
TEST_F(VulkanProducts, EveryTypeInInt8) {
  if (!offered.int8_dot) GTEST_SKIP() << "the device has no int8 dot products";
  features.int8_dot = true;
  for (const bool subgroups : {false, offered.subgroups}) {
    features.subgroups = subgroups;
    for (const TypeInfo& type : all_types()) {
      if (type.block_elements == 1) continue;
      for (const std::size_t cols : {std::size_t{type.block_elements}, 2304UL}) {
        for (const auto& [rows, n] :
             {std::pair(1UL, 1UL), std::pair(67UL, 1UL), std::pair(65UL, 3UL), std::pair(7UL, 8UL),
              std::pair(16500UL, 1UL)}) {
          if (rows > 1000 && cols != type.block_elements) continue;
          SCOPED_TRACE(fmt::format("{} [{}, {}] times {}", type.name, rows, cols, n));
          const Problem problem = make_problem(type.type, rows, cols, n, Content::random);
          const auto actual = run(problem, vulkan_device(features));
          EXPECT_LT(worst_error(problem, actual, int8_activations), 1);
        }
      }
    }
  }
}

// Rows that nearly fill a workgroup's memory, of 32 and of 48 KiB: the layer that watches tells
// what does not fit.
TEST_F(VulkanProducts, RowsThatNearlyFillAWorkgroupsMemory) {
  if (!offered.int8_dot || !offered.subgroups) GTEST_SKIP() << "no int8 products of subgroups";
  features.int8_dot = features.subgroups = true;
  for (const std::size_t cols : {21248UL, 21504UL, 32512UL, 32768UL}) {
    SCOPED_TRACE(cols);
    const Problem problem = make_problem(TensorType::Q4_K, 3, cols, 1, Content::random);
    const auto actual = run(problem, vulkan_device(features));
    EXPECT_LT(worst_error(problem, actual, int8_activations), 1);
  }
}

// Tiles that end within the matrix and within the rows, and both sizes of tile.
TEST_F(VulkanProducts, EveryTypeInCooperativeMatrices) {
  if (!offered.cooperative) GTEST_SKIP() << "the device has no cooperative matrices";
  features.cooperative = true;
  device = vulkan_device(features);
  for (const TypeInfo& type : all_types()) {
    const std::size_t block = std::max<std::size_t>(type.block_elements, 32);
    for (const std::size_t cols : {block, 3 * block, 2048 + 2 * block}) {
      for (const auto& [rows, n] : {std::pair(1UL, 9UL), std::pair(67UL, 33UL),
                                    std::pair(257UL, 130UL), std::pair(16500UL, 150UL)}) {
        if (rows > 1000 && cols != 3 * block) continue;
        SCOPED_TRACE(fmt::format("{} [{}, {}] times {}", type.name, rows, cols, n));
        const Problem problem = make_problem(type.type, rows, cols, n, Content::random);
        EXPECT_LT(worst_error(problem, run(problem, device), float16_operands), 1);
      }
    }
    for (const Content content : cpu::test::kContents) {  // beyond float16: the largest it has
      const Problem problem = make_problem(type.type, 10, 512, 12, content);
      for (const float value : run(problem, device)) ASSERT_TRUE(std::isfinite(value)) << type.name;
    }
  }
}

}  // namespace
}  // namespace ceiling::test
