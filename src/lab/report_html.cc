#include <fmt/format.h>

#include <algorithm>

#include "lab/chart.h"
#include "lab/report_formats.h"
#include "lab/report_style.h"
#include "lab/svg.h"

namespace ceiling::lab {
namespace {

// Text whose numbers do not part from their units, nor intervals in the middle.
std::string prose(std::string_view text) {
  std::string out = escaped(text);
  const auto replace_all = [&](std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = out.find(what, at)) != std::string::npos; at += with.size()) {
      out.replace(at, what.size(), with);
    }
  };
  replace_all("–", "&#8288;–&#8288;");
  replace_all(" %", "&nbsp;%");
  replace_all(" tokens/s", "&nbsp;tokens/s");
  return out;
}

bool is_hash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string cell_html(const std::string& text) {
  return is_hash(text) ? fmt::format("<code>{}</code>", text) : prose(text);
}

std::string table_html(const Table& table) {
  std::string out = "<table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">";
  const auto numeric = [&](std::size_t column) { return column >= table.text_columns; };
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    out += fmt::format("<th role=\"columnheader\" scope=\"col\"{}>{}</th>",
                       numeric(c) ? " class=\"n\"" : "", escaped(table.header[c]));
  }
  out += "</tr></thead>\n<tbody role=\"rowgroup\">\n";
  for (const auto& row : table.rows) {
    out += "<tr role=\"row\">";
    for (std::size_t c = 0; c < row.size(); ++c) {
      out += fmt::format("<td role=\"cell\" class=\"{}\" data-label=\"{}\">{}</td>",
                         numeric(c) ? "n" : (c == 0 ? "lead" : ""), escaped(table.header[c]),
                         cell_html(row[c]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string figure_html(const Chart& chart) {
  return fmt::format(
      "<figure id=\"{}\">\n<h3>{}</h3>\n<figcaption>{}</figcaption>\n<div class=\"wide\">{}</div>\n"
      "<div class=\"narrow\">{}</div>\n<details><summary>The numbers</summary>\n{}</details>\n"
      "</figure>\n",
      chart.id, prose(chart.title), prose(chart.reading), chart.wide, chart.narrow,
      table_html(chart.data));
}

std::string paragraph(std::string_view text) {
  return text.empty() ? "" : fmt::format("<p>{}</p>\n", prose(text));
}

std::string section(std::string_view id, std::string_view title, const std::string& body) {
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                     id, escaped(title), body);
}

std::string chips(const ReportData& data) {
  std::string out = "<ul class=\"chips\" aria-label=\"Verdicts\">\n";
  for (const Hypothesis& hypothesis : data.plan.hypotheses) {
    out += fmt::format("<li class=\"chip\"><b aria-hidden=\"true\">○</b>{}: no verdict</li>\n",
                       escaped(hypothesis.id));
  }
  return out + "</ul>\n";
}

std::string answer(const ReportData& data) {
  std::string out = fmt::format(
      "<header>\n<p class=\"kicker\">Ceiling, lab {}: {} · {} blocks · {} · all intervals are 95 "
      "%</p>\n"
      "<h1>{}</h1>\n",
      "L-001", escaped(data.plan.kind), data.plan.blocks,
      escaped(shown_time(data.state.started_wall_s)), prose(headline(data)));
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
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#answer\">To the answer</a>\n",
      escaped(headline(data)), report_style());
  out += answer(data);
  out += "<main id=\"answer\">\n" + figure_html(speed_chart(data));
  out += paragraph(type_sentence(data).empty() ? "" : type_sentence(data) + ".");
  out += section("predicted", "Predicted, then measured", predictions(data));
  out += section("why", "Why", figure_html(roofline_chart(data)) + figure_html(time_chart(data)));
  out += section("hypotheses", "The hypotheses", hypotheses(data));
  out += section("conditions", "Conditions and confounders", conditions(data));
  out += section("again", "Do it again", again(data));
  out += fmt::format(
      "</main>\n<footer><p>Made by ceiling {}. Opens offline; no script.</p></footer>\n"
      "</body>\n</html>\n",
      escaped(data.state.program_version));
  return out;
}

}  // namespace ceiling::lab
