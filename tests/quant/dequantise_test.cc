#include "quant/dequantise.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace ceiling {
namespace {

struct Vectors {
  std::vector<std::byte> blocks;
  std::vector<float> weights;
};

// Written by tests/data/quant/make.py from the `gguf` package.
Vectors load(std::string_view type_name) {
  const std::string path =
      std::string(CEILING_TEST_DATA "/quant/") + std::string(type_name) + ".bin";
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  Vectors vectors;
  std::uint32_t sizes[2] = {};
  if (bytes.size() < sizeof sizes) {
    ADD_FAILURE() << "no vectors in " << path;
    return vectors;
  }
  std::memcpy(sizes, bytes.data(), sizeof sizes);
  EXPECT_EQ(bytes.size(), sizeof sizes + sizes[1] + 4ull * sizes[0]) << path;
  vectors.blocks.resize(sizes[1]);
  vectors.weights.resize(sizes[0]);
  std::memcpy(vectors.blocks.data(), bytes.data() + sizeof sizes, sizes[1]);
  std::memcpy(vectors.weights.data(), bytes.data() + sizeof sizes + sizes[1], 4ull * sizes[0]);
  return vectors;
}

class Dequantise : public testing::TestWithParam<TypeInfo> {};

TEST_P(Dequantise, EqualsTheGgufPackageBitForBit) {
  const auto [type, type_name, block_elements, block_bytes] = GetParam();
  const Vectors vectors = load(type_name);
  ASSERT_EQ(vectors.blocks.size(), row_bytes(type, vectors.weights.size()));
  std::vector<float> out(vectors.weights.size(), -1.0f);
  dequantise_row(type, vectors.blocks.data(), out.data(), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]),
              std::bit_cast<std::uint32_t>(vectors.weights[i]))
        << type_name << " weight " << i << ": " << out[i] << " for " << vectors.weights[i];
  }
}

TEST_P(Dequantise, ReadsBlocksOfAnyAlignment) {
  const auto [type, type_name, block_elements, block_bytes] = GetParam();
  const Vectors vectors = load(type_name);
  std::vector<std::byte> shifted(1);
  shifted.insert(shifted.end(), vectors.blocks.begin(), vectors.blocks.end());
  std::vector<float> out(vectors.weights.size());
  dequantise_row(type, shifted.data() + 1, out.data(), out.size());
  EXPECT_EQ(std::memcmp(out.data(), vectors.weights.data(), out.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Dequantise,
                         testing::ValuesIn(all_types().begin(), all_types().end()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ceiling
