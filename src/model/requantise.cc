#include "model/requantise.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "gguf/writer.h"
#include "model/origin.h"
#include "model/recipes.h"
#include "model/shapes.h"
#include "quant/dequantise.h"
#include "quant/quantise.h"

namespace ceiling {
namespace {

constexpr std::uint64_t piece_elements = std::uint64_t{1} << 18;  // 1 MiB of float32 a thread

// Some rows of one tensor.
struct Piece {
  std::size_t tensor = 0;
  std::uint64_t row_begin = 0, row_end = 0;
};

struct Plan {
  std::vector<TensorType> types;  // of each output tensor
  std::vector<bool> fell_back;
  std::vector<Piece> pieces;
};

// Vectors (norms, biases, frequency divisors) and the choice of experts stay as they are: they are
// few and decide much.
bool stays(const gguf::TensorInfo& tensor) {
  return tensor.dimensions < 2 || tensor.name.ends_with("ffn_gate_inp.weight");
}

// What the recipes ask of a model: its depth and heads.
Shape shape_of(const gguf::File& file) {
  const auto& metadata = file.metadata();
  const std::string prefix(metadata.require_string("general.architecture"));
  Shape shape{};
  shape.architecture = prefix;
  shape.layers = metadata.require_u32(prefix + ".block_count");
  shape.heads = metadata.require_u32(prefix + ".attention.head_count");
  const auto kv_heads = metadata.u32s(prefix + ".attention.head_count_kv");
  shape.kv_heads = kv_heads && !kv_heads->empty() ? kv_heads->front() : shape.heads;
  shape.kv_heads = std::max(shape.kv_heads, 1U);
  shape.width = metadata.require_u32(prefix + ".embedding_length");
  shape.tied_embeddings = file.find("output.weight") == nullptr;
  shape.experts.count = metadata.u32(prefix + ".expert_count").value_or(0);
  return shape;
}

Plan make_plan(const gguf::File& file, const RequantiseOptions& options) {
  const Shape shape = shape_of(file);
  const Importances importances =
      options.importance.empty() ? Importances::unknown : Importances::known;
  const auto type_of = [&](const gguf::TensorInfo& tensor, std::uint64_t cols) {
    return recipe_type(options.recipe, shape, tensor.name, tensor.rows(), cols, importances);
  };
  Plan plan;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const auto& tensor = file.tensors()[i];
    TensorType type = tensor.type;
    bool fell_back = false;
    if (!stays(tensor)) {
      type = type_of(tensor, tensor.cols());
      // The type that the recipe takes where any block fits (columns of 256 * n always do).
      fell_back = type != type_of(tensor, 4096);
    }
    plan.types.push_back(type);
    plan.fell_back.push_back(fell_back);
    const std::uint64_t step = std::max<std::uint64_t>(1, piece_elements / tensor.cols());
    for (std::uint64_t row = 0; row < tensor.rows(); row += step)
      plan.pieces.push_back({i, row, std::min(row + step, tensor.rows())});
  }
  return plan;
}

void declare_output(gguf::Writer& writer, const gguf::File& file, const Plan& plan,
                    const RequantiseOptions& options) {
  for (const auto& [key, value] : file.metadata().all()) writer.copy(key, value);
  writer.set_u32("general.file_type", recipe_file_type(options.recipe));
  writer.set_u32("general.quantization_version", 2);
  writer.set_bool("ceiling.quantised_with_importance", !options.importance.empty());
  if (const std::string origin = quantised_origin(file); !origin.empty())
    writer.set_string(kQuantisedFromKey, origin);
  for (std::size_t i = 0; i < plan.types.size(); ++i) {
    const auto& tensor = file.tensors()[i];
    writer.declare(tensor.name, plan.types[i], {tensor.shape.data(), tensor.dimensions});
  }
}

// Sums over the weights that changed their type.
struct ErrorSums {
  double squared_error = 0, squares = 0, weight = 0;
  ErrorSums& operator+=(const ErrorSums& other) {
    squared_error += other.squared_error;
    squares += other.squares;
    weight += other.weight;
    return *this;
  }
};

// One thread's buffers.
class Worker {
 public:
  Worker(const gguf::File& file, const Plan& plan, const RequantiseOptions& options,
         gguf::Writer& writer)
      : file_(file), plan_(plan), options_(options), writer_(writer) {}

  void convert(const Piece& piece, ErrorSums& error) {
    const auto& tensor = file_.tensors()[piece.tensor];
    const TensorType to = plan_.types[piece.tensor];
    const std::uint64_t cols = tensor.cols();
    const std::size_t from_row = row_bytes(tensor.type, cols);
    const auto source = file_.data(tensor).subspan(piece.row_begin * from_row,
                                                   (piece.row_end - piece.row_begin) * from_row);
    row_.resize(cols);
    if (tensor.type == to) {
      for (std::uint64_t row = piece.row_begin; row < piece.row_end; ++row) {
        dequantise_row(tensor.type, source.data() + (row - piece.row_begin) * from_row, row_.data(),
                       cols);
        check_finite(tensor, row);
      }
      writer_.write(piece.tensor, piece.row_begin * from_row, source);
      file_.release(source);
      return;
    }
    const std::size_t to_row = row_bytes(to, cols);
    const float* importance = importance_of(tensor);
    back_.resize(cols);
    output_.resize((piece.row_end - piece.row_begin) * to_row);
    for (std::uint64_t row = piece.row_begin; row < piece.row_end; ++row) {
      const std::uint64_t local = row - piece.row_begin;
      dequantise_row(tensor.type, source.data() + local * from_row, row_.data(), cols);
      check_finite(tensor, row);
      quantise_row(to, row_.data(), output_.data() + local * to_row, cols, importance);
      dequantise_row(to, output_.data() + local * to_row, back_.data(), cols);
      add_error(importance, error);
    }
    writer_.write(piece.tensor, piece.row_begin * to_row, output_);
    file_.release(source);
  }

