#include "engine/session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "engine/devices.h"
#include "engine/hand_over.h"
#include "engine/kv_pages.h"
#include "engine/placed_parts.h"
#include "engine/segments.h"
#include "engine/session_placement.h"
#include "os/memory.h"

namespace ceiling {
namespace {

constexpr std::uint32_t kDefaultContext = 4096;

SessionOptions with_defaults(const Program& program, SessionOptions options) {
  const std::uint32_t limit = program.context_limit;
  if (options.context == 0) options.context = std::min(limit, kDefaultContext);
  if (options.context > limit) {
    fail(ExitCode::usage,
         "a context of {} positions: the model knows {}: ask for at most that (-c)",
         options.context, limit);
  }
  options.sequences = std::max(options.sequences, 1U);
  options.batch_rows = std::clamp(options.batch_rows, 1U, options.context);
  options.logit_rows = std::max(options.logit_rows, 1U);
  return options;
}

void check_memory(std::uint64_t needed, const SessionOptions& options, std::string_view purpose) {
  const std::uint64_t available = os::memory_info().available.value;
  if (needed <= available) return;
  fail(
      ExitCode::failed,
      "not enough memory: {} for {} x {} positions needs {}, {} is free: ask for a smaller context "
      "(-c) or close other programs",
      purpose, options.sequences, options.context, format_capacity({needed}),
      format_capacity({available}));
}

std::uint64_t host_kv_bytes(const std::vector<Segment>& segments, std::string_view host) {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments) {
    if (segment.unit == host) bytes += segment.kv_bytes;
  }
  return bytes;
}

}  // namespace

struct Session::State {
  State(std::shared_ptr<const Model> opened, const SessionOptions& asked);

  const Program& program() const { return model->program(); }
  void check_tokens(std::uint32_t sequence, std::span<const Token> tokens) const;
  // Appends at most max_rows() tokens in one Batch; logits for all rows, the last, or none.
  enum class Wanted : std::uint8_t { none, last, all };
  std::span<const float> run_chunk(std::uint32_t sequence, std::span<const Token> tokens,
                                   Wanted wanted);

  std::shared_ptr<const Model> model;
  SessionOptions options;
  Device& unit(std::string_view name);  // made when it is first asked for

  // The model as it runs in one phase, or on one of two devices.
  struct Side {
    Placement placement;
    std::vector<PlacedPart> parts;
    std::unique_ptr<Executable> executable;
  };
  void make_sides();
  void make_prompt_side(const SessionPlacement& placed);
  Side placed_side(const Placement& placement, const std::vector<Segment>& segments,
                   std::string_view host);
  void compile_side(Side& side, std::string_view host, const CompileOptions& compile);
  KvStore* make_store(const Segment& segment);
  std::uint32_t pages_of_each(const std::vector<Segment>& segments);
  void hand_over_between(const std::vector<KvStore*>& prompts,
                         const std::vector<KvStore*>& answers);
  void truncate(std::uint32_t sequence, std::uint32_t length);
  bool runs_as_prompt(std::size_t rows) const { return prefill && rows >= prompt_rows; }
  // For `count` more positions of a sequence: many are a prompt's.
  Executable& executable_for(std::uint32_t sequence, std::size_t count);

  std::vector<std::unique_ptr<Device>> devices;  // the one asked for, then others in use
  std::vector<std::unique_ptr<KvStore>> stores;  // of every side's segments
  std::uint32_t store_pages = 0;
  CompileOptions compile;
  Side main;
  std::optional<Side> prefill;    // where prompts run in another way
  std::uint32_t prompt_rows = 2;  // so many rows are a prompt then
  std::string spill_reason;
  std::unique_ptr<KvStore> handed_over[2];  // what prompts and answers have apart
  std::optional<HandOver> hand_over;
  std::unique_ptr<KvStore> all_stores;
  std::unique_ptr<KvPages> pages;
  Batch batch;  // reused from step to step
};

