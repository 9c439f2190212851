#include "os/linux/text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace ceiling::os {
namespace {

TEST(ReadText, AFileOfAnyLengthComesWholeWithoutSpacesAtItsEnd) {
  const std::string path = testing::TempDir() + "long_text";
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += "line " + std::to_string(i) + '\n';
  std::ofstream(path) << lines << " \n\n";
  lines.pop_back();
  EXPECT_EQ(read_text(path), lines);
  std::ofstream(path, std::ios::trunc);
  EXPECT_EQ(read_text(path), "");
}

// As /proc/PID/stat of a process that goes between opening and reading: nothing is mapped at 0.
TEST(ReadText, AFileThatOpensButCannotBeReadIsEmptyAndThrowsNothing) {
  EXPECT_EQ(read_text("/proc/self/mem"), std::nullopt);
}

TEST(ReadText, AFileThatIsNotThere) { EXPECT_EQ(read_text("/proc/self/nothing"), std::nullopt); }

}  // namespace
}  // namespace ceiling::os
