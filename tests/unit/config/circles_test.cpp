// Checks that ask an address of their own VIP.
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// [vip web] with its check in lines 5 to 7, and more lines of that check.
std::string tracking(const std::string& check, const std::string& track = "gate") {
    return vip_with(
        "address = 2001:db8::10/64\nextra_address = 198.51.100.10/24 dev eth1\ntrack = " + track +
        "\n[check gate]\n" + check);
}

const std::string circle =
    "an address of [vip web] itself: while the check is down no node may hold it, and while no "
    "node holds it the check is down";

struct Asks {
    const char* what;
    const char* check;
};

TEST(Circles, every_type_of_check_that_asks_an_own_address) {
    for (const Asks& asks : {
             Asks{"192.0.2.10", "type = icmp\ntarget = 192.0.2.10\n"},
             Asks{"192.0.2.10", "type = arp\ntarget = 192.0.2.10\ninterface = eth0\n"},
             Asks{"192.0.2.10", "type = tcp\ntarget = 192.0.2.10:80\n"},
             Asks{"2001:db8::10", "type = tcp\ntarget = [2001:db8::10]:80\n"},
             Asks{"192.0.2.10", "type = tcp\ntarget = [::ffff:192.0.2.10]:80\n"},
             Asks{"2001:db8::10", "type = tcp\ntarget = [2001:DB8:0:0::10]:80\n"},
             Asks{"192.0.2.10", "type = udp\ntarget = 192.0.2.10:53\nsend = x\n"},
             Asks{"192.0.2.10", "type = tls\ntarget = 192.0.2.10:443\n"},
             Asks{"192.0.2.10", "type = http\nurl = http://192.0.2.10\n"},
             Asks{"192.0.2.10", "type = http\nurl = https://user@192.0.2.10:8443/a?b=c\n"},
             Asks{"2001:db8::10", "type = http\nurl = http://[2001:db8::10]:80/\n"},
             Asks{"192.0.2.10",
                  "type = http\nconnect = 192.0.2.10:80\nurl = http://example.org/\n"},
             Asks{"192.0.2.10", "type = dns\nserver = 192.0.2.10\nname = example.org\n"},
             Asks{"192.0.2.10", "type = smtp\nurl = smtp://192.0.2.10\n"},
             Asks{"198.51.100.10", "type = ftp\nurl = ftp://198.51.100.10/\n"},
             Asks{"fe80::200:5eff:fe00:233", "type = icmp\ntarget = fe80::200:5eff:fe00:233\n"},
         }) {
        EXPECT_THAT(problems(tracking(asks.check)),
                    ElementsAre(AllOf(StartsWith("f:7: track: check gate (f:1"),
                                      HasSubstr(std::string{" asks "} + asks.what + ", "),
                                      HasSubstr(circle))))
            << asks.check;
    }
}

TEST(Circles, what_asks_something_else_is_none) {
    for (const char* check : {
             "type = icmp\ntarget = 192.0.2.1\n",
             "type = tcp\ntarget = 127.0.0.1:80\n",
             "type = tcp\ntarget = 0.0.0.0:80\n",
             "type = tcp\ntarget = [::]:80\n",
             "type = http\nconnect = 127.0.0.1:80\nurl = http://192.0.2.10/\n",
             "type = http\nurl = http://www.example.org/\n",
             "type = dns\nserver = 192.0.2.53\nname = 10.2.0.192.in-addr.arpa\n",
             "type = interface\ninterface = eth0\n",
         }) {
        EXPECT_THAT(problems(tracking(check)), IsEmpty()) << check;
    }
}

TEST(Circles, the_place_of_the_target_is_named) {
    EXPECT_THAT(problems(tracking("type = icmp\ntarget = 192.0.2.10\n")),
                ElementsAre("f:7: track: check gate (f:10) asks 192.0.2.10, " + circle));
}

TEST(Circles, a_weight_makes_it_a_warning) {
    EXPECT_THAT(problems(tracking("type = icmp\ntarget = 192.0.2.10\n", "gate weight=-20")),
                ElementsAre(AllOf(StartsWith("f:7: warning: track: check gate (f:10) asks "),
                                  HasSubstr("a weight tells nothing"))));
}

TEST(Circles, of_the_checks_of_a_service) {
    for (const char* service :
         {"standby = hot\n", "start = /bin/start\n", "standby = cold\nunit = haproxy.service\n"}) {
        const Lines found = problems(
            vip_with("service = app\n[service app]\ncheck = front\n" + std::string{service} +
                     "[check front]\ntype = tcp\ntarget = 192.0.2.10:80\n"));
        EXPECT_THAT(found, ElementsAre(AllOf(StartsWith("f:7: check: check front (f:1"),
                                             HasSubstr(circle))))
            << service;
    }
}

