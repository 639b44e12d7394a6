// [service] sections, the keys of a [vip] that lead to checks and services, and what leads nowhere.
#include <algorithm>

#include "agent/config/render.hpp"
#include "agent/config/service_keys.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The keys of the service follow from line 11 on.
std::string with_service(const std::string& keys) {
    return vip_with("service = s\n[check c]\ntype = unit\nunit = x\n[service s]\ncheck = c\n" +
                    keys);
}
Lines service_problems(const std::string& keys) {
    return problems(with_service(keys));
}
core::ServiceSettings service_of(const std::string& keys) {
    const Result result = read(with_service(keys));
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    return result.configuration ? result.configuration->services.at(0) : core::ServiceSettings{};
}

// The keys of the VIP follow from line 8 on.
std::string with_check_c(const std::string& keys) {
    return "[check c]\ntype = unit\nunit = x\n" + vip_with(keys);
}

TEST(ServiceKeys, HaveDefaults) {
    core::ServiceSettings expected;
    expected.name = "s";
    expected.checks = {"c"};
    EXPECT_EQ(service_of(""), expected);
    EXPECT_EQ(expected.standby, core::Standby::automatic);
    EXPECT_EQ(expected.start_timeout, 30s);
    EXPECT_EQ(expected.stop_timeout, 10s);
    EXPECT_FALSE(expected.stop_on_release);
}

TEST(ServiceKeys, GoToTheirPlaces) {
    const core::ServiceSettings service = service_of(
        "standby = cold\nstart = /usr/local/sbin/start-it 'an argument'\n"
        "stop = /usr/local/sbin/stop-it\nstart_timeout = 100ms\nstop_timeout = 1h\n"
        "stop_on_release = yes\n");
    EXPECT_EQ(service.standby, core::Standby::cold);
    EXPECT_THAT(service.start, ElementsAre("/usr/local/sbin/start-it", "an argument"));
    EXPECT_THAT(service.stop, ElementsAre("/usr/local/sbin/stop-it"));
    EXPECT_EQ(service.start_timeout, 100ms);
    EXPECT_EQ(service.stop_timeout, 1h);
    EXPECT_TRUE(service.stop_on_release);
    EXPECT_EQ(service_of("unit = haproxy\n").unit, "haproxy.service");
    EXPECT_EQ(service_of("standby = hot\n").standby, core::Standby::hot);
}

TEST(ServiceKeys, RefuseWhatCannotBeMeant) {
    EXPECT_THAT(service_problems("standby = warm\n"),
                ElementsAre(HasSubstr("f:11: standby: \"warm\" is not one of auto, hot, cold")));
    EXPECT_THAT(service_problems("unit = a b\n"),
                ElementsAre("f:11: unit: \"a b\" is not the name of a systemd unit"));
    EXPECT_THAT(service_problems("start = start-it\n"),
                ElementsAre("f:11: start: \"start-it\": the program is named by its absolute "
                            "path"));
    for (const std::string c : {"|", ">", "<", "&", ";", "$", "`", "*"}) {
        EXPECT_THAT(service_problems("start = /x a" + c + "b\n"),
                    ElementsAre("f:11: start: \"/x a" + c + "b\": no shell is used, so \"" + c +
                                "\" means nothing; quote it, or call /bin/sh -c yourself"));
    }
    EXPECT_THAT(service_problems("start = /x \"'a b\n"),
                ElementsAre("f:11: start: \"/x \"'a b\": a quote is not closed"));
    EXPECT_THAT(service_problems("start_timeout = 99ms\nstop_timeout = 61m\n"),
                ElementsAre("f:11: start_timeout: \"99ms\" is shorter than 100ms",
                            "f:12: stop_timeout: \"61m\" is longer than 1h"));
    EXPECT_THAT(service_problems("check = -x\n"),
                ElementsAre(HasSubstr("f:11: check: \"-x\" is not a name")));
    EXPECT_THAT(service_problems("check = c\n"), ElementsAre("f:11: check: c is there twice"));
    EXPECT_THAT(service_problems("stanby = hot\nurl = x\n"),
                ElementsAre("f:11: unknown key \"stanby\" in [service s]; did you mean "
                            "\"standby\"?",
                            HasSubstr("f:12: unknown key \"url\" in [service s]; it belongs in "
                                      "[check NAME] of type http, smtp")));
}

