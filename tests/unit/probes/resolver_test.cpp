// Look-ups of addresses and names: the hosts file, and name servers that behave badly.
#include "checks/probes/resolver.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/probes/fake_name_server.hpp"
#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Question = FakeNameServer::Question;
using Reply = FakeNameServer::Reply;
using Clock = std::chrono::steady_clock;

Reply silence() {
    Reply reply;
    reply.silent = true;
    return reply;
}

Reply code(unsigned number) {
    Reply reply;
    reply.code = number;
    return reply;
}

Reply addresses(std::vector<std::string> list, std::chrono::milliseconds delay = 0ms) {
    Reply reply;
    reply.addresses = std::move(list);
    reply.delay = delay;
    return reply;
}

constexpr unsigned servfail = 2;
constexpr unsigned nxdomain = 3;
constexpr unsigned refused = 5;

class ResolverTest : public Probing {
protected:
    void start(const std::string& host, const std::optional<IpAddress>& source = {}) {
        began_ = Clock::now();
        lookup.start(host, source, [this](const Lookup::Found& found) {
            ++calls;
            times_.push_back(Clock::now() - began_);
            error_ = found.error;
            complete_ = found.complete;
            for (const auto& address : found.addresses) {
                addresses_.push_back(address.to_string());
            }
        });
    }
    bool is_done() {
        return run_until([this] { return calls > 0 && complete_; });
    }
    void ask(const FakeNameServer& server) { name_servers.servers.push_back(server.endpoint()); }

    Lookup lookup{resolver};
    int calls = 0;
    bool complete_ = false;
    std::string error_;
    std::vector<std::string> addresses_;
    std::vector<Clock::duration> times_;
    Clock::time_point began_;
};

TEST_F(ResolverTest, address_needs_no_look_up) {
    FakeNameServer server(context, [](const Question&) { return silence(); });
    ask(server);
    start("192.0.2.1");
    EXPECT_EQ(calls, 0) << "not from the loop";
    context.poll();
    ASSERT_EQ(calls, 1);
    EXPECT_EQ(error_, "");
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.1"));
    calls = 0;
    start("127.1");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(addresses_.back(), "127.0.0.1");
    EXPECT_THAT(server.questions, IsEmpty());
}

TEST_F(ResolverTest, ipv6_address_keeps_its_zone) {
    start("fe80::1%lo");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("fe80::1%lo"));
}

TEST_F(ResolverTest, hosts_file_answers_before_name_servers_and_counts_as_it_is_now) {
    const auto path =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-hosts");
    std::ofstream(path) << "192.0.2.7 db1.lab db1\n2001:db8::7 db1\n";
    setenv("CARES_HOSTS", path.c_str(), 1);
    FakeNameServer server(context, [](const Question&) { return silence(); });
    ask(server);
    start("DB1");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, testing::UnorderedElementsAre("192.0.2.7", "2001:db8::7"));
    std::ofstream(path) << "192.0.2.8 db1\n";
    calls = 0;
    addresses_.clear();
    start("db1");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.8"));
    EXPECT_THAT(server.questions, IsEmpty());
    unsetenv("CARES_HOSTS");
    std::filesystem::remove(path);
}

TEST_F(ResolverTest, localhost_is_not_asked_of_a_name_server) {
    FakeNameServer server(context, [](const Question&) { return silence(); });
    ask(server);
    start("localhost");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, testing::Contains("127.0.0.1"));
    EXPECT_THAT(server.questions, IsEmpty());
}

TEST_F(ResolverTest, name_has_addresses_of_both_families) {
    FakeNameServer server(context, [](const Question&) { return addresses({"127.0.0.5", "::1"}); });
    ask(server);
    start("both.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(calls, 1);
    // RFC 6724: precedence 50 is preferred to 35.
    EXPECT_THAT(addresses_, ElementsAre("::1", "127.0.0.5"));
}

TEST_F(ResolverTest, only_the_family_of_the_source_is_asked_for) {
    FakeNameServer server(context, [](const Question&) { return addresses({"127.0.0.5", "::1"}); });
    ask(server);
    start("both.example.org", IpAddress::v4(127, 0, 0, 1));
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("127.0.0.5"));
    EXPECT_EQ(server.questions.size(), 1U);
    calls = 0;
    start("192.0.2.1", *IpAddress::parse("::1"));
    ASSERT_TRUE(is_done());
    EXPECT_EQ(error_, "192.0.2.1 has no address of the source's family");
}

