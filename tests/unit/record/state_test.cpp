// The state of a Node as text. That all of it is there is shown by the simulator: sim.restored.
#include "agent/record/state.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/config/parse.hpp"
#include "agent/record/record.hpp"
#include "agent/record/without_output.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::record {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

core::Configuration configuration(int priority) {
    const std::string text =
        "[agent]\nname = lb1\n"
        "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.10/24\ntrack = app\n"
        "service = web\npriority = " +
        std::to_string(priority) +
        "\n[service web]\nstart = /bin/start hunter2\nstop = /bin/stop\ncheck = web\n"
        "[check web]\ntype = tcp\ntarget = 127.0.0.1:80\n"
        "[check app]\ntype = script\ncommand = /bin/app\ninterval = 500ms\nfall = 1\n";
    return config::parse_text("f", text, "host").configuration.value();
}

class State : public testing::Test {
protected:
    State() {
        lb1.start(configuration(150));
        lb2.start(configuration(100));
        EXPECT_TRUE(lan.run_until([&] { return lb1.holds("192.0.2.10/24"); }, 10s));
        lan.run_for(2s);
    }
    Json state() { return state_of(lb1.node()); }
    std::string refusal(const Json& state) {
        const auto read = node_of(lb1.node().configuration(), state);
        return read ? "" : read.error();
    }
    // Every place of the document once.
    template <class Visit>
    static void each_place(Json& document, const Visit& visit) {
        visit(document);
        for (std::size_t i = 0; document.is_array() && i < document.size(); ++i) {
            each_place(document[i], visit);
        }
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
};

TEST_F(State, SaysTheSameWhenItWasReadAndWrittenAgain) {
    for (VirtualHost* host : {&lb1, &lb2}) {
        const Json once = state_of(host->node());
        const auto read = node_of(host->node().configuration(), once);
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(state_of(*read), once);
        EXPECT_EQ(read->summary(), host->node().summary());
        EXPECT_EQ(read->next_deadline(), host->node().next_deadline());
    }
}

TEST_F(State, ACopyGoesItsOwnWay) {
    core::Node copy = lb1.node();
    const Json before = state();
    EXPECT_EQ(state_of(copy), before);
    core::Outbox out;
    copy.handle(lan.now(), core::LinkGone{2}, out);
    EXPECT_EQ(copy.summary(), "1 fault");
    EXPECT_EQ(state(), before);
}

TEST_F(State, TellsNoSecretAndNoOutput) {
    lb1.set_check("app", false, "exit status 1: hunter2");
    lan.run_for(2s);
    EXPECT_THAT(lb1.why().front(), HasSubstr("hunter2"));
    const std::string line = to_line(1, lan.now(), lb1.node());
    EXPECT_THAT(line, Not(HasSubstr("hunter2")));
    EXPECT_THAT(line, HasSubstr("check app down"));
}

TEST_F(State, EveryWrongPlaceIsRefusedOrHarmless) {
    Json document = state();
    std::vector<Json*> places;
    each_place(document, [&](Json& place) { places.push_back(&place); });
    ASSERT_GT(places.size(), 200U);
    const std::vector<Json> wrong = {nullptr,       -1,  2,      1000,          INT64_MIN,
                                     UINT64_MAX,    0.5, "text", Json::array(), Json::array({1, 2}),
                                     Json::object()};
    unsigned refused = 0;
    for (Json* place : places) {
        for (const Json& value : wrong) {
            Json right = std::exchange(*place, value);  // moved, so that the places stay
            auto read = node_of(lb1.node().configuration(), document);
            *place = std::move(right);
            if (!read) {
                EXPECT_THAT(read.error(), testing::StartsWith("\"state\""));
                ++refused;
                continue;
            }
            core::Outbox out;
            read->handle(lan.now() + 1s, core::TimePassed{}, out);
            read->handle(lan.now() + 1s, core::CommandReceived{1, control::StatusRequest{}}, out);
            read->handle(lan.now() + 9s, core::StopRequested{}, out);
        }
    }
    EXPECT_GT(refused, places.size() * 6);
    EXPECT_EQ(refusal(document), "");
}

TEST_F(State, AnErrorSaysWhere) {
    EXPECT_EQ(refusal(Json::object()), "\"state\" is not as many fields as this form has");
    Json document = state();
    document[8][0].push_back(0);
    EXPECT_EQ(refusal(document), "\"state\" at 8.0 is not as many fields as this form has");
    document = state();
    document[8] = Json::array();
    EXPECT_EQ(refusal(document), "\"state\" at 8 is not as long as the configuration says");
    document = state();
    document[4][0][0][0] = 3;  // of the first check: what it is
    EXPECT_EQ(refusal(document), "\"state\" at 4.0.0.0 is not a number in its range");
}

TEST(WithoutAnyOutput, CutsWhereAnOutcomeBegins) {
    EXPECT_EQ(
        without_any_output("check a down for 3 s: HTTP 503; check b down: connection refused"),
        "check a down for 3 s: HTTP 503; check b down: connection refused");
    EXPECT_EQ(without_any_output("service db: exit status 12: secret; check b down"),
              "service db: exit status 12");
    EXPECT_EQ(without_any_output("a: killed by signal 9: secret \"x\""), "a: killed by signal 9");
    EXPECT_EQ(without_any_output("a: expected \"one\", got \"two"), "a: expected \"hidden\"");
    EXPECT_EQ(without_any_output("a: expected \"hidden\""), "a: expected \"hidden\"");
}

}  // namespace
}  // namespace understudy::record