Session::State::State(std::shared_ptr<const Model> opened, const SessionOptions& asked)
    : model(std::move(opened)), options(with_defaults(program(), asked)) {
  compile.max_rows = std::max(options.batch_rows, options.sequences);
  compile.max_logit_rows = std::max(options.logit_rows, options.sequences);
  make_sides();
  std::vector<KvStore*> all;
  for (const auto& store : stores) all.push_back(store.get());
  all_stores = view_of(std::move(all));
  pages = std::make_unique<KvPages>(*all_stores, options.sequences);
}

void Session::State::make_sides() {
  const auto unit_of = [this](std::string_view name) -> Device& { return unit(name); };
  unit(options.device);
  const SessionPlacement placed =
      place_session(program(), options, compile, options.device, unit_of);
  spill_reason = placed.reason;
  const bool elsewhere =
      !options.prefill_device.empty() && options.prefill_device != options.device;
  const bool two_ways = !elsewhere && placed.differs();
  const Placement& answers = placed.phases.decode;
  main =
      placed_side(answers, two_ways ? cut_alike(answers, placed.phases.prefill) : answers.segments,
                  placed.host);
  CompileOptions of_answers = compile;
  if (two_ways) {  // prompts have buffers of their own
    of_answers.max_rows = std::max({options.sequences, placed.prompt_rows, options.logit_rows});
    of_answers.max_rows = std::min(of_answers.max_rows, compile.max_rows);
  }
  compile_side(main, placed.host, of_answers);
  if (two_ways) make_prompt_side(placed);
  if (!elsewhere) return;
  const SessionPlacement other =
      place_session(program(), options, compile, options.prefill_device, unit_of);
  prefill = placed_side(other.phases.prefill, other.phases.prefill.segments, other.host);
  compile.round = 1;
  compile_side(*prefill, other.host, compile);
  const auto stores_of = [](const Side& side) {
    std::vector<KvStore*> out;
    for (const PlacedPart& part : side.parts) out.push_back(part.kv);
    return out;
  };
  hand_over_between(stores_of(*prefill), stores_of(main));
}

// Prompts on the same device in another way: what stays where it is shares weights and cache.
void Session::State::make_prompt_side(const SessionPlacement& placed) {
  Side side;
  side.placement = placed.phases.prefill;
  std::vector<KvStore*> moved[2];
  const std::vector<Segment> segments = cut_alike(side.placement, main.placement);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const PlacedPart& answers = main.parts[i];
    KvStore* kv = answers.kv;
    if (segments[i].unit != answers.segment.unit) {
      kv = make_store(segments[i]);
      moved[0].push_back(kv);
      moved[1].push_back(answers.kv);
    }
    side.parts.push_back({segments[i], kv});
  }
  compile.round = 1;
  compile_side(side, placed.host, compile);
  prefill = std::move(side);
  prompt_rows = placed.prompt_rows;
  hand_over_between(moved[0], moved[1]);
}

Session::State::Side Session::State::placed_side(const Placement& placement,
                                                 const std::vector<Segment>& segments,
                                                 std::string_view host) {
  Side side;
  side.placement = placement;
  check_memory(host_kv_bytes(placement.segments, host), options, "the KV cache");
  if (store_pages == 0) store_pages = pages_of_each(segments);
  for (const Segment& segment : segments) side.parts.push_back({segment, make_store(segment)});
  return side;
}

void Session::State::compile_side(Side& side, std::string_view host,
                                  const CompileOptions& of_side) {
  Compiled compiled = compile_parts(
      program(), model->weights(), side.parts, host,
      [this](std::string_view name) -> Device& { return unit(name); }, of_side);
  side.executable = std::move(compiled.executable);
  check_memory(host_kv_bytes(side.placement.segments, host) + compiled.host_workspace_bytes,
               options, "the KV cache and the buffers");
}

Device& Session::State::unit(std::string_view name) {
  for (const auto& device : devices) {
    if (device->name() == name) return *device;
  }
  return *devices.emplace_back(make_device(name, options.threads));
}

