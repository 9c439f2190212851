#include "engine/segments.h"

#include <algorithm>

#include "base/error.h"

namespace ceiling {
namespace {

class JoinedStore final : public KvStore {
 public:
  explicit JoinedStore(std::vector<std::unique_ptr<KvStore>> owned) : owned_(std::move(owned)) {
    for (const auto& part : owned_) parts_.push_back(part.get());
    check_pages();
  }
  explicit JoinedStore(std::vector<KvStore*> parts) : parts_(std::move(parts)) { check_pages(); }

  std::uint32_t page_positions() const override { return parts_[0]->page_positions(); }
  std::uint32_t page_count() const override { return parts_[0]->page_count(); }
  std::uint64_t page_bytes() const override { return sum(&KvStore::page_bytes); }
  std::uint64_t canonical_page_bytes() const override {
    return sum(&KvStore::canonical_page_bytes);
  }
  void copy_page(std::uint32_t from, std::uint32_t to) override {
    for (KvStore* const part : parts_) part->copy_page(from, to);
  }
  // States come in the order of their layers, and so do the segments.
  void export_page(std::uint32_t page, std::span<std::byte> canonical) const override {
    for (const KvStore* const part : parts_) {
      const std::size_t bytes = part->canonical_page_bytes();
      part->export_page(page, canonical.first(bytes));
      canonical = canonical.subspan(bytes);
    }
  }
  void import_page(std::uint32_t page, std::span<const std::byte> canonical) override {
    for (KvStore* const part : parts_) {
      const std::size_t bytes = part->canonical_page_bytes();
      part->import_page(page, canonical.first(bytes));
      canonical = canonical.subspan(bytes);
    }
  }

 private:
  std::uint64_t sum(std::uint64_t (KvStore::*bytes)() const) const {
    std::uint64_t total = 0;
    for (const KvStore* const part : parts_) total += (part->*bytes)();
    return total;
  }
  void check_pages() const {
    for (const KvStore* const part : parts_) {
      if (part->page_positions() == parts_[0]->page_positions()) continue;
      fail(ExitCode::failed, "units with KV pages of {} and {} positions cannot share a model",
           parts_[0]->page_positions(), part->page_positions());
    }
  }

  std::vector<KvStore*> parts_;
  std::vector<std::unique_ptr<KvStore>> owned_;  // where they are its own
};

class JoinedExecutable final : public Executable {
 public:
  explicit JoinedExecutable(std::vector<std::unique_ptr<Executable>> parts)
      : parts_(std::move(parts)) {}

  std::span<const float> run(const Batch& batch, const PageTables& tables,
                             std::span<const float> boundary_in) override {
    std::span<const float> values = boundary_in;
    for (const auto& part : parts_) values = part->run(batch, tables, values);
    return values;
  }
  std::uint32_t max_rows() const override {
    std::uint32_t rows = parts_[0]->max_rows();
    for (const auto& part : parts_) rows = std::min(rows, part->max_rows());
    return rows;
  }
  void set_profiling(bool on) override {
    for (const auto& part : parts_) part->set_profiling(on);
  }
  std::vector<ProfileEntry> profile() const override {
    std::vector<ProfileEntry> all;
    for (const auto& part : parts_) {
      auto entries = part->profile();
      std::ranges::move(entries, std::back_inserter(all));
    }
    return all;
  }
  void reset_profile() override {
    for (const auto& part : parts_) part->reset_profile();
  }
  Traffic traffic() const override {
    Traffic total;
    for (const auto& part : parts_) {
      const Traffic traffic = part->traffic();
      total.weight_bytes += traffic.weight_bytes;
      total.kv_bytes += traffic.kv_bytes;
      total.copied_bytes += traffic.copied_bytes;
      total.link_bytes += traffic.link_bytes;
    }
    return total;
  }
  Upload upload() const override {
    Upload total;
    for (const auto& part : parts_) {
      const Upload upload = part->upload();
      total.bytes.value += upload.bytes.value;
      total.time = total.time + upload.time;
    }
    return total;
  }
  std::uint64_t workspace_bytes() const override {
    std::uint64_t total = 0;
    for (const auto& part : parts_) total += part->workspace_bytes();
    return total;
  }

 private:
  std::vector<std::unique_ptr<Executable>> parts_;
};

}  // namespace

std::unique_ptr<KvStore> join_stores(std::vector<std::unique_ptr<KvStore>> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<JoinedStore>(std::move(parts));
}

std::unique_ptr<KvStore> view_of(std::vector<KvStore*> parts) {
  return std::make_unique<JoinedStore>(std::move(parts));
}

std::unique_ptr<Executable> join_executables(std::vector<std::unique_ptr<Executable>> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<JoinedExecutable>(std::move(parts));
}

}  // namespace ceiling
