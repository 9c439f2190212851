#include "fit/engine.h"

#include <gtest/gtest.h>

namespace ceiling::fit {
namespace {

Hardware of(const std::string& vendor, Kind kind) {
  Hardware hardware;
  hardware.vendor = vendor;
  hardware.kind = kind;
  return hardware;
}

TEST(Backends, RunWhereTheirMakersDevicesAre) {
  const Hardware card = of("NVIDIA", Kind::discrete);
  EXPECT_TRUE(runs_on(Backend::cuda, card));
  EXPECT_TRUE(runs_on(Backend::vulkan, card));
  for (const Backend wrong : {Backend::metal, Backend::rocm, Backend::sycl, Backend::cpu}) {
    EXPECT_FALSE(runs_on(wrong, card)) << name(wrong);
  }
  EXPECT_TRUE(runs_on(Backend::cpu, of("Intel", Kind::unified)));
  EXPECT_TRUE(runs_on(Backend::cpu, of("generic", Kind::cpu)));
  EXPECT_FALSE(runs_on(Backend::cuda, of("generic", Kind::cpu)));
}

TEST(EngineWords, GiveBackendThreadsAndAttention) {
  const Hardware nvidia = of("NVIDIA", Kind::discrete);
  EXPECT_EQ(read_engine("CUDA FA", "b4008", nvidia).backend, Backend::cuda);
  EXPECT_TRUE(read_engine("CUDA FA", "b4008", nvidia).flash_attention);
  EXPECT_FALSE(read_engine("CUDA", "b4008", nvidia).flash_attention);
  EXPECT_TRUE(read_engine("CUDA", "late 2025", nvidia).flash_attention);  // the default by then
  EXPECT_EQ(read_engine("", "", nvidia).backend, Backend::cuda);
  EXPECT_EQ(read_engine("", "", of("Apple", Kind::unified)).backend, Backend::metal);
  EXPECT_EQ(read_engine("MTL,BLAS", "", of("Apple", Kind::unified)).backend, Backend::metal);
  EXPECT_EQ(read_engine("HIP rocWMMA fa=1", "", of("AMD", Kind::discrete)).backend, Backend::rocm);
  EXPECT_EQ(read_engine("Vulkan (Pi host, PCIe 2.0/3.0 x1)", "", nvidia).backend,
            Backend::small_host);
  const Engine cpu = read_engine("CPU AVX2 16 threads", "", of("generic", Kind::cpu));
  EXPECT_EQ(cpu.backend, Backend::cpu);
  EXPECT_EQ(cpu.threads, 16U);
}

TEST(EngineWords, DateTheBuild) {
  const Hardware nvidia = of("NVIDIA", Kind::discrete);
  const auto year = [&](const char* version) { return read_engine("CUDA", version, nvidia).year; };
  EXPECT_NEAR(year("b4008"), 2024.83, 0.02);
  EXPECT_NEAR(year("0253fb21f (9187)"), 2026.40, 0.01);
  EXPECT_NEAR(year("dd1ea52"), 2026.61, 0.01);  // a commit that the table of builds knows
  EXPECT_NEAR(year("2023-11-13"), 2023.875, 0.01);
  EXPECT_NEAR(year("May 2024 snapshot"), 2024.375, 0.01);
  EXPECT_NEAR(year("late 2025"), 2025.9, 0.01);
  EXPECT_GT(year("llmfit 1.1.9"), 2026);
  EXPECT_LT(year("b1148"), year("b1988"));
  EXPECT_LT(year("b1988"), year("b9187"));
}

TEST(FileTypes, AreRecipesOrTheNearestOne) {
  EXPECT_TRUE(read_file_type("Q4_K_M")->exact);
  EXPECT_EQ(read_file_type("q4_0")->type, TypeClass::small_blocks);
  EXPECT_EQ(read_file_type("fp16")->recipe, "F16");
  const auto dynamic = read_file_type("UD-Q4_K_XL");
  EXPECT_FALSE(dynamic->exact);
  EXPECT_EQ(dynamic->recipe, "Q4_K_M");
  EXPECT_EQ(read_file_type("IQ2_XXS")->type, TypeClass::tables);
  EXPECT_EQ(read_file_type("IQ4_XS")->type, TypeClass::small_blocks);
  EXPECT_EQ(read_file_type("Q8_0")->type, TypeClass::eight);
  EXPECT_EQ(read_file_type("Qwen3-8B-Q4_K_M")->recipe, "Q4_K_M");
  EXPECT_FALSE(read_file_type("").has_value());
  EXPECT_FALSE(read_file_type("something else").has_value());
}

}  // namespace
}  // namespace ceiling::fit