KvStore* Session::State::make_store(const Segment& segment) {
  stores.push_back(
      unit(segment.unit)
          .make_kv_store(program(), segment.begin, segment.end, options.kv, store_pages));
  return stores.back().get();
}

// A device chooses the size of its pages; stores of one page tell it.
std::uint32_t Session::State::pages_of_each(const std::vector<Segment>& segments) {
  std::vector<std::unique_ptr<KvStore>> out;
  for (const Segment& segment : segments) {
    out.push_back(
        unit(segment.unit).make_kv_store(program(), segment.begin, segment.end, options.kv, 1));
  }
  const std::uint32_t page = join_stores(std::move(out))->page_positions();
  return options.sequences * ((options.context + page - 1) / page);
}

void Session::State::hand_over_between(const std::vector<KvStore*>& prompts,
                                       const std::vector<KvStore*>& answers) {
  handed_over[0] = view_of(prompts);
  handed_over[1] = view_of(answers);
  hand_over.emplace(*handed_over[0], *handed_over[1], options.sequences);
}

Executable& Session::State::executable_for(std::uint32_t sequence, std::size_t count) {
  if (!prefill) return *main.executable;
  const auto side = runs_as_prompt(count) ? HandOver::Side::prefill : HandOver::Side::decode;
  const std::uint32_t length = pages->length(sequence);
  const auto before = static_cast<std::uint32_t>(length - count);
  hand_over->bring(side, sequence, before, pages->tables()[sequence]);
  hand_over->appended(side, sequence, length);
  return side == HandOver::Side::prefill ? *prefill->executable : *main.executable;
}

void Session::State::truncate(std::uint32_t sequence, std::uint32_t length) {
  pages->truncate(sequence, length);
  if (hand_over) hand_over->truncated(sequence, length);
}

void Session::State::check_tokens(std::uint32_t sequence, std::span<const Token> tokens) const {
  if (sequence >= options.sequences) {
    fail(ExitCode::usage, "sequence {} of a session for {}", sequence, options.sequences);
  }
  if (tokens.empty()) fail(ExitCode::usage, "the prompt has no tokens: give at least one");
  for (const Token token : tokens) {
    if (token < 0 || static_cast<std::uint32_t>(token) >= program().vocabulary) {
      fail(ExitCode::usage, "token {} is outside the model's vocabulary of {}", token,
           program().vocabulary);
    }
  }
  const std::uint32_t held = pages->length(sequence);
  if (tokens.size() > options.context - held) {
    fail(
        ExitCode::usage,
        "{} tokens do not fit: the context has {} positions, {} are taken: shorten the text or ask "
        "for a larger context (-c, the model knows {})",
        tokens.size(), options.context, held, program().context_limit);
  }
}

std::span<const float> Session::State::run_chunk(std::uint32_t sequence,
                                                 std::span<const Token> tokens, Wanted wanted) {
  const std::uint32_t begin = pages->length(sequence);
  const auto count = static_cast<std::uint32_t>(tokens.size());
  batch.rows.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool logits = wanted == Wanted::all || (wanted == Wanted::last && i + 1 == count);
    batch.rows.push_back({tokens[i], begin + i, sequence, logits});
  }
  pages->append(sequence, count);
  try {
    return executable_for(sequence, count).run(batch, pages->tables());
  } catch (...) {
    truncate(sequence, begin);
    throw;
  }
}

