// A configuration as text, and back.
#include "agent/config/render.hpp"

#include <algorithm>
#include <random>

#include "agent/config/keys.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using testing::IsEmpty;

void expect_equal(const core::Configuration& a, const core::Configuration& b) {
    EXPECT_EQ(a.agent.name, b.agent.name);
    EXPECT_EQ(a.agent.log_level, b.agent.log_level);
    EXPECT_EQ(a.agent.stop_timeout, b.agent.stop_timeout);
    EXPECT_EQ(a.agent.script_user, b.agent.script_user);
    EXPECT_EQ(a.agent.record, b.agent.record);
    EXPECT_EQ(a.vips, b.vips);
    EXPECT_EQ(a.services, b.services);
    EXPECT_EQ(a.checks, b.checks);
}

void expect_round_trip(const std::string& text) {
    const Result first = read(text);
    ASSERT_TRUE(first.configuration) << text << problems_of(first.diagnostics).at(0);
    const std::string rendered = render(*first.configuration);
    // Another host name: the text is complete without it.
    const Result second = parse_text("g", rendered, "another");
    ASSERT_TRUE(second.configuration) << rendered << problems_of(second.diagnostics).at(0);
    expect_equal(*first.configuration, *second.configuration);
    EXPECT_EQ(render(*second.configuration), rendered);
}

TEST(Rendering, WritesEveryDefaultOut) {
    const Result result =
        read(vip_with("address = 2001:db8::1/64\nunicast_peer = 10.0.0.2\n"
                      "unicast_peer = 2001:db8::2\n"
                      "extra_address = 10.1.0.1/24 dev eth1\n"));
    ASSERT_TRUE(result.configuration);
    EXPECT_EQ(render(*result.configuration), R"([agent]
name = host
log_level = info
stop_timeout = 10s
script_user = nobody
record = no

[vip web]
interface = eth0
vrid = 51
version = 3
priority = 100
advert_interval = 1s
address = 192.0.2.10/24
address = 2001:db8::1/64
extra_address = 10.1.0.1/24 dev eth1
startup_delay = 0s
preempt = yes
preempt_delay = 0s
accept = yes
mac = interface
checksum = auto
unicast_peer = 10.0.0.2
unicast_peer = 2001:db8::2
unicast_min_ttl = 255
lease = 4s
last_resort = hold
)");
}

TEST(Rendering, EveryKeyIsThere) {
    const Result result =
        read(vip_with("extra_address = 10.1.0.1/24\nunicast_source = 10.0.0.1\n"
                      "unicast_peer = 10.0.0.2\ntrack = c\nservice = s\n"
                      "max_transitions = 5 per 1m\non_active = /a\non_backup = /b\n"
                      "on_fault = /f\non_promote = /p\non_release = /r\n"
                      "[service s]\ncheck = c\n[check c]\ntype = unit\nunit = x\n"));
    ASSERT_TRUE(result.configuration);
    // Two keys that exclude each other.
    const std::string text =
        render(*result.configuration) + render(*read(vip_with("peer = 10.0.0.2\n")).configuration);
    for (const auto& key : agent_keys()) {
        EXPECT_THAT(text, testing::HasSubstr('\n' + key.name + " = "));
    }
    for (const auto& key : vip_keys()) {
        EXPECT_THAT(text, testing::HasSubstr('\n' + key.name + " = "));
    }
}

