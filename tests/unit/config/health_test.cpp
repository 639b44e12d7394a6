// [check] and [service] sections, and what names them.
#include "agent/config/command_line.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A check in lines 5 and following, tracked in line 5 of vip_with.
Lines check_problems(const std::string& keys) {
    return problems(vip_with("track = c\n[check c]\n" + keys));
}

checks::CheckSettings check_of(const std::string& keys) {
    const Result result = read(vip_with("track = c\n[check c]\n" + keys));
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    return result.configuration ? result.configuration->checks.at(0) : checks::CheckSettings{};
}

TEST(Checks, TheExampleOfTheManual) {
    const Result result = read(vip_with(
        "track = gateway\ntrack = dns weight=-20\nservice = haproxy\n"
        "[service haproxy]\nstandby = auto\nunit = haproxy.service\nstart_timeout = 30s\n"
        "check = frontend\n"
        "[check gateway]\ntype = icmp\ntarget = 192.0.2.1\ninterval = 1s\ntimeout = 300ms\n"
        "rise = 2\nfall = 3\n"
        "[check dns]\ntype = dns\nserver = 192.0.2.53\nname = example.com\n"
        "[check frontend]\ntype = http\nurl = http://127.0.0.1/healthz\nstatus = 200-299\n"
        "body = ok\ninterval = 500ms\nfast_interval = 100ms\ndown_interval = 2s\n"));
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty());
    ASSERT_TRUE(result.configuration);
    const core::VipSettings& vip = result.configuration->vips.at(0);
    EXPECT_THAT(vip.tracks,
                ElementsAre(core::Track{"gateway", std::nullopt}, core::Track{"dns", -20}));
    EXPECT_EQ(vip.service, "haproxy");
    const core::ServiceSettings& service = result.configuration->services.at(0);
    EXPECT_EQ(service.unit, "haproxy.service");
    EXPECT_EQ(service.start_timeout, 30s);
    EXPECT_THAT(service.checks, ElementsAre("frontend"));
    ASSERT_EQ(result.configuration->checks.size(), 3U);
    const checks::CheckSettings& frontend = result.configuration->checks.at(2);
    EXPECT_EQ(frontend.interval, 500ms);
    EXPECT_EQ(frontend.fast_interval, 100ms);
    EXPECT_EQ(frontend.down_interval, 2s);
    EXPECT_EQ(std::get<checks::Http>(frontend.question).body, "ok");
    const auto& dns = std::get<checks::Dns>(result.configuration->checks.at(1).question);
    EXPECT_EQ(dns.server, (checks::Endpoint{"192.0.2.53", 53}));
}

TEST(Checks, HaveATypeAndItsRequiredKeys) {
    EXPECT_THAT(check_problems("interval = 1s\n"), ElementsAre("f:6: [check c] has no type"));
    EXPECT_THAT(check_problems("type = htpp\n"), ElementsAre(HasSubstr("did you mean \"http\"?")));
    EXPECT_THAT(check_problems("type = http\n"), ElementsAre("f:6: [check c] has no url"));
    EXPECT_THAT(check_problems("type = arp\n"),
                ElementsAre("f:6: [check c] has no target", "f:6: [check c] has no interface"));
    EXPECT_THAT(check_problems("type = process\n"),
                ElementsAre("f:6: [check c] has neither name nor pid_file"));
}

TEST(Checks, AKeyOfAnotherTypeNamesThatType) {
    EXPECT_THAT(check_problems("type = icmp\ntarget = 192.0.2.1\nbody = ok\n"),
                ElementsAre("f:9: unknown key \"body\" in [check c]; it belongs in [check NAME] of "
                            "type http, not icmp"));
    EXPECT_THAT(check_problems("type = icmp\ntarget = 192.0.2.1\nrize = 1\n"),
                ElementsAre(HasSubstr("did you mean \"rise\"?")));
    EXPECT_THAT(check_problems("type = icmp\ntarget = 192.0.2.1\nvrid = 1\n"),
                ElementsAre(HasSubstr("it belongs in [vip NAME]")));
}

TEST(Checks, NumbersAndDurationsHaveBounds) {
    const auto icmp = [](const std::string& key) {
        return check_problems("type = icmp\ntarget = 192.0.2.1\n" + key + '\n');
    };
    EXPECT_THAT(icmp("interval = 1ms"), ElementsAre(HasSubstr("is shorter than 10ms")));
    EXPECT_THAT(icmp("interval = 5"), ElementsAre(HasSubstr("unit")));
    EXPECT_THAT(icmp("rise = 0"), ElementsAre(HasSubstr("from 1 to 100")));
    EXPECT_THAT(icmp("count = 21"), ElementsAre(HasSubstr("from 1 to 20")));
    EXPECT_THAT(icmp("fast_interval = 2s"),
                ElementsAre("f:9: fast_interval: 2s is longer than interval, 1s"));
    EXPECT_THAT(icmp("source = ::1"),
                ElementsAre("f:9: source and target are not of the same family"));
}

