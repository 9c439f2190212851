#include "engine/calibrate.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "engine/devices.h"

namespace ceiling {
namespace {

constexpr std::uint32_t least_tokens = 16;

std::vector<Batch> windows_of(const Model& model, std::span<const Token> text,
                              const CalibrateOptions& options) {
  const std::uint32_t limit = model.program().context_limit;
  if (options.window < least_tokens || options.window > limit)
    fail(ExitCode::usage, "calibration window {}: {} to {} tokens (the model's context)",
         options.window, least_tokens, limit);
  if (text.size() < least_tokens)
    fail(ExitCode::usage, "the calibration text has {} tokens: at least {} are needed", text.size(),
         least_tokens);
  const std::size_t length = std::min<std::size_t>(options.window, text.size());
  std::size_t count = text.size() / length;
  if (options.max_windows != 0) count = std::min<std::size_t>(count, options.max_windows);
  const auto tokenizer = model.tokenizer();
  std::vector<Batch> windows(count);
  for (std::size_t w = 0; w < count; ++w) {
    for (std::uint32_t i = 0; i < length; ++i)
      windows[w].rows.push_back({text[w * length + i], i, 0, true});
    if (tokenizer->adds_start() && tokenizer->start_token())
      windows[w].rows[0].token = *tokenizer->start_token();
  }
  return windows;
}

// What a matrix product reads, if the step is one.
struct Product {
  WeightId weight;
  ValueId in;
};
std::optional<Product> product_at(const Program& program, std::size_t step) {
  const Operation& operation = program.steps[step].operation;
  if (const auto* plain = std::get_if<MatMul>(&operation)) return Product{plain->weight, plain->in};
  if (const auto* grouped = std::get_if<GroupedMatMul>(&operation))
    return Product{grouped->weight, grouped->in};
  return std::nullopt;
}

bool writes(const Program& program, std::size_t step, ValueId value) {
  const auto written = access(program.steps[step].operation).writes;
  return std::find(written.begin(), written.end(), value) != written.end();
}

// A cut before a product, and all products that read the same value there.
struct Segment {
  std::size_t begin = 0;
  ValueId in = 0;
  std::vector<WeightId> products;
};

// The first has no products: it leads to them.
std::vector<Segment> segments_of(const Program& program) {
  std::vector<Segment> segments(1);
  std::optional<ValueId> held;  // the value at the cut, until it is written again
  for (std::size_t step = 0; step < program.steps.size(); ++step) {
    if (const auto product = product_at(program, step)) {
      if (held != product->in) segments.push_back({step, product->in, {}});
      held = product->in;
      segments.back().products.push_back(product->weight);
    }
    if (held && writes(program, step, *held)) held.reset();
  }
  return segments;
}

// Mean squares of the columns of one value over all rows of all windows.
class MeanSquares {
 public:
  explicit MeanSquares(std::size_t cols) : sums_(cols, 0.0) {}
  void add(std::span<const float> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      sums_[i % sums_.size()] += double{rows[i]} * double{rows[i]};
    count_ += rows.size() / sums_.size();
  }
  std::vector<float> means() const {
    std::vector<float> out(sums_.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(sums_[i] / static_cast<double>(count_));
    return out;
  }

 private:
  std::vector<double> sums_;
  std::size_t count_ = 0;
};

// The most floats that cross a cut between segments, for one row.
std::uint64_t widest_crossing(const Program& program, const std::vector<Segment>& segments) {
  std::uint64_t widest = 1;
  for (const Segment& segment : segments) {
    std::uint64_t width = 0;
    for (const ValueId value : values_across(program, segment.begin))
      width += program.values[value].width;
    widest = std::max(widest, width);
  }
  return widest;
}

class Calibration {
 public:
  Calibration(const Model& model, std::vector<Batch> windows, const CalibrateOptions& options)
      : model_(model),
        program_(model.program()),
        segments_(segments_of(program_)),
        windows_(std::move(windows)),
        device_(make_device("cpu", options.threads)) {
    const std::uint64_t bytes =
        widest_crossing(program_, segments_) * windows_.front().rows.size() * sizeof(float);
    together_ = std::clamp<std::size_t>(options.activation_bytes / bytes, 1, windows_.size());
    for (const Segment& segment : segments_)
      squares_.emplace_back(
          segment.products.empty() ? 1 : program_.weights[segment.products.front()].cols);
  }

