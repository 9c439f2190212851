// The measuring kernels do all of the work that they are credited with.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "probe/compute_kernel.h"
#include "probe/read_kernel.h"

namespace ceiling::probe {
namespace {

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937_64 random(count);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

std::uint64_t word_sum(const std::byte* data, std::size_t bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + i, 8);
    sum += word;
  }
  return sum;
}

TEST(ReadKernels, EachReadsEveryByteOnceAtAnyAlignment) {
  for (const ReadKernel& kernel : read_kernels()) {
    for (const std::size_t steps : {1, 2, 3, 4, 7, 256}) {
      const std::size_t bytes = steps * kReadStep;
      for (const std::size_t offset : {0, 1, 8, 33}) {
        const auto data = random_bytes(bytes + offset);
        EXPECT_EQ(kernel.sum(data.data() + offset, bytes), word_sum(data.data() + offset, bytes))
            << kernel.name << ", " << bytes << " bytes from " << offset;
      }
    }
  }
}

TEST(ReadKernels, EverySupportedSetHasOneUnlessOneIsNamed) {
  std::set<Isa> found;
  for (const ReadKernel& kernel : read_kernels()) found.insert(kernel.isa);
  const auto sets = supported_isas();
  std::set<Isa> reading;  // a set that only multiplies reads as another does
  for (const Isa isa : sets) reading.insert(vectors_of(isa));
  EXPECT_EQ(found, reading);
  setenv("CEILING_ISA", "portable", 1);
  ASSERT_EQ(read_kernels().size(), 1U);
  EXPECT_EQ(read_kernels()[0].isa, Isa::portable);
  unsetenv("CEILING_ISA");
}

class ComputeKernels : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { setenv("CEILING_ISA", std::string(name(GetParam())).c_str(), 1); }
  void TearDown() override { unsetenv("CEILING_ISA"); }
};

// The sum over the lanes is the count of multiply-adds: it grows with the iterations exactly.
TEST_P(ComputeKernels, CountTheirOwnWork) {
  for (const ComputeKernel& kernel : compute_kernels()) {
    const std::uint64_t once = kernel.run(1);
    EXPECT_GE(once, 32U) << kernel.name;
    EXPECT_EQ(kernel.run(0), 0U) << kernel.name;
    EXPECT_EQ(kernel.run(1001), 1001 * once) << kernel.name;
  }
}

TEST_P(ComputeKernels, CountExactlyUpToTheMostIterations) {
  for (const ComputeKernel& kernel : compute_kernels()) {
    EXPECT_EQ(kernel.run(kMostIterations), kMostIterations * kernel.run(1)) << kernel.name;
  }
}

TEST_P(ComputeKernels, HaveFloatsAndBytesInEverySet) {
  std::set<Arithmetic> found;
  for (const ComputeKernel& kernel : compute_kernels()) {
    EXPECT_TRUE(found.insert(kernel.arithmetic).second) << kernel.name;
  }
  EXPECT_TRUE(found.contains(Arithmetic::f32));
  EXPECT_TRUE(found.contains(Arithmetic::int8));
}

INSTANTIATE_TEST_SUITE_P(EverySet, ComputeKernels, ::testing::ValuesIn(supported_isas()),
                         [](const auto& set) { return std::string(name(set.param)); });

}  // namespace
}  // namespace ceiling::probe
