// Matrix products by type and row length: in cache, and from memory beside a plain read of the same
// bytes in the same round.
//
//   kernels_bench --benchmark_filter='stream/Q4_K'
//
// cached/TYPE/COLS/N        one thread, weights of 256 KiB that stay in its cache; N rows of x
// stream/TYPE/COLS/THREADS  weights from memory, N = 1; of_read: median over rounds of this rate by
//                           the rate of the fastest read kernel, read right before
// prompt/TYPE/COLS/N        one thread, 512 rows of weights; Gop/s
//
// Rates count a thread's own processor time, so that a busy machine disturbs them less.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "device/cpu/matmul.h"
#include "probe/measure.h"
#include "probe/read_kernel.h"

namespace ceiling::cpu {
namespace {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Page-aligned bytes, all 0x2b: finite and ordinary in every type.
class Memory {
 public:
  explicit Memory(std::size_t size) : size_(size) {
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) std::abort();
    data_ = static_cast<std::byte*>(p);
    std::memset(data_, 0x2b, size);
  }
  ~Memory() { munmap(data_, size_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::size_t size_;
  std::byte* data_;
};

// Prepared activations, results and workspace of one thread.
class Job {
 public:
  Job(const MatMulShape& shape, std::size_t n)
      : shape_(shape),
        n_(n),
        matmul_(active_isa()),
        how_(matmul_.form(shape, n)),
        pitch_(matmul_.prepared_bytes(how_, shape.cols)),
        prepared_(pitch_ * n + 64),
        workspace_(matmul_.workspace_bytes(shape, n) + 64),
        y_(shape.rows * n) {
    std::vector<float> x(shape.cols);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8.0F;
    for (std::size_t i = 0; i < n; ++i) {
      matmul_.prepare(how_, x.data(), shape.cols, prepared_.data() + i * pitch_);
    }
  }
  void run(const std::byte* weights) {
    matmul_.multiply(shape_, weights, 0, shape_.rows, prepared_.data(), n_, y_.data(), shape_.rows,
                     workspace_.data());
  }
  std::size_t weight_bytes() const { return shape_.rows * row_bytes(shape_.type, shape_.cols); }

 private:
  MatMulShape shape_;
  std::size_t n_;
  MatMul matmul_;
  InputForm how_;
  std::size_t pitch_;
  Memory prepared_;
  Memory workspace_;
  std::vector<float> y_;
};

void cached(benchmark::State& state, TensorType type, std::size_t cols, std::size_t n) {
  const std::size_t rows = std::max<std::size_t>(16, (256u << 10) / row_bytes(type, cols));
  Job job({type, rows, cols}, n);
  const Memory weights(job.weight_bytes());
  while (state.KeepRunning()) job.run(weights.data());
  const double bytes = static_cast<double>(job.weight_bytes() * state.iterations());
  state.counters["GB/s"] = benchmark::Counter(1e-9 * bytes, benchmark::Counter::kIsRate);
}

void prompt(benchmark::State& state, TensorType type, std::size_t cols, std::size_t n) {
  Job job({type, 512, cols}, n);
  const Memory weights(job.weight_bytes());
  while (state.KeepRunning()) job.run(weights.data());
  const double operations = 2.0 * 512 * static_cast<double>(cols * n * state.iterations());
  state.counters["Gop/s"] = benchmark::Counter(1e-9 * operations, benchmark::Counter::kIsRate);
}

// Threads take turns of plain reads and products, all at once, over their own parts of memory.
void stream(benchmark::State& state, TensorType type, std::size_t cols, std::size_t threads) {
  constexpr std::size_t rounds = 60;
  const std::size_t region = probe::sufficient_region().value;  // more than the caches hold
  const std::size_t bytes_of_row = row_bytes(type, cols);
  const std::size_t rows = 3900000 / bytes_of_row;
  const std::size_t slice = rows * bytes_of_row;
  static const Memory memory(region);
  const auto readers = probe::read_kernels();
  std::vector<std::vector<double>> product(threads), read(threads);
  std::atomic<std::size_t> arrived{0};
  const auto work = [&](std::size_t thread) {
    Job job({type, rows, cols}, 1);
    const std::size_t part = region / threads / slice * slice;
    const std::byte* own = memory.data() + thread * part;
    std::size_t at = 0;
    std::size_t turn = 0;
    const auto timed = [&](auto&& action) {
      ++turn;
      arrived.fetch_add(1);
      while (arrived.load() < turn * threads) std::this_thread::yield();
      const double start = thread_seconds();
      action(own + at);
      const double rate = 1e-9 * static_cast<double>(slice) / (thread_seconds() - start);
      at = at + 2 * slice <= part ? at + slice : 0;
      return rate;
    };
    for (std::size_t round = 0; round < rounds; ++round) {
      double best = 0;
      for (const auto& reader : readers) {
        best = std::max(best, timed([&](const std::byte* from) {
                          benchmark::DoNotOptimize(reader.sum(from, slice / 1024 * 1024));
                        }));
      }
      read[thread].push_back(best);
      product[thread].push_back(timed([&](const std::byte* from) { job.run(from); }));
    }
  };
  while (state.KeepRunning()) {
    std::vector<std::thread> others;
    for (std::size_t t = 1; t < threads; ++t) others.emplace_back(work, t);
    work(0);
    for (auto& other : others) other.join();
    arrived = 0;
  }
  std::vector<double> rates, ratios;
  for (std::size_t round = 0; round < product[0].size(); ++round) {
    double products = 0;
    double reads = 0;
    for (std::size_t t = 0; t < threads; ++t) {
      products += product[t][round];
      reads += read[t][round];
    }
    rates.push_back(products);
    ratios.push_back(products / reads);
  }
  state.counters["GB/s"] = median(rates);
  state.counters["of_read"] = median(ratios);
}

void add_all() {
  const std::size_t columns[] = {576, 640, 1536, 2048, 4096, 14336};
  for (const TypeInfo& type : all_types()) {
    const std::string name(type.name);
    for (const std::size_t cols : columns) {
      if (cols % type.block_elements != 0) continue;
      const std::string tail = "/" + name + "/" + std::to_string(cols) + "/";
      for (const std::size_t n : {1, 4, 8}) {
        benchmark::RegisterBenchmark(
            ("cached" + tail + std::to_string(n)).c_str(),
            [=, t = type.type](benchmark::State& state) { cached(state, t, cols, n); })
            ->MinTime(0.02);
      }
      for (const std::size_t threads : {1, 2}) {
        benchmark::RegisterBenchmark(
            ("stream" + tail + std::to_string(threads)).c_str(),
            [=, t = type.type](benchmark::State& state) { stream(state, t, cols, threads); })
            ->Iterations(1);
      }
      for (const std::size_t n : {8, 16, 32, 64, 512}) {
        benchmark::RegisterBenchmark(
            ("prompt" + tail + std::to_string(n)).c_str(),
            [=, t = type.type](benchmark::State& state) { prompt(state, t, cols, n); })
            ->MinTime(0.05);
      }
    }
  }
}

}  // namespace
}  // namespace ceiling::cpu

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  ceiling::cpu::add_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
