#include <fmt/format.h>

#include "lab/charts/chart.h"
#include "lab/report/page.h"
#include "lab/report/report_formats.h"

namespace ceiling::lab {
namespace {

std::string with_label(const ReportData& data) {
  const std::string label = headline_label(data);
  return label.empty() ? headline(data) : fmt::format("{} ({})", headline(data), label);
}

std::string text_paragraph(const std::string& text) {
  return text.empty() ? "" : markdown_text(text) + "\n\n";
}

std::string evidence_markdown(const ReportData& data, const std::string& id) {
  const Judgement& j = data.analysis.judgement;
  if (id == "H1" && j.treated) {
    return chart_markdown(elasticity_chart(data)) + chart_markdown(dose_chart(data)) +
           table_markdown(control_table(data)) + text_paragraph(added_rate_sentence(data));
  }
  if (id == "H3" && j.fills) return chart_markdown(fill_chart(data));
  if (id == "H2" && j.types) {
    const bool controls = data.plan.tested_device() != kCpu;
    return chart_markdown(type_chart(data)) + table_markdown(pair_table(data)) +
           (controls ? table_markdown(control_table(data)) : "");
  }
  return {};
}

std::string hypotheses_markdown(const ReportData& data) {
  std::string out;
  for (const HypothesisText& h : hypothesis_texts(data)) {
    out += fmt::format("### {}. {}\n\n{} {}: {}.\n\n{}\n\n", markdown_text(h.id),
                       markdown_text(h.claim), h.mark, sentence_case(name(h.verdict)),
                       markdown_text(h.because), markdown_text(h.threshold));
    out += evidence_markdown(data, h.id);
    if (!h.otherwise.empty()) {
      out += fmt::format("What would have changed it: {}.\n\n", markdown_text(h.otherwise));
    }
  }
  if (const std::string sentence = gate_sentence(data); !sentence.empty()) {
    out += "### Whether the instrument can tell\n\n" + markdown_text(sentence) + ".\n\n";
  }
  return out;
}

std::string conditions_markdown(const ReportData& data) {
  std::string out = chart_markdown(block_chart(data));
  out += "### What must agree before two figures may be compared\n\n" +
         table_markdown(confounder_table(data));
  out += "### The machine\n\n" + table_markdown(machine_table(data));
  out += fmt::format(
      "### Exclusions and deviations\n\n{} of {} trials were excluded by the plan's "
      "rules.\n\n",
      data.analysis.excluded, data.analysis.trials);
  const Table events = event_table(data);
  if (!events.rows.empty()) out += table_markdown(events);
  for (const LeftOut& item : data.plan.left_out) {
    out += fmt::format("- Left out: {}: {}\n", markdown_text(item.what), markdown_text(item.why));
  }
  return out + (data.plan.left_out.empty() ? "" : "\n");
}

}  // namespace

std::string report_markdown(const ReportData& data) {
  std::string out = fmt::format(
      "# {}\n\nCeiling, lab L-001: {}, {} blocks, {}. All intervals are "
      "95 %.\n\n",
      markdown_text(with_label(data)), markdown_text(data.plan.kind), data.plan.blocks,
      shown_time(data.state.started_wall_s));
  for (const HypothesisText& h : hypothesis_texts(data)) {
    out += fmt::format("- {} {}{}: {}\n", h.mark,
                       h.subject.empty() ? "" : markdown_text(h.subject) + " – ",
                       markdown_text(h.id), name(h.verdict));
  }
  for (const std::string& reason : data.analysis.no_verdict) {
    out += fmt::format("\nNo verdict on {}.\n", markdown_text(reason));
  }
  out += "\n" + chart_markdown(speed_chart(data));
  for (const std::string& sentence : {type_sentence(data), cold_sentence(data)}) {
    if (!sentence.empty()) out += markdown_text(sentence) + ".\n\n";
  }
  out += fmt::format("## Predicted, then measured\n\nSealed at {}. Seal: SHA-256 `{}`.\n\n",
                     shown_time(data.state.sealed_wall_s), data.state.digest);
  out += chart_markdown(prediction_chart(data));
  if (const std::string sentence = score_sentence(data); !sentence.empty()) {
    out += markdown_text(sentence) + ".\n\n";
  }
  out += "## Three clocks, never mixed\n\n" + table_markdown(clock_table(data));
  if (const Table devices = device_table(data); !devices.rows.empty()) {
    out += "## The device\n\n" + text_paragraph(device_note(data)) + table_markdown(devices);
    const Table seen = device_condition_table(data);
    if (!seen.rows.empty()) out += table_markdown(seen);
    const Table spilled = spilled_table(data);
    if (!spilled.rows.empty()) out += text_paragraph(spilled_note()) + table_markdown(spilled);
  }
  out += "## Energy\n\n" + text_paragraph(energy_note(data));
  if (const Table energy = energy_table(data); !energy.rows.empty()) out += table_markdown(energy);
  out += "## Why\n\n" + (has_roofline(data) ? chart_markdown(roofline_chart(data)) : "") +
         chart_markdown(time_chart(data));
  if (const Table engines = engine_table(data); !engines.rows.empty()) {
    out += "## Other engines\n\n" + table_markdown(engines);
    out += "What their trials could not measure or control:\n\n";
    for (const std::string& note : engine_notes(data)) out += "- " + markdown_text(note) + "\n";
    out += "\n";
  }
  out += "## The hypotheses\n\n" + hypotheses_markdown(data);
  out += "## The module's claims\n\n" + table_markdown(claim_table(data));
  out += "## Conditions and confounders\n\n" + conditions_markdown(data);
  out += fmt::format(
      "## Do it again\n\nTo check this folder: `ceiling lab verify DIR`. To run the "
      "same plan: `ceiling lab --plan DIR/plan.json`.\n\nLast ledger entry: `{}`\n\n",
      data.head);
  out += table_markdown(model_table(data));
  if (const Table more = precision_table(data); !more.rows.empty()) {
    out += "### What more time would buy\n\n" + table_markdown(more);
  }
  out += "### What this run cannot say\n\n";
  for (const std::string& limit : limits(data)) out += "- " + markdown_text(limit) + "\n";
  return out;
}

}  // namespace ceiling::lab
