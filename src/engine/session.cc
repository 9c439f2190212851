#include "engine/session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "engine/devices.h"
#include "engine/hand_over.h"
#include "engine/kv_pages.h"
#include "engine/segments.h"
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

  // The model as one device was asked to run it.
  struct Side {
    Placement placement;
    std::vector<KvStore*> segment_stores;  // the parts of the store
    std::unique_ptr<KvStore> store;
    std::unique_ptr<Executable> executable;
  };
  Side make_side(std::string_view device, const CompileOptions& compile);
  void make_stores(Side& side);
  void truncate(std::uint32_t sequence, std::uint32_t length);
  // For `count` more positions of a sequence: many are a prompt's.
  Executable& executable_for(std::uint32_t sequence, std::size_t count);

  std::vector<std::unique_ptr<Device>> devices;  // the one asked for, then others in use
  Side main;
  std::optional<Side> prefill;  // where prompts run elsewhere
  std::optional<HandOver> hand_over;
  std::unique_ptr<KvStore> both_stores;
  std::unique_ptr<KvPages> pages;
  Batch batch;  // reused from step to step
};

Session::State::State(std::shared_ptr<const Model> opened, const SessionOptions& asked)
    : model(std::move(opened)), options(with_defaults(program(), asked)) {
  CompileOptions compile;
  compile.max_rows = std::max(options.batch_rows, options.sequences);
  compile.max_logit_rows = std::max(options.logit_rows, options.sequences);
  main = make_side(options.device, compile);
  if (options.prefill_device.empty() || options.prefill_device == options.device) {
    pages = std::make_unique<KvPages>(*main.store, options.sequences);
    return;
  }
  prefill = make_side(options.prefill_device, compile);
  hand_over.emplace(*prefill->store, *main.store, options.sequences);
  both_stores = mirror_stores(*prefill->store, *main.store);
  pages = std::make_unique<KvPages>(*both_stores, options.sequences);
}

Session::State::Side Session::State::make_side(std::string_view device,
                                               const CompileOptions& compile) {
  Side side;
  unit(device);
  side.placement =
      place(program(), unit_budgets(device, program(), compile, options.device_memory),
            options.context, options.sequences, options.kv, Phase::decode, options.no_spill);
  std::uint64_t host_bytes = 0;
  for (const Segment& segment : side.placement.segments) {
    if (segment.residency != Residency::copied) host_bytes += segment.kv_bytes;
  }
  check_memory(host_bytes, options, "the KV cache");
  make_stores(side);
  std::vector<std::unique_ptr<Executable>> executables;
  for (std::size_t i = 0; i < side.placement.segments.size(); ++i) {
    const Segment& segment = side.placement.segments[i];
    executables.push_back(unit(segment.unit)
                              .compile(program(), model->weights(), segment.begin, segment.end,
                                       *side.segment_stores[i], compile));
    if (segment.residency != Residency::copied) host_bytes += executables.back()->workspace_bytes();
  }
  side.executable = join_executables(std::move(executables));
  check_memory(host_bytes, options, "the KV cache and the buffers");
  return side;
}

Device& Session::State::unit(std::string_view name) {
  for (const auto& device : devices) {
    if (device->name() == name) return *device;
  }
  return *devices.emplace_back(make_device(name, options.threads));
}

void Session::State::make_stores(Side& side) {
  const auto stores = [&](std::uint32_t pages_of_each) {
    std::vector<std::unique_ptr<KvStore>> out;
    for (const Segment& segment : side.placement.segments) {
      out.push_back(
          unit(segment.unit)
              .make_kv_store(program(), segment.begin, segment.end, options.kv, pages_of_each));
    }
    return out;
  };
  // A device chooses the size of its pages; stores of one page tell it.
  const std::uint32_t page = join_stores(stores(1))->page_positions();
  auto parts = stores(options.sequences * ((options.context + page - 1) / page));
  for (const auto& part : parts) side.segment_stores.push_back(part.get());
  side.store = join_stores(std::move(parts));
}

Executable& Session::State::executable_for(std::uint32_t sequence, std::size_t count) {
  if (!prefill) return *main.executable;
  const auto side = count > 1 ? HandOver::Side::prefill : HandOver::Side::decode;
  const std::uint32_t length = pages->length(sequence);
  const auto before = static_cast<std::uint32_t>(length - count);
  hand_over->bring(side, sequence, before, pages->tables()[sequence]);
  hand_over->appended(side, sequence, length);
  return count > 1 ? *prefill->executable : *main.executable;
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
const Placement& Session::placement() const { return state_->main.placement; }
const SessionOptions& Session::options() const { return state_->options; }
std::uint32_t Session::context() const { return state_->options.context; }
std::uint64_t Session::kv_bytes() const {
  const KvStore& store = *state_->main.store;
  return store.page_bytes() * store.page_count();
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
