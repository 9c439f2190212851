#include "cli/lab_import.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lab/exchange/outside_figure.h"
#include "os/files.h"

namespace ceiling::cli {
namespace {

using lab::OutsideFigure;
using lab::OutsideFigures;

struct Flags {
  std::vector<std::string> files;
  bool all = false, json = false;
};

template <typename Name>
std::string joined(const std::vector<Name>& things) {
  std::string text;
  for (const Name thing : things) text += (text.empty() ? "" : ", ") + std::string(name(thing));
  return text;
}

std::string title(const OutsideFigure& f) {
  std::string text = f.machine;
  for (const std::string& part : {f.engine, f.model, f.type, f.test}) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

void print_figure(const OutsideFigure& f) {
  fmt::print("{}: {}: {:.4g} tokens/s: {}\n", f.place, title(f), f.tokens_per_s,
             name(comparability(f)));
  if (f.vendor_share.value_or(0) > 1) {
    fmt::print(
        "  by its bytes, as counted here, {:.2f} times the bandwidth that the vendor states\n",
        *f.vendor_share);
  }
  const auto nothing = unstated(f);
  if (!nothing.empty()) fmt::print("  nothing stated of: {}\n", joined(nothing));
  std::vector<lab::Item> partly;
  for (const lab::Item item : missing(f)) {
    if (std::find(nothing.begin(), nothing.end(), condition_of(item)) == nothing.end()) {
      partly.push_back(item);
    }
  }
  if (!partly.empty()) fmt::print("  missing besides: {}\n", joined(partly));
}

// Figures that lack the same things, the most frequent first.
void print_groups(const OutsideFigures& outside) {
  constexpr std::size_t kMostGroups = 8;
  std::map<std::vector<lab::Item>, std::vector<const OutsideFigure*>> groups;
  for (const OutsideFigure& f : outside.figures) groups[missing(f)].push_back(&f);
  std::vector<std::vector<const OutsideFigure*>> sorted;
  for (const auto& [items, figures] : groups) sorted.push_back(figures);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  fmt::print("\nfigures that lack the same, for example:\n");
  for (std::size_t i = 0; i < std::min(kMostGroups, sorted.size()); ++i) {
    fmt::print("{} like this one: ", sorted[i].size());
    print_figure(*sorted[i].front());
  }
  if (sorted.size() > kMostGroups) {
    fmt::print("and {} more kinds: --all shows every figure\n", sorted.size() - kMostGroups);
  }
}

void print_counts(const OutsideFigures& outside) {
  const lab::ComparabilityCounts counts = count(outside.figures);
  const auto of = [&](lab::Comparability c) {
    const auto found = counts.figures.find(c);
    return found == counts.figures.end() ? std::size_t{0} : found->second;
  };
  fmt::print("{} ({}): {} figures: {} comparable, {} with reservations, {} not comparable",
             outside.source, outside.format, outside.figures.size(),
             of(lab::Comparability::comparable), of(lab::Comparability::with_reservations),
             of(lab::Comparability::not_comparable));
  if (!outside.broken.empty()) fmt::print("; {} could not be read", outside.broken.size());
  fmt::print("\n");
  if (counts.beyond_vendor > 0) {
    fmt::print(
        "{} would need more bandwidth than the vendor states: other bytes than counted here, "
        "speculative decoding, or several streams\n",
        counts.beyond_vendor);
  }
  if (counts.missing.empty()) return;
  fmt::print("\nwhat is missing, in how many figures:\n");
  lab::Condition last{};
  bool first = true;
  for (const lab::Item item : lab::all_items()) {
    const auto found = counts.missing.find(item);
    if (found == counts.missing.end()) continue;
    const lab::Condition condition = condition_of(item);
    if (first || condition != last) fmt::print("  {} ({})\n", name(condition), why(condition));
    last = condition;
    first = false;
    fmt::print("    {:<34} {:>6}\n", name(item), found->second);
  }
}

void print(const OutsideFigures& outside, bool all) {
  constexpr std::size_t kFew = 12;
  print_counts(outside);
  if (outside.figures.empty()) {
    // Only what could not be read is left to tell.
  } else if (all || outside.figures.size() <= kFew) {
    fmt::print("\n");
    for (const OutsideFigure& f : outside.figures) print_figure(f);
  } else {
    print_groups(outside);
  }
  for (const lab::BrokenFigure& broken : outside.broken) {
    fmt::print("could not be read: {}: {}\n", broken.place, broken.reason);
  }
}

void run(const Flags& flags) {
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& path : flags.files) {
    const OutsideFigures outside = lab::read_outside_figures(os::read_file(path), path);
    if (flags.json) {
      all.push_back(to_json(outside));
    } else {
      print(outside, flags.all);
    }
  }
  if (flags.json) {
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

}  // namespace

void add_import_step(CLI::App& lab) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      lab.add_subcommand("import", "Judges whether figures of others state enough to be compared");
  command->add_option("FILE", flags->files, "llama-bench -o json, or a table as data/published.csv")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_flag("--all", flags->all, "Every figure, not only kinds of them");
  command->add_flag("--json", flags->json, "As JSON, every figure");
  command->footer(
      "Example: llama-bench -m model.gguf -o json > mine.json; ceiling lab import mine.json");
  command->callback([flags] { run(*flags); });
}

}  // namespace ceiling::cli
