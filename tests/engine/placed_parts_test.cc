// What each unit is asked to compile.
#include "engine/placed_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_store.h"
#include "model/architecture.h"
#include "model/tiny_model.h"

namespace ceiling {
namespace {

using testing::ElementsAre;

class FakeExecutable final : public Executable {
 public:
  std::span<const float> run(const Batch&, const PageTables&, std::span<const float>) override {
    return {};
  }
  std::uint32_t max_rows() const override { return 1; }
  void set_profiling(bool) override {}
  std::vector<ProfileEntry> profile() const override { return {}; }
  void reset_profile() override {}
  Traffic traffic() const override { return {.link_bytes = 3}; }
  std::uint64_t workspace_bytes() const override { return 7; }
};

// Remembers what it compiled.
class FakeDevice final : public Device {
 public:
  struct Call {
    std::size_t begin, end;
    std::vector<StepRange> streamed;
    std::vector<KvStore*> stores;
  };
  std::string name() const override { return "fake"; }
  std::string description() const override { return "fake"; }
  Residency residency(const Program&, WeightId) const override { return Residency::copied; }
  std::unique_ptr<KvStore> make_kv_store(const Program&, std::size_t, std::size_t, KvType,
                                         std::uint32_t) override {
    return std::make_unique<FakeStore>();
  }
  std::unique_ptr<Executable> compile(const Program&, std::shared_ptr<const Weights>,
                                      std::size_t begin, std::size_t end, KvStore& kv,
                                      const CompileOptions& options) override {
    Call call{.begin = begin, .end = end, .streamed = options.streamed, .stores = {&kv}};
    call.stores.insert(call.stores.end(), options.other_kv.begin(), options.other_kv.end());
    calls.push_back(std::move(call));
    return std::make_unique<FakeExecutable>();
  }
  std::vector<Call> calls;
};

class PlacedParts : public testing::Test {
 protected:
  // Where each of the four layers begins, then the output.
  std::vector<std::size_t> starts() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 1; i < program.steps.size(); ++i) {
      if (program.steps[i].layer != program.steps[i - 1].layer) out.push_back(i);
    }
    return out;
  }
  static Segment segment(std::size_t begin, std::size_t end, const std::string& unit,
                         Residency residency) {
    return {.begin = begin, .end = end, .unit = unit, .residency = residency, .holds = {}};
  }

  Program program = build_program(*TinyModel::make("llama", 4).open());
  FakeDevice host, card;
  FakeStore stores[4];
};

TEST_F(PlacedParts, NeighboursOnADeviceAreOneSegmentWithStreamedLayers) {
  const std::vector<std::size_t> at = starts();
  const std::size_t end = program.steps.size();
  const std::vector<PlacedPart> parts = {
      {segment(0, at[0], "cpu", Residency::shared), &stores[0]},
      {segment(at[0], at[1], "cpu", Residency::spilled), &stores[1]},
      {segment(at[1], at[3], "card", Residency::spilled), &stores[2]},
      {segment(at[3], end, "card", Residency::copied), &stores[3]}};
  const auto unit = [&](std::string_view name) -> Device& { return name == "cpu" ? host : card; };
  const Compiled compiled = compile_parts(program, nullptr, parts, "cpu", unit, {});
  ASSERT_EQ(host.calls.size(), 2U);
  EXPECT_TRUE(host.calls[1].streamed.empty());
  ASSERT_EQ(card.calls.size(), 1U);
  EXPECT_EQ(card.calls[0].begin, at[1]);
  EXPECT_EQ(card.calls[0].end, end);
  EXPECT_THAT(card.calls[0].stores, ElementsAre(&stores[2], &stores[3]));
  ASSERT_EQ(card.calls[0].streamed.size(), 2U);
  EXPECT_EQ(card.calls[0].streamed[0].begin, at[1]);
  EXPECT_EQ(card.calls[0].streamed[0].end, at[2]);
  EXPECT_EQ(card.calls[0].streamed[1].end, at[3]);
  EXPECT_EQ(compiled.host_workspace_bytes, 2 * 7U);
  EXPECT_EQ(compiled.executable->traffic().link_bytes, 3 * 3U);
}

TEST_F(PlacedParts, PlacementsPairUpWhereEitherIsCut) {
  Placement one;
  one.segments = {segment(0, 4, "cpu", Residency::shared),
                  segment(4, 20, "card", Residency::copied)};
  Placement other;
  other.segments = {segment(0, 4, "cpu", Residency::shared),
                    segment(4, 10, "cpu", Residency::spilled),
                    segment(10, 20, "card", Residency::copied)};
  const auto ends = [](const std::vector<Segment>& segments) {
    std::vector<std::string> out;
    for (const Segment& s : segments) {
      out.push_back(std::to_string(s.begin) + "-" + std::to_string(s.end) + " " + s.unit);
    }
    return out;
  };
  EXPECT_THAT(ends(cut_alike(one, other)), ElementsAre("0-4 cpu", "4-10 card", "10-20 card"));
  EXPECT_THAT(ends(cut_alike(other, one)), ElementsAre("0-4 cpu", "4-10 cpu", "10-20 card"));
}

}  // namespace
}  // namespace ceiling
