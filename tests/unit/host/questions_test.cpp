// How many questions reach the Node, and that nobody gets an answer that is older than the
// question.
#include "agent/host/questions.hpp"

#include <gmock/gmock.h>

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using control::StatusRequest;
using control::WhyRequest;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr TimePoint start{1000s};
constexpr control::BootOrigin origin{};

class QuestionsTest : public testing::Test {
protected:
    Questions::Answer answer(const std::string& text) {
        return questions_.answer(control::DoneResponse{text}, origin);
    }
    template <class Request>
    const Request& next(TimePoint now) {
        const control::Request* found = questions_.next(now);
        EXPECT_NE(found, nullptr);
        return std::get<Request>(*found);
    }

    Questions questions_;
};

TEST_F(QuestionsTest, first_question_is_asked_at_once) {
    EXPECT_EQ(questions_.next(start), nullptr);
    questions_.add(1, StatusRequest{});
    EXPECT_EQ(next<StatusRequest>(start).vip, "");
    const auto given = answer("all is well");
    EXPECT_THAT(given.clients, ElementsAre(1));
    EXPECT_THAT(*given.line, HasSubstr("all is well"));
    EXPECT_EQ(questions_.next(start), nullptr);
    EXPECT_FALSE(questions_.next_round_at());
}

TEST_F(QuestionsTest, same_question_of_many_clients_is_asked_once) {
    for (core::ClientId client = 1; client <= 64; ++client) {
        questions_.add(client, WhyRequest{client % 2 == 0 ? "web" : "mail"});
    }
    EXPECT_EQ(next<WhyRequest>(start).vip, "mail");
    EXPECT_EQ(next<WhyRequest>(start).vip, "mail") << "until it is answered";
    EXPECT_EQ(answer("").clients.size(), 32U);
    EXPECT_EQ(next<WhyRequest>(start).vip, "web");
    EXPECT_EQ(answer("").clients.size(), 32U);
    EXPECT_EQ(questions_.next(start), nullptr);
}

TEST_F(QuestionsTest, rounds_begin_at_most_every_100_ms) {
    questions_.add(1, StatusRequest{});
    next<StatusRequest>(start);
    answer("first");
    questions_.add(1, StatusRequest{});
    EXPECT_EQ(questions_.next(start + 99ms), nullptr);
    EXPECT_EQ(questions_.next_round_at(), start + 100ms);
    next<StatusRequest>(start + 100ms);
}

TEST_F(QuestionsTest, question_that_comes_during_a_round_waits_for_the_next) {
    questions_.add(1, StatusRequest{});
    next<StatusRequest>(start);
    questions_.add(2, StatusRequest{});
    EXPECT_THAT(answer("made before client 2 asked").clients, ElementsAre(1));
    EXPECT_EQ(questions_.next(start + 99ms), nullptr);
    next<StatusRequest>(start + 100ms);
    EXPECT_THAT(answer("").clients, ElementsAre(2));
}

TEST_F(QuestionsTest, question_after_a_rest_is_asked_at_once) {
    questions_.add(1, StatusRequest{});
    next<StatusRequest>(start);
    answer("");
    questions_.add(1, StatusRequest{});
    next<StatusRequest>(start + 1s);
}

}  // namespace
}  // namespace understudy::host
