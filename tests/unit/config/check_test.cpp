// Every key of every type of check: where it goes, and what it refuses.
#include <algorithm>

#include "agent/config/check_keys.hpp"
#include "agent/config/check_values.hpp"
#include "agent/config/render.hpp"
#include "tests/unit/config/reading.hpp"

namespace understudy::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The check begins in line 6, its keys in line 7.
std::string with_check(const std::string& keys) {
    return vip_with("track = c\n[check c]\n" + keys);
}

// The least that a check of the type says: one line for `type`, then those.
std::string least(const std::string& type) {
    static const std::map<std::string, std::string> required = {
        {"icmp", "target = gw\n"},
        {"arp", "target = 192.0.2.1\ninterface = eth0\n"},
        {"tcp", "target = gw:1\n"},
        {"udp", "target = gw:1\nsend = x\n"},
        {"tls", "target = gw:1\n"},
        {"http", "url = http://gw/\n"},
        {"dns", "server = gw\nname = example.com\n"},
        {"script", "command = /bin/x\n"},
        {"process", "name = x\n"},
        {"file", "path = /x\n"},
        {"interface", "interface = eth0\n"},
        {"unit", "unit = x\n"}};
    const auto found = required.find(type);
    return "type = " + type + '\n' +
           (found == required.end() ? "url = " + type + "://gw\n" : found->second);
}

checks::CheckSettings check_of(const std::string& keys) {
    const Result result = read(with_check(keys));
    EXPECT_THAT(problems_of(result.diagnostics), IsEmpty()) << keys;
    return result.configuration ? result.configuration->checks.at(0) : checks::CheckSettings{};
}

template <class Question>
Question question_of(const std::string& keys) {
    return std::get<Question>(check_of(keys).question);
}

template <class Value>
std::string error_of(const Parsed<Value>& parsed) {
    return parsed ? "" : parsed.error();
}

// The one problem of the text, which is in the line that begins at `begin`, without its place.
std::string only_problem(const std::string& text, std::size_t begin) {
    const Lines found = problems(text);
    const auto lines_before = std::ranges::count(text.substr(0, begin), '\n');
    const std::string place = "f:" + std::to_string(lines_before + 1) + ": ";
    if (found.size() != 1 || !found.front().starts_with(place)) {
        return testing::PrintToString(found) + " instead of one problem at " + place;
    }
    return found.front().substr(place.size());
}

// The problem that one more line makes.
std::string problem(const std::string& type, const std::string& line) {
    const std::string before = with_check(least(type));
    return only_problem(before + line + '\n', before.size());
}

// The same where the line replaces the one of that key.
std::string problem_instead(const std::string& type, const std::string& line) {
    std::string text = with_check(least(type));
    const auto begin = text.rfind('\n' + line.substr(0, line.find(' ')) + " = ") + 1;
    text.replace(begin, text.find('\n', begin) - begin, line);
    return only_problem(text, begin);
}

TEST(CheckTypes, AreAllThereAndNeedLittle) {
    EXPECT_EQ(check_types().size(), 25U);
    for (const std::string& type : check_types()) {
        const checks::CheckSettings check = check_of(least(type));
        EXPECT_EQ(check.type, type);
        checks::CheckSettings expected;
        expected.name = "c";
        expected.type = type;
        expected.question = check.question;
        EXPECT_EQ(check, expected) << "the common defaults";
        EXPECT_EQ(check.question.index(), config::question_of(type).index());
    }
}

TEST(CheckTypes, RequireWhatTheyCannotDoWithout) {
    const std::map<std::string, Lines> required = {
        {"icmp", {"target"}},        {"arp", {"target", "interface"}},
        {"tcp", {"target"}},         {"udp", {"target", "send"}},
        {"tls", {"target"}},         {"http", {"url"}},
        {"dns", {"server", "name"}}, {"script", {"command"}},
        {"file", {"path"}},          {"interface", {"interface"}},
        {"unit", {"unit"}},          {"process", {}}};
    for (const std::string& type : check_types()) {
        Lines expected;
        const auto found = required.find(type);
        for (const std::string& key : found == required.end() ? Lines{"url"} : found->second) {
            expected.push_back("f:6: [check c] has no " + key);
        }
        if (type == "process") {
            expected.emplace_back("f:6: [check c] has neither name nor pid_file");
        }
        EXPECT_EQ(problems(with_check("type = " + type + '\n')), expected);
    }
}