TEST(ServiceKeys, FitEachOther) {
    EXPECT_THAT(service_problems("unit = x\nstart = /x\n"),
                ElementsAre("f:12: a service is started and stopped by its unit or by commands, "
                            "not both"));
    EXPECT_THAT(service_problems("unit = x\nstop = /x\n"),
                ElementsAre("f:12: a service is started and stopped by its unit or by commands, "
                            "not both"));
    EXPECT_THAT(service_problems("standby = cold\n"),
                ElementsAre("f:11: standby = cold needs a unit or a start command"));
    EXPECT_THAT(service_problems("stop = /x\n"),
                ElementsAre("f:11: stop needs a start command: what is stopped must be started "
                            "again"));
    EXPECT_THAT(service_problems("start = /x\nstop_on_release = yes\n"),
                ElementsAre("f:12: stop_on_release needs a unit or a stop command"));
    EXPECT_THAT(service_problems("standby = hot\nunit = x\n"),
                ElementsAre("f:12: warning: with standby = hot the service is never started from "
                            "here"));
    EXPECT_THAT(service_problems("standby = hot\nstop_on_release = yes\n"),
                ElementsAre("f:12: stop_on_release contradicts standby = hot: it would have to be "
                            "started"));
}

TEST(ServiceKeys, AreRendered) {
    const auto comes_back = [](const std::string& keys) {
        const Result first = read(with_service(keys));
        const std::string text = first.configuration ? render(*first.configuration) : "";
        const Result second = read(text);
        return second.configuration &&
               first.configuration->services == second.configuration->services;
    };
    EXPECT_TRUE(comes_back("standby = cold\nunit = x\nstop_on_release = yes\n"));
    EXPECT_TRUE(
        comes_back("start = /x\nstop = /y 'a '\\#'\"#; ' \"it's\"';' '' ' ' \\\\ '$${x}'\n"));
}

TEST(Sections, HaveNamesAndAreThereOnce) {
    EXPECT_THAT(service_problems("[service s]\ncheck = c\n[check c]\ntype = unit\nunit = x\n"),
                ElementsAre("f:11: [service s] is written twice; first at f:9",
                            "f:13: [check c] is written twice; first at f:6"));
    EXPECT_THAT(service_problems("[check]\ntype = unit\nunit = x\n[service]\ncheck = c\n"),
                ElementsAre("f:11: a [check] section has a name: [check web]",
                            "f:14: a [service] section has a name: [service web]"));
    EXPECT_THAT(service_problems("[chek d]\n"),
                ElementsAre("f:11: unknown section [chek]; did you mean \"check\"?"));
}

TEST(Track, IsACheckPerhapsWithAWeight) {
    EXPECT_THAT(vip_of(with_check_c("track = c\n")).tracks,
                ElementsAre(core::Track{"c", std::nullopt}));
    EXPECT_THAT(vip_of(with_check_c("track = c\tweight=-253\n")).tracks,
                ElementsAre(core::Track{"c", -253}));
    const auto problem = [](const std::string& value) {
        return problems(with_check_c("track = " + value + '\n')).at(0);
    };
    const std::string key = "f:8: track: ";
    for (const std::string weight : {"254", "-254", "x", "1 2", "+5"}) {
        EXPECT_EQ(problem("c weight=" + weight),
                  key + "weight: \"" + weight + "\" is not a whole number from -253 to 253");
    }
    EXPECT_THAT(vip_of(with_check_c("track = \"c \"\n")).tracks,
                ElementsAre(core::Track{"c", std::nullopt}));
    EXPECT_EQ(problem("c weight=0"), key + "a weight of 0 does nothing");
    EXPECT_EQ(problem("c -20"), key + "\"-20\" is not weight=N");
    EXPECT_THAT(problem("-c"), HasSubstr(key + "\"-c\" is not a name"));
}

