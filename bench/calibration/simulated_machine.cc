#include "calibration/simulated_machine.h"

#include <algorithm>
#include <cmath>

namespace ceiling::simulation {
namespace {

constexpr double kSlowest = 25e9, kFastest = 50e9;              // bytes/s
constexpr unsigned kSlices = 16;                                // readings of memory in a process
constexpr double kBetweenProcesses = 20, kBetweenBlocks = 240;  // seconds
// Standard deviation of ln(bandwidth) after a second: neighbouring windows of 8 s differ by 14 %.
constexpr double kWalk = 0.14 / 2.8284271247461903;
constexpr unsigned kGrid = 200;  // bandwidths over which truth is averaged

double grid_bandwidth(unsigned i) {
  return kSlowest * std::pow(kFastest / kSlowest, (i + 0.5) / kGrid);
}

double time_s(double bytes_s, double arithmetic_s, double overhead_s, double p) {
  return std::pow(std::pow(bytes_s, p) + std::pow(arithmetic_s, p), 1 / p) + overhead_s;
}

}  // namespace

Machine::Machine(std::uint64_t seed) : engine_(seed) {
  process_noise_ = std::exp(uniform(std::log(0.005), std::log(0.05)));
  const double bytes_s = bytes_ / 35e9;
  overlap_ = uniform(1, 6);
  // From far below the time of the bytes to far above it; half of the machines are ordinary ones.
  arithmetic_s_ = bytes_s * std::exp(uniform(std::log(0.05), std::log(4)));
  overhead_s_ = bytes_s * std::exp(uniform(std::log(0.002), std::log(2)));
  if (uniform(0, 1) < 0.5) {
    arithmetic_s_ = bytes_s * uniform(0.02, 0.3);
    overhead_s_ = bytes_s * uniform(0, 0.1);
    overlap_ = uniform(2, 6);
  }
  step_noise_ = uniform(0.003, 0.015);
  probe_error_ = uniform(0.03, 0.05);
  drift_ = uniform(-0.03, 0.03);
  spikes_ = uniform(0, 0.03);
  for (const double bits : {4.5, 4.85, 5.7, 6.56, 8.5, 16.0}) {
    type_bytes_.push_back(bytes_ * bits / 4.85);
    type_arithmetic_s_.push_back(arithmetic_s_ * std::exp(normal(0.15)));
  }
  log_bandwidth_ = std::log(kSlowest) + uniform(0, 1) * std::log(kFastest / kSlowest);
  draw_memory_curve();
  const std::vector<double> kept = truth_.kept;
  truth_ = find_truth();
  truth_.kept = kept;
}

const std::vector<double>& Machine::fills() {
  static const std::vector<double> fills = {0.50, 0.55, 0.60, 0.65, 0.70, 0.75,
                                            0.80, 0.85, 0.90, 0.95, 1.00};
  return fills;
}

// Flat, sagging, or with a cliff somewhere.
void Machine::draw_memory_curve() {
  const double kind = uniform(0, 1);
  const double sag = kind < 0.4 ? 0 : kind < 0.7 ? uniform(0, 0.04) : uniform(0, 0.01);
  const bool cliff = kind >= 0.7;
  const auto at = static_cast<std::size_t>(uniform(4, 11));
  const double keeps = uniform(0.2, 0.95);
  double speed = 1;
  for (std::size_t i = 0; i < fills().size(); ++i) {
    if (i > 5) speed *= 1 - sag;
    if (cliff && i == at) speed *= keeps;
    truth_.kept.push_back(speed);
  }
}

double Machine::share_noise() const {
  const double walked = kWalk * std::sqrt(kBetweenProcesses) / std::sqrt(2.0);
  return std::hypot(process_noise_, probe_error_ / std::sqrt(kSlices),
                    (1 - truth_.bandwidth) * walked);
}

double Machine::uniform(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(engine_);
}

double Machine::normal(double sd) { return std::normal_distribution<double>(0, sd)(engine_); }

// A random walk that is reflected at both ends.
void Machine::walk(double seconds) {
  log_bandwidth_ += normal(kWalk * std::sqrt(seconds));
  const double low = std::log(kSlowest);
  const double high = std::log(kFastest);
  while (log_bandwidth_ < low || log_bandwidth_ > high) {
    log_bandwidth_ = log_bandwidth_ < low ? 2 * low - log_bandwidth_ : 2 * high - log_bandwidth_;
  }
}

void Machine::next_block() { walk(kBetweenBlocks); }

double Machine::step_s(double bytes, double arithmetic_s) const {
  return time_s(bytes / std::exp(log_bandwidth_), arithmetic_s, overhead_s_, overlap_);
}

double Machine::reading() { return std::exp(log_bandwidth_) * std::exp(normal(probe_error_)); }

double Machine::probe() {
  double sum = 0;
  for (unsigned i = 0; i < kSlices; ++i) sum += reading();
  return sum / kSlices;
}

Machine::Treated Machine::treated(const std::vector<lab::Treatment>& treatments, unsigned cycles) {
  walk(kBetweenProcesses);
  const double process = std::exp(normal(process_noise_));
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < treatments.size(); ++i) order.push_back(i);
  Treated process_did;
  std::vector<lab::TreatedStep>& steps = process_did.steps;
  const double all = static_cast<double>(cycles) * static_cast<double>(treatments.size());
  for (std::uint32_t cycle = 0; cycle < cycles; ++cycle) {
    constexpr std::uint64_t kSlice = 1 << 29;
    process_did.memory.push_back({cycle, kSlice, kSlice / reading()});
    std::shuffle(order.begin(), order.end(), engine_);
    for (const std::uint32_t i : order) {
      const lab::Treatment& t = treatments[i];
      double seconds = step_s(bytes_ * (1 + t.bytes), arithmetic_s_ * (1 + t.arithmetic));
      walk(seconds);
      seconds *= process * std::exp(normal(step_noise_));
      seconds *= 1 + drift_ * static_cast<double>(steps.size()) / all;
      if (uniform(0, 1) < spikes_) seconds *= uniform(1.2, 3);
      steps.push_back({i, cycle, seconds, static_cast<std::uint64_t>(bytes_),
                       static_cast<std::uint64_t>(bytes_ * t.bytes)});
    }
  }
  return process_did;
}

