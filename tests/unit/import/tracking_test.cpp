// Scripts, processes, interfaces and files that are tracked; weights; sync groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/command_line.hpp"
#include "tests/unit/import/importing.hpp"

namespace understudy::importer {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string script(const std::string& command, const std::string& more = {}) {
    return "vrrp_script chk {\nscript " + command + '\n' + more + "\n}\n";
}

Result tracking(const std::string& definition, const std::string& track) {
    Result result = instance(addresses + track, definition);
    EXPECT_EQ(result.vips, 1U) << notes_of(result);
    return result;
}

std::string check_of(const std::string& command) {
    const std::string text = tracking(script(command), "track_script { chk }").text;
    return text.substr(text.find("[check chk]"));
}

TEST(ImportedScript, KeepsItsTimetable) {
    const std::string text =
        tracking(
            script("/usr/bin/x", "interval 2\ntimeout 3\nrise 4\nfall 5\nuser joe joes\ninit_fail"),
            "track_script { chk }")
            .text;
    EXPECT_THAT(text, AllOf(HasSubstr("track = chk\n"), HasSubstr("interval = 2s\ntimeout = 3s\n"),
                            HasSubstr("rise = 4\nfall = 5\n"), HasSubstr("user = joe\n"),
                            HasSubstr("initial = down")));
}

// keepalived.conf(5): an interval of 1 s; a script that runs longer than it fails; one is enough.
TEST(ImportedScript, HasKeepalivedsDefaults) {
    EXPECT_THAT(check_of("/usr/bin/x"),
                HasSubstr("interval = 1s\ntimeout = 1s\nrise = 1\nfall = 1\n"));
}

TEST(ImportedScript, RunsTheSameWords) {
    EXPECT_THAT(check_of("/usr/bin/x a 'b c'"), HasSubstr("command = /usr/bin/x a 'b c'\n"));
    EXPECT_THAT(check_of("\"/usr/bin/x a 'b c'\""), HasSubstr("command = /usr/bin/x a 'b c'\n"));
    EXPECT_THAT(check_of("\"curl -s http://127.0.0.1/\""),
                HasSubstr("command = /usr/bin/env curl -s http://127.0.0.1/\n"));
    EXPECT_THAT(notes_of(tracking(script("\"curl -s x\""), "track_script { chk }")),
                HasSubstr("note: script curl -s x: looked for in PATH"));
}

// No node could ever begin: the check is down until the address is held.
TEST(ImportedScript, ThatAsksTheAddressItDecidesOnIsNamed) {
    const auto notes = [](const std::string& command, const std::string& track) {
        return notes_of(instance(addresses + track, script(command)), Severity::warning);
    };
    EXPECT_THAT(notes("\"/usr/bin/nc -z 192.0.2.10 80\"", "track_script { chk }"),
                AllOf(HasSubstr("error: [vip one] is left out: track: check chk "
                                "(/etc/keepalived/keepalived.conf:2) asks 192.0.2.10, "),
                      Not(HasSubstr("understudy.conf:"))));
    EXPECT_THAT(notes("\"/usr/bin/nc -z 192.0.2.10 80\"", "track_script { chk weight -20 }"),
                HasSubstr("warning: [vip one]: track: check chk "));
    EXPECT_THAT(notes("\"/bin/ping -c 1 192.0.2.10\"", "track_script { chk }"),
                HasSubstr("no node can ever take it"));
    EXPECT_THAT(notes("\"/bin/ping -c 1 192.0.2.1\"", "track_script { chk }"),
                Not(HasSubstr("192.0.2.1")));
}

// keepalived 2.2.7 was given each of these: it splits at blanks, and runs the program without a
// shell. With one the first would be in the background, and so always up.
TEST(ImportedScript, NoShellSeesWhatKeepalivedGivesToTheProgram) {
    const auto words = [](const std::string& command) {
        const std::string text = check_of('"' + command + '"');
        const auto start = text.find("command = ") + 10;
        return config::parse_command_line(text.substr(start, text.find('\n', start) - start))
            .value_or(std::vector<std::string>{});
    };
    EXPECT_THAT(words("/usr/bin/curl -f http://[::1]:80/h?a=1&b=2"),
                ElementsAre("/usr/bin/curl", "-f", "http://[::1]:80/h?a=1&b=2"));
    EXPECT_THAT(
        words("/x http://127.0.0.1:8404/stats;csv *.conf {a,b} ~ ;csv"),
        ElementsAre("/x", "http://127.0.0.1:8404/stats;csv", "*.conf", "{a,b}", "~", ";csv"));
    EXPECT_THAT(
        words("docker inspect --format={{.State.Running}} web"),
        ElementsAre("/usr/bin/env", "docker", "inspect", "--format={{.State.Running}}", "web"));
    EXPECT_THAT(words("/x 'a | b' c"), ElementsAre("/x", "a | b", "c"));
    const std::string with_shell = check_of("'/bin/sh -c \"test $HOME > /x\"'");
    EXPECT_THAT(with_shell, HasSubstr("command = /bin/sh -c 'test $HOME > /x'\n"));
    EXPECT_THAT(words("[ -f /y ]"), ElementsAre("/usr/bin/env", "[", "-f", "/y", "]"));
}

// Older ones ran a shell, and many a script is still written for it.
TEST(ImportedScript, WhatIsMeantForAShellGetsOneAndAWarning) {
    for (const std::string command :
         {"/x | grep y", "/x && /y", "/x; /y", "/x >/dev/null", "/x 2>&1", "pidof x > /dev/null",
          "/x $HOME", "/x `date`", "if true; then false; fi", "cd /", "! /x", "(/x)", "A=1 /x"}) {
        const Result result = tracking(script('"' + command + '"'), "track_script { chk }");
        EXPECT_THAT(result.text, HasSubstr("command = /bin/sh -c ")) << command;
        EXPECT_THAT(notes_of(result), HasSubstr("2: warning: script " + command + ": run through "))
            << command;
    }
    EXPECT_THAT(check_of("\"/usr/bin/x | grep ${y}\""),
                HasSubstr("command = /bin/sh -c '/usr/bin/x | grep $${y}'\n"));
    // keepalived, too, gives what begins so to a shell.
    EXPECT_THAT(notes_of(tracking(script("\"</etc/x\""), "track_script { chk }")),
                HasSubstr("note: script </etc/x: run through /bin/sh"));
}

TEST(ImportedScript, BecomesTheCheckThatAsksTheSame) {
    EXPECT_THAT(check_of("\"killall -0 haproxy\""), HasSubstr("type = process\nname = haproxy\n"));
    EXPECT_THAT(check_of("\"/usr/bin/pidof nginx\""), HasSubstr("type = process\nname = nginx\n"));
    EXPECT_THAT(check_of("\"killall -0 php-fpm8.2\""), HasSubstr("name = php-fpm8.2\n"));
    EXPECT_THAT(check_of("\"pkill -0 php-fpm8.2\""), HasSubstr("type = script\n"));  // a pattern
    EXPECT_THAT(check_of("\"</dev/tcp/127.0.0.1/80\""),
                HasSubstr("type = tcp\ntarget = 127.0.0.1:80\n"));
    EXPECT_THAT(check_of("\"bash -c '</dev/tcp/127.0.0.1/80'\""), HasSubstr("type = tcp\n"));
    EXPECT_THAT(check_of("\"nc -z ::1 80\""), HasSubstr("target = [::1]:80\n"));
    EXPECT_THAT(check_of("\"systemctl is-active --quiet nginx\""),
                HasSubstr("type = unit\nunit = nginx\n"));
    EXPECT_THAT(check_of("\"killall -9 haproxy\""), HasSubstr("type = script\n"));
    EXPECT_THAT(check_of("\"pgrep haprox.\""), HasSubstr("type = script\n"));
}

TEST(ImportedScript, SaysWhoRunsIt) {
    const std::string globals = "global_defs {\nscript_user joe joes\n}\n";
    EXPECT_THAT(notes_of(tracking(script("/x"), "track_script { chk }")),
                HasSubstr("here they run as nobody"));
    const Result with_user = tracking(globals + script("/x"), "track_script { chk }");
    EXPECT_THAT(with_user.text, HasSubstr("[agent]\nscript_user = joe\n"));
    EXPECT_THAT(notes_of(with_user), Not(HasSubstr("nobody")));
}

TEST(ImportedScript, EveryLineIsAccountedFor) {
    const Result result =
        tracking(script("\"killall -0 nginx\"", "weight 5\nuser root"), "track_script { chk }");
    EXPECT_THAT(notes_of(result, Severity::converted),
                AllOf(HasSubstr("3: converted: weight 5 -> the weight where a track line has none"),
                      HasSubstr("4: note: user root: no command is run")));
}

TEST(ImportedScript, WhatNobodyTracksIsLeftOut) {
    const Result result = tracking(script("/x"), "");
    EXPECT_EQ(result.checks, 0U);
    EXPECT_THAT(notes_of(result), HasSubstr("nothing tracks it"));
    EXPECT_THAT(notes_of(tracking("", "track_script { chk }")),
                HasSubstr("there is no vrrp_script chk"));
}

struct Weighed {
    const char* track;
    const char* priority;  // with everything up
    const char* line;
};

// keepalived.conf(5), track_interface: a positive weight is added while it is up, a negative one
// while it is down; with reverse, the other direction. What is on the wire stays the same.
TEST(ImportedWeights, GiveTheSamePriorities) {
    for (const Weighed& one :
         {Weighed{"eth1", "100", "track = link-eth1\n"},
          Weighed{"eth1 weight 20", "120", "track = link-eth1 weight=-20\n"},
          Weighed{"eth1 weight -20", "100", "track = link-eth1 weight=-20\n"},
          Weighed{"eth1 weight 20 reverse", "80", "weight=20\n"},
          Weighed{"eth1 weight -20 reverse", "100", "weight=20\n"},
          Weighed{"eth1 weight 0 reverse", "100", "track = link-eth1-not\n"}}) {
        const std::string text =
            tracking("", std::string{"track_interface {\n"} + one.track + "\n}").text;
        EXPECT_THAT(text, AllOf(HasSubstr(std::string{"priority = "} + one.priority + '\n'),
                                HasSubstr(one.line)))
            << one.track;
    }
}

TEST(ImportedWeights, OfTheDefinitionCountUnlessTheTrackSaysOtherwise) {
    const std::string definition = script("/x", "weight -4");
    EXPECT_THAT(tracking(definition, "track_script { chk }").text, HasSubstr("chk weight=-4\n"));
    EXPECT_THAT(tracking(definition, "track_script { chk weight -9 }").text,
                HasSubstr("chk weight=-9\n"));
}

TEST(ImportedProcess, IsLookedForByItsName) {
    const Result result = tracking(
        "vrrp_track_process p {\nprocess /usr/sbin/haproxy -f x\nquorum 2\nweight 10\ndelay 1\n}\n",
        "track_process { p }");
    EXPECT_THAT(result.text,
                AllOf(HasSubstr("priority = 110\n"), HasSubstr("track = p weight=-10\n"),
                      HasSubstr("name = haproxy\nmin_count = 2\n")));
    EXPECT_THAT(notes_of(result), HasSubstr("its arguments do not count"));
    EXPECT_THAT(tracking("vrrp_track_process p {\nprocess x\nquorum_max 0\nweight 0\n}\n",
                         "track_process { p }")
                    .text,
                HasSubstr("inverted = yes"));
}

TEST(ImportedFile, ItsNumberIsTheWeight) {
    for (const char* keyword : {"track_file", "vrrp_track_file"}) {
        const Result result =
            tracking(std::string{keyword} + " f {\nfile /run/f\n}\n", "track_file { f }");
        EXPECT_THAT(result.text, AllOf(HasSubstr("track = f\n"), HasSubstr("path = /run/f\n"),
                                       HasSubstr("value_as_weight = yes")));
    }
    EXPECT_THAT(
        notes_of(tracking("track_file f {\nfile /run/f\nweight 2\n}\n", "track_file { f }")),
        HasSubstr("it is not tracked"));
}

std::string member(const std::string& name, const std::string& interface, const std::string& vrid,
                   const std::string& address, const std::string& more = {}) {
    return "vrrp_instance " + name + " {\ninterface " + interface + "\nvirtual_router_id " + vrid +
           '\n' + more + "\nvirtual_ipaddress { " + address + " }\n}\n";
}

TEST(ImportedGroup, TwoFamiliesOfOneRouterAreOneVip) {
    const Result result = import(
        "global_defs {\nvrrp_version 3\n}\n"
        "vrrp_sync_group g {\ngroup {\nv4\nv6\n}\n}\n" +
        member("v4", "eth0", "51", "192.0.2.10/24") +
        member("v6", "eth0", "51", "fe80::51/64 2001:db8::10/64"));
    EXPECT_EQ(result.vips, 1U);
    EXPECT_THAT(result.text, AllOf(HasSubstr("address = 192.0.2.10/24\naddress = fe80::51/64\n"),
                                   HasSubstr("address = 2001:db8::10/64\n")));
    EXPECT_FALSE(result.has_error());
}

// Nothing of the member that goes into the other's VIP is lost without a word.
TEST(ImportedGroup, WhatTheSecondFamilySaysCountsOrIsNamed) {
    const Result result =
        import("global_defs {\nvrrp_version 3\n}\nvrrp_sync_group g {\ngroup { v6 v4 }\n}\n" +
               member("v6", "eth0", "51", "fe80::51/64", "notify_master /x/m\nnotify_fault /x/f") +
               member("v4", "eth0", "51", "192.0.2.10",
                      "v3_checksum_as_v2\nnotify_master /x/other\nnotify_backup /x/b\n"
                      "notify_fault /x/f\npriority 100"));
    EXPECT_EQ(result.vips, 1U);
    EXPECT_THAT(result.text,
                AllOf(HasSubstr("on_active = /x/m\n"), HasSubstr("on_backup = /x/b\n"),
                      HasSubstr("on_fault = /x/f\n"), HasSubstr("checksum = rfc9568\n")));
    const std::string notes = notes_of(result, Severity::converted);
    EXPECT_THAT(notes, AllOf(HasSubstr("warning: notify_master /x/other: on_active is one script"),
                             HasSubstr("note: notify_fault /x/f: runs once, for [vip v6]"),
                             HasSubstr("converted: priority 100 -> as in [vip v6]"),
                             HasSubstr("converted: interface eth0 -> as in [vip v6]")));
}

// One VIP has one answer to who may preempt, and who may be reached.
TEST(ImportedGroup, FamiliesThatBehaveDifferentlyStayApart) {
    const auto vips = [](const std::string& of_v4, const std::string& of_v6) {
        return import(
                   "global_defs {\nvrrp_version 3\n}\nvrrp_sync_group g {\ngroup { v4 v6 }\n}\n" +
                   member("v4", "eth0", "51", "192.0.2.10", of_v4) +
                   member("v6", "eth0", "51", "fe80::51/64", of_v6))
            .vips;
    };
    EXPECT_EQ(vips("", "nopreempt"), 2U);
    EXPECT_EQ(vips("nopreempt", "nopreempt"), 1U);
    EXPECT_EQ(vips("priority 9", "priority 9\nstate MASTER\nnopreempt"), 1U);  // ignored there
    EXPECT_EQ(vips("preempt_delay 5", "preempt_delay 6"), 2U);
    EXPECT_EQ(vips("", "no_accept"), 2U);
}

// keepalived sends IPv6 unicast with the kernel's hop limit, 64, whichever member comes first.
TEST(ImportedGroup, TwoFamiliesTakeKeepalivedsHopLimit) {
    const Result result =
        import("global_defs {\nvrrp_version 3\n}\nvrrp_sync_group g {\ngroup { v4 v6 }\n}\n" +
               member("v4", "eth0", "51", "192.0.2.10",
                      "unicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2 }") +
               member("v6", "eth0", "51", "fe80::51/64",
                      "unicast_src_ip 2001:db8::1\nunicast_peer { 2001:db8::2 }"));
    EXPECT_EQ(result.vips, 1U) << notes_of(result);
    EXPECT_THAT(result.text, HasSubstr("unicast_min_ttl = 64\n"));
}

TEST(ImportedGroup, OtherwiseEachHasItsVipAndNeedsWhatAnyNeeds) {
    const Result result =
        import("vrrp_sync_group g {\ngroup { a b }\ntrack_interface { eth9 weight -5 }\n}\n" +
               script("/x", "weight -4") +
               member("a", "eth0", "51", "192.0.2.10", "track_script { chk }") +
               member("b", "eth1", "52", "10.0.0.1"));
    EXPECT_EQ(result.vips, 2U);
    const std::string a = result.text.substr(0, result.text.find("[vip b]"));
    const std::string b = result.text.substr(a.size());
    EXPECT_THAT(a, AllOf(HasSubstr("track = link-eth9 weight=-5\n"), HasSubstr("track = chk\n"),
                         HasSubstr("track = link-eth1\n")));
    EXPECT_THAT(b, AllOf(HasSubstr("track = link-eth9 weight=-5\n"), HasSubstr("track = chk\n"),
                         HasSubstr("track = link-eth0\n")));
    EXPECT_THAT(notes_of(result),
                AllOf(HasSubstr("1: warning: vrrp_sync_group g: a, b are separate"),
                      HasSubstr("keepalived takes weights away")));
}

TEST(ImportedGroup, NamesMembersThatAreMissing) {
    const Result result = import("vrrp_sync_group g {\ngroup { a nobody }\n}\n" +
                                 member("a", "eth0", "51", "192.0.2.10"));
    EXPECT_THAT(notes_of(result), HasSubstr("there is no vrrp_instance nobody"));
}

}  // namespace
}  // namespace understudy::importer