Session::Session(std::shared_ptr<const Model> model, const SessionOptions& options)
    : state_(std::make_unique<State>(std::move(model), options)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const Model& Session::model() const { return *state_->model; }
Device& Session::device() { return *state_->devices.front(); }
std::string Session::description() const {
  std::string text = state_->devices.front()->description();
  for (std::size_t i = 1; i < state_->devices.size(); ++i) {
    text += "; " + state_->devices[i]->description();
  }
  return text;
}
Executable& Session::executable() { return *state_->main.executable; }
Executable& Session::executable_of(std::size_t rows) {
  return state_->runs_as_prompt(rows) ? *state_->prefill->executable : *state_->main.executable;
}
Traffic Session::traffic() const {
  Traffic total = state_->main.executable->traffic();
  if (!state_->prefill) return total;
  const Traffic prompts = state_->prefill->executable->traffic();
  total.weight_bytes += prompts.weight_bytes;
  total.kv_bytes += prompts.kv_bytes;
  total.copied_bytes += prompts.copied_bytes;
  total.link_bytes += prompts.link_bytes;
  return total;
}
const Placement& Session::placement() const { return state_->main.placement; }
const Placement& Session::prompt_placement() const {
  return state_->prefill ? state_->prefill->placement : state_->main.placement;
}
const std::string& Session::spill_reason() const { return state_->spill_reason; }
const SessionOptions& Session::options() const { return state_->options; }
std::uint32_t Session::context() const { return state_->options.context; }
std::uint64_t Session::kv_bytes() const {
  std::uint64_t bytes = 0;
  for (const PlacedPart& part : state_->main.parts) {
    bytes += part.kv->page_bytes() * part.kv->page_count();
  }
  return bytes;
}
std::uint64_t Session::handed_over_bytes() const {
  return state_->hand_over ? state_->hand_over->bytes() : 0;
}

std::span<const float> Session::append(std::uint32_t sequence, std::span<const Token> tokens,
                                       const std::function<bool()>& go_on) {
  state_->check_tokens(sequence, tokens);
  const std::size_t chunk = state_->options.batch_rows;
  while (tokens.size() > chunk) {
    state_->run_chunk(sequence, tokens.first(chunk), State::Wanted::none);
    tokens = tokens.subspan(chunk);
    if (go_on && !go_on()) return {};
  }
  return state_->run_chunk(sequence, tokens, State::Wanted::last);
}

std::span<const float> Session::step(std::span<const std::uint32_t> sequences,
                                     std::span<const Token> tokens) {
  if (sequences.size() != tokens.size() || sequences.empty()) {
    fail(ExitCode::usage, "a step of {} sequences with {} tokens: each needs one", sequences.size(),
         tokens.size());
  }
  State& state = *state_;
  state.batch.rows.clear();
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    state.check_tokens(sequences[i], tokens.subspan(i, 1));
    state.batch.rows.push_back({tokens[i], state.pages->length(sequences[i]), sequences[i], true});
  }
  std::size_t grown = 0;
  try {
    for (; grown < sequences.size(); ++grown) {
      state.pages->append(sequences[grown], 1);
      state.executable_for(sequences[grown], 1);
    }
    return state.main.executable->run(state.batch, state.pages->tables());
  } catch (...) {
    for (std::size_t i = 0; i < std::min(grown + 1, sequences.size()); ++i) {
      state.truncate(sequences[i], state.batch.rows[i].position);
    }
    throw;
  }
}

void Session::score(std::uint32_t sequence, std::span<const Token> tokens,
                    const std::function<void(std::uint32_t, std::span<const float>)>& visit) {
  state_->check_tokens(sequence, tokens);
  const std::size_t vocabulary = state_->program().vocabulary;
  const std::size_t chunk = std::min(state_->options.batch_rows, state_->options.logit_rows);
  while (!tokens.empty()) {
    const std::size_t count = std::min(chunk, tokens.size());
    const std::uint32_t begin = length(sequence);
    const std::span<const float> logits =
        state_->run_chunk(sequence, tokens.first(count), State::Wanted::all);
    for (std::uint32_t i = 0; i < count; ++i) {
      visit(begin + i, logits.subspan(i * vocabulary, vocabulary));
    }
    tokens = tokens.subspan(count);
  }
}

std::uint32_t Session::length(std::uint32_t sequence) const {
  return state_->pages->length(sequence);
}
void Session::truncate(std::uint32_t sequence, std::uint32_t length) {
  state_->truncate(sequence, length);
}
void Session::fork(std::uint32_t from, std::uint32_t to) {
  state_->pages->fork(from, to);
  if (state_->hand_over) state_->hand_over->forked(from, to);
}

}  // namespace ceiling
