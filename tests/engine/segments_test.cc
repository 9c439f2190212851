// A Program on several devices gives what it gives on one.
#include "engine/segments.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/isa.h"
#include "device/cpu/cpu_device.h"
#include "fake_store.h"
#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

struct Whole {
  std::unique_ptr<KvStore> store;
  std::unique_ptr<Executable> executable;
};

// `cuts`: where segments begin, 0 first.
Whole on_cpu(Device& device, const Program& program, const std::shared_ptr<const gguf::File>& file,
             const std::vector<std::size_t>& cuts) {
  std::vector<std::unique_ptr<KvStore>> stores;
  std::vector<std::unique_ptr<Executable>> executables;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const std::size_t end = i + 1 < cuts.size() ? cuts[i + 1] : program.steps.size();
    stores.push_back(device.make_kv_store(program, cuts[i], end, KvType::f16, 2));
    executables.push_back(device.compile(program, Weights::bind(program, file), cuts[i], end,
                                         *stores.back(), {.max_rows = 8, .max_logit_rows = 8}));
  }
  return {join_stores(std::move(stores)), join_executables(std::move(executables))};
}

std::vector<std::size_t> layer_starts(const Program& program) {
  std::vector<std::size_t> starts = {0};
  for (std::size_t i = 1; i < program.steps.size(); ++i) {
    if (program.steps[i].layer != program.steps[i - 1].layer) starts.push_back(i);
  }
  return starts;
}

class Segments : public testing::Test {
 protected:
  std::shared_ptr<const gguf::File> file = TinyModel::make("gemma3", 3).open();
  Program program = build_program(*file);
  std::unique_ptr<Device> device =
      cpu::make_cpu_device({.threads = 1, .isa = active_isa(), .pin = false});
  Whole one = on_cpu(*device, program, file, {0});
  Whole several = on_cpu(*device, program, file, layer_starts(program));
  PageTables tables = {{1, 0}};
};

std::vector<float> run(const Whole& whole, std::uint32_t position, std::uint32_t rows,
                       const PageTables& tables) {
  const std::span<const float> out = whole.executable->run(shape_batch(position, rows), tables, {});
  return {out.begin(), out.end()};
}

TEST_F(Segments, HandOnWhatCrosses) {
  EXPECT_EQ(run(several, 0, 8, tables), run(one, 0, 8, tables));
  EXPECT_EQ(run(several, 8, 1, tables), run(one, 8, 1, tables));
  EXPECT_EQ(several.executable->traffic().kv_bytes, one.executable->traffic().kv_bytes);
  EXPECT_EQ(several.executable->traffic().weight_bytes, one.executable->traffic().weight_bytes);
}

TEST_F(Segments, PagesAreThoseOfTheWhole) {
  run(several, 0, 8, tables);
  EXPECT_EQ(several.store->page_bytes(), one.store->page_bytes());
  ASSERT_EQ(several.store->canonical_page_bytes(), one.store->canonical_page_bytes());
  std::vector<std::byte> canonical(one.store->canonical_page_bytes());
  several.store->export_page(1, canonical);
  one.store->import_page(1, canonical);
  EXPECT_EQ(run(several, 8, 1, tables), run(one, 8, 1, tables));
  several.store->copy_page(1, 0);
  EXPECT_EQ(run(several, 9, 1, {{0, 1}}), run(one, 9, 1, tables));
}

TEST_F(Segments, ProfileCoversEachStepOnce) {
  several.executable->set_profiling(true);
  run(several, 0, 8, tables);
  std::vector<int> covered(program.steps.size(), 0);
  for (const ProfileEntry& entry : several.executable->profile()) {
    for (const std::size_t step : entry.steps) ++covered[step];
  }
  EXPECT_EQ(covered, std::vector<int>(covered.size(), 1));
}

TEST_F(Segments, UnitsNeedPagesOfOneSize) {
  std::vector<std::unique_ptr<KvStore>> stores;
  stores.push_back(std::make_unique<FakeStore>(4));
  stores.push_back(std::make_unique<FakeStore>(8));
  EXPECT_THROW(join_stores(std::move(stores)), Error);
}

}  // namespace
}  // namespace ceiling
