#include "lab/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/fake_lab.h"
#include "lab/json/canonical_json.h"
#include "lab/planning/expectation.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// The error that a changed plan gives.
std::string refusal(const std::function<void(json&)>& change) {
  json value = to_json(fake_plan());
  change(value);
  try {
    plan_from_json(value, "plan.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    return error.what();
  }
  return "accepted";
}

TEST(Plan, ReadsBackTheSame) {
  const json value = to_json(fake_plan());
  EXPECT_EQ(canonical_json(to_json(plan_from_json(value, "plan.json"))), canonical_json(value));
  // And through text, as on disk.
  const json again = parse_json(value.dump(2), "plan.json");
  EXPECT_EQ(canonical_json(again), canonical_json(value));
}

TEST(Plan, ASmallPlanByHandIsEnough) {
  const Plan plan =
      plan_from_json(parse_json(R"({"format": "ceiling-plan/1", "blocks": 2, "cells": [
      {"id": "a", "size": "135M", "type": "Q4_1", "model": {"kind": "file", "file": "x.gguf"},
       "prompt_tokens": 8, "least_tokens": 4, "most_tokens": 4}]})",
                                "mine.json"),
                     "mine.json");
  EXPECT_EQ(plan.blocks, 2U);
  EXPECT_EQ(plan.reference, 0U);
  EXPECT_EQ(plan.cells[0].most_tokens, 4U);
  EXPECT_FALSE(plan.cells[0].synthetic());
}

TEST(Plan, NamesWhatIsWrong) {
  EXPECT_THAT(refusal([](json& p) { p["format"] = "ceiling-plan/9"; }),
              HasSubstr("plan.json.format"));
  EXPECT_THAT(refusal([](json& p) { p.erase("cells"); }), HasSubstr("plan.json.cells is missing"));
  EXPECT_THAT(refusal([](json& p) { p["cells"] = json::array(); }), HasSubstr("cells is empty"));
  EXPECT_THAT(refusal([](json& p) { p["cells"][1]["id"] = p["cells"][0]["id"]; }),
              HasSubstr("stands twice"));
  EXPECT_THAT(refusal([](json& p) { p["cells"][2]["treads"] = 2; }),
              HasSubstr("plan.json.cells[2] has a member 'treads'"));
  EXPECT_THAT(refusal([](json& p) { p["cells"][0]["most_tokens"] = 1; }),
              HasSubstr("cells[0].most_tokens is 1"));
  EXPECT_THAT(refusal([](json& p) { p["cells"][0]["model"]["kind"] = "magic"; }),
              HasSubstr("cells[0].model.kind is 'magic'"));
  EXPECT_THAT(refusal([](json& p) { p["blocks"] = 0; }), HasSubstr("blocks is 0"));
  EXPECT_THAT(refusal([](json& p) { p["blocks"] = -3; }), HasSubstr("blocks is -3"));
  EXPECT_THAT(refusal([](json& p) { p["blocks"] = 2.5; }), HasSubstr("blocks is 2.5"));
  EXPECT_THAT(refusal([](json& p) { p["reference"] = "9B"; }), HasSubstr("no cell of this plan"));
  EXPECT_THAT(refusal([](json& p) { p["predictions"][0]["median"] = "fast"; }),
              HasSubstr("predictions[0].median is \"fast\""));
  EXPECT_THAT(refusal([](json& p) { p["predictions"][0]["p80"] = {3, 1}; }), HasSubstr("p80"));
  EXPECT_THAT(refusal([](json& p) { p["predictions"][0]["cell"] = "9B"; }), HasSubstr("9B"));
  EXPECT_THAT(refusal([](json& p) { p["kind"] = "a\nb"; }), HasSubstr("one line of text"));
  EXPECT_THAT(refusal([](json& p) { p["machine"]["wall_watts"] = 0; }),
              HasSubstr("machine.wall_watts is 0"));
}

TEST(Plan, BallastFillsMemoryUpToOneAndNothingElse) {
  const auto cell = [](double fill, const char* by) {
    return [=](json& p) {
      p["cells"][1]["work"] = "fill";
      p["cells"][1]["fill"] = fill;
      p["cells"][1]["fill_by"] = by;
    };
  };
  EXPECT_EQ(refusal(cell(1, "ballast")), "accepted");
  EXPECT_EQ(refusal(cell(1.2, "group")), "accepted");
  EXPECT_THAT(refusal(cell(1.2, "ballast")), HasSubstr("ballast fills memory up to 1 only"));
  EXPECT_THAT(refusal(cell(1, "swap")),
              HasSubstr("fill_by is 'swap'; expected group, ballast or budget"));
  EXPECT_THAT(refusal([](json& p) { p["cells"][1]["fill_by"] = "ballast"; }),
              HasSubstr("work 'decode'"));
}

