#include "device/cpu/places.h"

#include <algorithm>
#include <limits>
#include <map>

namespace ceiling::cpu {
namespace {

constexpr std::size_t kLineFloats = 16;
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kWide = kNever - 1;  // "stage" of a phase's wide part

// Where a variable lives: from the phase that writes it to the last that reads it.
struct Life {
  std::size_t first = kNever, last = 0;  // phases
  std::size_t stage = kNever;            // that writes it
  bool one_stage = true;                 // only the stage that writes it reads it
  bool own = false;
};

class Lives {
 public:
  Lives(const Plan& plan, const Flow& flow, bool few_rows)
      : few_rows_(few_rows), lives_(flow.vars().size()) {
    for (const VarId id : flow.entering()) lives_[id].first = 0;
    for (phase_ = 0; phase_ < plan.phases.size(); ++phase_) {
      std::visit([this](const auto& p) { visit(p); }, plan.phases[phase_]);
    }
    for (const VarId id : flow.leaving()) {
      lives_[id].last = plan.phases.size();
      lives_[id].one_stage = false;
    }
  }
  const std::vector<Life>& lives() const { return lives_; }

 private:
  void read(VarId id, std::size_t stage) {
    if (id == kNoVar) return;
    Life& life = lives_[id];
    life.last = std::max(life.last, phase_);
    if (life.first != phase_ || life.stage != stage || stage == kWide) life.one_stage = false;
  }
  void write(VarId id, std::size_t stage, bool own) {
    Life& life = lives_[id];
    life.first = phase_;
    life.last = std::max(life.last, phase_);
    life.stage = stage;
    life.own = own;
    if (stage == kWide) life.one_stage = false;
  }

  void visit(const RowWork& work) {
    for (std::size_t s = 0; s < work.stages.size(); ++s) {
      const bool own = redundant(work.stages[s], few_rows_);
      for (const RowOp& op : work.stages[s].ops) {
        std::visit(
            [&](const auto& o) {
              if constexpr (requires { o.in; }) read(o.in, s);
              if constexpr (requires { o.key; }) {
                read(o.key, s);
                read(o.value, s);
              }
              if constexpr (requires { o.gate; }) {
                read(o.gate, s);
                read(o.up, s);
              }
              if constexpr (requires { o.a; }) {
                read(o.a, s);
                read(o.b, s);
              }
              if constexpr (requires { o.out; }) write(o.out, s, own);
            },
            op);
      }
    }
  }
  void visit(const RowPhase& phase) { visit(phase.work); }
  void visit(const ProductPhase& phase) {
    visit(phase.before);
    read(phase.input, phase.before.stages.size() - 1);  // prepared in the last stage
    for (const MatrixProduct& product : phase.products) {
      read(product.residual, kWide);
      write(product.out, kWide, false);
    }
  }
  void visit(const ExpertPhase& phase) {
    visit(phase.before);
    read(phase.input, kWide);
    read(phase.routing, kWide);
    write(phase.out, kWide, false);
  }
  void visit(const AttentionPhase& phase) {
    visit(phase.before);
    for (const VarId id : {phase.query, phase.key, phase.value}) read(id, kWide);
    write(phase.ready_query, kWide, false);
  }

  bool few_rows_;
  std::size_t phase_ = 0;
  std::vector<Life> lives_;
};

// Hands out ranges of floats; what is given back serves again, the smallest that fits first.
class Arena {
 public:
  std::size_t take(std::size_t size) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second >= size && (best == free_.end() || it->second < best->second)) best = it;
    }
    std::size_t offset = end_;
    std::size_t taken = size;
    if (best != free_.end()) {
      offset = best->first;
      taken = best->second;
      free_.erase(best);
    } else {
      end_ += size;
    }
    sizes_[offset] = taken;
    return offset;
  }
  void give_back(std::size_t offset) { free_[offset] = sizes_[offset]; }
  std::size_t end() const { return end_; }

 private:
  std::map<std::size_t, std::size_t> free_;   // offset -> size
  std::map<std::size_t, std::size_t> sizes_;  // as taken
  std::size_t end_ = 0;
};

}  // namespace

Places place_variables(const Plan& plan, const Flow& flow, bool few_rows, std::size_t max_rows,
                       std::size_t max_logit_rows) {
  const std::vector<Life> lives = Lives(plan, flow, few_rows).lives();
  Places places;
  places.of.resize(lives.size());
  Arena shared;
  Arena own;
  const std::size_t phases = plan.phases.size();
  std::vector<std::vector<VarId>> begins(phases + 1);
  std::vector<std::vector<VarId>> ends(phases + 1);
  for (VarId id = 0; id < lives.size(); ++id) {
    if (lives[id].first == kNever) continue;
    begins[lives[id].first].push_back(id);
    ends[lives[id].last].push_back(id);
  }
  for (std::size_t phase = 0; phase < phases; ++phase) {
    for (const VarId id : begins[phase]) {
      const Life& life = lives[id];
      const Var& var = flow[id];
      Place& place = places.of[id];
      const std::size_t width = (var.width + kLineFloats - 1) / kLineFloats * kLineFloats;
      // What leaves has no gaps between rows.
      place.pitch = life.one_stage ? 0 : (var.leaves ? var.width : width);
      place.own = life.own || life.one_stage;
      const std::size_t rows = var.rows == RowSet::batch ? max_rows : max_logit_rows;
      const std::size_t size = place.pitch == 0 ? width : rows * width;
      place.offset = place.own ? own.take(size) : shared.take(size);
    }
    for (const VarId id : ends[phase]) {
      (places.of[id].own ? own : shared).give_back(places.of[id].offset);
    }
  }
  places.shared_floats = shared.end();
  places.own_floats = own.end();
  return places;
}

}  // namespace ceiling::cpu
