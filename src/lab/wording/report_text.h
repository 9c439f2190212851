// What the report says, before it takes the shape of a page: sentences and tables that HTML,
// Markdown and terminal share.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/analysis/analysis.h"
#include "lab/analysis/replay.h"
#include "lab/plan/plan.h"

namespace ceiling::lab {

// All that a report is made of.
struct ReportData {
  const Plan& plan;
  Replay state;
  Analysis analysis;
  std::string head;  // hash of the last ledger entry
  std::string os, kernel, power_profile;
  std::map<std::string, std::string> engine_sha256;  // of other engines' programs, by cell
};

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::size_t text_columns = 1;  // the first ones; the others are numbers
};

// At most three figures; an interval in the digits of its value: "9.83 (9.61–10.05)".
std::string shown(double value);
std::string shown(const Estimate& estimate);
std::string shown_range(double low, double high);  // "9.61–10.05", in the digits of the high end
std::string shown_percent(const Estimate& share);  // "94 % (93–95)"
std::string shown_time(double wall_s);             // "2026-11-24 10:02:03 UTC"
// Time is counted in ticks of the clock: a share within their resolution, also a negative one, is
// 0.
std::optional<double> shown_others_share(const TrialConditions& conditions);

// "7B at Q4_K_M", with "(synthetic weights: speed only)" where they are.
std::string cell_name(const ReportData& data, std::size_t cell);
std::string weights_label(const Cell& cell);  // "real", "synthetic: speed only"
std::string device_suffix(const Cell& cell);  // " on cuda"; empty on the CPU
bool has_devices(const Plan& plan);           // some cell runs on another device than the CPU
// "on cuda: ", of the device that the hypotheses are tested on; empty where there is only the CPU.
std::string tested_prefix(const Plan& plan);

// The answer in one sentence, and what limits its use ("synthetic weights: speed only", or empty).
std::string headline(const ReportData& data);
std::string headline_label(const ReportData& data);
std::string cold_sentence(const ReportData& data);  // how long a cold start takes; empty likewise
std::string type_sentence(const ReportData& data);  // what fewer bytes brought; empty: not measured

// A hypothesis as the report tells of it.
struct HypothesisText {
  std::string id, claim, threshold;
  std::string
      subject;  // the claim in a few words, for who has not read it yet; empty: none is known
  Verdict verdict = Verdict::none;
  std::string mark;     // a shape for the verdict: "●", "✕", "◐", "○"
  std::string because;  // what decided, or why nothing did
  std::string otherwise;
};
std::vector<HypothesisText> hypothesis_texts(const ReportData& data);
std::string sentence_case(std::string_view text);    // "supported" -> "Supported"
std::string score_sentence(const ReportData& data);  // how the sealed predictions did; empty: none
std::string gate_sentence(const ReportData& data);   // the A/A pair; empty: not measured
Table control_table(const ReportData& data);         // positive controls
// At what rate the added bytes came, and what would have stopped the verdict; empty: not measured.
std::string added_rate_sentence(const ReportData& data);

Table engine_table(const ReportData& data);                         // other engines; no rows: none
std::vector<std::string> engine_notes(const ReportData& data);      // what they could not measure
std::vector<std::string> engine_sentences(const ReportData& data);  // their speed, one each

Table spilled_table(const ReportData& data);  // models that a device does not hold; may be empty
std::string spilled_note();
Table device_table(const ReportData& data);  // copies, link and residency; no rows: CPU only
// Clocks, heat, power, errors, other processes; no rows: nothing shows them.
Table device_condition_table(const ReportData& data);
std::string device_note(const ReportData& data);
void add_device_controls(const ReportData& data, Table& controls);  // where no work can be added
void add_device_rows(const ReportData& data, Table& machine);  // what the planner saw of devices

Table speed_table(const ReportData& data);
Table claim_table(const ReportData& data);        // the module's claims, a row each
Table pair_table(const ReportData& data);         // types of one model, pair by pair
Table precision_table(const ReportData& data);    // what more time would buy
Table clock_table(const ReportData& data);        // load, prefill and decode, never mixed
Table energy_table(const ReportData& data);       // joules and tokens; no rows: no meter
std::string energy_note(const ReportData& data);  // what the meters mean, or why there are none
std::string meter_name(const EnergyFigures& figures);  // "processor (its own counter)"
Table prediction_table(const ReportData& data);
Table time_table(const ReportData& data);
Table block_table(const ReportData& data);
Table confounder_table(const ReportData& data);
Table machine_table(const ReportData& data);
Table event_table(const ReportData& data);  // exclusions, aborted trials, deviations
Table model_table(const ReportData& data);
std::vector<std::string> limits(const ReportData& data);  // what this run cannot say

}  // namespace ceiling::lab
