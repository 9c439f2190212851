#include "quant/tensor_type.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ceiling {
namespace {

// Number in the file, weights and bytes of a block: from the GGUF specification.
struct Spec {
  std::uint32_t stored, elements, bytes;
};
const std::map<std::string, Spec, std::less<>> kSpecification = {
    {"F32", {0, 1, 4}},       {"F16", {1, 1, 2}},         {"Q4_0", {2, 32, 18}},
    {"Q4_1", {3, 32, 20}},    {"Q5_0", {6, 32, 22}},      {"Q5_1", {7, 32, 24}},
    {"Q8_0", {8, 32, 34}},    {"Q2_K", {10, 256, 84}},    {"Q3_K", {11, 256, 110}},
    {"Q4_K", {12, 256, 144}}, {"Q5_K", {13, 256, 176}},   {"Q6_K", {14, 256, 210}},
    {"IQ4_NL", {20, 32, 18}}, {"IQ4_XS", {23, 256, 136}}, {"BF16", {30, 1, 2}},
};

TEST(TensorType, LayoutsAreThoseOfTheSpecification) {
  EXPECT_EQ(all_types().size(), kSpecification.size());
  for (const auto& [type_name, spec] : kSpecification) {
    const auto type = tensor_type_from_file(spec.stored);
    ASSERT_TRUE(type) << type_name;
    EXPECT_EQ(name(*type), type_name);
    EXPECT_EQ(tensor_type_from_name(type_name), type);
    EXPECT_EQ(info(*type).block_elements, spec.elements) << type_name;
    EXPECT_EQ(info(*type).block_bytes, spec.bytes) << type_name;
    EXPECT_EQ(row_bytes(*type, 3 * spec.elements), 3 * spec.bytes) << type_name;
    EXPECT_DOUBLE_EQ(bits_per_weight(*type), 8.0 * spec.bytes / spec.elements) << type_name;
  }
}

TEST(TensorType, EveryOtherNumberIsUnsupported) {
  int supported = 0;
  for (std::uint32_t stored = 0; stored < 1000; ++stored) {
    supported += tensor_type_from_file(stored) ? 1 : 0;
  }
  EXPECT_EQ(supported, static_cast<int>(kSpecification.size()));
  EXPECT_FALSE(tensor_type_from_file(0xffffffffu));
  EXPECT_FALSE(tensor_type_from_name("q4_k"));
  EXPECT_FALSE(tensor_type_from_name(""));
}

}  // namespace
}  // namespace ceiling