TEST(CheckTypes, ThatAreMissingOrMisspeltExcuseTheirKeys) {
    EXPECT_THAT(problems(with_check("url = http://x/\nbody = ok\n")),
                ElementsAre("f:6: [check c] has no type"));
    EXPECT_THAT(problems(with_check("type = htp\nurl = http://x/\nrize = 2\n")),
                ElementsAre(HasSubstr("f:7: type: \"htp\" is not one of icmp, arp, "),
                            "f:9: unknown key \"rize\" in [check c]; did you mean \"rise\"?"));
    EXPECT_THAT(problems(with_check("type = icmp\ntype = tcp\ntarget = gw\n")),
                ElementsAre("f:8: type is written twice; first at f:7"));
}

TEST(CheckTypes, ThatHaveAKeyAreNamedWhereItIsStrange) {
    EXPECT_EQ(problem("icmp", "body = ok"),
              "unknown key \"body\" in [check c]; it belongs in [check NAME] of type http, not "
              "icmp");
    // These are also keys of other sections.
    EXPECT_THAT(problem("icmp", "interface = eth0"), HasSubstr("of type arp, interface, not icmp"));
    EXPECT_THAT(problem("icmp", "name = x"), HasSubstr("of type dns, process, not icmp"));
    EXPECT_THAT(problem("icmp", "unit = x"), HasSubstr("of type unit, not icmp"));
    EXPECT_THAT(problem("icmp", "standby = hot"), HasSubstr("it belongs in [service NAME]"));
    EXPECT_THAT(problem("smtp", "server_name = x"), HasSubstr("of type tls, http, not smtp"));
}

TEST(CommonKeys, GoToTheirPlaces) {
    const checks::CheckSettings check =
        check_of(least("icmp") +
                 "interval = 2s\nfast_interval = 10ms\ndown_interval = 24h\ntimeout = 1h\n"
                 "rise = 100\nfall = 1\ninitial = down\ninverted = yes\n");
    EXPECT_EQ(check.interval, 2s);
    EXPECT_EQ(check.fast_interval, 10ms);
    EXPECT_EQ(check.down_interval, 24h);
    EXPECT_EQ(check.timeout, 1h);
    EXPECT_EQ(check.rise, 100U);
    EXPECT_EQ(check.fall, 1U);
    EXPECT_EQ(check.initial, checks::CheckState::down);
    EXPECT_TRUE(check.inverted);
}

TEST(CommonKeys, RefuseWhatIsOutOfRange) {
    EXPECT_EQ(problem("icmp", "interval = 9ms"), "interval: \"9ms\" is shorter than 10ms");
    EXPECT_EQ(problem("icmp", "interval = 25h"), "interval: \"25h\" is longer than 24h");
    EXPECT_EQ(problem("icmp", "fast_interval = 1ms"),
              "fast_interval: \"1ms\" is shorter than 10ms");
    EXPECT_EQ(problem("icmp", "fast_interval = 1001ms"),
              "fast_interval: 1001ms is longer than interval, 1s");
    EXPECT_EQ(problem("icmp", "down_interval = 25h"), "down_interval: \"25h\" is longer than 24h");
    EXPECT_EQ(problem("icmp", "timeout = 1us"), "timeout: \"1us\" is shorter than 1ms");
    EXPECT_EQ(problem("icmp", "timeout = 61m"), "timeout: \"61m\" is longer than 1h");
    EXPECT_THAT(problem("icmp", "timeout = 300"), HasSubstr("\"300\" has no unit"));
    EXPECT_EQ(problem("icmp", "rise = 101"), "rise: \"101\" is not a whole number from 1 to 100");
    EXPECT_EQ(problem("icmp", "fall = 0"), "fall: \"0\" is not a whole number from 1 to 100");
    EXPECT_EQ(problem("icmp", "initial = dwn"),
              "initial: \"dwn\" is not one of unknown, up, down; did you mean \"down\"?");
    EXPECT_THAT(problem("icmp", "inverted = maybe"), HasSubstr("\"maybe\" is not yes or no"));
}

TEST(CommonKeys, ThatCannotBeReadAreNotComparedWithOthers) {
    EXPECT_THAT(problems(with_check(least("icmp") + "interval = 5\nfast_interval = 2s\n")),
                ElementsAre(HasSubstr("f:9: interval: \"5\" has no unit")));
}

