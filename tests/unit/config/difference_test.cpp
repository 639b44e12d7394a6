// What another configuration would change, in words.
#include "agent/config/difference.hpp"

#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string check_gateway =
    "[check gateway]\ntype = http\nurl = http://192.0.2.1/?token=one\nheader = A: secret\n";

Difference between(const std::string& from, const std::string& to) {
    const Result before = read(from);
    const Result after = read(to);
    EXPECT_THAT(problems_of(before.diagnostics), IsEmpty());
    EXPECT_THAT(problems_of(after.diagnostics), IsEmpty());
    return difference(*before.configuration, *after.configuration);
}

Lines words(const std::string& from, const std::string& to, Values values = Values::all) {
    return in_words(between(from, to), values);
}

TEST(Difference, NothingChanged) {
    const std::string text = vip_with("track = gateway\n") + check_gateway;
    EXPECT_THAT(words(text, text), ElementsAre("nothing changed"));
    // The same, written otherwise: defaults, order of the keys, of the sections, comments.
    EXPECT_THAT(words(text, "# x\n" + check_gateway +
                                "timeout = 1s\n[vip web]\nvrid = 51\ntrack = gateway\n"
                                "address = 192.0.2.10/24\ninterface = eth0\npriority = 100\n"),
                ElementsAre("nothing changed"));
}

TEST(Difference, AddressesComeAndGo) {
    EXPECT_THAT(
        words(vip_with("address = 192.0.2.11/24\n"),
              vip_with("address = 192.0.2.12/24\nextra_address = 10.0.0.1/24 dev eth1\n")),
        ElementsAre("web: address 192.0.2.11/24 removed", "web: address 192.0.2.12/24 added",
                    "web: extra_address 10.0.0.1/24 dev eth1 added"));
    EXPECT_THAT(words(vip_with("address = 192.0.2.9/24\n"),
                      "[vip web]\ninterface = eth0\nvrid = 51\naddress = 192.0.2.9/24\n"
                      "address = 192.0.2.10/24\n"),
                ElementsAre("web: address 192.0.2.10/24, 192.0.2.9/24 -> "
                            "192.0.2.9/24, 192.0.2.10/24"));
}

TEST(Difference, ValuesHaveAnOldAndANewOne) {
    // The lease follows the interval.
    EXPECT_THAT(words("[agent]\nlog_level = info\n" + vip_with("priority = 150\n"),
                      "[agent]\nlog_level = debug\n" + vip_with("advert_interval = 2s\n")),
                ElementsAre("agent: log_level info -> debug", "web: priority 150 -> 100",
                            "web: advert_interval 1s -> 2s", "web: lease 4s -> 8s"));
    EXPECT_THAT(words(vip_with(""), vip_with("max_transitions = 5 per 1m\n")),
                ElementsAre("web: max_transitions 5 per 1m added"));
    EXPECT_THAT(words(vip_with(""), "[agent]\nrecord = yes\n" + vip_with("")),
                ElementsAre("agent: record no -> yes (from the next start of the agent)"));
}

TEST(Difference, ThatLeavesNoAddressIsRemarkedOn) {
    const auto lines = [](const std::string& from, const std::string& to) {
        return problems_of(remarks(*read(from).configuration, read(to)));
    };
    const std::string head = "[vip web]\ninterface = eth0\nvrid = 51\n";
    EXPECT_THAT(
        lines(vip_with(""), head + "address = 192.0.2.20/24\n"),
        ElementsAre(testing::HasSubstr("f:4: warning: [vip web] has no address in common")));
    EXPECT_THAT(lines(vip_with(""), head + "address = 192.0.2.10/25\n"), IsEmpty());
    EXPECT_THAT(lines(vip_with("address = 192.0.2.20/24\n"), head + "address = 192.0.2.20/24\n"),
                IsEmpty());
    EXPECT_THAT(
        lines(vip_with("extra_address = 192.0.2.20/24\n"), head + "address = 192.0.2.20/24\n"),
        IsEmpty());
    EXPECT_THAT(
        lines(vip_with(""), "[vip web]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.20/24\n"),
        IsEmpty())
        << "another virtual router";
}

TEST(Difference, ObjectsComeAndGo) {
    const std::string mail = "[vip mail]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.20/24\n";
    EXPECT_THAT(words(vip_with("track = gateway\n") + check_gateway, mail),
                ElementsAre("vip mail: added", "vip web: removed", "check gateway: removed"));
    const auto found = between(vip_with(""), vip_with("") + mail);
    ASSERT_EQ(found.changes.size(), 1U);
    EXPECT_EQ(found.changes[0].object, "vip");
    EXPECT_EQ(found.changes[0].name, "mail");
    EXPECT_EQ(found.changes[0].kind, control::ChangeKind::added);
    EXPECT_THAT(found.restarts, IsEmpty());
}

TEST(Difference, AnotherVirtualRouterBeginsAnew) {
    const auto found =
        between(vip_with(""), "[vip web]\ninterface = eth0\nvrid = 52\naddress = 192.0.2.10/24\n");
    EXPECT_THAT(found.restarts, ElementsAre("web"));
    EXPECT_THAT(
        in_words(found, Values::all),
        ElementsAre("web: vrid 51 -> 52", "web: another virtual router: it ends, and begins anew"));
    EXPECT_THAT(between(vip_with(""), vip_with("address = 2001:db8::1/64\n")).restarts,
                ElementsAre("web"))
        << "another family";
}

TEST(Difference, ALogHasNoSecret) {
    const std::string other =
        "[check gateway]\ntype = http\nurl = http://192.0.2.1/?token=two\nheader = A: hidden\n"
        "interval = 5s\n";
    const std::string vip = vip_with("track = gateway\n");
    EXPECT_THAT(words(vip + check_gateway, vip + other, Values::no_secrets),
                ElementsAre("check gateway: interval 1s -> 5s", "check gateway: url changed",
                            "check gateway: header removed", "check gateway: header added"));
    EXPECT_THAT(words(vip + check_gateway, vip + other).at(1),
                "check gateway: url http://192.0.2.1/?token=one -> http://192.0.2.1/?token=two");
}

}  // namespace
}  // namespace understudy::config
