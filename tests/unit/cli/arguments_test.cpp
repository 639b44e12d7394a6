#include "agent/cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

#include "agent/cli/command_table.hpp"

namespace understudy::cli {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Arguments read(const Words& words) {
    const auto arguments = parse_arguments(words);
    EXPECT_TRUE(arguments) << (arguments ? "" : arguments.error().text);
    return arguments.value_or(Arguments{});
}

std::string error_of(const Words& words) {
    const auto arguments = parse_arguments(words);
    return arguments ? "accepted" : arguments.error().text;
}

TEST(CommandLine, ReadsEveryCommand) {
    EXPECT_EQ(read({"status"}).command, "status");
    EXPECT_EQ(read({"status"}).vip(), "");
    EXPECT_EQ(read({"status", "web"}).vip(), "web");
    EXPECT_TRUE(read({"status", "--watch"}).watch);
    EXPECT_EQ(read({"why", "web"}).command, "why");
    EXPECT_EQ(read({"failover", "web"}).command, "failover");
    EXPECT_TRUE(read({"failover", "--all"}).all);
    EXPECT_EQ(read({"takeover", "web", "--force"}).command, "takeover");
    EXPECT_TRUE(read({"takeover", "web", "--force"}).force);
    EXPECT_EQ(read({"failback", "--all"}).command, "failback");
    EXPECT_EQ(read({"maintenance", "on"}).command, "maintenance on");
    EXPECT_EQ(read({"maintenance", "on", "--for", "1h"}).expiry, std::chrono::hours{1});
    EXPECT_EQ(read({"maintenance", "off"}).command, "maintenance off");
    EXPECT_EQ(read({"events"}).command, "events");
    EXPECT_TRUE(read({"events", "--follow"}).follow);
    EXPECT_EQ(read({"check", "list"}).command, "check list");
    EXPECT_EQ(read({"check", "run", "frontend"}).command, "check run");
    EXPECT_THAT(read({"check", "run", "frontend"}).operands, ElementsAre("frontend"));
    EXPECT_EQ(read({"config", "check", "a", "b"}).command, "config check");
    EXPECT_THAT(read({"config", "check", "a", "b"}).operands, ElementsAre("a", "b"));
    EXPECT_EQ(read({"config", "show"}).command, "config show");
    EXPECT_EQ(read({"import", "a"}).command, "import");
    EXPECT_THAT(read({"import", "-"}).operands, ElementsAre("-"));
    EXPECT_EQ(read({"import", "a", "--output", "b"}).output, "b");
    EXPECT_EQ(read({"import", "a", "--id=one"}).id, "one");
    EXPECT_EQ(read({"import", "-i", "one", "a"}).id, "one");
    EXPECT_EQ(read({"replay", "a", "b", "--quiet"}).command, "replay");
    EXPECT_TRUE(read({"replay", "a", "b", "--quiet"}).quiet);
    EXPECT_EQ(read({"version"}).command, "version");
    EXPECT_EQ(read({"--version"}).command, "version");
    EXPECT_EQ(read({"help"}).command, "help");
    EXPECT_EQ(read({"--help"}).command, "help");
    EXPECT_EQ(read({"-h"}).command, "help");
}

TEST(CommandLine, TakesJsonWhereItIsDocumented) {
    for (const Words& words : std::vector<Words>{{"status"},
                                                 {"why", "web"},
                                                 {"failover", "web"},
                                                 {"takeover", "web"},
                                                 {"failback", "web"},
                                                 {"events"},
                                                 {"check", "list"},
                                                 {"check", "run", "frontend"},
                                                 {"config", "check", "file"},
                                                 {"config", "show"},
                                                 {"import", "file"},
                                                 {"replay", "file"},
                                                 {"version"}}) {
        Words with = words;
        with.push_back("--json");
        EXPECT_FALSE(read(words).json);
        EXPECT_TRUE(read(with).json) << words.front();
    }
}

TEST(CommandLine, TakesTheRuntimeDirectoryAnywhere) {
    EXPECT_EQ(read({"status"}).runtime_dir, "/run/understudy");
    EXPECT_EQ(read({"--runtime-dir", "/tmp/a", "status"}).runtime_dir, "/tmp/a");
    EXPECT_EQ(read({"--runtime-dir=/tmp/a", "status"}).runtime_dir, "/tmp/a");
    EXPECT_EQ(read({"status", "web", "--runtime-dir", "/tmp/a"}).runtime_dir, "/tmp/a");
}

TEST(CommandLine, ReadsTheTimeoutWithItsUnit) {
    EXPECT_EQ(read({"failover", "web"}).timeout, std::chrono::seconds{10});
    EXPECT_EQ(read({"failover", "web", "--timeout", "250ms"}).timeout, milliseconds{250});
    EXPECT_EQ(read({"failover", "web", "--timeout=1.5s"}).timeout, milliseconds{1500});
    EXPECT_EQ(read({"failover", "web", "--timeout", "24h"}).timeout, std::chrono::hours{24});
}

TEST(CommandLine, AWordAfterTwoDashesIsNoOption) {
    EXPECT_EQ(read({"status", "--", "--json"}).vip(), "--json");
}

TEST(CommandTable, usage_is_made_from_operands_and_options) {
    EXPECT_EQ(find_command("failover")->usage(), "failover VIP|--all [--timeout TIME] [--json]");
    EXPECT_EQ(find_command("status")->usage(), "status [VIP] [--watch] [--json]");
    EXPECT_EQ(find_command("config check")->usage(), "config check FILE... [--this-node] [--json]");
    EXPECT_EQ(find_command("serve")->usage(),
              "serve [--listen ADDR:PORT]... [--peer URL]... [--host NAME]...");
    EXPECT_EQ(find_command("help")->usage(), "help [COMMAND]");
}

TEST(CommandTable, every_line_of_help_but_the_usage_fits_100_columns) {
    for (const CommandForm& form : command_table()) {
        std::istringstream lines(help_text(form.name));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_TRUE(line.size() <= 100 || line.starts_with("usage: ")) << line;
        }
    }
}