TEST(CommonKeys, LetATimeoutBeLongerThanTheInterval) {
    EXPECT_EQ(check_of(least("icmp") + "timeout = 5s\n").timeout, 5s);
}

TEST(IcmpAndArp, HaveTheirKeys) {
    EXPECT_EQ(question_of<checks::Icmp>("type = icmp\ntarget = 192.0.2.1\ncount = 20\n"
                                        "max_loss = 99%\nsource = 192.0.2.2\n"),
              (checks::Icmp{"192.0.2.1", 20, 99, IpAddress::parse("192.0.2.2")}));
    EXPECT_EQ(question_of<checks::Icmp>(least("icmp") + "max_loss = 20\n").max_loss, 20U);
    EXPECT_EQ(problem("icmp", "count = 0"), "count: \"0\" is not a whole number from 1 to 20");
    EXPECT_EQ(problem("icmp", "max_loss = 100%"),
              "max_loss: \"100%\" is not a percentage from 0 "
              "to 99");
    EXPECT_EQ(problem("icmp", "source = gw"), "source: \"gw\" is not an IPv4 or IPv6 address");
    EXPECT_EQ(question_of<checks::Arp>("type = arp\ntarget = fe80::1\ninterface = eth1\n"),
              (checks::Arp{*IpAddress::parse("fe80::1"), "eth1"}));
    EXPECT_EQ(problem_instead("arp", "target = gw"),
              "target: \"gw\" is not an IPv4 or IPv6 address");
    EXPECT_EQ(problem_instead("arp", "interface = a/b"),
              "interface: \"a/b\" is not the name of an interface");
}

TEST(TcpAndUdp, HaveTheirKeys) {
    const auto source = IpAddress::parse("2001:db8::2");
    EXPECT_EQ(question_of<checks::Tcp>("type = tcp\ntarget = [2001:db8::1]:25\nsource = "
                                       "2001:db8::2\nsend = QUIT\\r\\n\nexpect = 220 \\x41\\t\n"),
              (checks::Tcp{{"2001:db8::1", 25}, source, "QUIT\r\n", "220 A\t"}));
    EXPECT_EQ(question_of<checks::Udp>("type = udp\ntarget = lb1:65535\nsource = 2001:db8::2\n"
                                       "send = \\0\\\\\nexpect = pong\n"),
              (checks::Udp{{"lb1", 65535}, source, std::string("\0\\", 2), "pong"}));
    for (const std::string type : {"tcp", "udp"}) {
        EXPECT_EQ(problem_instead(type, "target = gw"),
                  "target: \"gw\" has no port: write HOST:PORT or [IPv6]:PORT");
        EXPECT_EQ(problem_instead(type, "target = ::1"),
                  "target: \"::1\" has no port: write HOST:PORT or [IPv6]:PORT");
        EXPECT_EQ(problem(type, "expect = \\q"),
                  "expect: \"\\q\": after a backslash comes one of n r t 0 \\ xHH");
        EXPECT_EQ(problem(type, "source = x"), "source: \"x\" is not an IPv4 or IPv6 address");
    }
    EXPECT_THAT(problems(with_check("type = udp\ntarget = 192.0.2.1:1\nsend = x\nsource = ::1\n")),
                ElementsAre("f:10: source and target are not of the same family"));
}

TEST(TlsChecks, HaveTheirKeys) {
    EXPECT_EQ(question_of<checks::Tls>("type = tls\ntarget = gw:443\nserver_name = www.example.com"
                                       "\nverify = no\nca = /a\ncertificate = /b\nkey = /c\n"
                                       "min_days = 3650\n"),
              (checks::Tls{{"gw", 443}, {false, "/a", "/b", "/c", "www.example.com"}, 3650}));
    EXPECT_TRUE(question_of<checks::Tls>(least("tls")).tls.verify);
    EXPECT_EQ(problem("tls", "min_days = 3651"),
              "min_days: \"3651\" is not a whole number from 0 to 3650");
    for (const std::string key : {"ca", "certificate"}) {
        EXPECT_EQ(problem("tls", key + " = a.pem"), key + ": \"a.pem\" is not an absolute path");
    }
    EXPECT_EQ(problem("tls", "key = /k"), "key without a certificate");
    EXPECT_THAT(problem("tls", "server_name = a b"), HasSubstr("server_name: \"a b\" is neither"));
    EXPECT_THAT(problem("tls", "verify = sure"), HasSubstr("verify: \"sure\" is not yes or no"));
}