double Machine::share() {
  walk(kBetweenProcesses);
  const double seconds = step_s(bytes_, arithmetic_s_) * std::exp(normal(process_noise_));
  return bytes_ / seconds / probe();
}

std::vector<lab::TypeReading> Machine::types() {
  std::vector<lab::TypeReading> readings;
  for (std::size_t i = 0; i < type_bytes_.size(); ++i) {
    walk(kBetweenProcesses);
    const double seconds =
        step_s(type_bytes_[i], type_arithmetic_s_[i]) * std::exp(normal(process_noise_));
    // As the lab does: at one memory speed.
    readings.push_back({type_bytes_[i], seconds * probe()});
  }
  return readings;
}

std::vector<double> Machine::shares_by_fill() {
  std::vector<double> shares;
  for (const double kept : truth_.kept) shares.push_back(kept * share());
  return shares;
}

Truth Machine::find_truth() const {
  Truth truth;
  std::vector<double> mean_log(type_bytes_.size(), 0.0);
  for (unsigned g = 0; g < kGrid; ++g) {
    const double bandwidth = grid_bandwidth(g);
    constexpr double kSmall = 1e-5;
    const auto log_time = [&](double bytes, double arithmetic_s) {
      return std::log(time_s(bytes / bandwidth, arithmetic_s, overhead_s_, overlap_));
    };
    const double base = log_time(bytes_, arithmetic_s_);
    truth.bandwidth += (log_time(bytes_ * (1 + kSmall), arithmetic_s_) - base) / kSmall / kGrid;
    truth.compute += (log_time(bytes_, arithmetic_s_ * (1 + kSmall)) - base) / kSmall / kGrid;
    for (std::size_t i = 0; i < type_bytes_.size(); ++i) {
      mean_log[i] +=
          (log_time(type_bytes_[i], type_arithmetic_s_[i]) + std::log(bandwidth)) / kGrid;
    }
  }
  double x_mean = 0, y_mean = 0, xy = 0, xx = 0;
  const auto n = static_cast<double>(type_bytes_.size());
  for (std::size_t i = 0; i < type_bytes_.size(); ++i) {
    x_mean += std::log(type_bytes_[i]) / n;
    y_mean += mean_log[i] / n;
  }
  for (std::size_t i = 0; i < type_bytes_.size(); ++i) {
    const double x = std::log(type_bytes_[i]) - x_mean;
    xy += x * (mean_log[i] - y_mean);
    xx += x * x;
  }
  truth.slope = xy / xx;
  return truth;
}

}  // namespace ceiling::simulation