TEST(CommandLine, HelpKnowsItsCommand) {
    EXPECT_THAT(read({"help", "failover"}).operands, ElementsAre("failover"));
    EXPECT_THAT(read({"failover", "--help"}).operands, ElementsAre("failover"));
    EXPECT_THAT(read({"config", "check", "--help"}).operands, ElementsAre("config check"));
    EXPECT_THAT(read({"help", "config", "show"}).operands, ElementsAre("config show"));
    EXPECT_THAT(read({"config", "--help"}).operands, ElementsAre("config"));
    EXPECT_THAT(read({"check", "run", "--help"}).operands, ElementsAre("check run"));
    EXPECT_THAT(read({"help", "check"}).operands, ElementsAre("check"));
    EXPECT_THAT(help_text("check"), AllOf(HasSubstr("check run NAME"), HasSubstr("check list"),
                                          Not(HasSubstr("config check")), Not(HasSubstr("why"))));
    for (const CommandForm& form : command_table()) {
        EXPECT_THAT(help_text(), HasSubstr(form.usage()));
        EXPECT_THAT(help_text(form.name), HasSubstr(form.usage()));
        for (const TakenOption& option : form.options) {
            EXPECT_THAT(help_text(form.name), HasSubstr("--" + std::string{option.name}))
                << form.name;
        }
    }
}