TEST(HttpChecks, HaveTheirKeys) {
    const auto http = question_of<checks::Http>(
        "type = http\nurl = https://[fe80::1%25eth0]:8443/x?y\nmethod = HEAD\nheader = A: b\n"
        "header = C:\nhost = www\nconnect = [::1]:80\nhttp_version = 2\nredirects = 20\n"
        "status = 100, 200-299 ,599\nbody = a\\nb\nbody_regex = ^o(k|h)$\nexpect_header = D:  e\n"
        "credentials = bearer\ncredentials_file = /t\nmax_size = 16M\nserver_name = x\n"
        "verify = no\nca = /a\ncertificate = /b\nkey = /c\n");
    checks::Http expected;
    expected.url = "https://[fe80::1%25eth0]:8443/x?y";
    expected.method = "HEAD";
    expected.headers = {"A: b", "C:"};
    expected.host = "www";
    expected.connect = "[::1]:80";
    expected.version = checks::HttpVersion::http2;
    expected.redirects = 20;
    expected.status = {{100, 100}, {200, 299}, {599, 599}};
    expected.body = "a\nb";
    expected.body_regex = "^o(k|h)$";
    expected.expect_headers = {{"D", "e"}};
    expected.credentials = checks::Credentials::bearer;
    expected.credentials_file = "/t";
    expected.max_size = 16777216;
    expected.tls = {false, "/a", "/b", "/c", "x"};
    EXPECT_EQ(http, expected);
    EXPECT_EQ(
        question_of<checks::Http>(least("http") + "http_version = 2-prior-knowledge\n").version,
        checks::HttpVersion::prior_knowledge);
}

TEST(HttpChecks, RefuseWhatCannotBeMeant) {
    EXPECT_EQ(problem("http", "method = get"), "method: \"get\" is not a method, such as HEAD");
    EXPECT_EQ(problem("http", "header = a b: c"),
              "header: \"a b: c\" is not of the form Name: value");
    EXPECT_EQ(problem("http", "expect_header = : c"),
              "expect_header: \": c\" is not of the form Name: value");
    EXPECT_THAT(problem("http", "connect = x"), HasSubstr("connect: \"x\" has no port"));
    EXPECT_EQ(problem("http", "http_version = 3"),
              "http_version: \"3\" is not one of 1.1, 2, 2-prior-knowledge");
    EXPECT_EQ(problem("http", "http_version = 2"),
              "http_version = 2 needs an https:// url; without TLS it is 2-prior-knowledge");
    EXPECT_EQ(problem("http", "redirects = 21"),
              "redirects: \"21\" is not a whole number from 0 to 20");
    for (const std::string status : {"99", "600", "200-", "-200", "200,,300", "ok"}) {
        EXPECT_THAT(problem("http", "status = " + status),
                    HasSubstr("is not a whole number from 100 to 599"));
    }
    EXPECT_EQ(problem("http", "status = 299-200"),
              "status: \"299-200\" is empty: it begins after its end");
    EXPECT_THAT(problem("http", "body_regex = a["),
                HasSubstr("body_regex: \"a[\": missing terminating ]"));
    for (const std::string size : {"0", "16777217", "17M", "16385k", "1G", "k"}) {
        EXPECT_EQ(problem("http", "max_size = " + size),
                  "max_size: \"" + size +
                      "\" is not a number of bytes from 1 to 16777216, such as 65536, 64k or 1M");
    }
    EXPECT_EQ(problem("http", "credentials_file = /t"),
              "credentials_file needs credentials = basic or bearer");
    EXPECT_EQ(problem("http", "credentials = bearer"), "credentials need a credentials_file");
    EXPECT_THAT(problem("http", "credentials = digest"), HasSubstr("not one of basic, bearer"));
}

