#include "lab/wording/claims.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"
#include "lab/statistics/rank_correlation.h"
#include "lab/wording/claims_data.h"
#include "lab/wording/published_speeds.h"
#include "lab/wording/report_text.h"
#include "model/cost.h"
#include "model/shapes.h"
#include "quant/tensor_type.h"

namespace ceiling::lab {
namespace {

using enum ClaimOutcome;

constexpr double kGb = 1e9;
constexpr double kMostNumber = 1e9;

struct Outcome {
  ClaimOutcome outcome;
  std::string because;
};

double positive(const Fields& fields, const char* member) {
  return fields.number(member, 1e-9, kMostNumber);
}

// Bytes that a token of the shape reads at an empty cache, and those that its file holds.
struct ModelBytes {
  double a_token, all;
};
ModelBytes bytes_of(const Fields& test) {
  const Program program = shape_program(find_shape(test.text("size")), test.text("type"));
  return {static_cast<double>(mean_decode_cost(program, 0, 1).read_bytes()),
          static_cast<double>(program.weight_bytes())};
}

Outcome ratio(const Fields& test) {
  test.only({"kind", "name", "claimed", "within", "at_most", "of", "to"});
  const Fields of = test.object("of");
  const Fields to = test.object("to");
  const double found = positive(of, "value") / positive(to, "value");
  const std::string facts =
      fmt::format("{} ({}) over {} ({}): {} {}", of.text("name"), of.text("source"),
                  to.text("name"), to.text("source"), test.text("name"), shown(found));
  if (test.has("at_most")) {
    const double most = positive(test, "at_most");
    return {found <= most ? supported : refuted,
            fmt::format("{}; claimed: at most {}", facts, shown(most))};
  }
  const double claimed = positive(test, "claimed");
  const bool close = std::abs(found / claimed - 1) <= test.number("within", 0, 1);
  return {close ? supported : refuted, fmt::format("{}; claimed: {}", facts, shown(claimed))};
}

Outcome types(const Fields& test) {
  test.only({"kind", "larger", "smaller", "claimed", "within"});
  const auto bits = [&](const char* member) {
    const auto type = tensor_type_from_name(test.text(member));
    if (!type) {
      fail(ExitCode::integrity, "{}.{} is '{}', no tensor type", test.label(), member,
           test.text(member));
    }
    return bits_per_weight(*type);
  };
  const double found = bits("larger") / bits("smaller");
  const double claimed = positive(test, "claimed");
  const bool close = std::abs(found / claimed - 1) <= test.number("within", 0, 1);
  return {close ? supported : refuted,
          fmt::format("{} has {} bits a weight, {} {} with its scales: {} times",
                      test.text("larger"), shown(bits("larger")), test.text("smaller"),
                      shown(bits("smaller")), shown(found))};
}

Outcome fits(const Fields& test) {
  test.only({"kind", "size", "type", "memory_gb", "claimed"});
  const double gb = bytes_of(test).all / kGb;
  const double memory = positive(test, "memory_gb");
  return {(gb <= memory) == test.boolean("claimed") ? supported : refuted,
          fmt::format("its weights are {} GB at {}, against {} GB", shown(gb), test.text("type"),
                      shown(memory))};
}

Outcome speed(const Fields& test) {
  test.only({"kind", "size", "type", "gb_per_s", "memory_gb", "at_least"});
  const ModelBytes bytes = bytes_of(test);
  const double most = positive(test, "gb_per_s") * kGb / bytes.a_token;
  const double least = positive(test, "at_least");
  const bool fit = bytes.all / kGb <= positive(test, "memory_gb");
  return {fit && most >= least ? supported : refuted,
          fmt::format("{} GB/s over {} GB a token allow at most {} tokens/s; {} were asked for",
                      shown(positive(test, "gb_per_s")), shown(bytes.a_token / kGb), shown(most),
                      shown(least))};
}

Outcome faster(const Fields& test) {
  test.only({"kind", "size", "type", "claimed", "other"});
  const ModelBytes bytes = bytes_of(test);
  const Fields claimed = test.object("claimed");
  const Fields other = test.object("other");
  for (const Fields* machine : {&claimed, &other}) {
    if (bytes.all / kGb > positive(*machine, "memory_gb")) {
      return {undecided, fmt::format("its weights ({} GB) do not fit {}", shown(bytes.all / kGb),
                                     machine->text("name"))};
    }
  }
  const double times = positive(other, "gb_per_s") / positive(claimed, "gb_per_s");
  return {times <= 1 ? supported : refuted,
          fmt::format("both hold {} at {} ({} GB), and {} may read it {} times as fast as {}",
                      test.text("size"), test.text("type"), shown(bytes.all / kGb),
                      other.text("name"), shown(times), claimed.text("name"))};
}

// Whether a machine with more memory is faster than one with more bandwidth at every size that it
// holds: where the other holds the size too, bandwidths decide; where it does not, it spills.
Outcome capacity(const Fields& test) {
  test.only({"kind", "sizes", "type", "claimed", "other"});
  constexpr std::size_t kMostSizes = 50;
  const Fields claimed = test.object("claimed");
  const Fields other = test.object("other");
  const double times = positive(other, "gb_per_s") / positive(claimed, "gb_per_s");
  std::vector<std::string> won, lost;
  for (const std::string& size : test.texts("sizes", kMostSizes)) {
    const Program program = shape_program(find_shape(size), test.text("type"));
    const double gb = static_cast<double>(program.weight_bytes()) / kGb;
    if (gb > positive(claimed, "memory_gb")) continue;
    const bool spills = gb > positive(other, "memory_gb");
    (spills || times <= 1 ? won : lost).push_back(size);
  }
  const auto list = [](const std::vector<std::string>& sizes) {
    return sizes.empty() ? std::string("none") : fmt::format("{}", fmt::join(sizes, ", "));
  };
  return {lost.empty() ? supported : refuted,
          fmt::format("of the sizes that {} holds at {}, {} does not hold {}; it holds {} as well "
                      "and may read them {} times as fast",
                      claimed.text("name"), test.text("type"), other.text("name"), list(won),
                      list(lost), shown(times))};
}

// Whether one figure of machines orders them by speed better than each of others does, over the
// machines for which both are known.
Outcome ranks(const Fields& test) {
  test.only({"kind", "model", "type", "test", "figure", "others"});
  constexpr std::size_t kLeastMachines = 8, kResamples = 4000, kMostOthers = 10;
  constexpr double kConfidence = 0.95;
  const auto column_of = [](const Fields& figure) { return figure.text("column"); };
  const Fields figure = test.object("figure");
  std::vector<std::string> columns = {column_of(figure)};
  const std::vector<Fields> others = test.objects("others", kMostOthers);
  for (const Fields& other : others) columns.push_back(column_of(other));
  const auto machines =
      published_machines(test.text("model"), test.text("type"), test.text("test"), columns);
  bool better = true, worse = false;
  std::string because =
      fmt::format("rank correlation with {} of {} {} (published rows):", test.text("test"),
                  test.text("model"), test.text("type"));
  for (const Fields& other : others) {
    std::vector<double> x, z, y;
    for (const PublishedMachine& machine : machines) {
      const auto of = machine.figures.find(columns.front());
      const auto to = machine.figures.find(column_of(other));
      if (of == machine.figures.end() || to == machine.figures.end()) continue;
      x.push_back(of->second);
      z.push_back(to->second);
      y.push_back(machine.tokens_per_s);
    }
    if (y.size() < kLeastMachines) {
      return {undecided,
              fmt::format("{} and {} are known of {} machines only; {} are needed",
                          figure.text("name"), other.text("name"), y.size(), kLeastMachines)};
    }
    const Estimate gain = rank_correlation_gain(x, z, y, kConfidence, kResamples, 1);
    better = better && gain.low > 0;
    worse = worse || gain.high < 0;
    because +=
        fmt::format("{} {:.2f} by {}, {:.2f} by {} over {} machines",
                    &other == &others.front() ? "" : ";", rank_correlation(x, y),
                    figure.text("name"), rank_correlation(z, y), other.text("name"), y.size());
  }
  return {worse ? refuted : better ? supported : undecided, because};
}

class RunTests {
 public:
  RunTests(const Plan& plan, const Analysis& analysis) : plan_(plan), analysis_(analysis) {}

