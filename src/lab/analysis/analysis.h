// From the ledger's raw trials to the figures that are shown.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab/analysis/engine_figures.h"
#include "lab/analysis/judgement.h"
#include "lab/analysis/replay.h"
#include "lab/analysis/spilled_figures.h"
#include "lab/plan/plan.h"
#include "lab/statistics/changepoints.h"
#include "lab/statistics/statistics.h"

namespace ceiling::lab {

// One trial as a point in a plot.
struct TrialPoint {
  std::size_t block = 0;
  double wall_s = 0;
  double tokens_per_s = 0;
  double share = 0;
  double probe_gb_per_s = 0;
  bool excluded = false;
};

// Where a token's time goes; the parts add up to the measured mean time of a token.
struct TokenTime {
  double at_ceiling_s = 0;       // the bytes at the probe's rate
  double matrices_beyond_s = 0;  // matrix products beyond that
  double attention_s = 0;
  double other_s = 0;  // norms, rope, activations, waiting at barriers, sampling
  double all_s() const { return at_ceiling_s + matrices_beyond_s + attention_s + other_s; }
};

// What more time would buy a cell.
struct Precision {
  double between_blocks = 0;     // standard deviation of ln(share)
  std::size_t blocks_for_2 = 0;  // until the interval is 2 % to each side
  // Tokens in each process that spend the time best, and those that were decoded.
  std::size_t best_tokens = 0, tokens = 0;
};

// What a cell's tokens cost in energy, by one kind of meter.
struct EnergyFigures {
  std::string what;           // "processor", "GPU", ...; "wall": the reading that was typed in
  Estimate tokens_per_joule;  // over blocks, 95 %
  double watts = 0;           // while decoding; median
};

struct CellFigures {
  std::size_t cell = 0;  // index into the plan's cells
  std::vector<TrialPoint> points;
  std::size_t excluded = 0;               // trials, among the points
  std::map<Warmup, std::size_t> warmups;  // trials by how they came to their speed
  bool disturbed = false;  // some block has excluded trials only: they are used, and it is said
  // Over blocks (the mean of a block's trials is one observation), 95 % intervals.
  Estimate tokens_per_s;
  Estimate share;            // of the ceiling
  Estimate share_bootstrap;  // the same by resampling blocks and trials: a check, decides nothing
  Precision precision;
  Estimate prefill_tokens_per_s;
  double first_token_s = 0, load_s = 0, touch_s = 0;  // medians
  double bytes_per_token = 0;
  double operations_per_token = 0;
  double probe_gb_per_s = 0;                            // median over trials
  double prefill_intensity = 0, prefill_gop_per_s = 0;  // operations a byte; rate
  TokenTime token_time;
  std::vector<EnergyFigures> energy;  // empty: no meter may be read here
  std::uint64_t resident_bytes = 0, file_bytes = 0;
  double ceiling_tokens_per_s() const;  // probe over bytes, at the time of the trials
};

// A cell that starts from a file evicted from the page cache: its own clock, apart from the others.
struct ColdLoad {
  std::size_t cell = 0;  // index into the plan's cells
  Estimate load_s;       // from file to ready with all pages in memory, 95 % over blocks
  double file_bytes = 0;
  double cached_share = 0;  // of the file after eviction, the most of any trial
  std::size_t trials = 0, excluded = 0;
};

// Two cells of one model size at different types: what fewer bytes bring.
struct TypeRatio {
  std::size_t smaller = 0, larger = 0;  // cells, by bytes per token
  double bytes = 0;                     // larger over smaller
  Estimate speed;                       // smaller's over larger's, at the same memory speed
  double p = 1;                         // that they are equally fast, adjusted for all pairs (Holm)
};

// How the program's sealed predictions did.
struct PredictionScores {
  std::size_t predictions = 0, inside_80 = 0, inside_95 = 0;
  Estimate coverage_80;  // exact 95 % interval
  double score_80 = 0;   // mean interval score over ln(tokens/s): smaller is better
};

struct Analysis {
  // This program's decode, with at least one trial, in the plan's order.
  std::vector<CellFigures> cells;
  std::vector<ColdLoad> cold_loads;
  std::vector<EngineFigures> engines;  // cells of other engines
  std::vector<TypeRatio> type_ratios;
  std::vector<SpilledFigures> spilled;
  PredictionScores scores;
  std::size_t trials = 0, excluded = 0;
  Judgement judgement;
  std::vector<std::string> no_verdict;  // why hypotheses stay undecided: "H1, H2: reason"
  const CellFigures* find(const Plan& plan, const std::string& cell) const;
  std::size_t headline_cell = 0;  // index into `cells`
  // The most bytes per token among the cells that are there for their size.
  const CellFigures& headline() const { return cells[headline_cell]; }
};

// Throws Error(failed) if no trial was measured at all.
Analysis analyse(const Plan& plan, const Replay& state);

}  // namespace ceiling::lab
