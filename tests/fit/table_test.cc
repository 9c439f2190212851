#include "fit/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace ceiling::fit {
namespace {

using testing::HasSubstr;

std::string message_of(const std::string& text) {
  try {
    const Table table = Table::parse(text, "t.csv");
    table.require({"a", "b"});
    for (const TableRow& row : table.rows()) table.positive(row, "b");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    return error.what();
  }
  return "no error";
}

TEST(Table, ReadsQuotesCommasAndLineEnds) {
  const Table table = Table::parse("a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n,3.5", "t.csv");
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.cell(table.rows()[0], "a"), "x, \"y\"\nz");
  EXPECT_EQ(table.positive(table.rows()[0], "b"), 2.0);
  EXPECT_EQ(table.cell(table.rows()[1], "a"), "");
  EXPECT_EQ(table.rows()[1].number, 3U);  // the header is row 1
  EXPECT_EQ(table.positive(table.rows()[1], "a"), std::nullopt);
  EXPECT_EQ(table.cell(table.rows()[1], "absent"), "");
}

TEST(Table, NamesWhatIsBroken) {
  EXPECT_THAT(message_of(""), HasSubstr("empty"));
  EXPECT_THAT(message_of("a,a\n1,2"), HasSubstr("'a' twice"));
  EXPECT_THAT(message_of("a,c\n1,2"), HasSubstr("lacks b"));
  EXPECT_THAT(message_of("a,b\n1,\"2"), HasSubstr("never ends"));
  EXPECT_THAT(message_of("a,b\n1,2\n1,fast"), HasSubstr("row 3, column 'b' is 'fast'"));
  EXPECT_THAT(message_of("a,b\n1,-2"), HasSubstr("'-2'"));
  EXPECT_THAT(message_of("a,b\n1,inf"), HasSubstr("'inf'"));
}

}  // namespace
}  // namespace ceiling::fit
