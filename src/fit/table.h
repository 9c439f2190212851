// Comma-separated values (RFC 4180) with a header: cells by column name, places for messages.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ceiling::fit {

struct TableRow {
  std::size_t number = 0;  // of the row, the header being row 1
  std::vector<std::string> cells;
};

class Table {
 public:
  // `label` names the source in messages. Throws Error(integrity) for a file without a header, a
  // header that names a column twice, and a quote that never closes.
  static Table parse(std::string_view text, std::string label);

  const std::string& label() const { return label_; }
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<TableRow>& rows() const { return rows_; }
  bool has(std::string_view column) const;
  // Throws Error(integrity) naming those that are missing.
  void require(const std::vector<std::string_view>& columns) const;

  // Empty for a column that the table, or this row, does not have.
  std::string_view cell(const TableRow& row, std::string_view column) const;
  // A positive number; empty where the cell is. Throws Error(integrity) naming row, column, value.
  std::optional<double> positive(const TableRow& row, std::string_view column) const;

 private:
  std::string label_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<TableRow> rows_;
};

// A decimal number that is the whole of `text`. Locale-free.
std::optional<double> parse_number(std::string_view text);

}  // namespace ceiling::fit
