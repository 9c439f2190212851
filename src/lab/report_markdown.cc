#include <fmt/format.h>

#include "lab/chart.h"
#include "lab/report_formats.h"

namespace ceiling::lab {
namespace {

// Cells hold plain text; what Markdown would read as markup is escaped.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table_markdown(const Table& table) {
  std::string out = "|";
  for (const std::string& name : table.header) out += " " + plain(name) + " |";
  out += "\n|";
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    out += c < table.text_columns ? " --- |" : " ---: |";
  }
  out += "\n";
  for (const auto& row : table.rows) {
    out += "|";
    for (const std::string& cell : row) out += " " + plain(cell) + " |";
    out += "\n";
  }
  return out + "\n";
}

std::string chart_markdown(const Chart& chart) {
  return fmt::format("### {}\n\n{}", plain(chart.title), table_markdown(chart.data));
}

std::string hypotheses_markdown(const ReportData& data) {
  std::string out;
  for (const Hypothesis& h : data.plan.hypotheses) {
    out += fmt::format("### {}. {}\n\n{}\n\n○ No verdict. {}.\n\n", plain(h.id), plain(h.claim),
                       plain(h.threshold),
                       plain(h.untested.empty() ? "The run has no verdict" : h.untested));
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
    out += fmt::format("- Left out: {}: {}\n", plain(item.what), plain(item.why));
  }
  return out + (data.plan.left_out.empty() ? "" : "\n");
}

}  // namespace

std::string report_markdown(const ReportData& data) {
  std::string out = fmt::format(
      "# {}\n\nCeiling, lab L-001: {}, {} blocks, {}. All intervals are "
      "95 %.\n\n",
      plain(headline(data)), plain(data.plan.kind), data.plan.blocks,
      shown_time(data.state.started_wall_s));
  for (const Hypothesis& h : data.plan.hypotheses)
    out += fmt::format("- ○ {}: no verdict\n", plain(h.id));
  for (const std::string& reason : data.analysis.no_verdict) {
    out += fmt::format("\nNo verdict: {}.\n", plain(reason));
  }
  out += "\n" + chart_markdown(speed_chart(data));
  if (const std::string sentence = type_sentence(data); !sentence.empty()) {
    out += plain(sentence) + ".\n\n";
  }
  out += fmt::format("## Predicted, then measured\n\nSealed at {}. Seal: SHA-256 `{}`.\n\n",
                     shown_time(data.state.sealed_wall_s), data.state.digest);
  out += chart_markdown(prediction_chart(data));
  out += "## Why\n\n" + chart_markdown(roofline_chart(data)) + chart_markdown(time_chart(data));
  out += "## The hypotheses\n\n" + hypotheses_markdown(data);
  out += "## Conditions and confounders\n\n" + conditions_markdown(data);
  out += fmt::format(
      "## Do it again\n\nTo check this folder: `ceiling lab verify DIR`. To run the "
      "same plan: `ceiling lab --plan DIR/plan.json`.\n\nLast ledger entry: `{}`\n\n",
      data.head);
  out += table_markdown(model_table(data)) + "### What this run cannot say\n\n";
  for (const std::string& limit : limits(data)) out += "- " + plain(limit) + "\n";
  return out;
}

}  // namespace ceiling::lab