TEST(Plan, DevicesHaveCellsAndBudgetsOfTheirOwn) {
  const auto cell = [](const json& changes) {
    return [=](json& p) { p["cells"][1].update(changes); };
  };
  const json filled = {{"work", "fill"}, {"fill", 1.5}};
  const auto with = [](json value, const json& more) {
    value.update(more);
    return value;
  };
  EXPECT_EQ(refusal(cell({{"device", "cuda"}})), "accepted");
  EXPECT_EQ(refusal(cell(with(filled, {{"device", "cuda"}, {"fill_by", "budget"}}))), "accepted");
  EXPECT_THAT(refusal(cell({{"device", "npu"}})),
              HasSubstr("device is 'npu'; expected one of cpu, cuda"));
  const json card = {{"work", "fill"}, {"device", "cuda"}, {"fill_by", "budget"}};
  EXPECT_EQ(refusal(cell(with(card, {{"limit_bytes", 24'000'000'000}}))), "accepted");
  EXPECT_THAT(refusal(cell(with(card, {{"limit_bytes", 5}}))), HasSubstr("limit_bytes"));
  EXPECT_THAT(refusal(cell(with(card, {{"fill", 1.5}, {"limit_bytes", 24'000'000'000}}))),
              HasSubstr("in place of 'fill'"));
  EXPECT_THAT(refusal(cell({{"limit_bytes", 24'000'000'000}})), HasSubstr("in place of 'fill'"));
  EXPECT_THAT(refusal(cell(with(filled, {{"device", "cuda"}}))), HasSubstr("by budget"));
  EXPECT_THAT(refusal(cell(with(filled, {{"fill_by", "budget"}}))),
              HasSubstr("by group or ballast"));
  EXPECT_THAT(refusal(cell({{"device", "cuda"}, {"fill_by", "budget"}})),
              HasSubstr("expected fill"));
}

// What is tested on one device must not be told of another.
TEST(Plan, ADesignStaysOnOneDevice) {
  const std::string found = [&] {
    json value = to_json(hypothesis_plan());
    value["cells"][0]["device"] = "cuda";
    try {
      plan_from_json(value, "plan.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  }();
  EXPECT_THAT(found, HasSubstr("expected one device for all"));
}

TEST(Plan, DevicesOfTheMachineReadBackTheSame) {
  Plan plan = fake_plan();
  EXPECT_FALSE(to_json(plan)["machine"].contains("devices"));
  plan.machine.devices = {{"cuda", "Test GPU", 80ULL << 30, 3000, {2900, 3100}, 55.5}};
  const json value = to_json(plan);
  EXPECT_EQ(canonical_json(to_json(plan_from_json(value, "plan.json"))), canonical_json(value));
  EXPECT_EQ(plan.machine.find("cuda")->name, "Test GPU");
  EXPECT_EQ(plan.machine.find("vulkan"), nullptr);
}

TEST(Expectation, MedianAlone) {
  const CellPrediction p = parse_expectation("7B=9.5", fake_plan());
  EXPECT_EQ(p.cell, "7B-Q4_K_M");
  EXPECT_EQ(p.by, "user");
  EXPECT_EQ(p.median, 9.5);
  EXPECT_FALSE(p.p80);
}

TEST(Expectation, ASizeMeansItsFirstCellAndAnIdItself) {
  EXPECT_EQ(parse_expectation("1B=20", fake_plan()).cell, "1B-Q4_K_M");
  EXPECT_EQ(parse_expectation("1B-Q8_0=20", fake_plan()).cell, "1B-Q8_0");
}

TEST(Expectation, AnIntervalWidensFrom80To95OnALogarithmicScale) {
  const CellPrediction p = parse_expectation("7B=10:8-12.5", fake_plan());
  EXPECT_EQ(p.p80->low, 8);
  EXPECT_EQ(p.p80->high, 12.5);
  // 8 and 12.5 are 10 / 1.25 and 10 * 1.25; 1.25^(1.95996 / 1.28155) = 1.40673
  EXPECT_NEAR(p.p95->high, 14.0673, 1e-3);
  EXPECT_NEAR(p.p95->low, 10 / 1.40673, 1e-3);
}

TEST(Expectation, RefusesWhatIsNoSpeed) {
  for (const char* text : {"7B", "7B=", "7B=fast", "7B=-3", "7B=0", "7B=nan", "7B=1e99", "9B=3",
                           "7B=9:10-12", "7B=9:8", "7B=9 tokens", "=3"}) {
    try {
      parse_expectation(text, fake_plan());
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << text;
    }
  }
}

TEST(Expectation, ALaterOneReplacesAnEarlier) {
  Plan plan = fake_plan();
  expect(plan, parse_expectation("7B=3", plan));
  std::size_t of_user = 0;
  for (const auto& p : plan.predictions) {
    if (p.by != "user") continue;
    ++of_user;
    EXPECT_EQ(p.median, 3);
  }
  EXPECT_EQ(of_user, 1U);
}

}  // namespace
}  // namespace ceiling::lab