TEST(Urls, HaveASchemeAndAHost) {
    const auto url = [](const std::string& text) {
        return problem_instead("http", "url = " + text);
    };
    EXPECT_EQ(url("httpp://x/"), "url: \"httpp://x/\" does not begin with http:// or https://");
    EXPECT_EQ(url("x"), "url: \"x\" does not begin with http:// or https://");
    EXPECT_EQ(url("http://"), "url: \"http://\" is not a URL");
    EXPECT_EQ(url("http://a b"), "url: \"http://a b\" is not a URL");
    EXPECT_EQ(url("http:///x"), "url: \"http:///x\": it names no host");
    EXPECT_THAT(url("http://x:70000/"), HasSubstr("\"70000\" is not a whole number from 1 to"));
    EXPECT_THAT(url("http://192.0.2.256/"), HasSubstr("is neither an address nor the name of"));
    EXPECT_THAT(url("http://[::1/"), HasSubstr("the bracket is not closed"));
    for (const std::string good :
         {"http://x", "https://user@x:8443?q#f", "http://[::1]:80/", "http://a.b-c_d./%20"}) {
        EXPECT_EQ(question_of<checks::Http>("type = http\nurl = " + good + '\n').url, good);
    }
}

TEST(Urls, OfTheOtherProtocolsHaveTheSchemeOfTheType) {
    for (const std::string& type : check_types()) {
        if (!std::holds_alternative<checks::Url>(config::question_of(type))) {
            continue;
        }
        EXPECT_EQ(
            question_of<checks::Url>("type = " + type + "\nurl = " + type +
                                     "://mail:99\ncredentials = basic\ncredentials_file = /t\n"
                                     "verify = no\nca = /a\ncertificate = /b\nkey = /c\n"),
            (checks::Url{type + "://mail:99",
                         checks::Credentials::basic,
                         "/t",
                         {false, "/a", "/b", "/c", ""}}));
        EXPECT_EQ(problem_instead(type, "url = http://x"),
                  "url: \"http://x\" does not begin with " + type + "://");
    }
    EXPECT_THAT(
        problems(with_check(least("imap") + "credentials = bearer\ncredentials_file = /t\n")),
        ElementsAre("f:9: credentials: only http has bearer tokens"));
}

TEST(DnsChecks, HaveTheirKeys) {
    EXPECT_EQ(question_of<checks::Dns>("type = dns\nserver = [2001:db8::53]:5353\nname = "
                                       "_sip._udp.example.com.\nrecord = SRV\nanswer = 1 2 3 x\n"),
              (checks::Dns{{"2001:db8::53", 5353}, "_sip._udp.example.com.", "SRV", "1 2 3 x"}));
    EXPECT_EQ(question_of<checks::Dns>("type = dns\nserver = ::1\nname = .\nrecord = NS\n").server,
              (checks::Endpoint{"::1", 53}));
    EXPECT_THAT(problem("dns", "record = HINFO"),
                HasSubstr("\"HINFO\" is not one of A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT"));
    EXPECT_THAT(problem_instead("dns", "server = gw:0"), HasSubstr("\"0\" is not a whole number"));
    EXPECT_THAT(problem_instead("dns", "name = 192.0.2.1"),
                HasSubstr("\"192.0.2.1\" is an address, not a domain name"));
    EXPECT_EQ(problem_instead("dns", "name = a..b"), "name: \"a..b\" is not a domain name");
}

TEST(LocalChecks, HaveTheirKeys) {
    EXPECT_EQ(
        question_of<checks::Script>("type = script\ncommand = /bin/x -a 'b c'\nuser = root\n"),
        (checks::Script{{"/bin/x", "-a", "b c"}, "root"}));
    EXPECT_EQ(question_of<checks::Process>("type = process\nname = kworker/0:0\nmin_count = 2\n"),
              (checks::Process{"kworker/0:0", "", 2}));
    EXPECT_EQ(question_of<checks::Process>("type = process\npid_file = /run/x.pid\n"),
              (checks::Process{"", "/run/x.pid", 1}));
    EXPECT_EQ(question_of<checks::File>("type = file\npath = /x\nmax_age = 5m\n"
                                        "value_as_weight = yes\n"),
              (checks::File{"/x", 5min, true}));
    EXPECT_EQ(question_of<checks::Interface>("type = interface\ninterface = eth7\n").name, "eth7");
    EXPECT_EQ(question_of<checks::Unit>("type = unit\nunit = a@b.timer\n").name, "a@b.timer");
    EXPECT_EQ(question_of<checks::Unit>("type = unit\nunit = haproxy\n").name, "haproxy.service");
}

