// What a figure would have to state, and what follows from what it does not.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lab/exchange/outside_figure.h"

namespace ceiling::lab {
namespace {

using nlohmann::json;

struct ItemEntry {
  Item item;
  Condition condition;
  std::string_view name;
};

constexpr std::array kItems = {
    ItemEntry{Item::file_hash, Condition::model, "hash of the model file"},
    ItemEntry{Item::file_bytes, Condition::model, "bytes of the model file"},
    ItemEntry{Item::tokenizer, Condition::tokenizer, "tokenizer"},
    ItemEntry{Item::prompt_length, Condition::lengths, "prompt length"},
    ItemEntry{Item::generated_length, Condition::lengths, "generated length"},
    ItemEntry{Item::depth, Condition::lengths, "context depth"},
    ItemEntry{Item::kv_type, Condition::lengths, "KV type"},
    ItemEntry{Item::streams, Condition::batch, "number of streams"},
    ItemEntry{Item::residency, Condition::residency, "residency of the tensors"},
    ItemEntry{Item::backend, Condition::engine, "backend"},
    ItemEntry{Item::build, Condition::engine, "build"},
    ItemEntry{Item::flags, Condition::engine, "flags"},
    ItemEntry{Item::threads, Condition::threads, "threads"},
    ItemEntry{Item::placement, Condition::threads, "placement of threads"},
    ItemEntry{Item::power_mode, Condition::power, "power mode"},
    ItemEntry{Item::temperature, Condition::power, "temperature and clocks"},
    ItemEntry{Item::page_cache, Condition::page_cache, "page cache"},
    ItemEntry{Item::memory_pressure, Condition::page_cache, "memory pressure and swap"},
    ItemEntry{Item::order, Condition::order, "order of the tests"},
    ItemEntry{Item::warm_up, Condition::order, "warm-up"},
    ItemEntry{Item::sampling, Condition::sampling, "sampling in or out of the clock"},
    ItemEntry{Item::speculation, Condition::speculation, "speculative decoding"},
    ItemEntry{Item::repetitions, Condition::statistic, "repetitions"},
    ItemEntry{Item::spread, Condition::statistic, "spread"},
    ItemEntry{Item::fresh_processes, Condition::statistic, "fresh processes"},
    ItemEntry{Item::memory_rate, Condition::ceiling, "measured memory bandwidth"},
};

struct ConditionEntry {
  Condition condition;
  std::string_view name, why;
};

constexpr std::array kConditions = {
    ConditionEntry{Condition::model, "model file",
                   "Q4_K_M is a recipe, not a file: bytes differ under one name"},
    ConditionEntry{Condition::tokenizer, "tokenizer", "tokens differ in length"},
    ConditionEntry{Condition::lengths, "depth and lengths", "decode slows with depth"},
    ConditionEntry{Condition::batch, "batch and concurrency",
                   "619 against 107 tokens/s, all streams against one"},
    ConditionEntry{Condition::residency, "residency", "a silent spill costs about 10x"},
    ConditionEntry{Condition::engine, "engine and build", "2.1x from one library"},
    ConditionEntry{Condition::threads, "threads and placement", "0.83 to 6.56 tokens/s"},
    ConditionEntry{Condition::power, "power, heat, clocks",
                   "42 to 29 tokens/s with no change of code"},
    ConditionEntry{Condition::page_cache, "page cache, memory pressure, swap",
                   "0.6 s to 3 min a token"},
    ConditionEntry{Condition::order, "order and warm-up", "107 against 137 by order alone"},
    ConditionEntry{Condition::sampling, "sampling", "178 to 82 with sampling in the clock"},
    ConditionEntry{Condition::speculation, "speculative decoding", "89 to 876 by the prompt"},
    ConditionEntry{Condition::statistic, "statistic",
                   "the best of 20 lies 1.87 standard deviations above the mean"},
    ConditionEntry{Condition::ceiling, "share of the ceiling",
                   "without the memory's rate beside it a slow machine looks like a slow engine"},
};

const ItemEntry& entry(Item item) {
  return *std::find_if(kItems.begin(), kItems.end(),
                       [&](const ItemEntry& e) { return e.item == item; });
}

const ConditionEntry& entry(Condition condition) {
  return *std::find_if(kConditions.begin(), kConditions.end(),
                       [&](const ConditionEntry& e) { return e.condition == condition; });
}

json names(const std::vector<Item>& items) {
  json list = json::array();
  for (const Item item : items) list.push_back(name(item));
  return list;
}

json figure_to_json(const OutsideFigure& figure) {
  json stated = json::object();
  for (const auto& [item, text] : figure.stated) stated[std::string(name(item))] = text;
  json conditions = json::array();
  for (const Condition condition : unstated(figure)) conditions.push_back(name(condition));
  return {{"place", figure.place},
          {"machine", figure.machine},
          {"engine", figure.engine},
          {"model", figure.model},
          {"type", figure.type},
          {"test", figure.test},
          {"source", figure.source},
          {"tokens_per_s", figure.tokens_per_s},
          {"comparability", name(comparability(figure))},
          {"stated", stated},
          {"missing", names(missing(figure))},
          {"nothing_stated_of", conditions},
          {"share_of_vendor_bandwidth",
           figure.vendor_share ? json(*figure.vendor_share) : json(nullptr)}};
}

}  // namespace

const std::vector<Item>& all_items() {
  static const std::vector<Item> items = [] {
    std::vector<Item> list;
    for (const ItemEntry& e : kItems) list.push_back(e.item);
    return list;
  }();
  return items;
}

Condition condition_of(Item item) { return entry(item).condition; }
std::string_view name(Item item) { return entry(item).name; }
std::string_view name(Condition condition) { return entry(condition).name; }
std::string_view why(Condition condition) { return entry(condition).why; }

std::string_view name(Comparability comparability) {
  switch (comparability) {
    case Comparability::comparable:
      return "comparable";
    case Comparability::with_reservations:
      return "with reservations";
    default:
      return "not comparable";
  }
}

std::vector<Item> missing(const OutsideFigure& figure) {
  std::vector<Item> items;
  for (const Item item : all_items()) {
    if (figure.stated.count(item) == 0) items.push_back(item);
  }
  return items;
}

std::vector<Condition> unstated(const OutsideFigure& figure) {
  std::vector<Condition> conditions;
  for (const ConditionEntry& condition : kConditions) {
    const bool some = std::any_of(figure.stated.begin(), figure.stated.end(), [&](const auto& s) {
      return condition_of(s.first) == condition.condition;
    });
    if (!some) conditions.push_back(condition.condition);
  }
  return conditions;
}

Comparability comparability(const OutsideFigure& figure) {
  if (!unstated(figure).empty()) return Comparability::not_comparable;
  return missing(figure).empty() ? Comparability::comparable : Comparability::with_reservations;
}

ComparabilityCounts count(const std::vector<OutsideFigure>& figures) {
  ComparabilityCounts counts;
  for (const OutsideFigure& figure : figures) {
    ++counts.figures[comparability(figure)];
    for (const Item item : missing(figure)) ++counts.missing[item];
    for (const Condition condition : unstated(figure)) ++counts.unstated[condition];
    counts.beyond_vendor += figure.vendor_share.value_or(0) > 1 ? 1 : 0;
  }
  return counts;
}

json to_json(const OutsideFigures& outside) {
  const ComparabilityCounts counts = count(outside.figures);
  json summary = {{"figures", outside.figures.size()},
                  {"broken", outside.broken.size()},
                  {"beyond_vendor_bandwidth", counts.beyond_vendor},
                  {"missing", json::object()},
                  {"nothing_stated_of", json::object()}};
  for (const Comparability c : {Comparability::comparable, Comparability::with_reservations,
                                Comparability::not_comparable}) {
    const auto found = counts.figures.find(c);
    summary[std::string(name(c))] = found == counts.figures.end() ? 0 : found->second;
  }
  for (const auto& [item, n] : counts.missing) summary["missing"][std::string(name(item))] = n;
  for (const auto& [condition, n] : counts.unstated) {
    summary["nothing_stated_of"][std::string(name(condition))] = {{"figures", n},
                                                                  {"why", why(condition)}};
  }
  json value = {{"source", outside.source},
                {"format", outside.format},
                {"summary", summary},
                {"figures", json::array()},
                {"broken", json::array()}};
  for (const OutsideFigure& figure : outside.figures) {
    value["figures"].push_back(figure_to_json(figure));
  }
  for (const BrokenFigure& broken : outside.broken) {
    value["broken"].push_back({{"place", broken.place}, {"reason", broken.reason}});
  }
  return value;
}

}  // namespace ceiling::lab
