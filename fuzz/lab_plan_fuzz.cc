// Any bytes at all as a plan: it is refused with ceiling::Error, or it reads back as it is written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "lab/json/canonical_json.h"
#include "lab/plan/plan.h"
#include "lab/planning/expectation.h"
#include "lab/planning/hypotheses.h"

namespace {

using namespace ceiling::lab;

void require(bool holds) {
  if (!holds) std::abort();
}

// The plan is the first line, what somebody expects of it the second.
void expect_of(Plan plan, std::string_view wish) {
  try {
    expect(plan, parse_expectation(std::string(wish), plan));
  } catch (const ceiling::Error&) {  // refused: as good
    return;
  }
  require(plan_from_json(to_json(plan), "expected").predictions.size() == plan.predictions.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view line = text.substr(0, text.find('\n'));
  try {
    const nlohmann::json value = parse_json(line, "fuzz");
    const std::string canonical = canonical_json(value);
    require(canonical_json(parse_json(canonical, "canonical")) == canonical);
    const Plan plan = plan_from_json(value, "fuzz");
    const nlohmann::json written = to_json(plan);
    require(to_json(plan_from_json(written, "written")) == written);
    require(plan.trials(plan.blocks) == plan.blocks * plan.schedule().front().size());
    require(hypotheses(plan).size() == 3);
    text.remove_prefix(line.size());
    if (!text.empty()) expect_of(plan, text.substr(1));
  } catch (const ceiling::Error&) {  // refused: as good
    return 0;
  }
  return 0;
}
