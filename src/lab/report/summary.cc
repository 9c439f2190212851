#include "lab/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace ceiling::lab {
namespace {

// Full blocks up to the measured share, light ones up to the ceiling.
std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

// Broken between words at `columns`, each line ended.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::istringstream words(text);
  std::string out, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > columns) {
      out += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + line + "\n";
}

std::string prediction_note(const ReportData& data, std::size_t cell) {
  std::string note;
  for (const CellPrediction& p : data.plan.predictions) {
    if (p.cell != data.plan.cells[cell].id) continue;
    note += fmt::format("{}{} said {}", note.empty() ? "" : ", ", p.by, shown(p.median));
  }
  return note;
}

// One line of verdicts, then why some have none.
std::string verdict_lines(const ReportData& data, std::size_t wide) {
  std::string line;
  for (const HypothesisText& h : hypothesis_texts(data)) {
    line += fmt::format("{}{} {}: {}", line.empty() ? "" : "   ", h.mark, h.id, name(h.verdict));
  }
  std::string out = wrapped(line, wide);
  if (!data.analysis.no_verdict.empty()) {
    out += wrapped(fmt::format("No verdict on {}.", data.analysis.no_verdict.front()), wide);
  }
  return out;
}

}  // namespace

std::string terminal_summary(const ReportData& data, const std::string& report_path, int columns) {
  constexpr std::size_t kMostCells = 7;
  const auto wide = static_cast<std::size_t>(std::clamp(columns, 40, 100));
  const std::string label = headline_label(data);
  std::string out =
      wrapped(headline(data) + (label.empty() ? "." : fmt::format(" ({}).", label)), wide) + "\n";
  std::size_t widest = 0;
  for (const CellFigures& f : data.analysis.cells) {
    widest = std::max(widest, data.plan.cells[f.cell].title().size());
  }
  const std::size_t width = columns >= 100 ? 24 : 12;
  std::size_t shown_cells = 0;
  for (const CellFigures& f : data.analysis.cells) {
    if (++shown_cells > kMostCells) break;
    const Cell& cell = data.plan.cells[f.cell];
    out += fmt::format("  {:<{}}  {}  {:>6} of {:>6} tokens/s{}\n", cell.title(), widest,
                       bar(f.share.value, width), shown(f.tokens_per_s.value),
                       shown(f.ceiling_tokens_per_s()), cell.synthetic() ? "  speed only" : "");
    if (columns < 100) continue;
    if (const std::string note = prediction_note(data, f.cell); !note.empty()) {
      out.insert(out.size() - 1, "  " + note);
    }
  }
  if (const std::string sentence = type_sentence(data); !sentence.empty()) {
    out += "\n" + wrapped(sentence + ".", wide);
  }
  for (const std::string& sentence : engine_sentences(data)) {
    out += "\n" + wrapped(sentence + ".", wide);
  }
  out += "\n" + verdict_lines(data, wide);
  if (data.analysis.excluded > 0) {
    out += wrapped(
        fmt::format("{} of {} trials were excluded by the plan’s rules (the report says why).",
                    data.analysis.excluded, data.analysis.trials),
        wide);
  }
  return out + fmt::format("\nReport: {}\n", report_path);
}

}  // namespace ceiling::lab
