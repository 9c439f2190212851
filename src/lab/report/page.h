// Pieces that the pages of all reports are made of, in HTML and in Markdown.
#pragma once

#include <string>
#include <string_view>

#include "lab/charts/chart.h"

namespace ceiling::lab {

// Everything before and after the page's own header and main element (which page_foot closes).
std::string page_head(std::string_view title);
std::string page_foot(std::string_view program_version);

// Escaped text whose numbers do not part from their units, nor intervals in the middle.
std::string prose(std::string_view text);
std::string paragraph(std::string_view text);  // empty for empty text
std::string section(std::string_view id, std::string_view title, const std::string& body);
std::string table_html(const Table& table);
std::string figure_html(const Chart& chart);  // with its numbers to open beneath

// What Markdown would read as markup is escaped.
std::string markdown_text(std::string_view text);
std::string table_markdown(const Table& table);
std::string chart_markdown(const Chart& chart);  // title and numbers

}  // namespace ceiling::lab