TEST(Checks, HttpValuesAreRead) {
    const auto http = [](const std::string& keys) {
        return check_problems("type = http\nurl = http://x/\n" + keys);
    };
    EXPECT_THAT(http("status = 200-600\n"), ElementsAre(HasSubstr("from 100 to 599")));
    EXPECT_THAT(http("status = 300-200\n"), ElementsAre(HasSubstr("begins after its end")));
    EXPECT_THAT(http("body_regex = a(b\n"), ElementsAre(HasSubstr("missing closing parenthesis")));
    EXPECT_THAT(http("header = no colon\n"), ElementsAre(HasSubstr("Name: value")));
    EXPECT_THAT(http("credentials = basic\n"),
                ElementsAre("f:9: credentials need a credentials_file"));
    EXPECT_THAT(http("ca = relative\n"), ElementsAre(HasSubstr("absolute path")));
    EXPECT_THAT(check_problems("type = http\nurl = ftp://x\n"),
                ElementsAre(HasSubstr("does not begin with http:// or https://")));
    const auto settings = std::get<checks::Http>(
        check_of("type = http\nurl = http://x/\nstatus = 200,301-303\nmax_size = 64k\n").question);
    EXPECT_THAT(settings.status,
                ElementsAre(checks::StatusRange{200, 200}, checks::StatusRange{301, 303}));
    EXPECT_EQ(settings.max_size, 65536U);
}

TEST(Checks, BytesAreWrittenWithEscapes) {
    const auto tcp = std::get<checks::Tcp>(
        check_of("type = tcp\ntarget = x:1\nsend = a\\r\\n\\x00\\\\\n").question);
    EXPECT_EQ(tcp.send, std::string("a\r\n\0\\", 5));
    EXPECT_THAT(check_problems("type = tcp\ntarget = x:1\nsend = a\\q\n"),
                ElementsAre(HasSubstr("after a backslash comes one of")));
    EXPECT_THAT(check_problems("type = tcp\ntarget = x:1\nsend = \\x1\n"),
                ElementsAre(HasSubstr("after a backslash comes one of")));
    EXPECT_THAT(check_problems("type = tcp\ntarget = x\n"), ElementsAre(HasSubstr("has no port")));
}

TEST(Commands, AreSplitWithoutAShell) {
    EXPECT_THAT(*parse_command_line(R"(/bin/x a 'b c' "d \" e" f\ g '')"),
                ElementsAre("/bin/x", "a", "b c", "d \" e", "f g", ""));
    EXPECT_THAT(parse_command_line("/bin/x | y").error(), HasSubstr("no shell is used"));
    EXPECT_THAT(parse_command_line("/bin/x $HOME").error(), HasSubstr("no shell is used"));
    EXPECT_THAT(parse_command_line("/bin/x 'a").error(), HasSubstr("a quote is not closed"));
    EXPECT_THAT(parse_command_line("x").error(), HasSubstr("absolute path"));
    const std::vector<std::string> words = {"/bin/x", "", "it's", "a\\b", "\"", "$x"};
    EXPECT_EQ(*parse_command_line(format_command_line(words)), words);
}

TEST(References, ToWhatIsNotThereAreErrors) {
    EXPECT_THAT(problems(vip_with("track = gatway\nservice = x\n[check gateway]\ntype = unit\n"
                                  "unit = y\n")),
                ElementsAre("f:5: track: there is no [check gatway]; did you mean \"gateway\"?",
                            "f:6: service: there is no [service x]"));
    EXPECT_THAT(problems(vip_with("service = x\n[service x]\ncheck = y\n")),
                ElementsAre("f:7: check: there is no [check y]"));
    EXPECT_THAT(problems(vip_with("track = c weight=0\n")), Contains(HasSubstr("weight of 0")));
    EXPECT_THAT(problems(vip_with("track = c wait=1\n")), Contains(HasSubstr("is not weight=N")));
}

TEST(References, MayEndWithBlanksInQuotes) {
    EXPECT_THAT(problems(vip_with("track = \"c \"\n[check c]\ntype = unit\nunit = y\n")),
                IsEmpty());
}

TEST(Services, AreWhole) {
    const auto service = [](const std::string& keys) {
        return problems(
            vip_with("service = s\n[check c]\ntype = unit\nunit = y\n[service s]\n" + keys));
    };
    EXPECT_THAT(service("check = c\n"), IsEmpty());
    EXPECT_THAT(service("unit = x\n"),
                ElementsAre("f:6: warning: [check c] is used by no [vip] and no [service]",
                            "f:9: [service s] has no check: nothing would tell whether it is "
                            "ready"));
    EXPECT_THAT(service("check = c\nunit = x\nstart = /x\n"), ElementsAre(HasSubstr("not both")));
    EXPECT_THAT(service("check = c\nstandby = cold\n"),
                ElementsAre(HasSubstr("needs a unit or a start command")));
    EXPECT_THAT(service("check = c\nstop_on_release = yes\n"),
                ElementsAre(HasSubstr("needs a unit or a stop command")));
}

TEST(Services, ThatRunOnOneNodeOnlyBelongToOneVip) {
    EXPECT_THAT(
        problems(vip_with("service = s\n[vip two]\ninterface = eth0\nvrid = 52\n"
                          "address = 192.0.2.11/24\nservice = s\n[service s]\nunit = x\n"
                          "stop_on_release = yes\ncheck = c\n[check c]\ntype = unit\nunit = y\n")),
        ElementsAre(HasSubstr("has stop_on_release and belongs to [vip web] already")));
}

}  // namespace
}  // namespace understudy::config
