#include "lab/report/page.h"

#include <fmt/format.h>

#include "lab/charts/svg.h"
#include "lab/report/report_style.h"

namespace ceiling::lab {
namespace {

bool is_hash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string cell_html(const std::string& text) {
  return is_hash(text) ? fmt::format("<code>{}</code>", text) : prose(text);
}

}  // namespace

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

std::string page_head(std::string_view title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#answer\">To the answer</a>\n",
      escaped(title), report_style());
}

std::string page_foot(std::string_view program_version) {
  return fmt::format(
      "</main>\n<footer><p>Made by ceiling {}. Opens offline; no script.</p></footer>\n"
      "</body>\n</html>\n",
      escaped(program_version));
}

std::string markdown_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table_markdown(const Table& table) {
  std::string out = "|";
  for (const std::string& name : table.header) out += " " + markdown_text(name) + " |";
  out += "\n|";
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    out += c < table.text_columns ? " --- |" : " ---: |";
  }
  out += "\n";
  for (const auto& row : table.rows) {
    out += "|";
    for (const std::string& cell : row) out += " " + markdown_text(cell) + " |";
    out += "\n";
  }
  return out + "\n";
}

std::string chart_markdown(const Chart& chart) {
  return fmt::format("### {}\n\n{}", markdown_text(chart.title), table_markdown(chart.data));
}

}  // namespace ceiling::lab