TEST(MaxTransitions, AreANumberPerTime) {
    const auto limit = [](const std::string& value) {
        return vip_of(vip_with("max_transitions = " + value + '\n')).max_transitions;
    };
    EXPECT_EQ(limit("2 per 1s"), (core::MaxTransitions{2, 1s}));
    EXPECT_EQ(limit("1000  per\t1h"), (core::MaxTransitions{1000, 1h}));
    EXPECT_EQ(vip_of(vip_with("")).max_transitions, std::nullopt);
    const auto problem = [](const std::string& value) {
        return problems(vip_with("max_transitions = " + value + '\n')).at(0);
    };
    const std::string form = "f:5: max_transitions: ";
    for (const std::string value : {"5", "5 per", "per 1m", "5 in 1m", "5 per 1m 2"}) {
        EXPECT_EQ(problem(value), form + '"' + value + "\" is not of the form \"5 per 1m\"");
    }
    EXPECT_EQ(problem("1 per 1m"), form + "\"1\" is not a whole number from 2 to 1000");
    EXPECT_EQ(problem("5 per 999ms"), form + "\"999ms\" is shorter than 1s");
    EXPECT_EQ(problem("5 per 61m"), form + "\"61m\" is longer than 1h");
}

TEST(LastResort, IsHoldOrRelease) {
    EXPECT_EQ(vip_of(vip_with("")).last_resort, core::LastResort::hold);
    EXPECT_EQ(vip_of(with_service("") + "[vip two]\ninterface = eth0\nvrid = 1\n"
                                        "address = 192.0.2.11/24\nservice = s\n")
                  .service,
              "s");
    EXPECT_THAT(problems(vip_with("last_resort = relase\n")),
                ElementsAre("f:5: last_resort: \"relase\" is not one of hold, release; did you "
                            "mean \"release\"?"));
    EXPECT_THAT(problems(vip_with("last_resort = release\n")),
                ElementsAre("f:5: warning: last_resort does nothing without a service"));
}

TEST(References, ToTheWrongNameAreErrorsAndNothingElse) {
    EXPECT_THAT(problems(with_check_c("track = d\n")),
                ElementsAre(HasSubstr("f:1: warning: [check c] is used by no [vip]"),
                            "f:8: track: there is no [check d]"));
    EXPECT_THAT(problems(with_check_c("service = haprox\n[service haproxy]\ncheck = c\n")),
                ElementsAre("f:8: service: there is no [service haprox]; did you mean "
                            "\"haproxy\"?"));
    EXPECT_THAT(problems(with_check_c("track = c\ntrack = c weight=1\n")),
                ElementsAre("f:9: track: c is tracked twice"));
}

TEST(References, ThatAreAllWrongGetAFewHints) {
    const std::string name = "the-gateway-of-the-net";
    std::string text = "[check " + name + "]\ntype = unit\nunit = x\n" + vip_with("");
    for (int i = 0; i < 500; ++i) {
        text += "track = " + name + std::to_string(i) + '\n';
    }
    const Lines found = problems(text);
    EXPECT_EQ(found.size(), 500U);
    EXPECT_EQ(std::ranges::count_if(
                  found, [](const std::string& line) { return line.contains("did you mean"); }),
              20);
}

TEST(References, ThatAreMissingDrawAWarning) {
    EXPECT_THAT(problems(with_check_c("[service s]\ncheck = c\n")),
                ElementsAre("f:8: warning: [service s] is used by no [vip]"));
    EXPECT_THAT(problems(with_check_c("")),
                ElementsAre("f:1: warning: [check c] is used by no [vip] and no [service]"));
    // What cannot be read may have been meant.
    EXPECT_THAT(problems(with_check_c("service = a b\n[service s]\ncheck = c\n")),
                ElementsAre(HasSubstr("f:8: service: \"a b\" is not a name")));
}

TEST(References, WithAWeightLeaveTheValueOfAFileAside) {
    EXPECT_THAT(problems("[check c]\ntype = file\npath = /x\nvalue_as_weight = yes\n" +
                         vip_with("track = c weight=5\n")),
                ElementsAre("f:9: warning: track: with a weight, value_as_weight of check c does "
                            "nothing"));
}

}  // namespace
}  // namespace understudy::config