TEST(Rendering, ChecksAndServicesComeBackAsTheyWere) {
    const std::string common =
        "interval = 2s\nfast_interval = 100ms\ndown_interval = 5s\n"
        "timeout = 300ms\nrise = 1\nfall = 4\ninitial = up\n"
        "inverted = yes\n";
    const std::vector<std::string> checks = {
        "type = icmp\ntarget = 192.0.2.1\ncount = 3\nmax_loss = 34%\nsource = 192.0.2.2\n",
        "type = arp\ntarget = 2001:db8::1\ninterface = eth0\n",
        R"(type = tcp
target = [2001:db8::1]:80
send = GET / HTTP/1.0\r\n\r\n
expect = \x00"#;$ \\ ok\x20
)",
        "type = udp\ntarget = lb1:53\nsend = x\nsource = 192.0.2.1\n",
        "type = tls\ntarget = lb1:443\nmin_days = 14\nca = /a\ncertificate = /b\nkey = /c\n"
        "server_name = www\nverify = no\n",
        "type = http\nurl = https://x/y?z=1;2#3\nmethod = HEAD\nheader = \"A: # b\"\nheader = B: "
        "c\n"
        "host = h\nconnect = [::1]:8080\nhttp_version = 2\nredirects = 3\nstatus = 200-204, 301\n"
        "body = \"#;ok\"\nbody_regex = \"a[;#]+ $\"\nexpect_header = Server: x\n"
        "credentials = bearer\ncredentials_file = /t\nmax_size = 1M\n",
        "type = dns\nserver = ::1\nname = example.com\nrecord = MX\nanswer = 10 mail.example.com\n",
        "type = smtp\nurl = smtp://mail:25\ncredentials = basic\ncredentials_file = /t\n",
        R"(type = script
command = /bin/x 'a b' "it's" c\ d "#"
user = root
)",
        "type = process\nname = nginx\npid_file = /run/x\nmin_count = 2\n",
        "type = file\npath = /etc/x\nmax_age = 5m\nvalue_as_weight = yes\n",
        "type = interface\ninterface = eth1\n",
        "type = unit\nunit = nginx\n",
    };
    std::string text =
        "track = c0\ntrack = c1 weight=-20\nservice = s\nlast_resort = release\n"
        "max_transitions = 5 per 1m\n[service s]\nstandby = cold\n"
        "start = /usr/sbin/start 'with args'\nstop = /usr/sbin/stop\n"
        "start_timeout = 1m\nstop_timeout = 3s\nstop_on_release = yes\n"
        "check = c2\ncheck = c5\n";
    for (std::size_t i = 0; i < checks.size(); ++i) {
        text += "[check c" + std::to_string(i) + "]\n" + checks[i] + common;
    }
    expect_round_trip(vip_with(text));
}

// Texts that are valid by construction, from a fixed seed.
class RandomText {
public:
    explicit RandomText(unsigned seed) : random_(seed) {}