TEST(LocalChecks, RefuseWhatCannotBeMeant) {
    EXPECT_EQ(problem_instead("script", "command = x"),
              "command: \"x\": the program is named by its absolute path");
    EXPECT_THAT(problem_instead("script", "command = /x && /y"),
                HasSubstr("no shell is used, so \"&\" means nothing"));
    EXPECT_EQ(problem_instead("script", "command = /x 'y"),
              "command: \"/x 'y\": a quote is not closed");
    EXPECT_EQ(problem("script", "user = a b"), "user: \"a b\" is not the name of a user");
    EXPECT_EQ(problem_instead("process", "name = /usr/sbin/x"),
              "name: \"/usr/sbin/x\" is a path; a process has the name of its executable, \"x\"");
    EXPECT_EQ(problem("process", "pid_file = x"), "pid_file: \"x\" is not an absolute path");
    EXPECT_EQ(problem("process", "min_count = 10001"),
              "min_count: \"10001\" is not a whole number from 1 to 10000");
    EXPECT_THAT(problems(with_check("type = process\npid_file = /x\nmin_count = 2\n")),
                ElementsAre("f:9: warning: min_count does nothing with pid_file, which names one "
                            "process"));
    EXPECT_EQ(problem_instead("file", "path = x"), "path: \"x\" is not an absolute path");
    EXPECT_THAT(problem("file", "max_age = 1us"), HasSubstr("shorter than 1ms"));
    EXPECT_THAT(problem("file", "value_as_weight = 3"), HasSubstr("is not yes or no"));
    EXPECT_EQ(problem_instead("interface", "interface = a b"),
              "interface: \"a b\" is not the name of an interface");
    EXPECT_EQ(problem_instead("unit", "unit = a/b"),
              "unit: \"a/b\" is not the name of a systemd unit");
}

TEST(Hosts, AreAddressesOrNames) {
    for (const std::string good : {"192.0.2.1", "2001:db8::1", "lb1", "a_b.example.com", "x.1a"}) {
        EXPECT_EQ(parse_host(good).value_or(""), good);
    }
    const std::string long_label(64, 'a');
    for (const std::string& bad :
         {std::string{"192.0.2.300"}, std::string{"1.2.3.4.5"}, std::string{"2001:db8::1::2"},
          std::string{"-x"}, std::string{"a..b"}, std::string{"."}, std::string{"x y"},
          long_label}) {
        EXPECT_EQ(error_of(parse_host(bad)),
                  '"' + bad + "\" is neither an address nor the name of a host");
    }
}

TEST(Endpoints, AreAHostAndAPort) {
    EXPECT_THAT(error_of(parse_endpoint("[x]:1")), HasSubstr("brackets are for an IPv6 address"));
    EXPECT_THAT(error_of(parse_endpoint("[::1:1")), HasSubstr("the bracket is not closed"));
    EXPECT_THAT(error_of(parse_endpoint("[::1]80")), HasSubstr("no \":\" before the port"));
    EXPECT_THAT(error_of(parse_endpoint("x:")), HasSubstr("port: \"\" is not a whole number"));
    for (const std::string text : {"x:1", "192.0.2.1:65535", "[2001:db8::1]:53"}) {
        EXPECT_EQ(format_endpoint(*parse_endpoint(text)), text);
    }
}

TEST(Bytes, ComeBackWhateverTheyAre) {
    std::string all = " ";
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    all += "${x} # ; ";
    EXPECT_EQ(parse_bytes(format_bytes(all)).value_or(""), all);
    EXPECT_EQ(format_bytes("a\r\n\t\\ b"), R"(a\r\n\t\\ b)");
    core::Configuration configuration;
    configuration.checks.resize(1);
    configuration.checks[0].type = "tcp";
    configuration.checks[0].question = checks::Tcp{{"x", 1}, {}, all, all};
    const std::string text = render(configuration);
    const auto tcp = question_of<checks::Tcp>(text.substr(text.find("type = ")));
    EXPECT_EQ(tcp.send, all);
    EXPECT_EQ(tcp.expect, all);
}

TEST(Limits, AreOnTheNumberOfChecks) {
    std::string tracks;
    std::string checks;
    for (std::size_t i = 0; i <= checks::most_checks; ++i) {
        const std::string name = 'c' + std::to_string(i);
        tracks += "track = " + name + '\n';
        checks += "[check " + name + "]\ntype = unit\nunit = x\n";
    }
    EXPECT_THAT(problems(vip_with(tracks + checks)),
                ElementsAre(HasSubstr("there are more than 4096 [check] sections")));
}

}  // namespace
}  // namespace understudy::config
