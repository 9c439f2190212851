// Two finished runs side by side: first whether they may be compared at all, then by what factor
// they differ and what explains it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/wording/report_text.h"

namespace ceiling::lab {

// What must agree between two figures, unless its difference is what the comparison is about.
enum class Variable { model, lengths, device, residency, engine, threads, machine };
std::string_view name(Variable variable);
Variable variable_named(std::string_view text);  // throws Error(usage) with the names there are

struct Confounder {
  Variable variable;
  std::string what;  // "1B-Q4_K_M: SHA-256 of the file"
  std::string a, b;
  bool declared = false;  // a difference that was declared
};

// Every difference between the runs' common cells and conditions. `declared`: those that the
// comparison is about; "machine" brings its processor, memory, system, power and threads with it.
std::vector<Confounder> differences(const ReportData& a, const ReportData& b,
                                    std::span<const Variable> declared);

// One cell that both runs have. Ratios are B's over A's, unpaired (Welch) over block means of
// logarithms, 95 %; speed = memory x share / bytes. Of another engine whose memory was not read,
// memory and share are not numbers (n is 0).
struct ComparedCell {
  std::size_t a = 0, b = 0;  // indices into the plans' cells
  Estimate speed_a, speed_b;
  Estimate speed, memory, share;
  double bytes = 1;
  double p = 1;  // that both are equally fast, adjusted for all cells (Holm)
};

struct Comparison {
  std::vector<Confounder> differences;
  std::vector<ComparedCell> cells;
};

// Throws Error(refused), naming every difference, if one is not declared; also if the runs share no
// cell.
Comparison compare(const ReportData& a, const ReportData& b, std::span<const Variable> declared);

// One sentence a cell: the ratio and what explains it.
std::string explanation(const ReportData& a, const ComparedCell& cell);

}  // namespace ceiling::lab
