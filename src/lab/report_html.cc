#include <fmt/format.h>

#include <algorithm>

#include "lab/chart.h"
#include "lab/page.h"
#include "lab/report_formats.h"
#include "lab/svg.h"

namespace ceiling::lab {
namespace {

std::string chips(const ReportData& data) {
  std::string out = "<ul class=\"chips\" aria-label=\"Verdicts\">\n";
  for (const Hypothesis& hypothesis : data.plan.hypotheses) {
    out += fmt::format("<li class=\"chip\"><b aria-hidden=\"true\">○</b>{}: no verdict</li>\n",
                       escaped(hypothesis.id));
  }
  return out + "</ul>\n";
}

// An interval reads as an aside: it must not drown the number that it belongs to.
std::string quiet_intervals(const std::string& html) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t open = 0; (open = html.find(" (", done)) != std::string::npos;) {
    const std::size_t close = html.find(')', open);
    if (close == std::string::npos) break;
    out += html.substr(done, open - done) + " <span class=\"interval\">" +
           html.substr(open + 1, close - open) + "</span>";
    done = close + 1;
  }
  return out + html.substr(done);
}

std::string answer(const ReportData& data) {
  const std::string label = headline_label(data);
  std::string out = fmt::format(
      "<header>\n<p class=\"kicker\">Ceiling, lab L-001: {} · {} blocks · {} · intervals are 95 "
      "%</p>\n"
      "<h1>{}{}</h1>\n",
      escaped(data.plan.kind), data.plan.blocks, escaped(shown_time(data.state.started_wall_s)),
      quiet_intervals(prose(headline(data))),
      label.empty() ? "" : fmt::format(" <small>{}</small>", escaped(label)));
  out += chips(data);
  for (const std::string& reason : data.analysis.no_verdict) {
    out += fmt::format("<p class=\"note\">No verdict. {}.</p>\n", escaped(reason));
  }
  return out + "</header>\n";
}

std::string predictions(const ReportData& data) {
  return fmt::format(
             "<p>Written down and sealed at {}, before any trial. Seal, SHA-256: "
             "<code>{}</code></p>\n",
             escaped(shown_time(data.state.sealed_wall_s)), escaped(data.state.digest)) +
         figure_html(prediction_chart(data));
}

std::string hypotheses(const ReportData& data) {
  std::string out;
  for (const Hypothesis& h : data.plan.hypotheses) {
    out += fmt::format("<h3>{}. {}</h3>\n", escaped(h.id), escaped(h.claim));
    out += paragraph(h.threshold);
    out += fmt::format("<p class=\"note\">○ No verdict. {}.</p>\n",
                       escaped(h.untested.empty() ? "The run has no verdict" : h.untested));
  }
  return out;
}

std::string conditions(const ReportData& data) {
  std::string out = figure_html(block_chart(data));
  out += "<h3>What must agree before two figures may be compared</h3>\n" +
         table_html(confounder_table(data));
  out += "<h3>The machine</h3>\n" + table_html(machine_table(data));
  out += "<h3>Exclusions and deviations</h3>\n";
  const Table events = event_table(data);
  out +=
      paragraph(fmt::format("{} of {} trials were excluded by the plan’s rules, decided without "
                            "seeing what they measured. An excluded trial is run once more at the "
                            "end of its block; both are kept.",
                            data.analysis.excluded, data.analysis.trials));
  for (const CellFigures& f : data.analysis.cells) {
    if (!f.disturbed) continue;
    out +=
        paragraph(fmt::format("{}: in some block every trial was excluded; its figures use them.",
                              data.plan.cells[f.cell].title()));
  }
  out += events.rows.empty() ? paragraph("Nothing else happened.") : table_html(events);
  if (!data.plan.left_out.empty()) {
    out += "<h3>Left out</h3>\n<ul>\n";
    for (const LeftOut& item : data.plan.left_out) {
      out += fmt::format("<li>{}: {}</li>\n", escaped(item.what), escaped(item.why));
    }
    out += "</ul>\n";
  }
  return out;
}

std::string again(const ReportData& data) {
  std::string out =
      "<p>To check this folder: the chain of the ledger, the plan against its seal, the "
      "order of trials, and every figure from the raw lines.</p>\n"
      "<pre>ceiling lab verify DIR</pre>\n";
  out += fmt::format(
      "<p>To run the same plan elsewhere:</p>\n<pre>ceiling lab --plan DIR/plan.json"
      "</pre>\n<p>Last ledger entry: <code>{}</code></p>\n",
      escaped(data.head));
  out += table_html(model_table(data));
  out += "<h3>What this run cannot say</h3>\n<ul>\n";
  for (const std::string& limit : limits(data)) {
    out += fmt::format("<li>{}</li>\n", escaped(limit));
  }
  return out + "</ul>\n";
}

}  // namespace

std::string report_html(const ReportData& data) {
  std::string out = page_head(headline(data));
  out += answer(data);
  out += "<main id=\"answer\">\n" + figure_html(speed_chart(data));
  for (const std::string& sentence : {type_sentence(data), cold_sentence(data)}) {
    if (!sentence.empty()) out += paragraph(sentence + ".");
  }
  out += section("predicted", "Predicted, then measured", predictions(data));
  out += section("clocks", "Three clocks, never mixed",
                 paragraph("Load: from the file to ready. Prefill: the prompt, until the first "
                           "token. Decode: one token after another.") +
                     table_html(clock_table(data)));
  out += section("why", "Why", figure_html(roofline_chart(data)) + figure_html(time_chart(data)));
  out += section("hypotheses", "The hypotheses", hypotheses(data));
  out += section("conditions", "Conditions and confounders", conditions(data));
  out += section("again", "Do it again", again(data));
  out += page_foot(data.state.program_version);
  return out;
}

}  // namespace ceiling::lab