  Outcome hypothesis(const Fields& test) const {
    test.only({"kind", "id"});
    const HypothesisVerdict* found = analysis_.judgement.find(test.text("id"));
    if (found == nullptr) return {undecided, "this run has no such hypothesis"};
    if (!found->why_not.empty()) return {undecided, found->why_not};
    const std::string because = tested_prefix(plan_) + found->decision.because;
    switch (found->decision.verdict) {
      case Verdict::supported:
        return {supported, because};
      case Verdict::refuted:
        return {refuted, because};
      default:
        return {undecided, because};
    }
  }

  // What one machine adds to a claim on efficiency: it orders nothing by itself.
  std::string tokens_per_joule() const {
    const CellFigures& figures = analysis_.headline();
    if (figures.energy.empty()) return "; of this machine no meter of energy may be read";
    const EnergyFigures& energy = figures.energy.back();
    return fmt::format(
        "; on this machine {}{} makes {} tokens a joule of {}", plan_.cells[figures.cell].title(),
        plan_.cells[figures.cell].synthetic() ? " (synthetic weights: speed only)" : "",
        shown(energy.tokens_per_joule), meter_name(energy));
  }

  // The run's slowest and fastest size at one type.
  Outcome sizes(const Fields& test) const {
    test.only({"kind", "at_least"});
    std::vector<const CellFigures*> found;
    const std::string& device = plan_.cells[analysis_.headline().cell].device;
    for (const CellFigures& f : analysis_.cells) {
      const Cell& cell = plan_.cells[f.cell];
      if (cell.type != "Q4_K_M" || plan_.design.is_twin(cell.id) || cell.device != device) continue;
      found.push_back(&f);
    }
    const auto [least, most] = std::minmax_element(
        found.begin(), found.end(), [](const CellFigures* a, const CellFigures* b) {
          return a->tokens_per_s.value < b->tokens_per_s.value;
        });
    if (found.empty() || plan_.cells[(*least)->cell].size == plan_.cells[(*most)->cell].size) {
      return {undecided, "this run has one size at Q4_K_M only"};
    }
    const double times = (*most)->tokens_per_s.low / (*least)->tokens_per_s.high;
    return {times >= positive(test, "at_least") ? supported : undecided,
            fmt::format(
                "on this machine {} makes {} tokens/s and {} makes {}{}",
                plan_.cells[(*most)->cell].title(), shown((*most)->tokens_per_s),
                plan_.cells[(*least)->cell].title(), shown((*least)->tokens_per_s),
                plan_.cells[(*least)->cell].synthetic() ? " (synthetic weights: speed only)" : "")};
  }