  Importance run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    const std::size_t runs = (windows_.size() + together_ - 1) / together_;
    const std::uint64_t steps = segments_.size() - 1;
    for (std::size_t r = 0; r < runs; ++r) {
      const std::size_t first = r * together_;
      const auto now =
          std::span(windows_).subspan(first, std::min(together_, windows_.size() - first));
      std::vector<std::vector<float>> crossing(now.size());
      for (std::size_t s = 1; s < segments_.size(); ++s) {
        advance(segments_[s - 1].begin, segments_[s].begin, now, crossing);
        observe(s, crossing);
        if (progress) progress(r * steps + s, runs * steps);
      }
    }
    return importance();
  }

 private:
  // Runs steps [begin, end) on each window; crossing: the values at its last cut.
  void advance(std::size_t begin, std::size_t end, std::span<const Batch> windows,
               std::vector<std::vector<float>>& crossing) const {
    const auto length = static_cast<std::uint32_t>(windows.front().rows.size());
    const auto make_store = [&](std::uint32_t pages) {
      return device_->make_kv_store(program_, begin, end, KvType::f16, pages);
    };
    const std::uint32_t page = make_store(1)->page_positions();
    PageTables tables(1);
    for (std::uint32_t i = 0; i * page < length; ++i) tables[0].push_back(i);
    const auto store = make_store(static_cast<std::uint32_t>(tables[0].size()));
    CompileOptions options;
    options.max_rows = length;
    options.max_logit_rows = length;
    const auto executable =
        device_->compile(program_, model_.weights(), begin, end, *store, options);
    for (std::size_t w = 0; w < windows.size(); ++w) {
      const auto out = executable->run(windows[w], tables, crossing[w]);
      crossing[w].assign(out.begin(), out.end());
    }
    release_weights(begin, end);
  }

  // The next segment reads others.
  void release_weights(std::size_t begin, std::size_t end) const {
    for (std::size_t step = begin; step < end; ++step)
      for (const WeightId weight : access(program_.steps[step].operation).weights)
        model_.file().release({model_.weights()->data(weight), program_.weights[weight].bytes()});
  }

  void observe(std::size_t index, const std::vector<std::vector<float>>& crossing) {
    const Segment& segment = segments_[index];
    const std::size_t rows = windows_.front().rows.size();
    std::size_t before = 0;  // columns of the values in front
    for (const ValueId value : values_across(program_, segment.begin)) {
      if (value == segment.in) break;
      before += program_.values[value].width;
    }
    const std::size_t width = program_.values[segment.in].width;
    for (const auto& values : crossing)
      squares_[index].add(std::span(values).subspan(before * rows, rows * width));
  }

  Importance importance() const {
    Importance out;
    for (std::size_t s = 1; s < segments_.size(); ++s)
      for (const WeightId weight : segments_[s].products)
        out[program_.weights[weight].name] = squares_[s].means();
    balance_shared_embeddings(out);
    return out;
  }

  // A matrix that is embedding and head at once: an embedding reads all its columns alike, so half
  // of the importance is the same for each.
  void balance_shared_embeddings(Importance& importance) const {
    for (const Step& step : program_.steps) {
      const auto* embed = std::get_if<Embed>(&step.operation);
      if (embed == nullptr) continue;
      const auto found = importance.find(program_.weights[embed->table].name);
      if (found == importance.end()) continue;
      double sum = 0;
      for (const float value : found->second) sum += value;
      const auto mean = static_cast<float>(sum / static_cast<double>(found->second.size()));
      for (float& value : found->second) value += mean;
    }
  }

  const Model& model_;
  const Program& program_;
  std::vector<Segment> segments_;
  std::vector<MeanSquares> squares_;  // of what each segment's products read
  std::vector<Batch> windows_;
  std::size_t together_ = 1;  // windows that run from segment to segment at once
  std::unique_ptr<Device> device_;
};

}  // namespace

Importance calibrate(const std::shared_ptr<const Model>& model, std::span<const Token> text,
                     const CalibrateOptions& options,
                     const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  return Calibration(*model, windows_of(*model, text, options), options).run(progress);
}

}  // namespace ceiling