TEST_F(ResolverTest, unknown_name_and_failing_servers_are_told_apart) {
    unsigned answer = nxdomain;
    FakeNameServer server(context, [&](const Question&) { return code(answer); });
    ask(server);
    const auto error_of = [&](const std::string& name) {
        calls = 0;
        start(name);
        EXPECT_TRUE(is_done());
        EXPECT_THAT(addresses_, IsEmpty());
        return error_;
    };
    EXPECT_EQ(error_of("a.example.org"), "a.example.org: no such host");
    answer = 0;
    EXPECT_EQ(error_of("b.example.org"), "b.example.org: no such host");
    answer = servfail;
    server.questions.clear();
    EXPECT_EQ(error_of("c.example.org"), "c.example.org: the name server answers SERVFAIL");
    EXPECT_EQ(server.questions.size(), 2U) << "asked once for each family";
    EXPECT_EQ(error_of(std::string(64, 'x') + ".example.org"),
              std::string(64, 'x') + ".example.org: not a domain name");
}

TEST_F(ResolverTest, closed_port_of_a_name_server_is_an_error_at_once) {
    boost::asio::ip::udp::socket closed(context, {boost::asio::ip::address_v4::loopback(), 0});
    name_servers.servers = {closed.local_endpoint()};
    closed.close();
    start("a.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(error_, "a.example.org: port unreachable");
    EXPECT_LT(times_.front(), 1s);
}

// Kubernetes: `search a b` and ndots:5.
TEST_F(ResolverTest, search_list_ends_with_the_first_name_that_exists) {
    FakeNameServer server(context, [](const Question& question) {
        if (question.name == "web.one.example.org") {
            return code(nxdomain);
        }
        if (question.name == "web.two.example.org") {
            return addresses({"192.0.2.2"});  // no AAAA
        }
        return addresses({"192.0.2.3", "2001:db8::3"});
    });
    ask(server);
    name_servers.search = {"one.example.org", "two.example.org", "three.example.org"};
    start("web");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.2")) << "and no other host's";
    addresses_.clear();
    calls = 0;
    start("web.example.org");  // as many dots as ndots asks for
    ASSERT_TRUE(is_done());
    EXPECT_EQ(server.questions.back().name, "web.example.org");
    calls = 0;
    server.questions.clear();
    start("web.");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(server.questions.front().name, "web");
}

// RFC 8305, section 3.
TEST_F(ResolverTest, family_that_is_not_answered_delays_the_other_by_50_ms) {
    FakeNameServer server(context, [](const Question& question) {
        return question.type == type_a ? addresses({"192.0.2.1"}) : silence();
    });
    ask(server);
    start("half.example.org");
    ASSERT_TRUE(run_until([this] { return calls > 0; }));
    EXPECT_EQ(error_, "");
    EXPECT_FALSE(complete_);
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.1"));
    EXPECT_GE(times_.front(), 50ms);
    EXPECT_LT(times_.front(), 250ms);
}

TEST_F(ResolverTest, late_family_comes_in_a_second_call) {
    FakeNameServer server(context, [](const Question& question) {
        return question.type == type_a ? addresses({"192.0.2.1"})
                                       : addresses({"2001:db8::1"}, 150ms);
    });
    ask(server);
    start("late.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(calls, 2);
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.1", "2001:db8::1"));
}

TEST_F(ResolverTest, question_is_repeated_until_it_is_answered) {
    int asked = 0;
    FakeNameServer server(context, [&](const Question&) {
        return ++asked <= 4 ? silence() : addresses({"192.0.2.1"});  // two questions, three times
    });
    ask(server);
    start("lossy.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.1"));
    EXPECT_GE(times_.back(), 900ms) << "after 300 ms, and then after 600 ms";
    EXPECT_LT(times_.back(), 2s);
}

TEST_F(ResolverTest, dead_name_server_costs_300_ms_once) {
    FakeNameServer dead(context, [](const Question&) { return silence(); });
    FakeNameServer living(
        context, [](const Question&) { return addresses({"192.0.2.1"}); }, "127.0.0.2");
    ask(dead);
    ask(living);
    start("a.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_GE(times_.back(), 300ms);
    EXPECT_LT(times_.back(), 900ms);
    const std::size_t to_dead = dead.questions.size();
    start("b.example.org");
    complete_ = false;
    ASSERT_TRUE(is_done());
    EXPECT_LT(times_.back(), 250ms) << "the one that answers is asked first now";
    EXPECT_EQ(dead.questions.size(), to_dead);
}

// The time limit of the check ends the look-up before the second server is asked.
TEST_F(ResolverTest, name_server_that_had_time_and_did_not_answer_is_not_the_first_any_more) {
    FakeNameServer dead(context, [](const Question&) { return silence(); });
    FakeNameServer living(
        context, [](const Question&) { return addresses({"192.0.2.1"}); }, "127.0.0.2");
    ask(dead);
    ask(living);
    start("a.example.org");
    context.run_for(150ms);
    context.restart();
    lookup.cancel();
    EXPECT_EQ(calls, 0);
    start("a.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_LT(times_.back(), 250ms);
}

TEST_F(ResolverTest, server_that_refuses_is_passed_over) {
    FakeNameServer refuses(context, [](const Question&) { return code(refused); });
    FakeNameServer living(
        context, [](const Question&) { return addresses({"192.0.2.1"}); }, "127.0.0.2");
    ask(refuses);
    ask(living);
    start("a.example.org");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(addresses_, ElementsAre("192.0.2.1"));
    EXPECT_LT(times_.back(), 250ms);
}

TEST_F(ResolverTest, truncated_answer_is_asked_for_by_tcp) {
    std::vector<std::string> many;
    for (int i = 1; i <= 40; ++i) {
        many.push_back("192.0.2." + std::to_string(i));
    }
    FakeNameServer server(context, [&](const Question& question) {
        Reply reply = addresses(many);
        reply.truncated = !question.by_tcp && question.type == type_a;
        return reply;
    });
    ask(server);
    start("many.example.org");
    ASSERT_TRUE(is_done());
    ASSERT_EQ(addresses_.size(), 16U) << "the limit";
    EXPECT_EQ(addresses_.front(), "192.0.2.1");
}

TEST_F(ResolverTest, look_ups_wait_for_nothing_but_their_own_answer) {
    constexpr std::size_t many = 200;
    FakeNameServer server(context, [](const Question&) { return addresses({"192.0.2.1"}, 250ms); });
    ask(server);
    std::vector<std::unique_ptr<Lookup>> all;
    std::size_t done = 0;
    const auto begun = Clock::now();
    for (std::size_t i = 0; i < many; ++i) {
        all.push_back(std::make_unique<Lookup>(resolver));
        all.back()->start("n" + std::to_string(i) + ".example.org", {},
                          [&](const Lookup::Found&) { ++done; });
    }
    start("192.0.2.1");
    ASSERT_TRUE(is_done());
    EXPECT_LT(Clock::now() - begun, 2s) << "an address, beside all of them";
    ASSERT_TRUE(run_until([&] { return done == many; }));
    EXPECT_LT(Clock::now() - begun, 10s) << "one after the other they take 50 s";
}

TEST_F(ResolverTest, look_ups_of_one_name_at_one_time_share_their_questions) {
    FakeNameServer server(context, [](const Question&) { return addresses({"192.0.2.1"}, 20ms); });
    ask(server);
    std::vector<std::unique_ptr<Lookup>> all;
    std::size_t done = 0;
    for (int i = 0; i < 50; ++i) {
        all.push_back(std::make_unique<Lookup>(resolver));
        all.back()->start("same.example.org", {}, [&](const Lookup::Found& found) {
            EXPECT_EQ(found.addresses.size(), 1U);
            ++done;
        });
    }
    all.front().reset();  // one that is taken back takes nothing from the others
    ASSERT_TRUE(run_until([&] { return done == 49; }));
    EXPECT_EQ(server.questions.size(), 2U);
}

TEST_F(ResolverTest, look_up_that_is_taken_back_tells_nothing_and_asks_no_more) {
    FakeNameServer server(context, [](const Question&) { return silence(); });
    ask(server);
    for (const std::string host : {"192.0.2.1", "localhost", "a.example.org"}) {
        start(host);
        lookup.cancel();
        start(host);
        auto other = std::make_unique<Lookup>(resolver);
        other->start(host, {}, [this](const Lookup::Found&) { ++calls; });
        other.reset();
        lookup.cancel();
    }
    context.run_for(50ms);
    const std::size_t asked = server.questions.size();
    context.restart();
    context.run_for(700ms);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(server.questions.size(), asked);
}

TEST_F(ResolverTest, look_up_may_be_destroyed_from_its_own_call) {
    FakeNameServer server(context, [](const Question&) { return addresses({"192.0.2.1"}); });
    ask(server);
    for (const std::string host : {"192.0.2.1", "a.example.org"}) {
        auto other = std::make_unique<Lookup>(resolver);
        other->start(host, {}, [&](const Lookup::Found&) { other.reset(); });
        EXPECT_TRUE(run_until([&] { return other == nullptr; }));
    }
}

TEST_F(ResolverTest, silent_servers_are_named_in_the_progress) {
    FakeNameServer server(context, [](const Question&) { return silence(); });
    ask(server);
    start("slow.example.org");
    context.run_for(20ms);
    EXPECT_EQ(lookup.progress(), "looking up slow.example.org: no answer from 127.0.0.1");
}

}  // namespace
}  // namespace understudy::checks
