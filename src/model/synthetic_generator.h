// Generates the weights of a synthetic file and writes them, on several threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "gguf/writer.h"
#include "model/program.h"

namespace ceiling {

class SyntheticGenerator {
 public:
  // The writer has begun, with the Program's weights declared in order.
  SyntheticGenerator(const Program& program, gguf::Writer& writer, std::uint64_t seed);

  // `progress` is called about ten times a second; what it throws ends the work.
  void run(unsigned threads,
           const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

 private:
  struct Piece {
    std::size_t tensor = 0;
    std::uint64_t number = 0;  // within the tensor
    std::uint64_t begin = 0;
    std::uint64_t bytes = 0;
  };

  void generate(const Piece& piece, std::vector<std::byte>& buffer) const;
  void work();  // what each thread does
  void write_pieces();
  void watch(const std::function<void(std::uint64_t, std::uint64_t)>& progress);

  const Program& program_;
  gguf::Writer& writer_;
  std::uint64_t seed_;
  std::vector<float> scales_;  // by tensor
  std::vector<Piece> pieces_;
  std::uint64_t total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  unsigned running_ = 0;        // guarded by mutex_
  std::exception_ptr failure_;  // guarded by mutex_
};

}  // namespace ceiling