 private:
  const float* importance_of(const gguf::TensorInfo& tensor) const {
    const auto found = options_.importance.find(tensor.name);
    if (found == options_.importance.end() || found->second.size() != tensor.cols()) return nullptr;
    return found->second.data();
  }

  void check_finite(const gguf::TensorInfo& tensor, std::uint64_t row) const {
    std::uint32_t largest = 0;  // magnitudes order as their bits do; infinity is above all numbers
    for (const float weight : row_) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(weight) & 0x7fffffffU);
    }
    if (largest < 0x7f800000U) return;
    for (std::size_t c = 0; c < row_.size(); ++c)
      if (!std::isfinite(row_[c]))
        fail(ExitCode::integrity,
             "tensor '{}': weight {} (row {}, column {}) is {}: a finite number was expected",
             tensor.name, row * row_.size() + c, row, c, row_[c]);
  }

  // Eight sums side by side: a fixed order that the processor need not wait for.
  void add_error(const float* importance, ErrorSums& error) const {
    constexpr std::size_t kSums = 8;
    ErrorSums sums[kSums];
    for (std::size_t first = 0; first < row_.size(); first += kSums) {
      const std::size_t count = std::min(kSums, row_.size() - first);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t c = first + i;
        const double weight = importance == nullptr ? 1.0 : importance[c];
        const double value = row_[c];
        const double delta = value - back_[c];
        sums[i].squared_error += weight * delta * delta;
        sums[i].squares += weight * value * value;
        sums[i].weight += weight;
      }
    }
    for (const ErrorSums& sum : sums) error += sum;
  }

  const gguf::File& file_;
  const Plan& plan_;
  const RequantiseOptions& options_;
  gguf::Writer& writer_;
  std::vector<float> row_, back_;
  std::vector<std::byte> output_;
};

// Runs all pieces on `threads` threads. The failure of the earliest piece that fails is rethrown,
// whichever thread met one first: no piece before it is left out.
class Conversion {
 public:
  Conversion(const gguf::File& file, const Plan& plan, const RequantiseOptions& options,
             gguf::Writer& writer)
      : file_(file),
        plan_(plan),
        options_(options),
        writer_(writer),
        errors_(plan.pieces.size()),
        end_(plan.pieces.size()) {}

  void run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::vector<std::thread> threads;
    const std::size_t most = std::min<std::size_t>(options_.threads, plan_.pieces.size());
    for (std::size_t t = 1; t < most; ++t) threads.emplace_back([this] { work({}); });
    work(progress);
    for (auto& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

  // Summed in the order of the pieces, so that the figure does not depend on the threads.
  ErrorSums error() const {
    ErrorSums sum;
    for (const auto& error : errors_) sum += error;
    return sum;
  }

 private:
  void work(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    Worker worker(file_, plan_, options_, writer_);
    for (std::size_t i = next_++; i < end_; i = next_++) {
      try {
        worker.convert(plan_.pieces[i], errors_[i]);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (i < end_) {
          end_ = i;
          failure_ = std::current_exception();
        }
        return;
      }
      if (progress)
        progress(std::min<std::size_t>(next_, plan_.pieces.size()), plan_.pieces.size());
    }
  }

  const gguf::File& file_;
  const Plan& plan_;
  const RequantiseOptions& options_;
  gguf::Writer& writer_;
  std::vector<ErrorSums> errors_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> end_;  // the earliest piece that failed, or their number
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void check_requantise(const gguf::File& input, const std::string& output,
                      const RequantiseOptions& options) {
  std::error_code ignored;
  if (std::filesystem::equivalent(input.label(), output, ignored))
    fail(ExitCode::usage, "the output '{}' is the input file: give another name", output);
  recipe_file_type(options.recipe);
}

RequantiseReport requantise(const std::shared_ptr<const gguf::File>& input,
                            const std::string& output, const RequantiseOptions& options,
                            const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  check_requantise(*input, output, options);
  const Plan plan = make_plan(*input, options);
  gguf::Writer writer(output);
  declare_output(writer, *input, plan, options);
  const std::uint64_t bytes = writer.file_bytes();
  writer.begin();
  Conversion conversion(*input, plan, options, writer);
  conversion.run(progress);
  writer.finish();

  RequantiseReport report;
  report.bytes = bytes;
  for (std::size_t i = 0; i < plan.types.size(); ++i)
    report.tensors.push_back(
        {input->tensors()[i].name, input->tensors()[i].type, plan.types[i], plan.fell_back[i]});
  const ErrorSums error = conversion.error();
  if (error.weight > 0) {
    report.squared_error = error.squared_error / error.weight;
    report.weight_rms = std::sqrt(error.squares / error.weight);
  }
  return report;
}

}  // namespace ceiling
