#include "fit/table.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::fit {
namespace {

// Splits text into records of cells.
class Reader {
 public:
  Reader(std::string_view text, std::string_view label) : text_(text), label_(label) {}

  bool next(TableRow& row) {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) skip_line_end();
    if (at_ >= text_.size()) return false;
    row.number = ++number_;
    row.cells.clear();
    while (true) {
      row.cells.push_back(
          text_[at_ < text_.size() ? at_ : 0] == '"' && at_ < text_.size() ? quoted() : plain());
      if (at_ >= text_.size() || text_[at_] != ',') break;
      ++at_;
    }
    skip_line_end();
    return true;
  }

 private:
  void skip_line_end() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
  }

  std::string plain() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    std::string out;
    ++at_;
    while (at_ < text_.size()) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return out + plain();  // what follows a closing quote belongs to the cell
        }
        ++at_;
      }
      out += text_[at_++];
    }
    fail(ExitCode::integrity, "'{}': row {}: a quoted cell never ends", label_, number_);
  }

  std::string_view text_, label_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

}  // namespace

Table Table::parse(std::string_view text, std::string label) {
  Table table;
  table.label_ = std::move(label);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Reader reader(text, table.label_);
  TableRow header;
  if (!reader.next(header)) {
    fail(ExitCode::integrity, "'{}' is empty: expected a header and rows", table.label_);
  }
  table.columns_ = header.cells;
  for (std::size_t i = 0; i < table.columns_.size(); ++i) {
    if (!table.index_.emplace(table.columns_[i], i).second) {
      fail(ExitCode::integrity, "'{}': the header names the column '{}' twice", table.label_,
           printable(table.columns_[i], 40));
    }
  }
  TableRow row;
  while (reader.next(row)) table.rows_.push_back(row);
  return table;
}

bool Table::has(std::string_view column) const { return index_.contains(column); }

void Table::require(const std::vector<std::string_view>& columns) const {
  std::vector<std::string_view> missing;
  for (const std::string_view column : columns) {
    if (!has(column)) missing.push_back(column);
  }
  if (!missing.empty()) {
    fail(ExitCode::integrity, "'{}': the header lacks {}; expected {}", label_,
         fmt::join(missing, ", "), fmt::join(columns, ","));
  }
}

std::string_view Table::cell(const TableRow& row, std::string_view column) const {
  const auto found = index_.find(column);
  if (found == index_.end() || found->second >= row.cells.size()) return {};
  return row.cells[found->second];
}

std::optional<double> Table::positive(const TableRow& row, std::string_view column) const {
  const std::string_view text = cell(row, column);
  if (text.empty()) return std::nullopt;
  const auto value = parse_number(text);
  if (!value || !(*value > 0)) {
    fail(ExitCode::integrity, "'{}': row {}, column '{}' is '{}': expected a positive number",
         label_, row.number, column, printable(text, 40));
  }
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace ceiling::fit