TEST(Circles, names_in_the_file_of_hosts) {
    Imagined imagined;
    imagined.files["/etc/hosts"] =
        "127.0.0.1 localhost\n# 192.0.2.10 no\n192.0.2.10\tVIP.example.org vip  # web\n"
        "fe80::1%eth0 scoped\n192.0.2.10 both\n192.0.2.9 both\nnonsense vip\n";
    const auto asks = [&](const std::string& host) {
        return problems(tracking("type = tcp\ntarget = " + host + ":80\n"),
                        imagined.surroundings());
    };
    for (const char* name : {"vip", "vip.example.org", "Vip.Example.Org."}) {
        EXPECT_THAT(asks(name), ElementsAre(AllOf(HasSubstr(std::string{" asks "} + name +
                                                            " (192.0.2.10 in /etc/hosts), "),
                                                  HasSubstr(circle))))
            << name;
    }
    for (const char* name : {"localhost", "no", "scoped", "elsewhere.example.org"}) {
        EXPECT_THAT(asks(name), IsEmpty()) << name;
    }
    EXPECT_THAT(asks("both"), IsEmpty()) << "192.0.2.9 can answer before anybody holds the VIP";
}

// The owner's address is on the machine, whoever is active (RFC 9568 1.6).
TEST(Circles, an_owner_may_ask_itself) {
    EXPECT_THAT(problems(vip_with("priority = 255\ntrack = gate\n"
                                  "[check gate]\ntype = icmp\ntarget = 192.0.2.10\n")),
                IsEmpty());
}

TEST(Circles, inverted_it_would_let_go_what_it_has) {
    EXPECT_THAT(problems(tracking("type = icmp\ntarget = 192.0.2.10\ninverted = yes\n")),
                ElementsAre(AllOf(StartsWith("f:7: track: "), HasSubstr("let it go again"))));
    // Nobody answers the holder's own ARP request: this one looks for somebody else with the
    // address.
    EXPECT_THAT(problems(tracking("type = arp\ntarget = 192.0.2.10\ninterface = eth0\n"
                                  "inverted = yes\n")),
                IsEmpty());
}

TEST(Circles, a_script_that_is_given_the_address_draws_a_warning) {
    EXPECT_THAT(problems(tracking("type = script\ncommand = /bin/ping -c 1 192.0.2.10\n")),
                ElementsAre(AllOf(StartsWith("f:7: warning: track: "),
                                  HasSubstr("is given 192.0.2.10, an address of [vip web]"))));
    EXPECT_THAT(problems(tracking("type = script\ncommand = /bin/ping -c 1 192.0.2.1\n")),
                IsEmpty());
}

// --- several VIPs --------------------------------------------------------------------------------

struct Vip {
    const char* name;
    int last;            // of its address
    const char* checks;  // lines
};

std::string several(const std::vector<Vip>& vips, const std::vector<int>& targets) {
    std::string text;
    for (const Vip& vip : vips) {
        text += std::string{"[vip "} + vip.name +
                "]\ninterface = eth0\nvrid = " + std::to_string(vip.last) + "\naddress = 192.0.2." +
                std::to_string(vip.last) + "/24\n" + vip.checks;
    }
    for (const int target : targets) {
        text += "[check at" + std::to_string(target) + "]\ntype = icmp\ntarget = 192.0.2." +
                std::to_string(target) + "\n";
    }
    return text;
}

TEST(Circles, through_two_vips) {
    EXPECT_THAT(
        problems(several({{"web", 10, "track = at20\n"}, {"db", 20, "track = at10\n"}}, {10, 20})),
        ElementsAre("f:5: track: check at20 (f:16) asks 192.0.2.20, an address of [vip db], "
                    "which needs check at10 (f:13), which asks 192.0.2.10, an address of "
                    "[vip web]: none of them can be held before the others are"));
}

TEST(Circles, through_three_vips_once) {
    EXPECT_THAT(
        problems(several(
            {{"a", 10, "track = at20\n"}, {"b", 20, "track = at30\n"}, {"c", 30, "track = at10\n"}},
            {10, 20, 30})),
        ElementsAre(AllOf(StartsWith("f:5: track: "), HasSubstr("[vip b]"), HasSubstr("[vip c]"),
                          HasSubstr("[vip a]"))));
}

TEST(Circles, another_vip_that_needs_nothing_of_this_one_is_none) {
    EXPECT_THAT(problems(several({{"web", 10, "track = at20\n"}, {"db", 20, ""}}, {20})),
                IsEmpty());
    // One that waits for a circle is not part of it.
    EXPECT_THAT(
        problems(several({{"web", 10, "track = at20\n"}, {"db", 20, "track = at20\n"}}, {20})),
        ElementsAre(StartsWith("f:10: track: check at20")));
}

TEST(Circles, a_weight_on_the_way_breaks_it) {
    EXPECT_THAT(
        problems(several({{"web", 10, "track = at20\n"}, {"db", 20, "track = at10 weight=-20\n"}},
                         {10, 20})),
        IsEmpty());
}

TEST(Circles, each_check_of_one_vip_is_named) {
    EXPECT_THAT(problems(vip_with("address = 192.0.2.11/24\ntrack = a\ntrack = b\n"
                                  "[check a]\ntype = icmp\ntarget = 192.0.2.10\n"
                                  "[check b]\ntype = icmp\ntarget = 192.0.2.11\n")),
                ElementsAre(StartsWith("f:6: track: check a"), StartsWith("f:7: track: check b")));
}

}  // namespace
}  // namespace understudy::config