TEST(UsageErrors, OfQuestionsAndFailover) {
    for (const Words& words : std::vector<Words>{
             {},
             {""},
             {"--json"},
             {"--runtime-dir"},
             {"--runtime-dir", "/tmp/a"},
             {"--runtime-dir=", "status"},
             {"--runtime-dir", "/a", "--runtime-dir", "/b", "status"},
             {"dance"},
             {"--dance"},
             {"-x"},
             {"status", "-x"},
             {"status", "a", "b"},
             {"status", ""},
             {"status", "--all"},
             {"status", "--wat"},
             {"status", "--json=yes"},
             {"status", "--json", "--json"},
             {"status", "--version"},
             {"status", "--quiet"},
             {"replay"},
             {"why"},
             {"why", ""},
             {"why", "a", "b"},
             {"why", "web", "--watch"},
             {"failover"},
             {"failover", ""},
             {"failover", "web", "--all"},
             {"failover", "a", "b"},
             {"failover", "web", "--force"},
             {"failover", "web", "--timeout"},
             {"failover", "web", "--timeout", "10"},
             {"failover", "web", "--timeout", ""},
             {"failover", "web", "--timeout", "soon"},
             {"failover", "web", "--timeout", "-1s"},
             {"failover", "web", "--timeout", "0s"},
             {"failover", "web", "--timeout", "100us"},
             {"failover", "web", "--timeout", "25h"},
             {"failover", "web", "--timeout", "10s", "--timeout", "20s"},
         }) {
        EXPECT_NE(error_of(words), "accepted") << testing::PrintToString(words);
    }
}

TEST(UsageErrors, OfTheOtherCommands) {
    for (const Words& words : std::vector<Words>{
             {"takeover"},
             {"takeover", ""},
             {"takeover", "web", "--timeout", "10s"},
             {"takeover", "--force"},
             {"failback"},
             {"maintenance"},
             {"maintenance", "offline"},
             {"maintenance", "on", "--for", "3600"},
             {"maintenance", "on", "--for", "0s"},
             {"maintenance", "off", "--for", "1h"},
             {"failback", "", "--all"},
             {"failback", "web", "--force"},
             {"events", "web"},
             {"events", "--watch"},
             {"config"},
             {"config", "--json"},
             {"config", "dance"},
             {"config", "check"},
             {"config", "check", ""},
             {"config", "show", "file"},
             {"check"},
             {"check", "--json"},
             {"check", "frontend"},
             {"check", "list", "frontend"},
             {"check", "list", "--watch"},
             {"check", "run"},
             {"check", "run", ""},
             {"check", "run", "a", "b"},
             {"check", "run", "--all"},
             {"check", "run", "frontend", "--timeout", "10s"},
             {"import", "a", "--output", ""},
             {"import", "a", "--id="},
             {"import", "a", "-i", ""},
             {"config", "diff", "--config", ""},
             {"serve", "--listen", ""},
             {"serve", "--listen", "127.0.0.1:1", "--listen", ""},
             {"serve", "--peer", ""},
             {"show"},
             {"version", "1"},
             {"version", "--follow"},
             {"help", "dance"},
             {"help", "--json"},
             {"dance", "--help"},
         }) {
        EXPECT_NE(error_of(words), "accepted") << testing::PrintToString(words);
    }
}

TEST(UsageErrors, SayWhatWasMeant) {
    EXPECT_THAT(error_of({"statsu"}), HasSubstr("did you mean \"status\"?"));
    EXPECT_THAT(error_of({"config", "chek"}), HasSubstr("did you mean \"config check\"?"));
    EXPECT_THAT(error_of({"check", "lst"}), HasSubstr("did you mean \"check list\"?"));
    EXPECT_THAT(error_of({"check"}), HasSubstr("list or run"));
    EXPECT_THAT(error_of({"check", "run"}), HasSubstr("check run needs the name of a check"));
    EXPECT_THAT(error_of({"config", "check"}), HasSubstr("config check needs a file"));
    EXPECT_THAT(error_of({"why"}), HasSubstr("why needs a VIP"));
    EXPECT_THAT(error_of({"failover", "web", "--timeout", "10"}), HasSubstr("10s"));
    EXPECT_THAT(error_of({"failover"}), HasSubstr("either a VIP or --all"));
    EXPECT_THAT(error_of({"status", "--all"}), HasSubstr("status does not take --all"));
}

TEST(UsageErrors, KnowWhetherJsonWasAskedFor) {
    EXPECT_FALSE(parse_arguments({"dance"}).error().json);
    EXPECT_TRUE(parse_arguments({"dance", "--json"}).error().json);
    EXPECT_TRUE(parse_arguments({"failover", "--json", "--timeout"}).error().json);
}

}  // namespace
}  // namespace understudy::cli