 private:
  const Plan& plan_;
  const Analysis& analysis_;
};

Outcome elsewhere(const Fields& test) {
  test.only({"kind", "outcome", "why"});
  const std::string outcome = test.text("outcome");
  for (const ClaimOutcome known : {undecided, not_testable}) {
    if (outcome == name(known)) return {known, test.text("why")};
  }
  fail(ExitCode::integrity, "{}.outcome is '{}'; expected '{}' or '{}': others must be tested",
       test.label(), outcome, name(undecided), name(not_testable));
}

Outcome run_test(const Fields& test, const RunTests& run) {
  const std::string kind = test.text("kind");
  using Test = Outcome (*)(const Fields&);
  static const std::map<std::string, Test> tests = {
      {"ratio", &ratio},   {"types", &types}, {"fits", &fits},         {"speed", &speed},
      {"faster", &faster}, {"ranks", &ranks}, {"capacity", &capacity}, {"elsewhere", &elsewhere}};
  if (kind == "hypothesis") return run.hypothesis(test);
  if (kind == "sizes") return run.sizes(test);
  const auto found = tests.find(kind);
  if (found == tests.end()) {
    fail(ExitCode::integrity, "{}.kind is '{}', which is no test", test.label(), kind);
  }
  Outcome outcome = found->second(test);
  if (kind == "ranks") outcome.because += run.tokens_per_joule();
  return outcome;
}

}  // namespace

std::string_view name(ClaimOutcome outcome) {
  switch (outcome) {
    case supported:
      return "supported";
    case refuted:
      return "refuted";
    case undecided:
      return "undecided";
    default:
      return "not testable here";
  }
}

std::vector<JudgedClaim> judge_claims(std::string_view json, const Plan& plan,
                                      const Analysis& analysis) {
  constexpr std::size_t kMostClaims = 200;
  const nlohmann::json value = parse_json(json, "claims.json");
  const Fields fields(value, "claims.json");
  fields.only({"format", "about", "claims"});
  if (fields.text("format") != "ceiling-claims/1") {
    fail(ExitCode::integrity, "claims.json.format is '{}'; expected 'ceiling-claims/1'",
         fields.text("format"));
  }
  const RunTests run(plan, analysis);
  std::vector<JudgedClaim> judged;
  for (const Fields& item : fields.objects("claims", kMostClaims)) {
    item.only({"id", "claim", "evidence", "test"});
    const Outcome outcome = run_test(item.object("test"), run);
    judged.push_back({item.text("id"), item.text("claim"), item.text("evidence"), outcome.outcome,
                      outcome.because});
  }
  return judged;
}

std::vector<JudgedClaim> judge_claims(const Plan& plan, const Analysis& analysis) {
  return judge_claims(kClaimsJson, plan, analysis);
}

}  // namespace ceiling::lab
