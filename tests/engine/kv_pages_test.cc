#include "engine/kv_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"

namespace ceiling {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::uint32_t page = 4;

class RecordingStore final : public KvStore {
 public:
  explicit RecordingStore(std::uint32_t pages) : pages_(pages) {}
  std::uint32_t page_positions() const override { return page; }
  std::uint32_t page_count() const override { return pages_; }
  std::uint64_t page_bytes() const override { return 1; }
  void copy_page(std::uint32_t from, std::uint32_t to) override { copies.emplace_back(from, to); }
  std::uint64_t canonical_page_bytes() const override { return 1; }
  void export_page(std::uint32_t, std::span<std::byte>) const override {}
  void import_page(std::uint32_t, std::span<const std::byte>) override {}

  std::vector<std::pair<std::uint32_t, std::uint32_t>> copies;

 private:
  std::uint32_t pages_;
};

TEST(KvPages, TakesAPageOnlyWhenTheLastIsFull) {
  RecordingStore store(8);
  KvPages pages(store, 1);
  pages.append(0, 3);
  EXPECT_EQ(pages.tables()[0].size(), 1U);
  pages.append(0, 1);
  EXPECT_EQ(pages.tables()[0].size(), 1U);
  pages.append(0, 6);
  EXPECT_EQ(pages.tables()[0].size(), 3U);
  EXPECT_EQ(pages.length(0), 10U);
  EXPECT_EQ(pages.free_pages(), 5U);
}

TEST(KvPages, TruncateGivesWholePagesBack) {
  RecordingStore store(3);
  KvPages pages(store, 1);
  pages.append(0, 12);
  pages.truncate(0, 20);  // longer than it is: no effect
  EXPECT_EQ(pages.length(0), 12U);
  pages.truncate(0, 5);
  EXPECT_EQ(pages.free_pages(), 1U);
  pages.truncate(0, 0);
  EXPECT_EQ(pages.free_pages(), 3U);
  EXPECT_TRUE(pages.tables()[0].empty());
}

TEST(KvPages, AForkSharesPagesUntilItWrites) {
  RecordingStore store(8);
  KvPages pages(store, 2);
  pages.append(0, 6);
  pages.fork(0, 1);
  EXPECT_EQ(pages.length(1), 6U);
  EXPECT_EQ(pages.tables()[0], pages.tables()[1]);
  EXPECT_EQ(pages.free_pages(), 6U);

  const std::uint32_t shared_first = pages.tables()[0][0];
  const std::uint32_t shared_last = pages.tables()[0][1];
  pages.append(1, 1);
  const std::uint32_t own = pages.tables()[1][1];
  EXPECT_THAT(store.copies, ElementsAre(Pair(shared_last, own)));
  EXPECT_NE(own, shared_last);
  EXPECT_EQ(pages.tables()[1][0], shared_first);
  EXPECT_EQ(pages.tables()[0][1], shared_last);

  pages.append(0, 1);  // it alone holds its last page now
  EXPECT_EQ(store.copies.size(), 1U);
}

TEST(KvPages, AForkAtAPageBoundaryCopiesNothing) {
  RecordingStore store(8);
  KvPages pages(store, 2);
  pages.append(0, 8);
  pages.fork(0, 1);
  pages.append(1, 1);
  pages.append(0, 1);
  EXPECT_TRUE(store.copies.empty());
  EXPECT_NE(pages.tables()[0][2], pages.tables()[1][2]);
}

TEST(KvPages, SharedPagesReturnWhenTheLastHolderLeaves) {
  RecordingStore store(4);
  KvPages pages(store, 2);
  pages.append(0, 8);
  pages.fork(0, 1);
  pages.truncate(0, 0);
  EXPECT_EQ(pages.free_pages(), 2U);
  pages.truncate(1, 0);
  EXPECT_EQ(pages.free_pages(), 4U);
}

TEST(KvPages, TruncatingIntoASharedPageStillCopiesItBeforeWriting) {
  RecordingStore store(4);
  KvPages pages(store, 2);
  pages.append(0, 8);
  pages.fork(0, 1);
  pages.truncate(1, 6);
  pages.append(1, 1);
  EXPECT_EQ(store.copies.size(), 1U);
}

TEST(KvPages, AFullCacheIsAnErrorThatChangesNothing) {
  RecordingStore store(2);
  KvPages pages(store, 2);
  pages.append(0, 6);
  pages.fork(0, 1);
  try {
    pages.append(1, 1);  // would need a page for its copy
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), testing::HasSubstr("KV cache is full"));
  }
  EXPECT_EQ(pages.length(1), 6U);
  EXPECT_EQ(pages.tables()[0], pages.tables()[1]);
  EXPECT_THROW(pages.append(0, 3), Error);
  EXPECT_EQ(pages.length(0), 6U);
}

TEST(KvPages, AnUnknownSequenceIsOurMistake) {
  RecordingStore store(2);
  KvPages pages(store, 1);
  EXPECT_THROW(pages.append(1, 1), std::out_of_range);
}

}  // namespace
}  // namespace ceiling
