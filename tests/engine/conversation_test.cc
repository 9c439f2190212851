#include "engine/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model.h"
#include "tiny_model.h"

namespace ceiling {
namespace {

class ConversationTest : public testing::Test {
 protected:
  std::string text() const { return model->tokenizer()->decode(conversation.tokens(), true); }

  std::shared_ptr<const Model> model = Model::open(write_tiny_model("conversation_test"));
  Conversation conversation{model->chat_format()};
};

TEST_F(ConversationTest, AddsOnlyWhatComesAfterTheAnswer) {
  conversation.ask("one");
  const std::string first = text();
  EXPECT_THAT(first, testing::EndsWith("<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n"));
  const std::size_t held = conversation.tokens().size();

  const std::vector<Token> answer = {'y', 'e', 's'};
  conversation.answered(answer);
  conversation.ask("two");
  EXPECT_EQ(text(),
            first + "yes<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(conversation.tokens()[held], 'y');
}

TEST_F(ConversationTest, EqualsTheWholeEncodedAtOnce) {
  conversation.set_system_text("Be brief.");
  conversation.ask("one");
  conversation.answered(model->tokenizer()->encode("yes"));
  conversation.ask("two");
  const std::vector<ChatMessage> whole = {
      {"system", "Be brief."}, {"user", "one"}, {"assistant", "yes"}, {"user", "two"}};
  EXPECT_THAT(conversation.tokens(),
              testing::ElementsAreArray(model->chat_format()->encode(whole)));
}

TEST_F(ConversationTest, AQuestionCanBeTakenBack) {
  conversation.ask("one");
  conversation.answered(std::vector<Token>{'n', 'o'});
  const std::string before = text();
  conversation.ask("a question that is too long");
  conversation.take_back();
  EXPECT_EQ(text(), before);
  conversation.ask("two");
  EXPECT_THAT(text(), testing::HasSubstr("no<|im_end|>\n<|im_start|>user\ntwo"));
}

TEST_F(ConversationTest, TheFirstQuestionTakenBackLeavesNothing) {
  conversation.ask("one");
  conversation.take_back();
  EXPECT_TRUE(conversation.tokens().empty());
}

TEST_F(ConversationTest, ClearKeepsTheSystemText) {
  conversation.set_system_text("Be brief.");
  conversation.ask("one");
  const std::string first = text();
  conversation.answered(std::vector<Token>{'n', 'o'});
  conversation.clear();
  EXPECT_TRUE(conversation.tokens().empty());
  conversation.ask("one");
  EXPECT_EQ(text(), first);
}

}  // namespace
}  // namespace ceiling
