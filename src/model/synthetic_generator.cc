#include "model/synthetic_generator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <thread>

#include "model/synthetic_blocks.h"

namespace ceiling {
namespace {

constexpr std::uint64_t kPieceBytes = 2U << 20U;  // generated and written at once

// Deviation 1 / sqrt(cols), so that a product keeps the size of what goes in.
std::vector<float> scales_of(const Program& program) {
  std::map<TensorType, double> units;
  std::vector<float> out;
  for (const Weight& weight : program.weights) {
    const auto [unit, is_new] = units.try_emplace(weight.type, 0.0);
    if (is_new) unit->second = unit_deviation(weight.type);
    out.push_back(
        static_cast<float>(1.0 / std::sqrt(static_cast<double>(weight.cols)) / unit->second));
  }
  return out;
}

}  // namespace

SyntheticGenerator::SyntheticGenerator(const Program& program, gguf::Writer& writer,
                                       std::uint64_t seed)
    : program_(program), writer_(writer), seed_(seed), scales_(scales_of(program)) {
  for (std::size_t t = 0; t < program.weights.size(); ++t) {
    const Weight& weight = program.weights[t];
    const std::uint64_t block = info(weight.type).block_bytes;
    const std::uint64_t step = kPieceBytes / block * block;
    total_ += weight.bytes();
    for (std::uint64_t begin = 0; begin < weight.bytes(); begin += step) {
      pieces_.push_back({t, begin / step, begin, std::min(step, weight.bytes() - begin)});
    }
  }
}

void SyntheticGenerator::run(unsigned threads,
                             const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::vector<std::jthread> workers;
  running_ = std::max(threads, 1U);
  for (unsigned t = 0; t < std::max(threads, 1U); ++t) workers.emplace_back([this] { work(); });
  try {
    watch(progress);
  } catch (...) {
    stop_ = true;
    throw;
  }
  workers.clear();  // joins
  if (failure_) std::rethrow_exception(failure_);
}

void SyntheticGenerator::generate(const Piece& piece, std::vector<std::byte>& buffer) const {
  const Weight& weight = program_.weights[piece.tensor];
  if (weight.name.ends_with("norm.weight")) {
    const float one = 1.0F;
    for (std::uint64_t i = 0; i < piece.bytes; i += sizeof one) {
      std::memcpy(buffer.data() + i, &one, sizeof one);
    }
    return;
  }
  fill_blocks(weight.type, buffer.data(), piece.bytes / info(weight.type).block_bytes,
              random_stream(seed_, piece.tensor, piece.number), scales_[piece.tensor]);
}

void SyntheticGenerator::write_pieces() {
  std::vector<std::byte> buffer(kPieceBytes);
  while (!stop_) {
    const std::size_t next = next_++;
    if (next >= pieces_.size()) return;
    const Piece& piece = pieces_[next];
    generate(piece, buffer);
    writer_.write(piece.tensor, piece.begin, std::span(buffer).first(piece.bytes));
    done_ += piece.bytes;
  }
}

void SyntheticGenerator::work() {
  std::exception_ptr failure;
  try {
    write_pieces();
  } catch (...) {
    failure = std::current_exception();
    stop_ = true;
  }
  const std::lock_guard lock(mutex_);
  if (failure) failure_ = failure;
  --running_;
  ended_.notify_all();
}

void SyntheticGenerator::watch(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::unique_lock lock(mutex_);
  do {  // once at least, however fast the workers were
    if (running_ > 0) ended_.wait_for(lock, std::chrono::milliseconds(100));
    if (!progress) continue;
    lock.unlock();
    progress(done_, total_);
    lock.lock();
  } while (running_ > 0);
}

}  // namespace ceiling
