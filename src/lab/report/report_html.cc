#include <fmt/format.h>

#include <algorithm>

#include "lab/charts/chart.h"
#include "lab/charts/svg.h"
#include "lab/report/page.h"
#include "lab/report/report_formats.h"

namespace ceiling::lab {
namespace {

std::string chips(const ReportData& data) {
  std::string out = "<ul class=\"chips\" aria-label=\"Verdicts\">\n";
  for (const HypothesisText& h : hypothesis_texts(data)) {
    out += fmt::format("<li class=\"chip\"><b aria-hidden=\"true\">{}</b>{}{}: {}</li>\n", h.mark,
                       h.subject.empty() ? "" : escaped(h.subject) + " – ", escaped(h.id),
                       name(h.verdict));
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
    out += fmt::format("<p class=\"note\">No verdict on {}.</p>\n", escaped(reason));
  }
  return out + "</header>\n";
}

std::string predictions(const ReportData& data) {
  return fmt::format(
             "<p>Written down and sealed at {}, before any trial. Seal, SHA-256: "
             "<code>{}</code></p>\n",
             escaped(shown_time(data.state.sealed_wall_s)), escaped(data.state.digest)) +
         figure_html(prediction_chart(data)) +
         (score_sentence(data).empty() ? "" : paragraph(score_sentence(data) + "."));
}

std::string pairs(const ReportData& data) {
  const Table table = pair_table(data);
  if (table.rows.empty()) return {};
  return "<details><summary>Pair by pair</summary>\n" + table_html(table) + "</details>\n";
}

std::string evidence(const ReportData& data, const std::string& id) {
  const Judgement& j = data.analysis.judgement;
  if (id == "H1" && j.treated) {
    const Table controls = control_table(data);
    return figure_html(elasticity_chart(data)) + figure_html(dose_chart(data)) +
           (controls.rows.empty() ? "" : "<h4>Positive controls</h4>\n" + table_html(controls)) +
           paragraph(added_rate_sentence(data));
  }
  if (id == "H3" && j.fills) return figure_html(fill_chart(data));
  if (id == "H2" && j.types) {
    const bool controls = data.plan.tested_device() != kCpu;
    return figure_html(type_chart(data)) + pairs(data) +
           (controls ? "<h4>Positive controls</h4>\n" + table_html(control_table(data)) : "");
  }
  return {};
}

std::string hypotheses(const ReportData& data) {
  std::string out;
  for (const HypothesisText& h : hypothesis_texts(data)) {
    out += fmt::format("<h3>{}. {}</h3>\n", escaped(h.id), escaped(h.claim));
    out += fmt::format("<p class=\"verdict\"><b aria-hidden=\"true\">{}</b> {}: {}.</p>\n", h.mark,
                       sentence_case(name(h.verdict)), prose(h.because));
    out += paragraph(h.threshold);
    out += evidence(data, h.id);
    if (!h.otherwise.empty()) {
      out += fmt::format("<p class=\"note\">What would have changed it: {}.</p>\n",
                         prose(h.otherwise));
    }
  }
  if (const std::string sentence = gate_sentence(data); !sentence.empty()) {
    out += "<h3>Whether the instrument can tell</h3>\n" + paragraph(sentence + ".");
  }
  return out;
}

std::string engines(const ReportData& data) {
  std::string out = paragraph(
      "Other programs on the same model, in the same blocks. Their bytes are counted as this "
      "program’s are. Between tokens of another program nobody can read the memory, so their "
      "ceiling was read before and after each trial.");
  out +=
      table_html(engine_table(data)) + "<p>What their trials could not measure or control:</p>\n";
  out += "<ul>\n";
  for (const std::string& note : engine_notes(data)) {
    out += fmt::format("<li>{}</li>\n", escaped(note));
  }
  return out + "</ul>\n";
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
  if (const Table more = precision_table(data); !more.rows.empty()) {
    out += "<h3>What more time would buy</h3>\n" + table_html(more);
  }
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
  if (const Table devices = device_table(data); !devices.rows.empty()) {
    const Table seen = device_condition_table(data);
    const Table spilled = spilled_table(data);
    out +=
        section("device", "The device",
                paragraph(device_note(data)) + table_html(devices) +
                    (seen.rows.empty() ? "" : table_html(seen)) +
                    (spilled.rows.empty() ? "" : paragraph(spilled_note()) + table_html(spilled)));
  }
  const Table energy = energy_table(data);
  out += section("energy", "Energy",
                 paragraph(energy_note(data)) + (energy.rows.empty() ? "" : table_html(energy)));
  out += section("why", "Why",
                 (has_roofline(data) ? figure_html(roofline_chart(data)) : "") +
                     figure_html(time_chart(data)));
  if (!data.analysis.engines.empty()) {
    out += section("engines", "Other engines", engines(data));
  }
  out += section("hypotheses", "The hypotheses", hypotheses(data));
  out += section("claims", "The module’s claims",
                 paragraph("Each claim of the course module in our words, with the evidence that "
                           "decides it. Where that is this run, its verdict is this run’s.") +
                     table_html(claim_table(data)));
  out += section("conditions", "Conditions and confounders", conditions(data));
  out += section("again", "Do it again", again(data));
  out += page_foot(data.state.program_version);
  return out;
}

}  // namespace ceiling::lab