    std::string next() {
        text_.clear();
        if (chance(2)) {
            text_ += "[agent]\n";
            sometimes("name", pick({"lb1", "a.b:c_d-e", "0"}));
            sometimes("log_level", pick({"trace", "debug", "info", "warn", "error"}));
            sometimes("stop_timeout", pick({"0s", "1h", "1.5s", "250us"}));
            sometimes("script_user", pick({"root", "www-data", "65534"}));
            sometimes("record", pick({"yes", "no"}));
        }
        const int vips = number(1, 4);
        for (int i = 0; i < vips; ++i) {
            vip(i);
        }
        service();
        for (int i = 0; i < 3; ++i) {
            check(i);
        }
        return text_;
    }

private:
    int number(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
    bool chance(int of) { return number(1, of) == 1; }
    std::string pick(const std::vector<std::string>& words) {
        return words[static_cast<std::size_t>(number(0, static_cast<int>(words.size()) - 1))];
    }
    void always(const std::string& key, const std::string& value) {
        text_ += key + pick({"=", " = ", " =\t"}) + (chance(4) ? '"' + value + '"' : value) +
                 pick({"\n", "\r\n", " # x\n", "\n\n"});
    }
    void sometimes(const std::string& key, const std::string& value) {
        if (chance(2)) {
            always(key, value);
        }
    }
    void addresses(int vip, bool v4, bool v6) {
        const std::string v4_net = "10." + std::to_string(vip) + ".0.";
        const std::string v6_net = "2001:db8:" + std::to_string(vip) + "::";
        for (int i = 1; i <= number(1, 5); ++i) {
            const std::string n = std::to_string(i);
            if (v4) {
                always("address", v4_net + n + pick({"", "/8", "/24", "/32"}));
            }
            if (v6) {
                always("address", v6_net + n + pick({"", "/64", "/128"}));
                sometimes("address", "fe80::" + std::to_string(vip) + ':' + n + "/64");
            }
            sometimes("extra_address",
                      v4_net + "1" + n + pick({"/24", "/24 dev eth9", " dev\teth9"}));
            sometimes("extra_address", v6_net + "f" + n + "/64");
        }
    }
    void unicast(bool v4, bool v6) {
        const bool has_sources = chance(2);
        for (const bool is_v4 : {true, false}) {
            if (is_v4 ? !v4 : !v6) {
                continue;
            }
            const std::string net = is_v4 ? "172.16.0." : "2001:db8:ffff::";
            if (has_sources) {
                always("unicast_source", net + "1");
            }
            always("unicast_peer", net + "2");
            sometimes("unicast_peer", net + "3");
        }
        sometimes("unicast_min_ttl", std::to_string(number(1, 255)));
    }
    void multicast_peers(bool v4, bool v6) {
        for (const bool is_v4 : {true, false}) {
            if (is_v4 ? v4 : v6) {
                always("peer", is_v4 ? "172.16.0.2" : "fe80::172");
                sometimes("peer", is_v4 ? "172.16.0.3" : "fe80::173");
            }
        }
    }
    void vip(int index) {
        const bool is_v2 = chance(4);
        const bool v6 = !is_v2 && chance(2);
        const bool v4 = !v6 || chance(2);
        text_ += "[vip v" + std::to_string(index) + "]\n";
        always("interface", pick({"eth0", "br-lan.7", "x"}));
        always("vrid", std::to_string(number(1, 60) + 60 * index));
        sometimes("priority", std::to_string(number(1, 255)));
        addresses(index, v4, v6);
        if (is_v2) {
            always("version", "2");
            sometimes("advert_interval", std::to_string(number(1, 255)) + 's');
        } else {
            sometimes("advert_interval", std::to_string(number(1, 4095) * 10) + "ms");
        }
        sometimes("startup_delay", pick({"0s", "90s", "24h", "1us"}));
        sometimes("preempt", pick({"yes", "no", "true", "false", "on", "off", "1", "0"}));
        sometimes("preempt_delay", pick({"0s", "300s", "1.25h"}));
        sometimes("accept", pick({"yes", "no"}));
        sometimes("mac", "interface");
        sometimes("checksum", pick({"auto", "rfc9568", "pseudo-header"}));
        sometimes("lease", pick({"0s", "24h", "1200s"}));
        if (chance(2)) {
            unicast(v4, v6);
        } else if (chance(2)) {
            multicast_peers(v4, v6);
        }
        sometimes("track", pick({"c0", "c0 weight=-253", "c0\tweight=7"}));
        sometimes("track", "c1");
        sometimes("service", "s");
        sometimes("last_resort", pick({"hold", "release"}));
        sometimes("max_transitions", pick({"2 per 1s", "1000 per 1h", "5 per 90s"}));
        if (chance(2)) {
            bare("on_active", {"/x 'a  b' \"it's\" c\\ d", "/x '' '\"#;' \\\\ '$${x}'"});
            bare("on_release", {"/x", "/x a\\ '#'\\\""});
            sometimes("hook_timeout", pick({"100ms", "10m"}));
            sometimes("hook_arguments", pick({"none", "keepalived"}));
        }
    }
    // As it stands: what has quotes of its own cannot be put in quotes.
    void bare(const std::string& key, const std::vector<std::string>& values) {
        text_ += key + " = " + pick(values) + '\n';
    }
    void service() {
        const std::vector<std::string> commands = {"/x", "/x 'a  b' \"it's\" c\\ d",
                                                   "/x '' '\"#;' \\\\ '$${x}'", "/x a\\ '#'\\\""};
        text_ += "[service s]\n";
        always("check", "c2");
        sometimes("check", "c0");
        switch (number(0, 2)) {
            case 0:
                always("unit", pick({"x", "x@y.socket"}));
                always("standby", pick({"auto", "cold"}));
                break;
            case 1:
                bare("start", commands);
                bare("stop", commands);
                break;
            default:
                always("standby", pick({"auto", "hot"}));
        }
        sometimes("start_timeout", pick({"100ms", "1h"}));
        sometimes("stop_timeout", pick({"1.5s", "2m"}));
    }
    void check(int index) {
        text_ += "[check c" + std::to_string(index) + "]\n";
        switch (number(0, 4)) {
            case 0:
                always("type", "tcp");
                always("target", pick({"lb1:1", "[2001:db8:9::1]:65535", "192.0.2.1:53"}));
                bare("send", {"a", "\\x00\\xff\\r\\n", "\"  #;  \"", "a\"b#;", "$${x}$"});
                bare("expect", {"\\x20x\\x20", "\\\\", "220 ok", "\xc3\xbc"});
                break;
            case 1:
                always("type", "http");
                always("url", pick({"http://x", "https://[::1]:8443/?a=b;c#d"}));
                bare("header", {"A: \"b#c\"", "\"A: # b\"", "\"A: b \"", "A:", "A: $${x}"});
                bare("body_regex", {"a\"b#", "\"[#;] $\"", "\\d+$", "\"\tx\t\""});
                sometimes("status", pick({"100", "200-299,301", "404 , 500-599"}));
                sometimes("max_size", pick({"1", "16M", "3k"}));
                break;
            case 2:
                always("type", "script");
                bare("command", {"/x", "/x 'a'\\''b' \"c\\\"d\"", "\"/x 'a # b'\""});
                break;
            case 3:
                always("type", "dns");
                always("server", pick({"gw", "::1", "192.0.2.1:5353"}));
                always("name", pick({".", "example.com", "_a._b.c."}));
                bare("answer", {"x", "\"a # b\"", "v=spf1 \"x\" -all"});
                break;
            default:
                always("type", "file");
                always("path", pick({"/x", "/a b/c", "/a;b"}));
                sometimes("max_age", pick({"1ms", "90m"}));
                sometimes("value_as_weight", pick({"yes", "no"}));
        }
        sometimes("interval", pick({"1s", "24h", "1500ms"}));
        sometimes("fast_interval", pick({"10ms", "1s"}));
        sometimes("down_interval", pick({"10ms", "24h"}));
        sometimes("initial", pick({"unknown", "up", "down"}));
        sometimes("inverted", pick({"yes", "no"}));
    }

    std::mt19937 random_;
    std::string text_;
};

TEST(Rendering, ReadsBackAsAnEqualConfiguration) {
    RandomText texts(20261120);
    for (int i = 0; i < 1000 && !HasFatalFailure(); ++i) {
        expect_round_trip(texts.next());
    }
}

// Whatever an editor can do to a file: problems have a place in it, and there is a configuration
// exactly if none of them is an error.
TEST(Reading, OfDamagedTextsHoldsItsPromises) {
    RandomText texts(4711);
    std::mt19937 random(4711);
    for (int i = 0; i < 1000; ++i) {
        std::string text = texts.next();
        for (int edit = 0; edit < 4; ++edit) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text.erase(at, 1 + random() % 8);
                    break;
                case 1:
                    text.insert(at, 1, static_cast<char>(random() % 256));
                    break;
                default:
                    text.insert(at, text.substr(random() % text.size(), random() % 40));
            }
        }
        const auto lines = 1 + std::ranges::count(text, '\n');
        const Result result = read(text);
        EXPECT_EQ(result.configuration.has_value(), !has_errors(result.diagnostics));
        for (const Diagnostic& diagnostic : result.diagnostics) {
            EXPECT_EQ(diagnostic.place.file, "f");
            EXPECT_GE(diagnostic.place.line, 1);
            EXPECT_LE(diagnostic.place.line, lines);
            EXPECT_FALSE(diagnostic.message.empty());
        }
        if (result.configuration) {
            expect_round_trip(text);
        }
    }
}

}  // namespace
}  // namespace understudy::config
